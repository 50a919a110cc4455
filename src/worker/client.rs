//! The launcher's side of a job: hands the job to a worker, passes signals on, and returns the job's exit code.

use std::fs::File;
use std::io::{self, IoSlice, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

use log::debug;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{ControlMessage, MsgFlags, send, sendmsg};
use nix::unistd::{AccessFlags, access};
use rustix::fs::{Mode, OFlags};

use super::caller_state::CallerState;
use super::cold_reason::{ColdReason, WorkerOutcome};
use super::control::{is_full, why_none};
use super::folder::{Connection, Folder};
use super::history;
use super::inherited::{MOST, inherited_descriptors};
use super::job::Job;
use super::key::{WorkerKey, files_of};
use super::pidfd::ProcessHandle;
use super::protocol::{GO, JobSession, WorkerReply, job_message, read_reply};
use super::relay::Relay;
use super::running_job::{PATIENCE, RunningJob, poll_timeout};
use super::signals::SignalForwarder;
use super::start::start;
use super::start_record::{is_starting, why_unfit};
use super::terminal::{Terminal, has_job_control};
use crate::disk::IoMessage;
use crate::error::Error;
use crate::fingerprint::Fingerprint;
use crate::interrupt::retried;
use crate::lock::Lock;
use crate::plan::{LaunchPlan, Warm};
use crate::site::Credentials;

const SILENT: &str = "does not answer within 2 seconds";

/// Runs a plan in a worker, if it can. The session acts as `credentials`; the job holds `locks` until it ends.
#[inline(never)]
pub fn run(
    plan: &LaunchPlan,
    warm: &Warm,
    credentials: Option<&Credentials>,
    locks: &[Lock],
) -> Result<WorkerOutcome, Error> {
    match hand_over(plan, warm, credentials, locks) {
        Ok(job) => {
            debug!("worker process {} has the job", job.worker);
            job.wait().map(WorkerOutcome::Ended)
        }
        Err(cold) => {
            if let Ok(folder) = Folder::open(&warm.folder) {
                history::add(&folder, plan, Some(&cold));
            }
            Ok(WorkerOutcome::Cold(cold))
        }
    }
}

/// Returns why a plan would run cold now. Starts no worker; one that does not answer is not noticed.
pub fn why_cold(
    plan: &LaunchPlan,
    warm: &Warm,
    credentials: Option<&Credentials>,
) -> Option<ColdReason> {
    let prepared = match PreparedJob::new(plan, warm, credentials, &[]) {
        Ok(prepared) => prepared,
        Err(cold) => return Some(cold),
    };
    match Folder::open_existing(&warm.folder) {
        Ok(folder) => why_not_taken(plan, &folder, &prepared),
        Err(ColdReason::Folder { .. }) if !warm.folder.exists() => {
            Folder::why_not_made(&warm.folder).or(Some(ColdReason::NoWorker))
        }
        Err(cold) => Some(cold),
    }
}

/// Returns why no worker would take a job now.
fn why_not_taken(plan: &LaunchPlan, folder: &Folder, prepared: &PreparedJob) -> Option<ColdReason> {
    let PreparedJob { job, key, files, .. } = prepared;
    match folder.connect(key) {
        Connection::Open(..) => return None,
        Connection::Full => return Some(ColdReason::NotTaken(SILENT)),
        Connection::Refused if is_starting(folder, key) => return Some(ColdReason::Starting),
        Connection::Refused => (),
    }
    if let Some(unfit) = why_unfit(folder, key) {
        return Some(unfit);
    }
    let max_workers = job.warm.settings.max_workers;
    if is_full(folder, key, max_workers as usize) {
        return Some(ColdReason::TooMany(max_workers));
    }
    Some(why_none(folder, &plan.selection.config.path, &files.text()))
}

/// A job that a worker can run.
struct PreparedJob<'a> {
    job: Job<'a>,
    message: Vec<u8>,
    /// The key of the worker that may run it.
    key: WorkerKey,
    /// The fingerprint of the files that identify the worker.
    files: Fingerprint,
    /// The launcher's terminal, if the job needs another one.
    terminal: Option<Terminal>,
    /// The descriptors that the program inherits from the launcher's caller.
    inherited: Vec<RawFd>,
}

