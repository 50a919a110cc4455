//! Keeps other launches and new jobs away from a project's configuration while this launch realises it.

use std::time::SystemTime;

use super::cache_lock::{cache_error, take, try_take};
use super::refresh::Watch;
use crate::error::Error;
use crate::lock::{Lock, LockMode};
use crate::site::{RealisedConfigs, SiteCache};

/// The locks of a launch that realises. None is held at first.
#[derive(Default)]
pub struct RealisingLock {
    /// Held against launches that realise for another query.
    turn: Option<Lock>,
    /// Held against new jobs of the project.
    jobs: Option<(i64, Lock)>,
    is_busy: bool,
    begun: Option<SystemTime>,
}

impl RealisingLock {
    /// Returns true if jobs ran from the configuration when realising began.
    pub fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Waits until no other launch realises the project's configuration.
    pub fn take_turn(
        &mut self,
        project_id: i64,
        cache: &SiteCache,
        watch: &Watch,
    ) -> Result<(), Error> {
        let file = cache.project_file(project_id, "turn");
        self.turn = Some(take(&file, LockMode::Exclusive, watch)?);
        Ok(())
    }

    /// Holds new jobs off, and returns true; false if jobs are running.
    pub fn hold_off_jobs(&mut self, project_id: i64, cache: &SiteCache) -> Result<bool, Error> {
        let jobs = try_take(&cache.project_file(project_id, "lock"), LockMode::Exclusive)?;
        self.jobs = jobs.map(|jobs| (project_id, jobs));
        Ok(self.jobs.is_some())
    }

    /// Holds new jobs off, and marks the lock: if this launch is killed, the next one must realise again. Does not
    /// wait for running jobs.
    pub fn begin(
        &mut self,
        project_id: i64,
        cache: &SiteCache,
        watch: &Watch,
    ) -> Result<(), Error> {
        let file = cache.project_file(project_id, "lock");
        self.is_busy = self.jobs.is_none() && !self.hold_off_jobs(project_id, cache)?;
        let mut jobs = match self.jobs.take() {
            Some((_, jobs)) => jobs,
            None => take(&file, LockMode::Shared, watch)?,
        };
        // Windows refuses to write to a file that others have locked too.
        if let Err(error) = jobs.mark()
            && !self.is_busy
        {
            return Err(cache_error(&file, error));
        }
        (self.jobs, self.begun) = (Some((project_id, jobs)), Some(SystemTime::now()));
        Ok(())
    }

    /// Releases the locks. The mark goes if the result is complete, or nothing was changed.
    pub fn end(self, is_complete: bool, realised: &RealisedConfigs) {
        let Some((project_id, mut jobs)) = self.jobs else { return };
        let is_touched = self.begun.is_some_and(|begun| realised.is_touched(project_id, begun));
        if is_complete || !is_touched {
            let _ = jobs.clear_mark();
        }
    }
}
