//! Runs the launcher once for each project on this machine, several at once, and prints a table of the results.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::stderr;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use wildmatch::WildMatch;

use super::exclusive;
use super::missing::{self, LOST_ROOTS_FILE};
use crate::console::{self, Colour};
use crate::context::Context;
use crate::disk::IoMessage;
use crate::display::Printable;
use crate::error::Error;
use crate::exec::relay::relay;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::parallel::in_parallel;
use crate::request::Each;
use crate::table::{Row, Table};
use crate::toolkit::record::{ConfigName, ConfigRecord};

/// A column of the table.
const RESULT: usize = 2;

/// A run of the launcher for one project.
struct ProjectRun {
    /// The name to choose the project by.
    name: String,
    /// The launcher's options that choose the configuration; an error says why there is none.
    choice: Result<Vec<OsString>, String>,
}

struct RunResult {
    name: String,
    /// The reason why the run failed.
    failure: Option<String>,
    /// `None` if the run was not started.
    took: Option<Duration>,
}

/// Runs the launcher once for each project. Prints a table of the results on a terminal, elsewhere only if a run failed: cron
/// mails what is printed. Fails if a run failed.
#[cold]
pub fn run(each: &Each, context: &Context) -> Result<ExitCode> {
    let launcher = context.inputs.location.launcher.as_deref().ok_or(Error::NoLauncher)?;
    if context.request.exclusive.is_some() {
        // Without it each run would fail.
        exclusive::folder(&context.inputs)?;
    }
    let runs = project_runs(&context.scan_all(), each, context)?;
    let widths = runs.iter().map(|run| Printable::new(&run.name).to_string().chars().count());
    let width = widths.max().unwrap_or_default();
    let started = AtomicUsize::new(0);
    let results = in_parallel(each.jobs, &runs, |run| {
        let number = started.fetch_add(1, Ordering::Relaxed) + 1;
        let place = format!("{number} of {}", runs.len());
        run_one(run, each, launcher, width, &place)
    });
    let has_failed = results.iter().any(|result| result.failure.is_some());
    if has_failed || console::is_interactive() {
        console::print_to_error(&text(&results, context.colour()));
    }
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Returns a run for each project that matches, by name: with its Primary, or the configuration that the
/// request names. An unreadable configuration counts as a failure, so that the caller notices it.
fn project_runs(scan: &Scan, each: &Each, context: &Context) -> Result<Vec<ProjectRun>, Error> {
    let Context { request, roots, .. } = context;
    let pattern = each.pattern.as_deref().map(WildMatch::new);
    let is_meant = |name: &str| pattern.as_ref().is_none_or(|pattern| pattern.matches(name));
    let config_name = match &request.config_name {
        Some(name) => ConfigName::Named(name.value.clone()),
        None => ConfigName::Primary,
    };
    let mut records = Vec::new();
    for record in &scan.records {
        // A configuration without a name is its project's only one, and so its Primary.
        let is_wanted = record.is_named(&config_name)
            || (config_name == ConfigName::Primary && record.metadata.config_name.is_none());
        if is_wanted && is_meant(&roots.name_of(record)) {
            records.push(record);
        }
    }
    let mut runs = with_configs(&records, &config_name, roots);
    for (path, fault) in &scan.faults {
        let name = roots.name_at(path);
        if is_meant(&name) && !records.iter().any(|record| record.path == *path) {
            runs.push(ProjectRun { name, choice: Err(fault.to_string()) });
        }
    }
    for folder in scan.without_roots_file() {
        let name = roots.name_at(folder);
        if is_meant(&name) {
            runs.push(ProjectRun { name, choice: Err(LOST_ROOTS_FILE.into()) });
        }
    }
    runs.sort_by(|one, other| one.name.cmp(&other.name));
    if runs.is_empty() {
        context.need_a_root()?;
    }
    missing::warn_of_roots(context);
    if runs.is_empty() {
        return Err(Error::NoneMatches {
            pattern: each.pattern.clone(),
            pipeline: request.config_name.as_ref().map(|name| name.value.clone()),
            roots: roots.folders.clone(),
        });
    }
    Ok(runs)
}

/// Returns the runs of configurations. Of several of one project none runs: a script may not bear to run twice
/// for a project.
fn with_configs(
    records: &[&ConfigRecord],
    config_name: &ConfigName,
    roots: &ConfigRoots,
) -> Vec<ProjectRun> {
    let mut configs: HashMap<_, Vec<&Path>> = HashMap::new();
    for record in records {
        if project_of(record).is_some() {
            configs.entry(project_of(record)).or_default().push(&record.path);
        }
    }
    let mut runs = Vec::new();
    for record in records {
        let configs = configs.get(&project_of(record));
        let other = configs.and_then(|paths| paths.iter().find(|path| **path != record.path));
        let choice = match other {
            Some(other) => Err(format!("same project as {}", Printable::new(other))),
            None => Ok(options(record, config_name)),
        };
        runs.push(ProjectRun { name: roots.name_of(record), choice });
    }
    runs
}

/// Returns the id and `tank_name` of a configuration's project.
fn project_of(record: &ConfigRecord) -> Option<(i64, &str)> {
    Some((record.metadata.project_id?, record.metadata.tank_name.as_deref()?))
}

/// Returns the options that choose a configuration: its folder or, for a realised one, the project's id, since
/// the site may describe another configuration by now.
fn options(record: &ConfigRecord, config_name: &ConfigName) -> Vec<OsString> {
    let (Some(id), Some(_)) = (record.metadata.project_id, record.realised) else {
        let mut option = OsString::from("--config=");
        option.push(&record.path);
        return vec![option];
    };
    let mut options = vec![format!("--project-id={id}").into()];
    if let ConfigName::Named(name) = config_name {
        options.push(format!("--pipeline={name}").into());
    }
    options
}

/// Runs the launcher for one project. A terminal shows that first: a script may be silent for a long time.
fn run_one(run: &ProjectRun, each: &Each, launcher: &Path, width: usize, place: &str) -> RunResult {
    let name = run.name.clone();
    let mut words = match &run.choice {
        Ok(options) => options.clone(),
        Err(why) => return RunResult { name, failure: Some(why.clone()), took: None },
    };
    words.extend_from_slice(&each.words);
    let prefix = format!("{:<width$} | ", Printable::new(&name).to_string());
    if console::is_interactive() {
        console::print_to_error(&format!("{prefix}started ({place})\n"));
    }
    let start = Instant::now();
    let failure = match relay(launcher, &words, &prefix, each.unbuffered) {
        Ok(status) if status.success() => None,
        Ok(status) => Some(failure_of(status)),
        Err(error) => Some(IoMessage(&error).to_string()),
    };
    RunResult { name, failure, took: Some(start.elapsed()) }
}

fn failure_of(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        // "signal: 9 (SIGKILL)"
        None => status.to_string().replacen(": ", " ", 1),
    }
}

fn text(results: &[RunResult], colour: Colour) -> String {
    let titles = ["PROJECT", "    TIME", "RESULT"];
    let table = Table::new(titles, results.iter().map(row).collect()).text(colour, &stderr());
    let all = results.len();
    let failed = results.iter().filter(|result| result.failure.is_some()).count();
    let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    format!("\n{table}{} of {all} succeeded{failures}\n", all - failed)
}

fn row(result: &RunResult) -> Row<3> {
    let took = match result.took {
        Some(took) => format!("{:.1} s", took.as_secs_f64()),
        None => "-".into(),
    };
    let name = Printable::new(&result.name).to_string();
    let end = result.failure.clone().unwrap_or_else(|| "ok".into());
    let bad = result.failure.is_some().then_some(RESULT);
    Row { cells: [name, format!("{took:>8}"), end], bad }
}