impl<'a> PreparedJob<'a> {
    /// Prepares a job. Fails if a worker would run it in another way than plain Python.
    fn new(
        plan: &'a LaunchPlan,
        warm: &'a Warm,
        credentials: Option<&Credentials>,
        locks: &[Lock],
    ) -> Result<Self, ColdReason> {
        if let Some(variable) = warm.batch_variable {
            return Err(ColdReason::BatchJob(variable));
        }
        let terminal = Terminal::of_caller()?;
        let inherited = inherited_descriptors().map_err(|_| ColdReason::Unreadable("/proc"))?;
        if inherited.len() + locks.len() > MOST {
            return Err(ColdReason::Descriptors(inherited.len()));
        }
        let job = Job::of(plan, warm, credentials)?;
        if job.reads_program() && io::stdin().is_terminal() {
            return Err(ColdReason::Prompt);
        }
        let session = match &terminal {
            None => JobSession::Shared,
            Some(_) if has_job_control() => JobSession::WithJobControl,
            Some(_) => JobSession::AtTerminal,
        };
        let caller = CallerState::read()?;
        let descriptors = with_locks(&inherited, locks);
        let message = job_message(&job, &caller, &descriptors, session);
        let message = message.ok_or(ColdReason::TooLarge)?;
        let files = files_of(plan);
        let key = WorkerKey::new(&job, &caller, &files);
        Ok(PreparedJob { job, message, key, files, terminal, inherited })
    }
}

/// Returns the descriptors that the program gets at their numbers.
fn with_locks(inherited: &[RawFd], locks: &[Lock]) -> Vec<RawFd> {
    inherited.iter().copied().chain(locks.iter().map(Lock::number)).collect()
}

/// Hands a job to a worker's child. After a success the job can no longer run cold.
fn hand_over(
    plan: &LaunchPlan,
    warm: &Warm,
    credentials: Option<&Credentials>,
    locks: &[Lock],
) -> Result<RunningJob, ColdReason> {
    let prepared = PreparedJob::new(plan, warm, credentials, locks)?;
    let PreparedJob { job, message, key, files, terminal, inherited } = prepared;
    let directory = working_directory().map_err(|_| ColdReason::WorkingDirectory)?;
    let folder = Folder::open(&warm.folder)?;
    let inode = folder.socket_inode(&key);
    let (mut stream, worker) = match folder.connect(&key) {
        Connection::Open(stream, worker) => (stream, worker),
        Connection::Refused => return Err(start(&job, &folder, &key, &files)),
        Connection::Full => return Err(set_aside(&folder, &key, inode)),
    };
    let child = match request_child(&mut stream, &message) {
        Ok(WorkerReply::Ready(child)) => child,
        Ok(WorkerReply::Full) => {
            return Err(ColdReason::NotTaken("has no place at once for a job of another job"));
        }
        Ok(WorkerReply::Unfit) => {
            return Err(ColdReason::NotTaken(
                "cannot give a job the descriptors that Python would inherit",
            ));
        }
        Ok(WorkerReply::Outdated) => {
            // It has freed its place.
            start(&job, &folder, &key, &files);
            return Err(ColdReason::Changed);
        }
        Ok(_) => return Err(ColdReason::NotTaken("takes no more jobs")),
        Err(error) if is_timeout(&error) => return Err(set_aside(&folder, &key, inode)),
        Err(_) => return Err(ColdReason::NotTaken("has ended")),
    };
    // The child waits for GO, so the number is still its own.
    let process = ProcessHandle::open(child);
    let signals = SignalForwarder::new(io::stdin().is_terminal())
        .ok_or(ColdReason::NotTaken("cannot receive signals"))?;
    let mut descriptors = vec![0, 1, 2, directory.as_raw_fd()];
    descriptors.extend(with_locks(&inherited, locks));
    let relay = match terminal {
        None => {
            send_go(&stream, &descriptors)?;
            None
        }
        Some(terminal) => Some(send_go_at_terminal(&stream, &mut descriptors, terminal)?),
    };
    close(&inherited);
    history::add(&folder, plan, None);
    Ok(RunningJob { stream, worker, process, signals, relay, has_begun: false })
}

