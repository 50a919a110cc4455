//! Becomes Python: the only code that starts a program.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use std::convert::Infallible;

use crate::error::Error;
use crate::plan::LaunchPlan;

/// Becomes the plan's Python. Only failure returns.
pub fn become_python(plan: &LaunchPlan) -> Result<Infallible, Error> {
    system::become_python(plan)
}
