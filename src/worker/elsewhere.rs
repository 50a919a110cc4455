//! Where there are no workers: forking is unsafe after macOS' frameworks have loaded, and unknown to Windows.

use super::{Cold, Outcome};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::lock::Lock;
use crate::plan::{LaunchPlan, Warm};

/// Runs nothing: the plan has to be launched plainly.
pub fn run(
    _plan: &LaunchPlan,
    _warm: &Warm,
    _credentials: Option<&Credentials>,
    _locks: &[Lock],
) -> Result<Outcome, Error> {
    Ok(Outcome::Cold(Cold::NotHere))
}

/// Why a plan runs cold.
pub fn why_cold(
    _plan: &LaunchPlan,
    _warm: &Warm,
    _credentials: Option<&Credentials>,
) -> Option<Cold> {
    Some(Cold::NotHere)
}
