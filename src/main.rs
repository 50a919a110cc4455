//! The process boundary: capture, decide, become Python.

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
use sgtk_python::inherit::inherit;
use sgtk_python::inputs::{Inputs, terminal_width};
use sgtk_python::listing::{self, listed};
use sgtk_python::plan::plan;
use sgtk_python::request::{Action, Request};
use sgtk_python::resolve::resolve;
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
    if let Action::List(format) = request.action {
        return list(format, &request, &settings, &places, &inputs);
    }
    if let Action::Doctor(format) = request.action {
        return examine(format, &request, &settings, &places, &inputs);
    }
    let selection = select(&request, &places, &inputs)?;
    let tables = settings.environment(selection.known_as.as_deref());
    let mut environment = inherit(inputs.variables, &request.environment, &tables);
    let resolution = resolve(&request, &settings, &inputs.place, &selection, &mut environment)?;
    let explaining = if let Action::Explain(format) = request.action { Some(format) } else { None };
    let plan = plan(&request, inputs.place, selection, resolution, environment)?;
    if let Some(format) = explaining {
        return print(&explain(&plan, format).context("the plan cannot be written as JSON")?);
    }
    for warning in &plan.warnings {
        say(&format!("warning: {warning}"));
    }
    match become_python(&plan)? {}
}

fn list(
    format: ListFormat,
    request: &Request,
    settings: &Settings,
    places: &Places,
    inputs: &Inputs,
) -> Result<ExitCode> {
    let scan = scan_and_keep(places, &inputs.variables, &Index::of(places, inputs));
    let list = listed(&scan, request, settings, places, inputs);
    let text = listing::print(&list, format, terminal_width());
    print(&text.context("the list cannot be written as JSON")?)
}

/// Examines all projects that are here, or the one that was chosen.
fn examine(
    format: Format,
    request: &Request,
    settings: &Settings,
    places: &Places,
    inputs: &Inputs,
) -> Result<ExitCode> {
    let scan = if request.choices.is_empty() {
        scan_and_keep(places, &inputs.variables, &Index::of(places, inputs))
    } else {
        Scan::of(&select(request, places, inputs)?.config.path, &inputs.variables)
    };
    let show_progress = stderr().is_terminal();
    let progress = |done: usize, all: usize| {
        if show_progress {
            let _ = write!(stderr(), "\r\x1b[Kasked {done} of {all} Pythons");
        }
    };
    let diagnosis = doctor::examine(&scan, request, settings, places, inputs, &progress);
    if show_progress {
        let _ = write!(stderr(), "\r\x1b[K");
    }
    print(&diagnosis.print(format).context("the diagnosis cannot be written as JSON")?)?;
    Ok(if diagnosis.is_well() { ExitCode::SUCCESS } else { ExitCode::from(Code::Broken as u8) })
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
