//! Becomes Python, starts one to ask it something, or runs the launcher itself for a project: the only
//! code that starts a program.

pub mod parent;
pub mod program;
pub mod relay;
mod session;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use std::convert::Infallible;
use std::process::Command;

use crate::environment::Environment;
use crate::error::Error;
use crate::interpreter::Interpreter;
use crate::lock::Lock;
use crate::plan::LaunchPlan;
use crate::site::credentials::Credentials;
use session::with_session;

pub use system::{end_group, lead_a_group};

/// Becomes the plan's Python, which holds these locks until it ends, and for a session acts as these
/// credentials. Only failure returns.
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

/// A Python as a child of the launcher, which has its environment and no words yet.
pub fn command(interpreter: &Interpreter, environment: &Environment) -> Command {
    #[expect(clippy::disallowed_methods, reason = "this is where Python starts")]
    let mut command = Command::new(&interpreter.path);
    command.env_clear().envs(environment.variables());
    command
}
