//! Keeps others away from a project's configuration while it is realised.

use std::time::SystemTime;

use super::{Bootstrap, try_for, uncached};
use crate::error::Error;
use crate::lock::{Lock, LockMode};

/// What is held while a project's configuration is realised.
#[derive(Default)]
pub struct Realising {
    /// Against others that realise it, by another query.
    turn: Option<Lock>,
    /// Against jobs that run from it.
    jobs: Option<(i64, Lock)>,
    /// Whether there are jobs.
    busy: bool,
    /// When something was begun.
    begun: Option<SystemTime>,
}

impl Realising {
    /// Whether jobs were running when it began.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// Waits until nobody else realises a project's configuration.
    pub fn take_turn(&mut self, project_id: i64, bootstrap: &Bootstrap) -> Result<(), Error> {
        let turn = bootstrap.site.project_file(project_id, "turn");
        self.turn = Some(bootstrap.wait_for(&turn, LockMode::Exclusive)?);
        Ok(())
    }

    /// Holds the jobs of a project off, unless there are some.
    pub fn hold_off(&mut self, project_id: i64, bootstrap: &Bootstrap) -> Result<bool, Error> {
        let alone = try_for(&bootstrap.jobs_file(project_id), LockMode::Exclusive)?;
        self.jobs = alone.map(|jobs| (project_id, jobs));
        Ok(self.jobs.is_some())
    }

    /// Holds new jobs off, and marks that something was begun: whoever comes after a launch that was
    /// killed has to begin anew. Jobs that run already are not waited for.
    pub fn begin(&mut self, project_id: i64, bootstrap: &Bootstrap) -> Result<(), Error> {
        let file = bootstrap.jobs_file(project_id);
        self.busy = self.jobs.is_none() && !self.hold_off(project_id, bootstrap)?;
        let mut jobs = match self.jobs.take() {
            Some((_, jobs)) => jobs,
            None => bootstrap.wait_for(&file, LockMode::Shared)?,
        };
        match jobs.mark(true) {
            // Windows lets nobody write to what several hold.
            Err(_) if self.busy => {}
            marked => marked.map_err(|error| uncached(&file, error))?,
        }
        (self.jobs, self.begun) = (Some((project_id, jobs)), Some(SystemTime::now()));
        Ok(())
    }

    /// Lets others come. The mark goes if what was begun came to an end, or changed nothing.
    pub fn end(self, ended: bool, bootstrap: &Bootstrap) {
        let Some((project_id, mut jobs)) = self.jobs else { return };
        let is_touched = |begun| bootstrap.site.is_touched(project_id, begun);
        if ended || !self.begun.is_some_and(is_touched) {
            let _ = jobs.mark(false);
        }
    }
}
