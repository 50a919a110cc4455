//! Lists workers, stops them, and makes room for further ones.

use std::cmp::Reverse;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::cold_reason::{ColdReason, TRY_AT_ONCE};
use super::folder::Folder;
use super::history;
use super::key::WorkerKey;
use super::pidfd::ProcessHandle;
use super::poll::{PolledWorker, deadline, poll_workers};
use super::protocol::{STATUS, STOP};
use super::start_record::{StartRecord, forget_failure, is_starting, why_unfit};
use super::worker_status::{READY, RecentJobs, STUCK, WorkerStatus};
use crate::error::Error;

/// Time that `--stop-workers` gives a start to end by itself.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Age from which a start counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// Returns the workers in a folder, and the configurations' last jobs.
pub fn read(folder: &Path) -> Result<(Vec<WorkerStatus>, Vec<RecentJobs>), Error> {
    let Some(folder) = open(folder)? else { return Ok((Vec::new(), Vec::new())) };
    folder.remove_left_behind();
    let polled = poll_workers(&folder, folder.sockets(), STATUS).into_iter();
    let mut workers: Vec<_> = polled.map(|polled| polled.status).collect();
    mark_replaced(&mut workers);
    for key in folder.starts() {
        workers.extend(read_start(&folder, &key));
    }
    workers.sort_by(|one, other| (&one.project, one.pid).cmp(&(&other.project, other.pid)));
    Ok((workers, history::read(&folder)))
}

/// Marks the workers that a younger one of the same configuration, with other files, has replaced.
fn mark_replaced(workers: &mut [WorkerStatus]) {
    let all = workers.to_vec();
    for worker in workers.iter_mut().filter(|worker| worker.state == READY) {
        if all.iter().any(|other| has_replaced(other, worker)) {
            worker.state = "replaced".into();
        }
    }
}

fn has_replaced(other: &WorkerStatus, worker: &WorkerStatus) -> bool {
    let differ = other.files.is_some() && other.files != worker.files;
    differ && other.config == worker.config && other.born > worker.born
}

/// Stops the workers in a folder, or those of a configuration. Workers that do not answer are killed; workers whose
/// configuration is unknown are left running if one was given. Forgets all failed starts: their records name no
/// configuration, and another try does no harm.
pub fn stop(folder: &Path, config: Option<&Path>) -> Result<Vec<WorkerStatus>, Error> {
    let Some(folder) = open(folder)? else { return Ok(Vec::new()) };
    let mut stopped = stop_starts(&folder, config);
    for key in folder.starts() {
        forget_failure(&folder, &key);
    }
    let mut chosen = poll_workers(&folder, folder.sockets(), STATUS);
    chosen.retain(|polled| is_of(config, &polled.status));
    stopped.extend(stop_workers(&folder, chosen).into_iter().collect::<Result<Vec<_>, _>>()?);
    Ok(stopped)
}

/// Returns whether a worker is one of a configuration, or no configuration was given.
fn is_of(config: Option<&Path>, worker: &WorkerStatus) -> bool {
    config.is_none() || worker.config.as_deref().map(Path::new) == config
}

/// Stops the workers that a new one of the same configuration, with other `files`, replaces: all but the one that had
/// the latest job, for during a roll-out jobs may still come with the old files. Returns why there was no worker.
pub fn stop_replaced(folder: &Folder, config: &Path, files: &str) -> ColdReason {
    let mut replaced = replaced(folder, config, files);
    let reason = if replaced.is_empty() { ColdReason::NoWorker } else { ColdReason::Changed };
    replaced.sort_by_key(|polled| (polled.status.idle_s, Reverse(polled.status.born)));
    stop_workers(folder, replaced.split_off(1.min(replaced.len())));
    reason
}

/// Returns why there is no worker with these files for a configuration.
pub fn why_none(folder: &Folder, config: &Path, files: &str) -> ColdReason {
    let has_changed = !replaced(folder, config, files).is_empty();
    if has_changed { ColdReason::Changed } else { ColdReason::NoWorker }
}

/// Returns the workers of a configuration that have imported other files, without those that retire.
fn replaced(folder: &Folder, config: &Path, files: &str) -> Vec<PolledWorker> {
    let keys = folder.sockets().into_iter().filter(|key| !key.is_aside());
    let mut polled = poll_workers(folder, keys, STATUS);
    polled.retain(|polled| {
        let WorkerStatus { files: own, .. } = &polled.status;
        own.as_deref().is_some_and(|own| own != files) && is_of(Some(config), &polled.status)
    });
    polled
}

/// Makes room for one more worker below the limit `max`, and returns whether there is room. Workers that do not
/// answer are set aside first, then those stop that have been idle for the longest time. Workers set aside by this
/// call do not count; those set aside before and those that retire count until they have left. Starts count too,
/// without the start of `key` itself.
pub fn make_room(folder: &Folder, key: &WorkerKey, max: usize) -> bool {
    let keys = folder.sockets();
    let starting = other_starts(folder, key, &keys);
    let surplus = (keys.len() + starting + 1).saturating_sub(max);
    if surplus == 0 {
        return true;
    }
    let (mut set_aside, mut idle) = (0, Vec::new());
    for polled in poll_workers(folder, keys, STATUS) {
        if polled.has_answered && is_idle(&polled.status) {
            idle.push(polled);
        } else if !polled.has_answered && !polled.key.is_aside() {
            folder.set_aside(&polled.key, polled.inode);
            set_aside += 1;
        }
    }
    idle.sort_by_key(|polled| Reverse(polled.status.idle_s));
    idle.truncate(surplus.saturating_sub(set_aside));
    stop_workers(folder, idle);
    (folder.sockets().len() + starting).saturating_sub(set_aside) < max
}

