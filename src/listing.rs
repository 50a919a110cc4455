//! Lists the projects that are here: each configuration with its names, core and Python, and whether it
//! would launch. What a launch would do is asked of the same code that launches.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use crate::cli::ListFormat;
use crate::error::Error;
use crate::finding::Found;
use crate::finding::places::Places;
use crate::finding::scan::{Scan, at_once};
use crate::origin::{Decided, Origin};
use crate::parallel::in_parallel;
use crate::plan::{LaunchPlan, plan};
use crate::select::Selection;
use crate::shown::{Shown, columns};
use crate::situation::Situation;
use crate::toolkit::core::{Core, Kind};
use crate::toolkit::metadata;

/// A configuration in the list; its fields are those of `--list=json`.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The name to choose it by.
    pub name: String,
    /// The project's id on the site.
    pub id: Option<i64>,
    /// The project's name on disk.
    pub project: Option<String>,
    /// The configuration's folder.
    pub config: String,
    /// The configuration's name, such as `Primary`.
    pub pipeline: Option<String>,
    /// How it comes by its core.
    pub core: Option<Kind>,
    /// The core's version.
    pub version: Option<String>,
    /// Its Python.
    pub python: Option<String>,
    /// Whether it would launch.
    pub launches: bool,
    /// Why not.
    pub problem: Option<String>,
}

/// What a launch of each configuration that was found would be, several at a time.
pub fn plans(scan: &Scan, situation: &Situation) -> Vec<Result<LaunchPlan, Error>> {
    in_parallel(at_once(scan.found.len()), &scan.found, |found| {
        let name = name_of(found, situation.places);
        let origin = Origin::Default("listed");
        let project = Decided::new(name.clone().into(), origin.clone());
        let path = found.path.clone();
        let mut selection = Selection::of(situation.places, project, path, origin);
        if found.realised.is_some() {
            (selection.realised, selection.known_as) = (found.realised, Some(name));
        }
        plan(selection, situation)
    })
}

/// The name by which a configuration can be chosen.
pub fn name_of(found: &Found, places: &Places) -> String {
    let project = found.metadata.project.clone().filter(|_| found.realised.is_some());
    project.unwrap_or_else(|| name_at(&found.path, places))
}

/// The same, of a folder that cannot be read.
pub fn name_at(path: &Path, places: &Places) -> String {
    places.known_as(path).unwrap_or_else(|| path.to_string_lossy().into_owned())
}

/// The list, by name.
pub fn listed(scan: &Scan, situation: &Situation) -> Vec<Listed> {
    // Many configurations share one core, whose version is in one file.
    let mut versions = HashMap::new();
    let mut version = |core: &Core| {
        let read = || metadata::version(core).ok().flatten();
        versions.entry(core.root.clone()).or_insert_with(read).clone()
    };
    let found = scan.found.iter().zip(plans(scan, situation));
    let mut list: Vec<Listed> = found
        .map(|(found, plan)| {
            let core = plan.as_ref().ok().map(|plan| &plan.core);
            let python = plan.as_ref().ok().map(|plan| &plan.interpreter.path);
            Listed {
                name: name_of(found, situation.places),
                id: found.metadata.project_id,
                project: found.metadata.project.clone(),
                config: found.path.to_string_lossy().into_owned(),
                pipeline: found.metadata.pipeline.clone(),
                core: core.map(|core| core.kind),
                version: core.and_then(&mut version),
                python: python.map(|path| path.to_string_lossy().into_owned()),
                launches: plan.is_ok(),
                problem: plan.err().map(|error| error.to_string()),
            }
        })
        .collect();
    list.sort_by(|one, other| (&one.name, &one.config).cmp(&(&other.name, &other.config)));
    list
}

/// The list as text with a line end, no line of the table wider than `width` characters.
pub fn print(
    list: &[Listed],
    places: &Places,
    format: ListFormat,
    width: Option<usize>,
) -> Result<String, serde_json::Error> {
    match format {
        ListFormat::Text if list.is_empty() => {
            let missing = |root: &Path| if root.is_dir() { "" } else { " (no such folder)" };
            let roots = places
                .roots
                .iter()
                .map(|root| format!("{}{}", Shown::new(&root.value), missing(&root.value)));
            Ok(format!("no projects below {}\n", roots.collect::<Vec<_>>().join(", ")))
        }
        ListFormat::Text => Ok(table(list, width)),
        ListFormat::Json => serde_json::to_string_pretty(list).map(|json| json + "\n"),
        ListFormat::Names => {
            let mut names: Vec<&str> = list.iter().map(|listed| listed.name.as_str()).collect();
            names.dedup();
            // A name with a line end or an escape in it could only be misread.
            let lines = names.into_iter().filter(|name| !name.contains(char::is_control));
            Ok(lines.flat_map(|name| [name, "\n"]).collect())
        }
    }
}

fn table(list: &[Listed], width: Option<usize>) -> String {
    let titles = ["NAME", "ID", "PIPELINE", "CORE", "PYTHON", "CONFIG"].map(String::from);
    let rows: Vec<[String; 6]> = std::iter::once(titles).chain(list.iter().map(row)).collect();
    let mut text = String::new();
    for line in columns(&rows) {
        let _ = writeln!(text, "{}", cut(&line, width));
    }
    for listed in list {
        if let Some(problem) = &listed.problem {
            let _ = writeln!(text, "{}: {problem}", Shown::new(&listed.name));
        }
    }
    text
}

fn row(listed: &Listed) -> [String; 6] {
    let core = match (&listed.core, &listed.version) {
        (Some(kind), Some(version)) => format!("{kind} {version}"),
        (Some(kind), None) => kind.to_string(),
        (None, _) => "broken".into(),
    };
    let shown = |text: &Option<String>| {
        text.as_ref().map_or("-".into(), |text| Shown::new(text).to_string())
    };
    [
        Shown::new(&listed.name).to_string(),
        listed.id.map_or_else(|| "-".into(), |id| id.to_string()),
        shown(&listed.pipeline),
        shown(&Some(core)),
        shown(&listed.python),
        Shown::new(&listed.config).to_string(),
    ]
}

fn cut(line: &str, width: Option<usize>) -> String {
    match width {
        Some(width) if line.chars().count() > width => {
            line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
        }
        _ => line.to_owned(),
    }
}
