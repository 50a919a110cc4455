//! Keeps others away from a project's configuration while it is realised.

use super::{Bootstrap, try_for};
use crate::error::Error;
use crate::lock::{Holders, Lock};
use crate::site::Site;

/// What is held while a project's configuration is realised.
#[derive(Default)]
pub struct Realising {
    /// Against others that realise it, by another question.
    turn: Option<Lock>,
    /// Against jobs that run from it.
    jobs: Option<(i64, Lock)>,
    /// Whether there are jobs.
    pub busy: bool,
}

impl Realising {
    /// Holds the jobs of a project off.
    pub fn without_jobs(project_id: i64, jobs: Lock) -> Self {
        Realising { jobs: Some((project_id, jobs)), ..Realising::default() }
    }

    /// Holds others off, and marks that something was begun: whoever comes after a launch that was
    /// killed has to begin anew. Jobs that run already are not waited for.
    pub fn begin(
        &mut self,
        site: &Site,
        project_id: i64,
        bootstrap: &Bootstrap,
    ) -> Result<(), Error> {
        let turn = site.project_file(project_id, "turn");
        self.turn = Some(bootstrap.wait_for(&turn, Holders::One)?);
        let file = site.project_file(project_id, "lock");
        let mut jobs = match self.jobs.take() {
            Some((id, lock)) if id == project_id => lock,
            _ => {
                let alone = try_for(&file, Holders::One)?;
                self.busy = alone.is_none();
                alone.map_or_else(|| bootstrap.wait_for(&file, Holders::Many), Ok)?
            }
        };
        jobs.mark(true).map_err(|error| Error::unreachable(&file, error))?;
        self.jobs = Some((project_id, jobs));
        Ok(())
    }

    /// Lets others come: what was begun came to an end.
    pub fn end(self) {
        if let Some((_, mut jobs)) = self.jobs {
            let _ = jobs.mark(false);
        }
    }
}