fn working_directory() -> io::Result<File> {
    // The child enters it (fchdir(2)), which takes a right that a process inside does not need.
    access(".", AccessFlags::X_OK)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(retried(|| Ok(rustix::fs::open(".", flags, Mode::empty())?))?.into())
}

/// Sets a worker that does not answer aside, so that the next job can start another.
fn set_aside(folder: &Folder, key: &WorkerKey, inode: Option<u64>) -> ColdReason {
    folder.set_aside(key, inode);
    ColdReason::NotTaken(SILENT)
}

/// Sends a job's message, and waits until a child is ready for it. The worker repeats `Waits` while all children are
/// busy, even before it has received the whole message.
fn request_child(stream: &mut UnixStream, message: &[u8]) -> io::Result<WorkerReply> {
    let mut unsent = message;
    loop {
        let mut awaited = PollFlags::POLLIN;
        if !unsent.is_empty() {
            unsent = send_part(stream, unsent)?;
            awaited.set(PollFlags::POLLOUT, !unsent.is_empty());
        }
        if !wait_for(stream, awaited)?.contains(PollFlags::POLLIN) {
            continue;
        }
        match read_reply(stream)? {
            Some(WorkerReply::Waits) => (),
            Some(reply) => return Ok(reply),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Sends as many bytes as the socket has room for, and returns the rest.
fn send_part<'a>(stream: &UnixStream, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    match retried(|| Ok(send(stream.as_raw_fd(), bytes, flags)?)) {
        Ok(count) => Ok(bytes.get(count..).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(bytes),
        Err(error) => Err(error),
    }
}

/// Waits for events of a connection. Fails after PATIENCE.
fn wait_for(stream: &UnixStream, awaited: PollFlags) -> io::Result<PollFlags> {
    let mut events = [PollFd::new(stream.as_fd(), awaited)];
    match retried(|| Ok(poll(&mut events, poll_timeout(PATIENCE))?))? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(events.first().and_then(PollFd::revents).unwrap_or(PollFlags::empty())),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Lets a child begin: the commit point. If it fails the child has received nothing.
fn send_go(stream: &UnixStream, descriptors: &[RawFd]) -> Result<(), ColdReason> {
    let rights = [ControlMessage::ScmRights(descriptors)];
    let go = [IoSlice::new(GO)];
    sendmsg::<()>(stream.as_raw_fd(), &go, &rights, MsgFlags::MSG_NOSIGNAL, None)
        .map(|_| ())
        .map_err(why_not_sent)
}

/// Does the same with a terminal of the job's own in place of the launcher's.
fn send_go_at_terminal(
    stream: &UnixStream,
    descriptors: &mut [RawFd],
    terminal: Terminal,
) -> Result<Relay, ColdReason> {
    let is_at: Vec<bool> = descriptors.iter().map(|number| terminal.is_at(*number)).collect();
    let mut relay = Relay::open(terminal)
        .map_err(|_| ColdReason::Terminal("no other terminal can be opened"))?;
    for (number, is_at) in descriptors.iter_mut().zip(is_at) {
        if is_at {
            *number = relay.job_side().as_raw_fd();
        }
    }
    // `begin` reads the keys that were typed before. A plain launch could not read them again.
    try_to_pass(descriptors)?;
    relay.begin();
    send_go(stream, descriptors)?;
    Ok(relay)
}

/// Sends descriptors into a socket that is closed at once. Fails if they cannot be sent, such as one of `io_uring(7)`.
fn try_to_pass(descriptors: &[RawFd]) -> Result<(), ColdReason> {
    let pair = UnixStream::pair();
    let (stream, _other) =
        pair.map_err(|error| ColdReason::NotPassed(IoMessage(&error).to_string()))?;
    send_go(&stream, descriptors)
}

fn why_not_sent(error: Errno) -> ColdReason {
    match error {
        Errno::EPIPE | Errno::ECONNRESET => ColdReason::NotTaken("has ended"),
        // Such as ETOOMANYREFS: too many descriptors are under way (unix(7)).
        _ => ColdReason::NotPassed(IoMessage(&error.into()).to_string()),
    }
}

/// Closes the launcher's copies of descriptors, so that the job can close the last ones.
fn close(inherited: &[RawFd]) {
    for number in inherited {
        let _ = nix::unistd::close(*number);
    }
}
