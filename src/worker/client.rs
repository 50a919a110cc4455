//! The launcher's side of a job: hands the job to a worker, passes signals on, and returns the job's exit code.

use std::fs::File;
use std::io::{self, IoSlice, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use log::debug;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
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
use super::signals::{SignalForwarder, die_like, stop_group, stop_launcher};
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
use crate::status::{How, Status};

/// A worker that is silent for this long is set aside; two messages name it.
const PATIENCE: Duration = Duration::from_secs(2);

const SILENT: &str = "does not answer within 2 seconds";

/// Time between two looks whether the launcher has come into the foreground; a shell sends no signal then.
const LOOK: Duration = Duration::from_millis(200);

/// Runs a plan in a worker, if it can. The session acts as `credentials`; the job holds `locks` until it ends.
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
    let PreparedJob { key, files, .. } = prepared;
    match folder.connect(key) {
        Connection::Open(..) => None,
        Connection::Full => Some(ColdReason::NotTaken(SILENT)),
        Connection::Refused if is_starting(folder, key) => Some(ColdReason::Starting),
        Connection::Refused => {
            let max_workers = prepared.job.warm.settings.max_workers;
            why_unfit(folder, key)
                .or_else(|| {
                    is_full(folder, key, max_workers as usize)
                        .then_some(ColdReason::TooMany(max_workers))
                })
                .or_else(|| Some(why_none(folder, &plan.selection.config.path, &files.text())))
        }
    }
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

fn poll_timeout(timeout: Duration) -> PollTimeout {
    PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX)
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
    // What was typed before cannot be given back to a plain launch.
    try_to_pass(descriptors)?;
    relay.begin();
    send_go(stream, descriptors)?;
    Ok(relay)
}

