//! Gets the configuration of a project that is distributed: the one that was realised here, while it
//! is whole and young, else what the site answers. That is one query between choosing a project and
//! reading its configuration, asked rarely and by a Python of its own; what comes of it is an ordinary
//! configuration.
//!
//! One launch at a time asks a query, and one at a time realises a project's configuration; the
//! others use what it got. As long as Python runs it holds the project's lock together with all its
//! like, for realising moves the core aside under the feet of whoever imports it.

mod acquire;
mod protocol;
mod realising_lock;
mod refresh;
mod site_process;

use std::io;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::context::Context;
use crate::error::Error;
use crate::lock::{Lock, LockMode};
use crate::select::{Distributed, Selection};
use crate::site::Site;

/// When to ask the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Where nothing whole and young is here.
    IfStale,
    /// In any case.
    Always,
    /// Never: what is here has to do.
    Never,
}

/// What there is to tell while it takes its time.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Another launch realises it.
    Waiting,
    /// The same, for some time already.
    StillWaiting,
    /// How far it has come, from 0 to 1, and what it does.
    At(f64, String),
    /// It is done, or has failed.
    Over,
}

/// Who is told.
pub type Watch = dyn Fn(Progress) + Sync;

/// One query to the site.
pub struct Bootstrap<'a> {
    context: &'a Context,
    site: &'a Site,
    distributed: Distributed<'a>,
    progress: &'a Watch,
}

/// Whoever waits for longer wants to know what for.
const PATIENCE: Duration = Duration::from_secs(5);

impl<'a> Bootstrap<'a> {
    pub fn new(context: &'a Context, distributed: Distributed<'a>, progress: &'a Watch) -> Self {
        Bootstrap { context, site: distributed.site, distributed, progress }
    }

    /// Waits for a lock, and tells so if that takes time.
    pub fn wait_for(&self, path: &Path, mode: LockMode) -> Result<Lock, Error> {
        if let Some(lock) = try_for(path, mode)? {
            return Ok(lock);
        }
        let progress = self.progress;
        progress(Progress::Waiting);
        let (waiting, end) = mpsc::channel::<()>();
        let lock = thread::scope(|scope| {
            let tell = move || {
                if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    progress(Progress::StillWaiting);
                }
            };
            // Without a thread nobody is told.
            let _ = thread::Builder::new().spawn_scoped(scope, tell);
            let lock = Lock::wait_for(path, mode);
            drop(waiting);
            lock
        });
        progress(Progress::Over);
        lock.map_err(|error| uncached(path, error))
    }
}

/// A selection, and the lock that goes with it.
type Held = (Selection, Option<Lock>);

fn try_for(path: &Path, mode: LockMode) -> Result<Option<Lock>, Error> {
    Lock::try_for(path, mode).map_err(|error| uncached(path, error))
}

fn uncached(path: &Path, source: io::Error) -> Error {
    Error::Cache { path: path.to_owned(), source }
}
