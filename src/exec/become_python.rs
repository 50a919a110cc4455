//! Hands the process over to Python.

use std::convert::Infallible;

use log::debug;

use super::session::add_session;
#[cfg(unix)]
use super::unix as system;
#[cfg(windows)]
use super::windows as system;
use crate::display::Printable;
use crate::error::Error;
use crate::lock::Lock;
use crate::plan::LaunchPlan;
use crate::site::Credentials;
use crate::status::{How, Status};

/// Becomes the plan's Python, which holds the locks until it ends. A session, such as `--engine`, uses the credentials.
/// Returns only if it fails.
pub fn become_python(
    mut plan: LaunchPlan,
    credentials: Option<&Credentials>,
    locks: &[Lock],
) -> Result<Infallible, Error> {
    locks.iter().try_for_each(Lock::outlive_launch).map_err(Error::Handover)?;
    if let Some(session) = plan.session.take() {
        add_session(&mut plan, &session, credentials).map_err(Error::Handover)?;
    }
    debug!("becomes {}", Printable::new(&plan.interpreter.path));
    Status::Started(How::Plain).write();
    system::become_python(&plan)
}
