//! The messages between the launcher and a worker (docs/warm-protocol.md; the other side is
//! `shims/worker/supervisor.py` and `shims/worker/job.py`).

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;

use super::caller_state::CallerState;
use super::job::Job;
use crate::inputs::IN_A_JOB;
use crate::interrupt::RetriedReader;
use crate::plan::WhenFull;

/// Limit of a job's message in bytes.
const MAX_MESSAGE: usize = 16 << 20;

/// Asks a worker for its status.
pub const STATUS: &[u8] = b"S";

/// Asks a worker to take no more jobs and to leave after those it has; it answers with its status.
pub const STOP: &[u8] = b"Q";

/// Makes a child begin; the streams, the working directory, and what the program inherits come with it as descriptors.
pub const GO: &[u8] = b"G";

/// Announces that the launcher received SIGTERM and passes it on to the job.
pub const TERMINATES: &[u8] = b"K";

/// The number of the reply `X` to a nested job that would have to wait.
const NO_PLACE: i32 = 1;

/// Its number after a change of a file that the worker imported.
const FILES_CHANGED: i32 = 2;

/// Its number from a child that cannot give the program its descriptors.
const NO_NUMBER: i32 = 3;

/// A reply of a worker or its child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerReply {
    /// All children are busy; the job waits.
    Waits,
    /// This child will run the job.
    Ready(i32),
    /// The child has taken the launcher's place and begins the job.
    Begun,
    /// The child could not begin the job, for this error number of the system; 0 if a descriptor of GO was lost.
    NotBegun(i32),
    /// The worker takes no more jobs.
    Refused,
    /// The worker leaves its place, for a file that it imported has changed.
    Outdated,
    /// The job is part of another job, and there is no place for it at once.
    Full,
    /// The child cannot give the program its descriptors.
    Unfit,
    /// The job has ended with this code.
    Ended(u8),
    /// The child has ended without a word, with this status of `waitpid(2)`.
    Died(i32),
    /// The child was stopped by this signal.
    Stopped(i32),
}

/// The session of a job's process.
#[derive(Clone, Copy, Debug)]
pub enum JobSession {
    /// The worker's.
    Shared,
    /// Its own, whose terminal is standard input.
    AtTerminal,
    /// The same, and the terminal can stop the job.
    WithJobControl,
}

impl JobSession {
    fn word(self) -> &'static str {
        match self {
            JobSession::Shared => "",
            JobSession::AtTerminal => "terminal",
            JobSession::WithJobControl => "job-control",
        }
    }
}

/// Returns the message that carries a job: a letter, a length, and fields with a NUL after each; no word or
/// variable can hold a NUL. `descriptors` are the numbers of those that follow with GO. `None` if it is too long for a
/// worker.
pub fn job_message(
    job: &Job,
    caller: &CallerState,
    descriptors: &[RawFd],
    session: JobSession,
) -> Option<Vec<u8>> {
    let letter = match job.warm.when_full {
        WhenFull::Wait => b'J',
        WhenFull::RunPlainly => b'N',
    };
    let mut message = vec![letter, 0, 0, 0, 0];
    let mut add = |field: &[u8]| {
        message.extend_from_slice(field);
        message.push(0);
    };
    add(job.kind.as_bytes());
    add(job.program.as_bytes());
    add(caller.umask.as_bytes());
    add(caller.ignored.as_bytes());
    add(caller.blocked.as_bytes());
    add(caller.soft_limits.join(" ").as_bytes());
    add(descriptors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ").as_bytes());
    add(session.word().as_bytes());
    add(job.session.as_ref().map_or("", |session| &session.0).as_bytes());
    add(job.arguments.len().to_string().as_bytes());
    add(job.plan.argv.len().to_string().as_bytes());
    job.arguments.iter().chain(&job.plan.argv).for_each(|word| add(word.as_bytes()));
    for (name, value) in job.plan.environment.variables() {
        add(&[name, OsStr::new("="), value].map(OsStr::as_bytes).concat());
    }
    add(format!("{IN_A_JOB}=1").as_bytes());
    let length = message.len() - 5;
    let bytes = u32::try_from(length).ok().filter(|_| length <= MAX_MESSAGE)?.to_le_bytes();
    message.get_mut(1..5)?.copy_from_slice(&bytes);
    Some(message)
}

/// Reads one reply; `None` at the end of the connection.
pub fn read_reply(stream: &mut impl Read) -> io::Result<Option<WorkerReply>> {
    let mut bytes = [0; 5];
    match RetriedReader(stream).read_exact(&mut bytes) {
        Ok(()) => (),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        // The worker has closed a connection from which it had not read everything.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
        Err(error) => return Err(error),
    }
    let [word, number @ ..] = bytes;
    let number = i32::from_le_bytes(number);
    match word {
        b'W' => Ok(Some(WorkerReply::Waits)),
        b'R' => Ok(Some(WorkerReply::Ready(number))),
        b'B' => Ok(Some(WorkerReply::Begun)),
        b'F' => Ok(Some(WorkerReply::NotBegun(number))),
        b'X' if number == NO_PLACE => Ok(Some(WorkerReply::Full)),
        b'X' if number == FILES_CHANGED => Ok(Some(WorkerReply::Outdated)),
        b'X' if number == NO_NUMBER => Ok(Some(WorkerReply::Unfit)),
        b'X' => Ok(Some(WorkerReply::Refused)),
        b'E' => Ok(Some(WorkerReply::Ended(number.to_le_bytes()[0]))),
        b'D' => Ok(Some(WorkerReply::Died(number))),
        b'T' => Ok(Some(WorkerReply::Stopped(number))),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
