//! The process boundary: capture, decide, become Python, or answer.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use sgtk_python::bootstrap::{Asking, Progress, Settled, settle};
use sgtk_python::cli::{Format, ListFormat};
use sgtk_python::credentials::Credentials;
use sgtk_python::disk::Reason;
use sgtk_python::doctor::{self, Patient};
use sgtk_python::each;
use sgtk_python::error::{Code, Error};
use sgtk_python::exclusive;
use sgtk_python::exec::become_python;
use sgtk_python::exec::parent;
use sgtk_python::explain;
use sgtk_python::finding::index::Index;
use sgtk_python::finding::places::Places;
use sgtk_python::finding::scan::Scan;
use sgtk_python::finding::scan_all;
use sgtk_python::inputs::{Inputs, terminal_width};
use sgtk_python::listing::{self, listed};
use sgtk_python::plan::{LaunchPlan, plan};
use sgtk_python::request::{Action, Each, Request};
use sgtk_python::settings::Settings;
use sgtk_python::shim;
use sgtk_python::shown::Shown;
use sgtk_python::site::Site;
use sgtk_python::situation::Situation;
use sgtk_python::worker::roster::{self, Listed};
use sgtk_python::worker::{self, Outcome};

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
    let site = Site::of(&request, &settings, &inputs)?;
    let situation = Situation {
        request: &request,
        settings: &settings,
        places: &places,
        site: site.as_ref(),
        inputs: &inputs,
    };
    match &request.action {
        Action::List(format) => list(*format, &situation),
        Action::Doctor(format) => examine(*format, &situation),
        Action::Workers(format) => list_workers(*format, &inputs),
        Action::StopWorkers => stop_workers(&situation),
        Action::Each(each) => run_each(each, &situation),
        Action::MakeShim => make_shim(&situation),
        Action::Explain(format) => explain(*format, &situation),
        Action::Launch => launch(&situation),
        Action::Print(text) => print(text),
    }
}

fn launch(situation: &Situation) -> Result<ExitCode> {
    let Situation { request, inputs, .. } = *situation;
    if let Some(parent) = &inputs.parent {
        parent::end_with(parent);
    }
    let asking = if request.refresh { Asking::Anew } else { Asking::IfNeeded };
    let Settled { selection, mut locks } = settle(situation, asking, &show)?;
    let plan = plan(selection, situation)?;
    for warning in &plan.warnings {
        say(&format!("warning: {warning}"));
    }
    let exclusive = request.exclusive.map(|exclusive| exclusive::lock(&plan, exclusive, inputs));
    locks.extend(exclusive.transpose()?);
    let credentials = credentials(&plan, situation)?;
    if let Some(warm) = &plan.warm {
        match worker::run(&plan, &warm.value, credentials.as_ref(), &locks)? {
            Outcome::Ended(code) => return Ok(ExitCode::from(code)),
            Outcome::Cold(cold) if cold.is_a_fault() => say(&format!("warning: {cold}")),
            Outcome::Cold(_) => (),
        }
    }
    match become_python(plan, credentials.as_ref(), &locks)? {}
}

fn explain(format: Format, situation: &Situation) -> Result<ExitCode> {
    let asking = if situation.request.refresh { Asking::Anew } else { Asking::Never };
    let Settled { selection, .. } = settle(situation, asking, &show)?;
    let plan = plan(selection, situation)?;
    let text = explain::explain(&plan, credentials(&plan, situation)?.as_ref(), format);
    print(&text.context("the plan cannot be written as JSON")?)
}

/// Whom a plan's session acts as, if it has one.
fn credentials(plan: &LaunchPlan, situation: &Situation) -> Result<Option<Credentials>, Error> {
    match plan.session {
        Some(_) => Credentials::read(&plan.environment, situation.settings, situation.inputs),
        None => Ok(None),
    }
}

