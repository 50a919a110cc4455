//! The process boundary: capture, decide, become Python, or answer.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use sgtk_python::cli::{Format, ListFormat};
use sgtk_python::disk::Reason;
use sgtk_python::doctor;
use sgtk_python::error::{Code, Error};
use sgtk_python::exec::become_python;
use sgtk_python::explain::explain;
use sgtk_python::finding::index::Index;
use sgtk_python::finding::places::Places;
use sgtk_python::finding::scan::Scan;
use sgtk_python::finding::scan_and_keep;
use sgtk_python::inputs::{Inputs, terminal_width};
use sgtk_python::listing::{self, listed};
use sgtk_python::plan::{LaunchPlan, Situation, plan};
use sgtk_python::request::{Action, Request};
use sgtk_python::select::select;
use sgtk_python::settings::Settings;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| report(&error))
}

fn run() -> Result<ExitCode> {
    let inputs = Inputs::capture();
    let request = Request::parse(&inputs)?;
    if let Action::Print(text) = &request.action {
        return print(text);
    }
    let settings = Settings::read(&inputs)?;
    let places = Places::new(&settings, &inputs)?;
    let situation =
        Situation { request: &request, settings: &settings, places: &places, inputs: &inputs };
    let plan =
        || -> Result<LaunchPlan, Error> { plan(select(&request, &places, &inputs)?, &situation) };
    match request.action {
        Action::List(format) => list(format, &situation),
        Action::Doctor(format) => examine(format, &situation),
        Action::Explain(format) => {
            print(&explain(&plan()?, format).context("the plan cannot be written as JSON")?)
        }
        Action::Launch | Action::Print(_) => launch(&plan()?),
    }
}

fn launch(plan: &LaunchPlan) -> Result<ExitCode> {
    for warning in &plan.warnings {
        say(&format!("warning: {warning}"));
    }
    match become_python(plan, &[])? {}
}

fn list(format: ListFormat, situation: &Situation) -> Result<ExitCode> {
    let list = listed(&scan(situation), situation);
    let text = listing::print(&list, situation.places, format, terminal_width());
    print(&text.context("the list cannot be written as JSON")?)
}

/// Examines all projects that are here, or the one that was chosen.
fn examine(format: Format, situation: &Situation) -> Result<ExitCode> {
    let Situation { request, places, inputs, .. } = situation;
    let chosen = if request.choices.is_empty() {
        None
    } else {
        match select(request, places, inputs) {
            Ok(selection) => Some(selection.config.path),
            // That is a fault to be told with all others.
            Err(Error::Ambiguous { .. }) => None,
            Err(error) => return Err(error.into()),
        }
    };
    let show_progress = stderr().is_terminal();
    let progress = |done: usize, all: usize| {
        if show_progress {
            let _ = write!(stderr(), "\r\x1b[Kasked {done} of {all} Pythons");
        }
    };
    let diagnosis = doctor::examine(&scan(situation), chosen.as_deref(), situation, &progress);
    if show_progress {
        let _ = write!(stderr(), "\r\x1b[K");
    }
    print(&diagnosis.print(format).context("the diagnosis cannot be written as JSON")?)?;
    Ok(if diagnosis.is_well() { ExitCode::SUCCESS } else { ExitCode::from(Code::Broken as u8) })
}

fn scan(situation: &Situation) -> Scan {
    let Situation { places, inputs, .. } = situation;
    scan_and_keep(places, &inputs.variables, &Index::of(places, inputs))
}

/// Prints an answer. A reader that has seen enough and left is no failure.
fn print(text: &str) -> Result<ExitCode> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            bail!("cannot write to standard output: {}", Reason(&error))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn report(error: &anyhow::Error) -> ExitCode {
    let known = error.downcast_ref::<Error>();
    let hint = known.and_then(Error::hint).map(|hint| format!("\nhint: {hint}"));
    say(&format!("{error:#}{}", hint.unwrap_or_default()));
    ExitCode::from(known.map_or(Code::Usage, Error::code) as u8)
}

/// Says something on standard error, in one write, so that it stays whole in a log that many write to;
/// where standard error is closed there is nobody to tell.
fn say(text: &str) {
    let _ = stderr().write_all(format!("sgtk-python: {text}\n").as_bytes());
}
