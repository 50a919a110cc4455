//! Systems without workers: forking is unsafe after macOS' frameworks have loaded, and Windows has no fork.

use super::cold_reason::{ColdReason, WorkerOutcome};
use crate::error::Error;
use crate::lock::Lock;
use crate::plan::{LaunchPlan, Warm};
use crate::site::Credentials;

pub fn run(
    _plan: &LaunchPlan,
    _warm: &Warm,
    _credentials: Option<&Credentials>,
    _locks: &[Lock],
) -> Result<WorkerOutcome, Error> {
    Ok(WorkerOutcome::Cold(ColdReason::NotHere))
}

pub fn why_cold(
    _plan: &LaunchPlan,
    _warm: &Warm,
    _credentials: Option<&Credentials>,
) -> Option<ColdReason> {
    Some(ColdReason::NotHere)
}

pub mod control {
    //! No workers to list or stop.

    use std::path::Path;

    use crate::error::Error;
    use crate::worker::worker_status::{RecentJobs, WorkerStatus};

    pub fn read(_folder: &Path) -> Result<(Vec<WorkerStatus>, Vec<RecentJobs>), Error> {
        Ok((Vec::new(), Vec::new()))
    }

    pub fn stop(_folder: &Path, _config: Option<&Path>) -> Result<Vec<WorkerStatus>, Error> {
        Ok(Vec::new())
    }
}