/// Runs the launcher for each project; fails if one of them did.
fn run_each(each: &Each, situation: &Situation) -> Result<ExitCode> {
    let Situation { request, places, inputs, .. } = situation;
    let launcher = inputs.place.launcher.as_deref().ok_or(Error::NoLauncher)?;
    let pipeline = request.pipeline.as_ref().map(|pipeline| pipeline.value.clone());
    let projects = each::projects(&scan(situation), each, pipeline, places)?;
    let outcomes = each::run(&projects, each, launcher);
    let _ = stderr().write_all(each::table(&outcomes).as_bytes());
    let failed = outcomes.iter().any(|outcome| outcome.failure.is_some());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Makes a Python for a project that is here, and tells where it is.
fn make_shim(situation: &Situation) -> Result<ExitCode> {
    let Situation { request, inputs, .. } = *situation;
    settle(situation, Asking::IfNeeded, &show)?;
    print(&format!("{}\n", Shown::new(&shim::make(request, inputs)?)))
}

const WAITING: &str = "waiting for another launch that realises the configuration";

/// Shows on a terminal why a launch takes its time; elsewhere that it waits, if that takes long.
fn show(progress: Progress) {
    let line = match progress {
        Progress::Waiting => WAITING.into(),
        Progress::StillWaiting => {
            if !stderr().is_terminal() {
                say(&format!("warning: {WAITING}"));
            }
            return;
        }
        Progress::At(part, message) => format!("{:3.0} % {}", part * 100.0, Shown::new(&message)),
        Progress::Over => String::new(),
    };
    show_line(&line);
}

/// Shows one line on standard error in the place of the last one, if somebody looks on.
fn show_line(line: &str) {
    if stderr().is_terminal() {
        let _ = write!(stderr(), "\r\x1b[K{line}");
    }
}

fn list_workers(format: Format, inputs: &Inputs) -> Result<ExitCode> {
    let list = roster::read(&inputs.workers_folder())?;
    print(&roster::print(&list, format).context("the workers cannot be written as JSON")?)
}

/// Stops all workers of this user, or those of the project that was chosen.
fn stop_workers(situation: &Situation) -> Result<ExitCode> {
    let Situation { request, inputs, .. } = *situation;
    let config = if request.choices.is_empty() {
        None
    } else {
        match settle(situation, Asking::Never, &show) {
            Ok(settled) => Some(settled.selection.config.path),
            // What was never realised was never launched.
            Err(error @ Error::NotRealised { .. }) => {
                say(&format!("warning: {error}"));
                return print("no workers\n");
            }
            Err(error) => return Err(error.into()),
        }
    };
    let stopped = roster::stop(&inputs.workers_folder(), config.as_deref())?;
    let line = |worker: &Listed| {
        let pid = worker.pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
        format!("stopped the worker of {}{pid}\n", Shown::new(&worker.project))
    };
    let none = if stopped.is_empty() { "no workers\n" } else { "" };
    print(&stopped.iter().map(line).chain([none.into()]).collect::<String>())
}

fn list(format: ListFormat, situation: &Situation) -> Result<ExitCode> {
    let list = listed(&scan(situation), situation);
    let text = listing::print(&list, situation.places, format, terminal_width());
    print(&text.context("the list cannot be written as JSON")?)
}

/// Examines all projects that are here, or the one that was chosen.
fn examine(format: Format, situation: &Situation) -> Result<ExitCode> {
    let patient = if situation.request.choices.is_empty() {
        Patient::All
    } else {
        match settle(situation, Asking::Never, &show) {
            Ok(settled) => Patient::Config(settled.selection.config.path),
            // That is a fault to be told with all others.
            Err(Error::Ambiguous { .. }) => Patient::All,
            Err(why @ Error::NotRealised { .. }) => Patient::NotHere(why),
            Err(error) => return Err(error.into()),
        }
    };
    let progress = |done: usize, all: usize| show_line(&format!("asked {done} of {all} Pythons"));
    let diagnosis = doctor::examine(&scan(situation), &patient, situation, &progress);
    show_line("");
    print(&diagnosis.print(format).context("the diagnosis cannot be written as JSON")?)?;
    Ok(if diagnosis.is_well() { ExitCode::SUCCESS } else { ExitCode::from(Code::Broken as u8) })
}

fn scan(situation: &Situation) -> Scan {
    let Situation { places, site, inputs, .. } = *situation;
    scan_all(places, site, &inputs.variables, &Index::of(places, inputs))
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
    say(&format!("error: {error:#}{}", hint.unwrap_or_default()));
    ExitCode::from(known.map_or(Code::Usage, Error::code) as u8)
}

/// Says something on standard error, in one write, so that it stays whole in a log that many write to;
/// where standard error is closed there is nobody to tell.
fn say(text: &str) {
    let _ = stderr().write_all(format!("sgtk-python: {text}\n").as_bytes());
}