/// Sends descriptors into a socket that is closed at once. Fails if they cannot be sent, such as one of `io_uring(7)`.
fn try_to_pass(descriptors: &[RawFd]) -> Result<(), ColdReason> {
    let (stream, _other) = UnixStream::pair().map_err(|error| why_not_sent(errno_of(&error)))?;
    send_go(&stream, descriptors)
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
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

/// Describes the number of a reply `NotBegun`.
fn why_not_begun(number: i32) -> String {
    if number == 0 {
        return "lost a descriptor on its way from the launcher".to_owned();
    }
    let source = io::Error::from_raw_os_error(number);
    format!("cannot pass the launcher's streams and working directory: {}", IoMessage(&source))
}

/// Describes the end, a status of `waitpid(2)`, of a child that has not begun its job.
fn why_ended_early(status: i32) -> String {
    match status & 0x7f {
        0 => format!("lost the job's process, which left with code {}", (status >> 8) & 0xff),
        signal => format!("lost the job's process, which signal {signal} killed"),
    }
}

/// A job that a child has received.
struct RunningJob {
    stream: UnixStream,
    /// The worker's process number.
    worker: i32,
    /// The child, whose exit is noticed even if the worker is gone.
    process: ProcessHandle,
    signals: SignalForwarder,
    /// Between the launcher's terminal and the job's.
    relay: Option<Relay>,
    /// The child has confirmed that it begins the job. It sends that before it runs any of it.
    has_begun: bool,
}

impl RunningJob {
    /// Waits for the end of the job and returns its exit code. If a signal killed the job, the same signal ends the
    /// launcher. Fails if the child ends before it has begun the job, with whatever code.
    fn wait(mut self) -> Result<u8, Error> {
        let end = self.wait_for_end();
        if let Some(mut relay) = self.relay.take() {
            match end {
                Ok(JobEnd::Exited(_)) => relay.release_as_left(),
                _ => relay.release(),
            }
        }
        match end? {
            JobEnd::Exited(code) => {
                Status::of_exit(i32::from(code) << 8).write();
                Ok(code)
            }
            JobEnd::Died(status) => {
                Status::of_exit(status).write();
                Ok(die_like(status))
            }
        }
    }

    fn wait_for_end(&mut self) -> Result<JobEnd, Error> {
        // An exit is reported at once; after PATIENCE without a report none will come.
        let mut deadline: Option<Instant> = None;
        loop {
            let events = self.wait_for_events(deadline);
            let events = events.map_err(|_| self.lost("cannot be waited for"))?;
            // At a terminal what was typed after a signal's key may be there before its signal is reported.
            if events.signal || self.relay.is_some() {
                self.signals.forward(&self.process, &self.stream, self.relay.as_mut());
            }
            if let Some(relay) = &mut self.relay {
                relay.pass_on(events.terminal);
            }
            if events.reply {
                match read_reply(&mut self.stream) {
                    Ok(Some(WorkerReply::Begun)) => {
                        self.has_begun = true;
                        Status::Started(How::Worker { pid: self.process.pid() }).write();
                    }
                    Ok(Some(WorkerReply::NotBegun(number))) => {
                        return Err(self.not_begun(why_not_begun(number)));
                    }
                    Ok(Some(WorkerReply::Ended(code))) => return Ok(JobEnd::Exited(code)),
                    Ok(Some(WorkerReply::Died(status))) if !self.has_begun => {
                        return Err(self.not_begun(why_ended_early(status)));
                    }
                    Ok(Some(WorkerReply::Died(status))) => return Ok(JobEnd::Died(status)),
                    // The job may have been continued since.
                    Ok(Some(WorkerReply::Stopped(signal))) if self.process.is_stopped() => {
                        self.stop(signal);
                    }
                    Ok(Some(_)) => (),
                    Ok(None) => {
                        return Err(self.unreported("ended before it reported the exit status"));
                    }
                    Err(_) => return Err(self.lost("sent an invalid reply")),
                }
            } else if events.exit {
                deadline = Some(Instant::now() + PATIENCE);
            } else if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(self.unreported(
                    "did not report the exit status within 2 seconds of the end of the job's process",
                ));
            }
        }
    }

    /// Stops the launcher as its job was stopped by a signal, until a SIGCONT.
    fn stop(&mut self, signal: i32) {
        if let Some(relay) = &mut self.relay {
            relay.release();
            if let Ok(signal) = Signal::try_from(signal)
                && signal != Signal::SIGSTOP
            {
                return stop_group(signal);
            }
        }
        stop_launcher();
    }

    /// Returns the error of a job whose process has ended without a report.
    fn unreported(&self, why: &'static str) -> Error {
        if self.has_begun { self.lost(why) } else { self.not_begun(why.to_owned()) }
    }

    fn not_begun(&self, why: String) -> Error {
        Error::JobNotBegun { worker: self.worker, why }
    }

    /// Reports the job as lost, and returns the error that says so.
    fn lost(&self, why: &'static str) -> Error {
        Status::Lost { why: &format!("worker process {} {why}", self.worker) }.write();
        Error::WorkerLost { worker: self.worker, why }
    }

    /// Waits for a reply, a signal, the exit or the terminals. A deadline ends the wait in place of the exit.
    fn wait_for_events(&self, deadline: Option<Instant>) -> io::Result<Events> {
        let mut polled = vec![
            PollFd::new(self.stream.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.descriptor(), PollFlags::POLLIN),
        ];
        let mut timeout = PollTimeout::NONE;
        let mut exit = None;
        if let Some(deadline) = deadline {
            timeout = poll_timeout(deadline.saturating_duration_since(Instant::now()));
        } else if let Some(descriptor) = self.process.exit_descriptor() {
            exit = Some(polled.len());
            polled.push(PollFd::new(descriptor, PollFlags::POLLIN));
        }
        let mut terminal = None;
        if let Some(relay) = &self.relay {
            terminal = relay.add_events(&mut polled);
            if relay.is_in_background() && timeout.is_none() {
                timeout = poll_timeout(LOOK);
            }
        }
        retried(|| Ok(poll(&mut polled, timeout)?))?;
        let found = |place: Option<usize>| place.and_then(|place| polled.get(place)?.revents());
        let has = |place| found(place).is_some_and(|events| !events.is_empty());
        Ok(Events {
            reply: has(Some(0)),
            signal: has(Some(1)),
            exit: has(exit),
            terminal: found(terminal).unwrap_or(PollFlags::empty()),
        })
    }
}

/// The end of a job.
enum JobEnd {
    /// It has left with this code.
    Exited(u8),
    /// It has not reported its end, and has this status of `waitpid(2)`.
    Died(i32),
}

/// What a running job's launcher waits for.
struct Events {
    reply: bool,
    signal: bool,
    exit: bool,
    terminal: PollFlags,
}
