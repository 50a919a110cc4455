//! Hands the process over to Python.

use std::convert::Infallible;

use super::session::with_session;
#[cfg(unix)]
use super::unix as system;
#[cfg(windows)]
use super::windows as system;
use crate::error::Error;
use crate::lock::Lock;
use crate::plan::LaunchPlan;
use crate::site::Credentials;

/// Becomes the plan's Python, which holds the locks until it ends. A session, such as `--engine`, uses the credentials.
/// Returns only if it fails.
pub fn become_python(
    mut plan: LaunchPlan,
    credentials: Option<&Credentials>,
    locks: &[Lock],
) -> Result<Infallible, Error> {
    locks.iter().try_for_each(Lock::outlive_launch).map_err(Error::Handover)?;
    if let Some(session) = plan.session.take() {
        plan = with_session(plan, &session, credentials).map_err(Error::Handover)?;
    }
    system::become_python(&plan)
}
