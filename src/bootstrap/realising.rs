//! Keeps others away from a project's configuration while it is realised.

use super::{Bootstrap, try_for};
use crate::error::Error;
use crate::lock::{Holders, Lock};

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

    /// Whether nobody can start a job.
    pub fn holds_jobs_off(&self) -> bool {
        self.jobs.is_some()
    }

    /// Waits until nobody else realises a project's configuration.
    pub fn take_turn(&mut self, project_id: i64, bootstrap: &Bootstrap) -> Result<(), Error> {
        let turn = bootstrap.site.project_file(project_id, "turn");
        self.turn = Some(bootstrap.wait_for(&turn, Holders::One)?);
        Ok(())
    }

    /// Holds new jobs off, and marks that something was begun: whoever comes after a launch that was
    /// killed has to begin anew. Jobs that run already are not waited for.
    pub fn begin(&mut self, project_id: i64, bootstrap: &Bootstrap) -> Result<(), Error> {
        let file = bootstrap.site.project_file(project_id, "lock");
        let mut jobs = match self.jobs.take() {
            Some((id, lock)) if id == project_id => lock,
            _ => {
                let alone = try_for(&file, Holders::One)?;
                self.busy = alone.is_none();
                alone.map_or_else(|| bootstrap.wait_for(&file, Holders::Many), Ok)?
            }
        };
        match jobs.mark(true) {
            // Windows lets nobody write to what several hold.
            Err(_) if self.busy => {}
            marked => marked.map_err(|error| Error::unreachable(&file, error))?,
        }
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
