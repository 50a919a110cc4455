//! What the launcher and a worker say to each other (docs/warm.md; the other side is
//! `shims/worker_supervisor.py` and `shims/worker_job.py`).

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;

use super::caller_state::CallerState;
use super::job::Job;
use crate::plan::LaunchPlan;

/// The bytes of a plan that a worker takes.
const LARGEST: usize = 16 << 20;

/// What asks a worker how it is.
pub const STATUS: &[u8] = b"S";

/// What asks a worker to take no more jobs and to leave after those it has.
pub const STOP: &[u8] = b"Q";

/// What makes a child begin; the streams, the working directory and the locks come with it.
pub const GO: &[u8] = b"G";

/// What tells the worker that the launcher was told to end, and now tells the job.
pub const TOLD_TO_END: &[u8] = b"K";

/// What a worker or its child says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerReply {
    /// All children are busy; the job waits.
    Waits,
    /// This child will run the job.
    Ready(i32),
    /// The worker takes no more jobs.
    Refused,
    /// The job has ended with this code.
    Ended(u8),
    /// The child has died with this status of `waitpid(2)`.
    Died(i32),
    /// The child was stopped.
    Stopped,
}

/// The message that carries a job: a letter, a length, and fields with a NUL between; no word or
/// variable can hold one. `None` if it is too long for a worker.
pub fn plan_message(plan: &LaunchPlan, job: &Job, process: &CallerState) -> Option<Vec<u8>> {
    let mut message = vec![b'J', 0, 0, 0, 0];
    let mut add = |field: &[u8]| {
        message.extend_from_slice(field);
        message.push(0);
    };
    let limits: Vec<String> =
        process.limits.iter().map(|(number, soft)| format!("{number}:{soft}")).collect();
    add(job.kind.as_bytes());
    add(job.program.as_bytes());
    add(process.umask.as_bytes());
    add(process.ignored.as_bytes());
    add(process.blocked.as_bytes());
    add(limits.join(" ").as_bytes());
    add(job.session.as_ref().map_or("", |session| &session.0).as_bytes());
    add(job.arguments.len().to_string().as_bytes());
    add(plan.argv.len().to_string().as_bytes());
    job.arguments.iter().chain(&plan.argv).for_each(|word| add(word.as_bytes()));
    for (name, value) in plan.environment.variables() {
        add(&[name, OsStr::new("="), value].map(OsStr::as_bytes).concat());
    }
    let length = message.len() - 5;
    let bytes = u32::try_from(length).ok().filter(|_| length <= LARGEST)?.to_le_bytes();
    message.get_mut(1..5)?.copy_from_slice(&bytes);
    Some(message)
}

/// Reads one reply; `None` where there are no more.
pub fn read_reply(stream: &mut UnixStream) -> io::Result<Option<WorkerReply>> {
    let mut bytes = [0; 5];
    match stream.read_exact(&mut bytes) {
        Ok(()) => (),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        // What the worker was never told to read is lost with it.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
        Err(error) => return Err(error),
    }
    let [word, number @ ..] = bytes;
    let number = i32::from_le_bytes(number);
    match word {
        b'W' => Ok(Some(WorkerReply::Waits)),
        b'R' => Ok(Some(WorkerReply::Ready(number))),
        b'X' => Ok(Some(WorkerReply::Refused)),
        b'E' => Ok(Some(WorkerReply::Ended(number.to_le_bytes()[0]))),
        b'D' => Ok(Some(WorkerReply::Died(number))),
        b'T' => Ok(Some(WorkerReply::Stopped)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
