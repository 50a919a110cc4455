//! The workers, asked over their sockets, and ended.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::cold_reason::ColdReason;
use super::cold_reason::TRY_AT_ONCE;
use super::ending::WorkerProcess;
use super::folder::{Folder, is_aside, start_name};
use super::listed::{Listed, STUCK};
use super::poll::{PolledWorker, ask, deadline, named};
use super::protocol::{STATUS, STOP};
use super::start::{StartRecord, is_starting, why_unfit};
use crate::error::Error;
use crate::lock::{Lock, LockMode};

/// No start that is waited for takes longer.
const LONGEST_START: Duration = Duration::from_secs(10);

/// A start that takes longer hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// The workers in a folder.
pub fn read(folder: &Path) -> Result<Vec<Listed>, Error> {
    let Some(folder) = open(folder)? else { return Ok(Vec::new()) };
    let asked = ask(&folder, folder.sockets(), STATUS);
    let mut list: Vec<Listed> = asked.into_iter().map(|asked| asked.worker).collect();
    list.extend(folder.starts().iter().filter_map(|key| started(&folder, key)));
    list.sort_by(|one, other| (&one.project, one.pid).cmp(&(&other.project, other.pid)));
    Ok(list)
}

/// Stops the workers in a folder, or those of a configuration. One that does not answer is killed; one
/// that cannot be told to be meant is left alone.
pub fn stop(folder: &Path, config: Option<&Path>) -> Result<Vec<Listed>, Error> {
    let Some(folder) = open(folder)? else { return Ok(Vec::new()) };
    let is_meant = |worker: &Listed| {
        config.is_none_or(|config| worker.config.as_deref().is_some_and(|c| Path::new(c) == config))
    };
    let starts = end_starts(&folder, is_meant);
    if config.is_none() {
        folder.starts().iter().for_each(|key| forget_failure(&folder, key));
    }
    let asked = ask(&folder, folder.sockets(), STATUS);
    let meant = asked.into_iter().filter(|asked| is_meant(&asked.worker)).collect();
    starts.into_iter().map(Ok).chain(end(&folder, meant)).collect()
}

/// Makes room for one more worker among so many: those that do not answer lose their roots first (once: those that
/// have lost them before count until they are gone, as do those that retire), then
/// those stop that have had nothing to do for the longest time. Those that are being started count too, but not the
/// one at `key` itself, for which this is. Returns whether there is room.
pub fn make_room(folder: &Folder, key: &str, most: usize) -> bool {
    let keys = folder.sockets();
    let starts = folder.starts().into_iter();
    let starts = starts.filter(|start| start != key && !keys.contains(start));
    let starting = starts.filter(|start| is_starting(folder, start)).count();
    let wanted = keys.len() + starting + 1;
    let Some(surplus) = wanted.checked_sub(most).filter(|surplus| *surplus > 0) else {
        return true;
    };
    let (answered, stuck): (Vec<_>, Vec<_>) =
        ask(folder, keys, STATUS).into_iter().partition(|asked| asked.has_answered);
    let losing: Vec<_> = stuck.iter().filter(|asked| !is_aside(&asked.key)).collect();
    for asked in &losing {
        folder.set_aside(&asked.key, asked.holder);
    }
    let is_idle = |worker: &Listed| worker.running == Some(0) && worker.waiting == Some(0);
    let mut idle: Vec<_> = answered.into_iter().filter(|asked| is_idle(&asked.worker)).collect();
    idle.sort_by_key(|asked| std::cmp::Reverse(asked.worker.idle));
    idle.truncate(surplus.saturating_sub(losing.len()));
    end(folder, idle);
    (folder.sockets().len() + starting).saturating_sub(losing.len()) < most
}

/// The folder, if it is there.
fn open(path: &Path) -> Result<Option<Folder>, Error> {
    match Folder::open_existing(path) {
        Ok(folder) => Ok(Some(folder)),
        Err(ColdReason::Folder { .. }) if !path.exists() => Ok(None),
        Err(cold) => Err(Error::Workers(cold.to_string())),
    }
}

/// Waits for starts that are under way, so that they end with the others, and kills those that hang; these.
fn end_starts(folder: &Folder, is_meant: impl Fn(&Listed) -> bool) -> Vec<Listed> {
    let until = Instant::now() + LONGEST_START;
    let mut ended = Vec::new();
    for key in folder.starts() {
        while let Some(worker) = starting(folder, &key).filter(&is_meant) {
            let process = worker.pid.map(WorkerProcess::new);
            if worker.state == STUCK || Instant::now() >= until {
                if process.is_some_and(|process| process.kill() && process.has_ended(deadline())) {
                    let _ = fs::remove_file(folder.entry(&start_name(&key)));
                    ended.push(worker);
                }
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    ended
}

/// Lets a worker that could not start be tried again, unless that is being done.
fn forget_failure(folder: &Folder, key: &str) {
    let file = folder.entry(&start_name(key));
    if let Ok(Some(_lock)) = Lock::try_for(&file, LockMode::Exclusive) {
        let _ = fs::remove_file(file);
    }
}

/// A start that is under way, and what its process' words tell of it.
fn starting(folder: &Folder, key: &str) -> Option<Listed> {
    if !is_starting(folder, key) {
        return None;
    }
    let told = StartRecord::of(folder, key);
    let state = if told.age > HANGS_AFTER { STUCK } else { "starting" };
    let worker = named(told.pid).unwrap_or_else(|| Listed::unanswering(&told.project, state));
    Some(Listed { state: state.into(), ..worker })
}

/// What a start's file tells, unless it is long ago: that is cleared.
fn started(folder: &Folder, key: &str) -> Option<Listed> {
    if let Some(worker) = starting(folder, key) {
        return Some(worker);
    }
    if let Some(ColdReason::Unfit(why)) = why_unfit(folder, key) {
        let project = StartRecord::of(folder, key).project;
        return Some(Listed::unanswering(&project, &format!("unfit: {why} ({TRY_AT_ONCE})")));
    }
    forget_failure(folder, key);
    None
}

/// Ends workers: by word, or those that do not answer by force; what became of each. Their jobs go on.
fn end(folder: &Folder, workers: Vec<PolledWorker>) -> Vec<Result<Listed, Error>> {
    let (answered, mut stuck): (Vec<_>, Vec<_>) =
        workers.into_iter().partition(|asked| asked.has_answered);
    let keys = answered.iter().map(|asked| asked.key.clone());
    let (told, silent): (Vec<_>, Vec<_>) =
        ask(folder, keys, STOP).into_iter().partition(|asked| asked.has_answered);
    stuck.extend(silent);
    for asked in &stuck {
        if let Some(process) = &asked.process {
            process.kill();
        }
    }
    let until = deadline();
    let ended = told.into_iter().chain(stuck).map(|asked| {
        let has_jobs = asked.worker.running.unwrap_or_default() > 0;
        let is_gone = asked.process.is_some_and(|process| process.has_ended(until));
        if !asked.has_answered {
            // One that is there still stays in the list.
            if is_gone {
                folder.clear(&asked.key);
            } else {
                folder.set_aside(&asked.key, asked.holder);
            }
        }
        if has_jobs || is_gone {
            return Ok(asked.worker);
        }
        let Listed { pid, project, .. } = asked.worker;
        Err(Error::WorkerNotStopped { worker: pid.unwrap_or_default(), project })
    });
    ended.collect()
}
