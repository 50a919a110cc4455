//! The record of a worker's start, in a file beside the worker's socket.

use std::fs;
use std::io;
use std::time::Duration;

use super::cold_reason::ColdReason;
use super::folder::Folder;
use super::key::WorkerKey;
use crate::disk;
use crate::lock::{Lock, LockMode};

/// Reason recorded until the worker can write its own.
const SAID_NOTHING: &str = "its Python ended and gave no reason";

/// Pause before another start of a worker that gave a reason.
const RETRY_AFTER: Duration = Duration::from_secs(10 * 60);

/// Pause before another start of a worker that gave no reason: it may have been killed.
const RETRY_AFTER_NO_REASON: Duration = Duration::from_secs(10);

/// The record of a start: project, reason and process, with tabs between them. The file is locked while the
/// start lasts, and empty or gone after a start that succeeded.
pub struct StartRecord {
    pub project: String,
    /// The reason why there is no worker; empty without a record.
    pub reason: String,
    /// The process that becomes the worker.
    pub pid: Option<i32>,
    /// Time since the record was written.
    pub age: Duration,
}

impl StartRecord {
    /// Writes the record of a start that has no process yet.
    pub fn begin(folder: &Folder, key: &WorkerKey, project: &str) -> io::Result<()> {
        let mut file = disk::open_private(&folder.start_file(key))?;
        file.set_len(0)?;
        disk::write_all(&mut file, format!("{project}\t{SAID_NOTHING}").as_bytes())
    }

    pub fn read(folder: &Folder, key: &WorkerKey) -> Self {
        let file = folder.start_file(key);
        let text = disk::read(&file).ok().flatten().unwrap_or_default();
        Self::of_text(&text, disk::age(&file).unwrap_or_default())
    }

    pub fn of_text(text: &str, age: Duration) -> Self {
        let mut parts = text.splitn(3, '\t');
        StartRecord {
            project: parts.next().filter(|name| !name.is_empty()).unwrap_or("?").to_owned(),
            reason: parts.next().unwrap_or_default().to_owned(),
            pid: parts.next().and_then(|number| number.parse().ok()),
            age,
        }
    }
}

/// Returns whether a start is under way.
pub fn is_starting(folder: &Folder, key: &WorkerKey) -> bool {
    let file = folder.start_file(key);
    file.exists() && matches!(Lock::try_for(&file, LockMode::Exclusive), Ok(None))
}

/// Returns why the last start failed, until another start may be tried.
pub fn why_unfit(folder: &Folder, key: &WorkerKey) -> Option<ColdReason> {
    let StartRecord { reason, age, .. } = StartRecord::read(folder, key);
    let pause = if reason == SAID_NOTHING { RETRY_AFTER_NO_REASON } else { RETRY_AFTER };
    (!reason.is_empty() && age < pause).then_some(ColdReason::Unfit(reason))
}

/// Removes the record of a failed start, so that the next job may start a worker.
pub fn forget_failure(folder: &Folder, key: &WorkerKey) {
    let file = folder.start_file(key);
    if let Ok(Some(_lock)) = Lock::try_for(&file, LockMode::Exclusive) {
        let _ = fs::remove_file(file);
    }
}
