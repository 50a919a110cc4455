//! The launcher's side of a job: finds the worker, hands the job over, passes signals on, and returns
//! what the job returned.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::socket::{ControlMessage, MsgFlags, send, sendmsg};

use super::caller_state::{CallerState, unshareable};
use super::cold_reason::ColdReason;
use super::folder::{Connection, Folder, connect_to};
use super::job::Job;
use super::key::address;
use super::outcome::Outcome;
use super::protocol::{GO, WorkerReply, plan_message, read_reply};
use super::signals::{Forwarder, JobProcess, leave_by, stop_too};
use super::start::{is_starting, start, why_unfit};
use crate::error::Error;
use crate::lock::Lock;
use crate::plan::{LaunchPlan, Warm};
use crate::site::credentials::Credentials;

/// A worker that says nothing for so long is passed by.
const PATIENCE: Duration = Duration::from_secs(2);

/// This process' name from the commit point on (`shims/sgtk_python.py` reads it).
const NAME_OF_A_JOB: &CStr = c"sgtk-python job";

/// Runs a plan in a worker, if there is one that may; its session acts as `credentials`, and `locks` are
/// held until its job has ended.
pub fn run(
    plan: &LaunchPlan,
    warm: &Warm,
    credentials: Option<&Credentials>,
    locks: &[Lock],
) -> Result<Outcome, Error> {
    match hand_over(plan, warm, credentials, locks) {
        Ok(running) => running.end().map(Outcome::Ended),
        Err(cold) => Ok(Outcome::Cold(cold)),
    }
}

/// Why a plan would run cold, as far as that can be told without talking to a worker.
pub fn why_cold(
    plan: &LaunchPlan,
    warm: &Warm,
    credentials: Option<&Credentials>,
) -> Option<ColdReason> {
    let key = match Prepared::of(plan, warm, credentials) {
        Ok(prepared) => prepared.key,
        Err(cold) => return Some(cold),
    };
    match Folder::open_existing(&warm.folder) {
        Ok(folder) if is_starting(&folder, &key) => Some(ColdReason::Starting),
        Ok(folder) => why_unfit(&folder, &key),
        Err(ColdReason::Folder { .. }) if !warm.folder.exists() => {
            Folder::why_not_made(&warm.folder)
        }
        Err(cold) => Some(cold),
    }
}

/// A job that a worker can run, and which one may.
struct Prepared {
    job: Job,
    /// What the worker is sent.
    message: Vec<u8>,
    /// The worker's name.
    key: String,
}

impl Prepared {
    fn of(
        plan: &LaunchPlan,
        warm: &Warm,
        credentials: Option<&Credentials>,
    ) -> Result<Self, ColdReason> {
        unshareable().map_or(Ok(()), Err)?;
        let job = Job::of(plan, warm, credentials)?;
        let process = CallerState::read()?;
        let message = plan_message(plan, &job, &process).ok_or(ColdReason::TooLarge)?;
        let key = address(plan, warm, &job, &process);
        Ok(Prepared { job, message, key })
    }
}

/// Everything up to the point from which a job cannot run cold any more.
fn hand_over(
    plan: &LaunchPlan,
    warm: &Warm,
    credentials: Option<&Credentials>,
    locks: &[Lock],
) -> Result<Running, ColdReason> {
    let Prepared { job, message, key } = Prepared::of(plan, warm, credentials)?;
    let directory = File::options()
        .read(true)
        .custom_flags((OFlag::O_PATH | OFlag::O_DIRECTORY).bits())
        .open(".")
        .map_err(|_| ColdReason::WorkingDirectory)?;
    let folder = Folder::open(&warm.folder)?;
    let holder = folder.holder(&key);
    let pass_by = || pass_by(&folder, &key, holder);
    let (mut stream, worker) = match connect_to(&folder, &key) {
        Connection::Open(stream, worker) => (stream, worker),
        Connection::Nobody => return Err(start(plan, warm, &job, &folder, &key)),
        Connection::Full => return Err(pass_by()),
    };
    let child = match ask(&mut stream, &message) {
        Ok(WorkerReply::Ready(child)) => child,
        Ok(_) => return Err(ColdReason::NotTaken("takes no more jobs")),
        Err(error) if is_timeout(&error) => return Err(pass_by()),
        Err(_) => return Err(ColdReason::NotTaken("has ended")),
    };
    let process = JobProcess::new(child);
    let signals = Forwarder::new().ok_or(ColdReason::NotTaken("cannot receive signals"))?;
    let streams = (io::stdin(), io::stdout(), io::stderr());
    let mut rights: Vec<RawFd> =
        vec![streams.0.as_raw_fd(), streams.1.as_raw_fd(), streams.2.as_raw_fd()];
    rights.push(directory.as_raw_fd());
    rights.extend(locks.iter().map(Lock::number));
    let go = [IoSlice::new(GO)];
    let rights = [ControlMessage::ScmRights(&rights)];
    match sendmsg::<()>(stream.as_raw_fd(), &go, &rights, MsgFlags::MSG_NOSIGNAL, None) {
        Ok(_) => {
            // Whoever started this process can see that it has come to run the job, as if it became Python.
            let _ = prctl::set_name(NAME_OF_A_JOB);
            Ok(Running { stream, worker, process, signals })
        }
        // Nothing was sent.
        Err(_) => Err(ColdReason::NotTaken("has ended")),
    }
}

