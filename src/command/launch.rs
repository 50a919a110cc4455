//! Becomes the project's Python, or runs its program in the project's worker.

use std::process::ExitCode;

use anyhow::Result;

use super::choose::choose;
use super::exclusive;
use crate::bootstrap::Refresh;
use crate::console;
use crate::context::Context;
use crate::exec::{become_python, relay};
use crate::plan::plan;
use crate::project::ChosenProject;
use crate::worker::{self, WorkerOutcome};

pub fn run(context: &Context) -> Result<ExitCode> {
    let Context { request, inputs, .. } = context;
    if let Some(parent) = &inputs.parent {
        relay::end_with(parent);
    }
    let refresh = if request.refresh { Refresh::Always } else { Refresh::IfStale };
    let ChosenProject { selection, mut locks } = choose(context, refresh)?;
    let plan = plan(selection, context)?;
    for warning in &plan.warnings {
        console::warn(warning, context.colour());
    }
    if let Some(exclusive) = request.exclusive {
        locks.push(exclusive::lock(&plan, exclusive, inputs)?);
    }
    let credentials = plan.credentials(context)?;
    if let Some(warm) = &plan.warm {
        match worker::run(&plan, &warm.value, credentials.as_ref(), &locks)? {
            WorkerOutcome::Ended(code) => return Ok(ExitCode::from(code)),
            WorkerOutcome::Cold(reason) if reason.is_a_fault() => {
                console::warn(&reason.to_string(), context.colour());
            }
            WorkerOutcome::Cold(_) => (),
        }
    }
    match become_python(plan, credentials.as_ref(), &locks)? {}
}