/// Returns true if [`make_room`] would find no room. Stops nothing.
pub fn is_full(folder: &Folder, key: &WorkerKey, max: usize) -> bool {
    let keys = folder.sockets();
    let surplus = (keys.len() + other_starts(folder, key, &keys) + 1).saturating_sub(max);
    if surplus == 0 {
        return false;
    }
    let mut leaving = 0;
    for polled in poll_workers(folder, keys, STATUS) {
        if !polled.has_answered || is_idle(&polled.status) {
            leaving += 1;
        }
    }
    leaving < surplus
}

/// Counts the starts that are under way, without the one of `key` and those whose socket is among `keys`.
fn other_starts(folder: &Folder, key: &WorkerKey, keys: &[WorkerKey]) -> usize {
    let mut starting = 0;
    for start in folder.starts() {
        if start != *key && !keys.contains(&start) && is_starting(folder, &start) {
            starting += 1;
        }
    }
    starting
}

fn is_idle(worker: &WorkerStatus) -> bool {
    worker.running == Some(0) && worker.waiting == Some(0)
}

/// Opens the folder, if it exists.
fn open(path: &Path) -> Result<Option<Folder>, Error> {
    match Folder::open_existing(path) {
        Ok(folder) => Ok(Some(folder)),
        Err(ColdReason::Folder { .. }) if !path.exists() => Ok(None),
        Err(cold) => Err(Error::Workers(cold.to_string())),
    }
}

/// Waits for starts to end, so that their workers can be stopped with the others, and kills those that are stuck or
/// take too long. Returns the killed ones.
fn stop_starts(folder: &Folder, config: Option<&Path>) -> Vec<WorkerStatus> {
    let until = Instant::now() + START_TIMEOUT;
    let mut killed = Vec::new();
    for key in folder.starts() {
        while let Some(worker) = read_running_start(folder, &key)
            && is_of(config, &worker)
        {
            if worker.state != STUCK && Instant::now() < until {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            let process = worker.pid.map(ProcessHandle::open);
            if process.is_some_and(|process| kill(&process) && has_exited_by(deadline(), &process))
            {
                let _ = fs::remove_file(folder.start_file(&key));
                killed.push(worker);
            }
            break;
        }
    }
    killed
}

/// Returns the status of a start that is under way.
fn read_running_start(folder: &Folder, key: &WorkerKey) -> Option<WorkerStatus> {
    if !is_starting(folder, key) {
        return None;
    }
    let record = StartRecord::read(folder, key);
    let state = if record.age > STUCK_AFTER { STUCK } else { "starting" };
    let worker = record.pid.and_then(WorkerStatus::of_process);
    let worker = worker.unwrap_or_else(|| WorkerStatus::unanswered(&record.project, state));
    Some(WorkerStatus { state: state.into(), ..worker })
}

/// Returns the status of a start that is under way or has failed. A failure too old to matter is removed.
fn read_start(folder: &Folder, key: &WorkerKey) -> Option<WorkerStatus> {
    if let Some(worker) = read_running_start(folder, key) {
        return Some(worker);
    }
    if let Some(ColdReason::Unfit(why)) = why_unfit(folder, key) {
        let project = StartRecord::read(folder, key).project;
        let state = format!("unfit: {why} ({TRY_AT_ONCE})");
        return Some(WorkerStatus::unanswered(&project, &state));
    }
    forget_failure(folder, key);
    None
}

/// Asks workers to leave, and kills those that do not answer. Jobs that run go on. Returns the workers that have left
/// or will leave after their jobs, and an error for each of the others.
fn stop_workers(folder: &Folder, workers: Vec<PolledWorker>) -> Vec<Result<WorkerStatus, Error>> {
    let (answering, mut silent): (Vec<_>, Vec<_>) =
        workers.into_iter().partition(|polled| polled.has_answered);
    let keys = answering.into_iter().map(|polled| polled.key);
    let (mut stopped, silent_now): (Vec<_>, Vec<_>) =
        poll_workers(folder, keys, STOP).into_iter().partition(|polled| polled.has_answered);
    silent.extend(silent_now);
    for process in silent.iter().filter_map(|polled| polled.process.as_ref()) {
        kill(process);
    }
    stopped.extend(silent);
    let until = deadline();
    stopped.into_iter().map(|polled| wait_for_exit(folder, polled, until)).collect()
}

/// Waits until a worker has left, or will leave after its jobs. Fails if it stays.
fn wait_for_exit(
    folder: &Folder,
    polled: PolledWorker,
    until: Instant,
) -> Result<WorkerStatus, Error> {
    let PolledWorker { key, inode, status, has_answered, process } = polled;
    let has_exited = process.is_some_and(|process| has_exited_by(until, &process));
    if !has_answered && has_exited {
        folder.remove_socket(&key);
    } else if !has_answered {
        // `--workers` still shows it.
        folder.set_aside(&key, inode);
    }
    if has_exited || status.running.is_some_and(|running| running > 0) {
        return Ok(status);
    }
    Err(Error::WorkerNotStopped { worker: status.pid.unwrap_or_default(), project: status.project })
}

/// Kills a worker, unless its number belongs to another process by now. Returns whether it was killed.
fn kill(process: &ProcessHandle) -> bool {
    is_worker(process) && process.send(Signal::SIGKILL)
}

/// Waits for the exit of a worker, and returns whether it came before the deadline.
fn has_exited_by(deadline: Instant, process: &ProcessHandle) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    if let Some(has_exited) = process.has_exited_within(left) {
        return has_exited;
    }
    while is_worker(process) {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
    true
}

fn is_worker(process: &ProcessHandle) -> bool {
    WorkerStatus::of_process(process.pid()).is_some()
}
