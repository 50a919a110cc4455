//! Becomes the project's Python, or runs its program in the project's worker.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;

use super::exclusive;
use crate::bootstrap::{Progress, Refresh};
use crate::console;
use crate::context::Context;
use crate::display::Printable;
use crate::exec::{become_python, parent};
use crate::plan::plan;
use crate::project::{ChosenProject, choose_project};
use crate::worker::{self, WorkerOutcome};

pub fn run(context: &Context) -> Result<ExitCode> {
    let Context { request, inputs, .. } = context;
    if let Some(parent) = &inputs.parent {
        parent::end_with(parent);
    }
    let refresh = if request.refresh { Refresh::Always } else { Refresh::IfStale };
    let ChosenProject { selection, mut locks } = choose_project(context, refresh, &show_progress)?;
    let plan = plan(selection, context)?;
    for warning in &plan.warnings {
        console::warn(warning);
    }
    if let Some(exclusive) = request.exclusive {
        locks.push(exclusive::lock(&plan, exclusive, inputs)?);
    }
    let credentials = plan.credentials(context)?;
    if let Some(warm) = &plan.warm {
        match worker::run(&plan, &warm.value, credentials.as_ref(), &locks)? {
            WorkerOutcome::Ended(code) => return Ok(ExitCode::from(code)),
            WorkerOutcome::Cold(reason) if reason.is_a_fault() => {
                console::warn(&reason.to_string());
            }
            WorkerOutcome::Cold(_) => (),
        }
    }
    match become_python(plan, credentials.as_ref(), &locks)? {}
}

const WAITING: &str = "waiting for another launch that realises the configuration";

/// Shows on a terminal why a launch takes its time; elsewhere warns of a long wait.
pub fn show_progress(progress: Progress) {
    match progress {
        Progress::Waiting => console::show_progress(WAITING),
        Progress::StillWaiting if !std::io::stderr().is_terminal() => console::warn(WAITING),
        Progress::StillWaiting => (),
        Progress::At(part, message) => {
            console::show_progress(&format!("{:3.0} % {}", part * 100.0, Printable::new(&message)));
        }
        Progress::Over => console::show_progress(""),
    }
}
