//! Takes the locks below the site's folder.

use std::io;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::refresh::{Progress, Watch};
use crate::error::Error;
use crate::lock::{Lock, LockMode};

/// Wait after which `StillWaiting` is reported.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes a lock; `None` if another process holds it.
pub fn try_take(path: &Path, mode: LockMode) -> Result<Option<Lock>, Error> {
    Lock::try_for(path, mode).map_err(|source| cache_error(path, source))
}

/// Waits for a lock, and reports the wait.
pub fn take(path: &Path, mode: LockMode, watch: &Watch) -> Result<Lock, Error> {
    if let Some(lock) = try_take(path, mode)? {
        return Ok(lock);
    }
    watch(Progress::Waiting);
    let (waiting, end) = mpsc::channel::<()>();
    let lock = thread::scope(|scope| {
        // Without a thread the long wait is not reported.
        let _ = thread::Builder::new().spawn_scoped(scope, move || {
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                watch(Progress::StillWaiting);
            }
        });
        let lock = Lock::wait_for(path, mode);
        drop(waiting);
        lock
    });
    watch(Progress::Over);
    lock.map_err(|source| cache_error(path, source))
}

pub fn cache_error(path: &Path, source: io::Error) -> Error {
    Error::Cache { path: path.to_owned(), source }
}
