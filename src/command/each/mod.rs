//! Runs the launcher once for each project that is here, some at once, and tells how that went.

mod table;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use wildmatch::WildMatch;

use crate::console;
use crate::context::Context;
use crate::disk::Reason;
use crate::display::Printable;
use crate::error::Error;
use crate::exec::relay::relay;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::parallel::in_parallel;
use crate::request::Each;
use crate::toolkit::record::{ConfigName, ConfigRecord};

use table::table;

/// A project, and the launcher's words that choose its configuration.
#[derive(Debug)]
pub struct Project {
    /// The name that it is chosen by.
    pub name: String,
    /// The words, or why there is no configuration to run with.
    pub choice: Result<Vec<OsString>, String>,
}

/// How the run for a project ended.
#[derive(Debug)]
pub struct Outcome {
    /// The project's name.
    pub name: String,
    /// What was wrong, if anything.
    pub failure: Option<String>,
    /// How long it took, if it was started.
    pub took: Option<Duration>,
}

/// The projects to run for: each by its one configuration of the wanted pipeline, or if none is wanted by
/// its Primary. One that cannot be read is among them, as a failure: nobody would miss it otherwise.
fn projects(
    scan: &Scan,
    each: &Each,
    pipeline: Option<String>,
    roots: &ConfigRoots,
) -> Result<Vec<Project>, Error> {
    let pattern = each.pattern.as_deref().map(WildMatch::new);
    let is_meant = |name: &str| pattern.as_ref().is_none_or(|pattern| pattern.matches(name));
    let wanted = pipeline.clone().map_or(ConfigName::Primary, ConfigName::Named);
    let runs = |found: &&ConfigRecord| {
        is_meant(&roots.name_of(found)) && (found.is_named(&wanted) || is_nameless(found, &wanted))
    };
    let found: Vec<&ConfigRecord> = scan.records.iter().filter(runs).collect();
    let faults = scan.faults.iter().filter(|(path, _)| is_meant(&roots.name_at(path)));
    let unread = faults.filter(|(path, _)| !found.iter().any(|found| found.path == *path));
    let unread = unread.map(|(path, why)| (path, why.to_string()));
    let unread = unread.map(|(path, why)| Project { name: roots.name_at(path), choice: Err(why) });
    let rivals = rivals(&found);
    let mut projects: Vec<Project> =
        found.iter().map(|found| project(found, &rivals, &wanted, roots)).chain(unread).collect();
    projects.sort_by(|one, other| one.name.cmp(&other.name));
    if projects.is_empty() {
        roots.need_a_root()?;
        let roots = roots.folders.clone();
        return Err(Error::NoneMatches { pattern: each.pattern.clone(), pipeline, roots });
    }
    Ok(projects)
}

/// Whether a configuration says nothing of what it is, and so is its project's only one.
fn is_nameless(found: &ConfigRecord, wanted: &ConfigName) -> bool {
    *wanted == ConfigName::Primary && found.metadata.config_name.is_none()
}

/// What tells one project from another: its id and its name.
type Identity<'a> = (i64, &'a str);

fn identity(found: &ConfigRecord) -> Option<Identity<'_>> {
    Some((found.metadata.project_id?, found.metadata.tank_name.as_deref()?))
}

/// The configurations of each project.
fn rivals<'a>(found: &[&'a ConfigRecord]) -> HashMap<Identity<'a>, Vec<&'a Path>> {
    let mut rivals: HashMap<_, Vec<_>> = HashMap::new();
    for found in found {
        if let Some(identity) = identity(found) {
            rivals.entry(identity).or_default().push(found.path.as_path());
        }
    }
    rivals
}

/// Of several configurations none is run, for a script may not bear to be run twice for a project.
fn project(
    found: &ConfigRecord,
    rivals: &HashMap<Identity, Vec<&Path>>,
    wanted: &ConfigName,
    roots: &ConfigRoots,
) -> Project {
    let all = identity(found).and_then(|identity| rivals.get(&identity));
    let other = all.and_then(|all| all.iter().find(|path| **path != found.path));
    let choice = match other {
        Some(other) => Err(format!("same project as {}", Printable::new(other))),
        None => Ok(choice(found, wanted)),
    };
    Project { name: roots.name_of(found), choice }
}

/// A configuration's folder stays what it is; of what was realised the site may have another by now.
fn choice(found: &ConfigRecord, wanted: &ConfigName) -> Vec<OsString> {
    let Some(id) = found.metadata.project_id.filter(|_| found.realised.is_some()) else {
        let mut option = OsString::from("--config=");
        option.push(&found.path);
        return vec![option];
    };
    let mut words = vec![format!("--project-id={id}").into()];
    if let ConfigName::Named(name) = wanted {
        words.push(format!("--pipeline={name}").into());
    }
    words
}

/// Runs the launcher once for each project, and prints a table of the results. Fails if one run failed.
pub fn run(each: &Each, context: &Context) -> Result<ExitCode> {
    let Context { request, roots, inputs, .. } = context;
    let launcher = inputs.place.launcher.as_deref().ok_or(Error::NoLauncher)?;
    let config_name = request.pipeline.as_ref().map(|name| name.value.clone());
    let projects = projects(&context.scan_all(), each, config_name, roots)?;
    let outcomes = run_all(&projects, each, launcher);
    console::print_below(&table(&outcomes));
    let failed = outcomes.iter().any(|outcome| outcome.failure.is_some());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs the launcher for each project, so many at once; the outcomes are in the projects' order.
fn run_all(projects: &[Project], each: &Each, launcher: &Path) -> Vec<Outcome> {
    let width = projects.iter().map(|p| Printable::new(&p.name).to_string().chars().count()).max();
    let width = width.unwrap_or_default();
    in_parallel(each.jobs, projects, |project| run_one(project, each, launcher, width))
}

fn run_one(project: &Project, each: &Each, launcher: &Path, width: usize) -> Outcome {
    let name = project.name.clone();
    let choice = match &project.choice {
        Ok(choice) => choice,
        Err(why) => return Outcome { name, failure: Some(why.clone()), took: None },
    };
    let words: Vec<OsString> = choice.iter().chain(&each.words).cloned().collect();
    let prefix = format!("{:<width$} | ", Printable::new(&name).to_string());
    let started = Instant::now();
    let failure = match relay(launcher, &words, &prefix, each.unbuffered) {
        Ok(status) if status.success() => None,
        Ok(status) => Some(table::ending(status)),
        Err(error) => Some(Reason(&error).to_string()),
    };
    Outcome { name, failure, took: Some(started.elapsed()) }
}
