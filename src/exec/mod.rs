//! Becomes Python, or starts one to ask it something: the only code that starts a program.

pub mod conversation;
pub mod probe;
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
use crate::lock::Lock;
use crate::plan::LaunchPlan;
use crate::resolve::Interpreter;

/// Becomes the plan's Python, which holds these locks until it ends. Only failure returns.
pub fn become_python(plan: &LaunchPlan, locks: &[Lock]) -> Result<Infallible, Error> {
    for lock in locks {
        let failed =
            |source| Error::Exec { path: plan.interpreter.path.clone(), source, longest: None };
        lock.outlive_launch().map_err(failed)?;
    }
    system::become_python(plan)
}

/// A Python as a child of the launcher, which has its environment and no words yet.
fn command(interpreter: &Interpreter, environment: &Environment) -> Command {
    #[expect(clippy::disallowed_methods, reason = "this is where Python starts")]
    let mut command = Command::new(&interpreter.path);
    command.env_clear().envs(environment.variables());
    command
}
