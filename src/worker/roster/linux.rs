//! The workers, asked over their sockets.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::Listed;
use crate::error::Error;
use crate::lock::{Holders, Lock};
use crate::worker::Cold;
use crate::worker::folder::{Connection, Folder, connect_to, socket_name, start_name};
use crate::worker::protocol::{STATUS, STOP};
use crate::worker::start::why_unfit;

/// A worker answers at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// No answer is longer (bytes).
const LARGEST: u64 = 64 * 1024;

/// The workers in a folder.
pub fn list(folder: &Path) -> Vec<Listed> {
    let Ok(folder) = Folder::open_existing(folder) else { return Vec::new() };
    let mut list: Vec<Listed> =
        folder.sockets().iter().filter_map(|key| Some(asked(&folder, key, STATUS)?.0)).collect();
    list.extend(folder.starts().iter().filter_map(|key| started(&folder, key)));
    list.sort_by(|one, other| (&one.project, one.pid).cmp(&(&other.project, other.pid)));
    list
}

/// Stops the workers in a folder, or those of a configuration. One that does not answer is killed.
pub fn stop(folder: &Path, config: Option<&Path>) -> Result<Vec<Listed>, Error> {
    let Ok(folder) = Folder::open_existing(folder) else { return Ok(Vec::new()) };
    let mut stopped = Vec::new();
    for key in folder.sockets() {
        let Some((worker, _)) = asked(&folder, &key, STATUS) else { continue };
        let is_meant =
            |config: &Path| worker.config.as_deref().is_none_or(|c| Path::new(c) == config);
        if config.is_none_or(is_meant) {
            end(&folder, &key, worker.pid)?;
            stopped.push(worker);
        }
    }
    Ok(stopped)
}

/// Stops the worker that has had nothing to do for the longest time; whether there was one.
pub fn stop_the_idlest(folder: &Folder) -> bool {
    let all = folder.sockets().into_iter();
    let asked = all.filter_map(|key| Some((asked(folder, &key, STATUS)?.0, key)));
    let idle = asked.filter(|(worker, _)| worker.running == Some(0) && worker.waiting == Some(0));
    match idle.max_by_key(|(worker, _)| worker.idle) {
        Some((worker, key)) => end(folder, &key, worker.pid).is_ok(),
        None => false,
    }
}

/// Asks a worker something, and holds on to its process; `None` where nobody listens: that place is
/// cleared.
fn asked(folder: &Folder, key: &str, question: &[u8]) -> Option<(Listed, Option<OwnedFd>)> {
    let stuck = |pid: Option<i32>| Listed { pid, ..unanswering("?", "stuck") };
    let (mut stream, pid) = match connect_to(folder, key) {
        Connection::Open(stream, pid) => (stream, pid),
        Connection::Full => return Some((stuck(None), None)),
        Connection::Nobody => {
            let _ = fs::remove_file(folder.entry(&socket_name(key)));
            return None;
        }
    };
    let process = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let mut ask = || -> std::io::Result<Listed> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(question)?;
        let mut text = Vec::new();
        Read::by_ref(&mut stream).take(LARGEST).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    };
    Some((ask().unwrap_or_else(|_| stuck(Some(pid))), process))
}

/// What a start's file tells, unless it is long ago: that is cleared.
fn started(folder: &Folder, key: &str) -> Option<Listed> {
    let file = folder.entry(&start_name(key));
    let text = fs::read_to_string(&file).unwrap_or_default();
    let project = text.split_once('\t').map_or("?", |(project, _)| project);
    match Lock::try_for(&file, Holders::One) {
        Ok(Some(_)) => {
            if let Some(Cold::Unfit(why)) = why_unfit(folder, key) {
                return Some(unanswering(project, &format!("unfit: {why}")));
            }
            let _ = fs::remove_file(&file);
            None
        }
        _ => Some(unanswering(project, "starting")),
    }
}

fn unanswering(project: &str, state: &str) -> Listed {
    Listed {
        project: project.into(),
        config: None,
        core: None,
        python: None,
        pid: None,
        age: None,
        idle: None,
        done: None,
        running: None,
        waiting: None,
        memory: None,
        state: state.into(),
    }
}

/// Ends a worker: by word, or one that does not answer by force. Its jobs go on.
fn end(folder: &Folder, key: &str, pid: Option<i32>) -> Result<(), Error> {
    let Some((worker, process)) = asked(folder, key, STOP) else { return Ok(()) };
    let stays = |worker: &Listed| Error::WorkerStays {
        worker: worker.pid.or(pid).unwrap_or_default(),
        project: worker.project.clone(),
    };
    let Some(process) = process else { return Err(stays(&worker)) };
    let is_stuck = worker.pid.is_none() || worker.state == "stuck";
    if is_stuck {
        let _ = pidfd_send_signal(&process, Signal::KILL);
        let _ = fs::remove_file(folder.entry(&socket_name(key)));
    }
    if worker.running.unwrap_or_default() > 0 || has_ended(&process) {
        return Ok(());
    }
    Err(stays(&worker))
}

fn has_ended(process: &OwnedFd) -> bool {
    let mut events = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    matches!(poll(&mut events, timeout), Ok(1..))
}
