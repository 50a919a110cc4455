//! Becomes the project's Python, or runs its program in the project's worker.

use std::process::ExitCode;

use anyhow::Result;
use log::debug;

use super::choose::choose;
use super::exclusive;
use crate::bootstrap::Refresh;
use crate::console::{self, Colour};
use crate::context::Context;
use crate::exec::{become_python, relay};
use crate::origin::Origin;
use crate::plan::plan;
use crate::project::ChosenProject;
use crate::status::Status;
use crate::worker::{self, ColdReason, WorkerOutcome};

#[inline(never)]
pub fn run(context: &Context) -> Result<ExitCode> {
    let Context { request, inputs, .. } = context;
    if let Some(parent) = &inputs.parent {
        relay::end_with(parent);
    }
    let refresh = if request.refresh { Refresh::Always } else { Refresh::IfStale };
    let ChosenProject { selection, mut locks } = choose(context, refresh)?;
    let mut plan = plan(selection, context)?;
    plan.make_images_ready();
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
            WorkerOutcome::Cold(reason) => report_cold(&reason, &warm.origin, context.colour()),
        }
    }
    match become_python(plan, credentials.as_ref(), &locks)? {}
}

/// Reports why a job runs plainly: to a caller that asked for the status, else to a person who typed `--warm`.
#[cold]
fn report_cold(reason: &ColdReason, origin: &Origin, colour: Colour) {
    let why = reason.to_string();
    debug!("the job runs plainly: {why}");
    Status::Cold { why: &why }.write();
    let is_awaited = *origin == Origin::Option("--warm") && !Status::is_asked_for();
    if is_awaited || reason.is_a_fault() {
        let warning = format!("the job runs plainly, not in a worker: {why}");
        console::warn_with_hint(&warning, reason.hint(), colour);
    }
}