/// Sends a plan and waits for a child that will run it. What waits is told so again and again, also before the
/// worker takes all of a long plan.
fn ask(stream: &mut UnixStream, message: &[u8]) -> io::Result<WorkerReply> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut left = message;
    loop {
        let mut awaited = PollFlags::POLLIN;
        if !left.is_empty() {
            left = send_some(stream, left)?;
            awaited.set(PollFlags::POLLOUT, !left.is_empty());
        }
        if !happens(stream, awaited)?.contains(PollFlags::POLLIN) {
            continue;
        }
        match read_reply(stream)? {
            Some(WorkerReply::Waits) => (),
            Some(reply) => return Ok(reply),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Sends as much as there is room for; what is left.
fn send_some<'a>(stream: &UnixStream, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
    match send(stream.as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
        Ok(count) => Ok(bytes.get(count..).unwrap_or_default()),
        Err(nix::Error::EAGAIN | nix::Error::EINTR) => Ok(bytes),
        Err(error) => Err(error.into()),
    }
}

/// Waits until one of these things happens to a connection, or its end; which do.
fn happens(stream: &UnixStream, awaited: PollFlags) -> io::Result<PollFlags> {
    let mut events = [PollFd::new(stream.as_fd(), awaited)];
    let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    match poll(&mut events, timeout) {
        Ok(0) => Err(io::ErrorKind::TimedOut.into()),
        Ok(_) => Ok(events.first().and_then(PollFd::revents).unwrap_or(PollFlags::empty())),
        // An interruption is as good as nothing.
        Err(nix::Error::EINTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error.into()),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Lets the next job start another worker instead of one that does not answer.
fn pass_by(folder: &Folder, key: &str, holder: Option<u64>) -> ColdReason {
    folder.set_aside(key, holder);
    ColdReason::NotTaken("does not answer")
}

/// A job that a child has begun.
struct Running {
    stream: UnixStream,
    worker: i32,
    /// The child, to learn of its end where nobody tells.
    process: JobProcess,
    signals: Forwarder,
}

impl Running {
    /// Waits for the job's end and returns its code; a job that died by a signal ends this process too.
    fn end(mut self) -> Result<u8, Error> {
        let worker = self.worker;
        let lost = |why| Error::WorkerLost { worker, why };
        // A child that has ended is told of by itself or its worker, at once or never.
        let mut deadline: Option<Instant> = None;
        self.stream.set_read_timeout(None).map_err(|_| lost("cannot be read from"))?;
        loop {
            let happened = self.wait(deadline);
            if happened.signal {
                self.signals.forward(&self.process, &self.stream);
            }
            if happened.reply {
                match read_reply(&mut self.stream) {
                    Ok(Some(WorkerReply::Ended(code))) => return Ok(code),
                    Ok(Some(WorkerReply::Died(status))) => return Ok(leave_by(status)),
                    Ok(Some(WorkerReply::Stopped)) if self.process.is_stopped() => stop_too(),
                    Ok(Some(_)) => (),
                    Ok(None) => return Err(lost("ended before it reported the exit status")),
                    Err(_) => return Err(lost("sent an invalid reply")),
                }
            } else if happened.end {
                deadline = Some(Instant::now() + PATIENCE);
            } else if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(lost("did not report the exit status of the job that ended"));
            }
        }
    }

    fn wait(&self, deadline: Option<Instant>) -> Happened {
        let event = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        let mut events = vec![event(self.stream.as_fd()), event(self.signals.as_fd())];
        events.extend(self.process.end().filter(|_| deadline.is_none()).map(event));
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.map_or(PollTimeout::NONE, |left| {
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        // An interruption is as good as nothing.
        let _ = poll(&mut events, timeout);
        let mut any = events.iter().map(|event| event.any().unwrap_or(false));
        let mut next = || any.next().unwrap_or(false);
        Happened { reply: next(), signal: next(), end: next() }
    }
}

/// What there is to see to.
struct Happened {
    reply: bool,
    signal: bool,
    end: bool,
}
