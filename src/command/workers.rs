//! Lists this user's workers, and stops them.

use std::fmt::Write;
use std::io::stdout;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::choose::choose;
use crate::bootstrap::Refresh;
use crate::cli::Format;
use crate::console::{self, Colour};
use crate::context::Context;
use crate::display::Printable;
use crate::error::Error;
use crate::table::{Row, Table};
use crate::worker::control;
use crate::worker::{RecentJobs, WorkerStatus};

/// Columns of the table.
const PROJECT: usize = 0;
const STATE: usize = 6;
const CORE: usize = 7;

#[cold]
pub fn list(format: Format, context: &Context) -> Result<ExitCode> {
    let (workers, last_jobs) = control::read(&context.inputs.workers_folder())?;
    let text = || text(&workers, context.colour()) + &plain_runs(&last_jobs);
    console::print_answer(format, &Answer { workers: &workers, last_jobs: &last_jobs }, text)
}

/// The answer of `--workers=json`.
#[derive(Serialize)]
struct Answer<'a> {
    workers: &'a [WorkerStatus],
    last_jobs: &'a [RecentJobs],
}

/// Stops all workers of this user or, if a project was chosen, those of its configuration.
#[cold]
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

/// Returns the table of workers, and the reasons of those that are unfit.
pub fn text(workers: &[WorkerStatus], colour: Colour) -> String {
    if workers.is_empty() {
        return "no workers\n".into();
    }
    let titles = ["PROJECT", "PID", "AGE", "DONE", "RUNNING", "MEMORY", "STATE", "CORE"];
    let mut table = Table::new(titles, workers.iter().map(row).collect());
    table.narrow([PROJECT, CORE], console::terminal_width().unwrap_or(usize::MAX));
    let mut text = table.text(colour, &stdout());
    for worker in workers {
        // A state with a reason does not fit into its column.
        if worker.state.contains(':') {
            let (project, state) = (Printable::new(&worker.project), Printable::new(&worker.state));
            let _ = writeln!(text, "{project} is {state}");
        }
    }
    text
}

/// Returns how many of each configuration's last jobs ran plainly, and why.
pub fn plain_runs(last_jobs: &[RecentJobs]) -> String {
    let mut text = String::new();
    for RecentJobs { project, config, jobs, plain, reasons } in last_jobs {
        let namesakes = last_jobs.iter().filter(|other| other.project == *project).count();
        let mut name = Printable::new(project).to_string();
        if namesakes > 1 {
            let _ = write!(name, " ({})", Printable::new(config));
        }
        let _ = writeln!(text, "{name}: of the last {jobs} warm jobs, {plain} ran plainly");
        for reason in reasons {
            let _ = writeln!(text, "  {:>3}  {}", reason.jobs, Printable::new(&reason.why));
        }
    }
    text
}

fn row(worker: &WorkerStatus) -> Row<8> {
    let state = worker.state.split(':').next().unwrap_or_default();
    let is_bad = matches!(state, "stuck" | "unfit");
    let cells = [
        Printable::new(&worker.project).to_string(),
        worker.pid.map_or_else(|| "-".into(), |pid| pid.to_string()),
        worker.age_s.map_or_else(|| "-".into(), age),
        number(worker.done),
        number(worker.running),
        worker.memory_kib.map_or_else(|| "-".into(), |kib| format!("{} MiB", kib / 1024)),
        Printable::new(state).to_string(),
        Printable::new(worker.core.as_deref().unwrap_or("-")).to_string(),
    ];
    Row { cells, bad: is_bad.then_some(STATE) }
}

/// Returns a time in its largest unit that it fills.
fn age(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    match units.iter().find(|(length, _)| seconds >= *length) {
        Some((length, unit)) => format!("{} {unit}", seconds / length),
        None => format!("{seconds} s"),
    }
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "-".into(), |number| number.to_string())
}
