//! Gets the configuration of a project that is distributed: the one that was realised here, while it
//! is whole and young, else what the site answers. That is one question between choosing a project and
//! reading its configuration, asked rarely and by a Python of its own; what comes of it is an ordinary
//! configuration.
//!
//! One launch at a time asks a question, and one at a time realises a project's configuration; the
//! others use what it got. As long as Python runs it holds the project's lock together with all its
//! like, for realising moves the core aside under the feet of whoever imports it.

mod asking;
mod holding;
mod protocol;
mod question;
mod realising;

use std::io;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::lock::{Holders, Lock};
use crate::select::{Chosen, Distributed, Selection, agreed, select};
use crate::shown::Shown;
use crate::site::Site;
use crate::situation::Situation;

/// When to ask the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// Where nothing whole and young is here.
    IfNeeded,
    /// In any case.
    Anew,
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

/// The configuration that all choices came to, and the locks that Python has to hold.
pub struct Settled {
    /// The configuration.
    pub selection: Selection,
    /// The locks.
    pub locks: Vec<Lock>,
}

/// Chooses the project, and gets its configuration from the site if it is distributed.
pub fn settle(situation: &Situation, asking: Asking, progress: &Watch) -> Result<Settled, Error> {
    let Situation { request, places, site, inputs, settings } = *situation;
    // A site without a folder for its configurations is none.
    let not_asked = |here| match Site::host(settings, inputs).filter(|_| site.is_none()) {
        Some(host) => Error::NotAsked { here: Box::new(here), host: host.value },
        None => here,
    };
    let chosen = select(request, places, site, inputs).map_err(|error| match error {
        Error::UnknownProject { .. } | Error::UnknownId { .. } => not_asked(error),
        error => error,
    })?;
    let (mut selections, mut locks) = (Vec::new(), Vec::new());
    for chosen in chosen {
        match chosen {
            Chosen::Here(mut selection) => {
                if asking == Asking::Anew {
                    let config = Shown::new(&selection.config.path);
                    let what = format!(
                        "nothing to refresh, the configuration does not come from the site: {config}"
                    );
                    selection.warnings.push(what);
                }
                selections.push(selection);
            }
            Chosen::OnSite(distributed) => {
                let site = distributed.site;
                let bootstrap = Bootstrap { situation, site, distributed, progress };
                let (selection, lock) = bootstrap.settle(asking)?;
                selections.push(selection);
                locks.extend(lock);
            }
        }
    }
    Ok(Settled { selection: agreed(selections)?, locks })
}

/// One question to the site.
struct Bootstrap<'a> {
    situation: &'a Situation<'a>,
    site: &'a Site,
    distributed: Distributed<'a>,
    progress: &'a Watch,
}

/// Whoever waits for longer wants to know what for.
const PATIENCE: Duration = Duration::from_secs(5);

impl Bootstrap<'_> {
    /// Waits for a lock, and tells so if that takes time.
    pub fn wait_for(&self, path: &Path, holders: Holders) -> Result<Lock, Error> {
        if let Some(lock) = try_for(path, holders)? {
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
            let lock = Lock::wait_for(path, holders);
            drop(waiting);
            lock
        });
        progress(Progress::Over);
        lock.map_err(|error| uncached(path, error))
    }
}

/// A selection, and the lock that goes with it.
type Held = (Selection, Option<Lock>);

fn try_for(path: &Path, holders: Holders) -> Result<Option<Lock>, Error> {
    Lock::try_for(path, holders).map_err(|error| uncached(path, error))
}

fn uncached(path: &Path, source: io::Error) -> Error {
    Error::Cache { path: path.to_owned(), source }
}
