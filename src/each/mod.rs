//! Runs the launcher once for each project that is here, some at once, and tells how that went.

mod table;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use wildmatch::WildMatch;

use crate::disk::Reason;
use crate::error::Error;
use crate::exec::relay::relay;
use crate::finding::places::Places;
use crate::finding::scan::Scan;
use crate::finding::{Found, Pipeline};
use crate::listing::{name_at, name_of};
use crate::parallel::in_parallel;
use crate::request::Each;
use crate::shown::Shown;

pub use table::table;

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
pub fn projects(
    scan: &Scan,
    each: &Each,
    pipeline: Option<String>,
    places: &Places,
) -> Result<Vec<Project>, Error> {
    let pattern = each.pattern.as_deref().map(WildMatch::new);
    let is_meant = |name: &str| pattern.as_ref().is_none_or(|pattern| pattern.matches(name));
    let wanted = pipeline.clone().map_or(Pipeline::Primary, Pipeline::Named);
    let runs = |found: &&Found| {
        is_meant(&name_of(found, places))
            && (found.is_pipeline(&wanted) || is_nameless(found, &wanted))
    };
    let found: Vec<&Found> = scan.found.iter().filter(runs).collect();
    let faults = scan.faults.iter().filter(|(path, _)| is_meant(&name_at(path, places)));
    let unread = faults.filter(|(path, _)| !found.iter().any(|found| found.path == *path));
    let unread = unread.map(|(path, why)| (path, why.to_string()));
    let unread =
        unread.map(|(path, why)| Project { name: name_at(path, places), choice: Err(why) });
    let rivals = rivals(&found);
    let mut projects: Vec<Project> =
        found.iter().map(|found| project(found, &rivals, &wanted, places)).chain(unread).collect();
    projects.sort_by(|one, other| one.name.cmp(&other.name));
    if projects.is_empty() {
        places.need_a_root()?;
        let roots = places.roots.clone();
        return Err(Error::NoneMatches { pattern: each.pattern.clone(), pipeline, roots });
    }
    Ok(projects)
}

/// Whether a configuration says nothing of what it is, and so is its project's only one.
fn is_nameless(found: &Found, wanted: &Pipeline) -> bool {
    *wanted == Pipeline::Primary && found.metadata.pipeline.is_none()
}

/// What tells one project from another: its id and its name.
type Identity<'a> = (i64, &'a str);

fn identity(found: &Found) -> Option<Identity<'_>> {
    Some((found.metadata.project_id?, found.metadata.project.as_deref()?))
}

/// The configurations of each project.
fn rivals<'a>(found: &[&'a Found]) -> HashMap<Identity<'a>, Vec<&'a Path>> {
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
    found: &Found,
    rivals: &HashMap<Identity, Vec<&Path>>,
    wanted: &Pipeline,
    places: &Places,
) -> Project {
    let all = identity(found).and_then(|identity| rivals.get(&identity));
    let other = all.and_then(|all| all.iter().find(|path| **path != found.path));
    let choice = match other {
        Some(other) => Err(format!("same project as {}", Shown::new(other))),
        None => Ok(choice(found, wanted)),
    };
    Project { name: name_of(found, places), choice }
}

/// A configuration's folder stays what it is; of what was realised the site may have another by now.
fn choice(found: &Found, wanted: &Pipeline) -> Vec<OsString> {
    let Some(id) = found.metadata.project_id.filter(|_| found.realised.is_some()) else {
        let mut option = OsString::from("--config=");
        option.push(&found.path);
        return vec![option];
    };
    let mut words = vec![format!("--project-id={id}").into()];
    if let Pipeline::Named(name) = wanted {
        words.push(format!("--pipeline={name}").into());
    }
    words
}

/// Runs the launcher for each project, so many at once; the outcomes are in the projects' order.
pub fn run(projects: &[Project], each: &Each, launcher: &Path) -> Vec<Outcome> {
    let width = projects.iter().map(|p| Shown::new(&p.name).to_string().chars().count()).max();
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
    let prefix = format!("{:<width$} | ", Shown::new(&name).to_string());
    let started = Instant::now();
    let failure = match relay(launcher, &words, &prefix, each.unbuffered) {
        Ok(status) if status.success() => None,
        Ok(status) => Some(table::ending(status)),
        Err(error) => Some(Reason(&error).to_string()),
    };
    Outcome { name, failure, took: Some(started.elapsed()) }
}
