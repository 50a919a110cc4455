//! Lists this user's workers, and stops them.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::launch::show_progress;
use crate::bootstrap::Refresh;
use crate::cli::Format;
use crate::console;
use crate::context::Context;
use crate::display::Printable;
use crate::error::Error;
use crate::project::choose_project;
use crate::worker::WorkerStatus;
use crate::worker::control;

/// The answer of `--workers=json`.
#[derive(Serialize)]
struct WorkerList<'a> {
    format: u8,
    workers: &'a [WorkerStatus],
}

pub fn list(format: Format, context: &Context) -> Result<ExitCode> {
    let workers = control::read(&context.inputs.workers_folder())?;
    match format {
        Format::Json => console::print_json(&WorkerList { format: 1, workers: &workers }),
        Format::Text if workers.is_empty() => console::print("no workers\n"),
        Format::Text => console::print(&table(&workers)),
    }
}

/// Stops all workers of this user or, if a project was chosen, those of its configuration.
pub fn stop(context: &Context) -> Result<ExitCode> {
    let mut config = None;
    if !context.request.choices.is_empty() {
        match choose_project(context, Refresh::Never, &show_progress) {
            Ok(chosen) => config = Some(chosen.selection.config.path),
            // A configuration that was never realised was never launched.
            Err(error @ Error::NotRealised { .. }) => {
                console::warn(&error.to_string());
                return console::print("no workers\n");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let stopped = control::stop(&context.inputs.workers_folder(), config.as_deref())?;
    if stopped.is_empty() {
        return console::print("no workers\n");
    }
    let mut text = String::new();
    for worker in &stopped {
        let pid = worker.pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
        let project = Printable::new(&worker.project);
        let _ = writeln!(text, "stopped the worker of {project}{pid}");
    }
    console::print(&text)
}

fn table(workers: &[WorkerStatus]) -> String {
    let titles = ["PROJECT", "PID", "AGE", "DONE", "RUNNING", "MIB", "STATE", "CORE"];
    let mut rows = vec![titles.map(String::from)];
    rows.extend(workers.iter().map(row));
    let mut lines = console::columns(&rows);
    // A state with a reason does not fit into its column.
    for worker in workers.iter().filter(|worker| worker.state.contains(':')) {
        let (project, state) = (Printable::new(&worker.project), Printable::new(&worker.state));
        lines.push(format!("{project} is {state}"));
    }
    lines.join("\n") + "\n"
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
