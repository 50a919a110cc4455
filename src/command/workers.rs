//! Lists this user's workers, and stops them.

use std::collections::BTreeMap;
use std::io::stdout;
use std::process::ExitCode;

use anyhow::Result;

use super::choose::choose;
use crate::bootstrap::Refresh;
use crate::cli::Format;
use crate::console::{self, Colour};
use crate::context::Context;
use crate::display::Printable;
use crate::error::Error;
use crate::worker::WorkerStatus;
use crate::worker::control;

pub fn list(format: Format, context: &Context) -> Result<ExitCode> {
    let workers = control::read(&context.inputs.workers_folder())?;
    let json = BTreeMap::from([("workers", &workers)]);
    console::print_answer(format, &json, || text(&workers, context.colour()))
}

/// Stops all workers of this user or, if a project was chosen, those of its configuration.
pub fn stop(context: &Context) -> Result<ExitCode> {
    let mut config = None;
    if !context.request.choices.is_empty() {
        match choose(context, Refresh::Never) {
            Ok(chosen) => config = Some(chosen.selection.config.path),
            // A configuration that was never realised was never launched.
            Err(error @ Error::NotRealised { .. }) => {
                console::warn(&error.to_string(), context.colour());
                return console::print("no workers\n");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let stopped = control::stop(&context.inputs.workers_folder(), config.as_deref())?;
    if stopped.is_empty() {
        return console::print("no workers\n");
    }
    let mut lines = Vec::new();
    for worker in &stopped {
        let pid = worker.pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
        lines.push(format!("stopped the worker of {}{pid}\n", Printable::new(&worker.project)));
    }
    console::print(&lines.concat())
}

fn text(workers: &[WorkerStatus], colour: Colour) -> String {
    if workers.is_empty() {
        return "no workers\n".into();
    }
    let titles = ["PROJECT", "PID", "AGE", "DONE", "RUNNING", "MIB", "STATE", "CORE"];
    let mut lines = console::table(titles, workers.iter().map(row).collect());
    for worker in workers {
        // A state with a reason does not fit into its column.
        if worker.state.contains(':') {
            let (project, state) = (Printable::new(&worker.project), Printable::new(&worker.state));
            lines.push(format!("{project} is {state}"));
        }
    }
    colour.paint_head(&(lines.join("\n") + "\n"), &stdout())
}

fn row(worker: &WorkerStatus) -> [String; 8] {
    let state = worker.state.split(':').next().unwrap_or_default();
    [
        Printable::new(&worker.project).to_string(),
        worker.pid.map_or_else(|| "-".into(), |pid| pid.to_string()),
        number(worker.age_s),
        number(worker.done),
        number(worker.running),
        number(worker.memory_kib.map(|kib| kib / 1024)),
        Printable::new(state).to_string(),
        Printable::new(worker.core.as_deref().unwrap_or("-")).to_string(),
    ]
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "-".into(), |number| number.to_string())
}
