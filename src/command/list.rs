//! Lists the projects that are here: each configuration with its names, core and Python, and whether it
//! would launch. What a launch would do is asked of the same code that launches.

use std::collections::HashMap;
use std::fmt::Write;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use crate::cli::ListFormat;
use crate::console::{self, columns};
use crate::context::Context;
use crate::display::Printable;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::plan::plan_all;
use crate::toolkit::core::{Core, CoreKind};
use crate::toolkit::metadata;

/// A configuration in the list; its fields are those of `--list=json`.
#[derive(Debug, Serialize)]
pub struct ListedProject {
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
    pub core: Option<CoreKind>,
    /// The core's version.
    pub version: Option<String>,
    /// Its Python.
    pub python: Option<String>,
    /// Whether it would launch.
    pub launches: bool,
    /// Why not.
    pub problem: Option<String>,
}

/// Lists the projects that a scan finds. Prints them in the request's format.
pub fn run(format: ListFormat, context: &Context) -> Result<ExitCode> {
    let list = listed(&context.scan_all(), context);
    match format {
        ListFormat::Json => console::print_json(&ProjectList { format: 1, projects: &list }),
        ListFormat::Names => console::print(&names(&list)),
        ListFormat::Text if list.is_empty() => console::print(&empty(&context.roots)),
        ListFormat::Text => console::print(&table(&list, console::terminal_width())),
    }
}

/// The answer of `--list=json`.
#[derive(Serialize)]
struct ProjectList<'a> {
    format: u8,
    projects: &'a [ListedProject],
}

/// The list, by name.
pub fn listed(scan: &Scan, context: &Context) -> Vec<ListedProject> {
    // Many configurations share one core, whose version is in one file.
    let mut versions = HashMap::new();
    let mut version = |core: &Core| {
        let read = || metadata::version(core).ok().flatten();
        versions.entry(core.root.clone()).or_insert_with(read).clone()
    };
    let found = scan.records.iter().zip(plan_all(scan, context));
    let mut list: Vec<ListedProject> = found
        .map(|(found, plan)| {
            let core = plan.as_ref().ok().map(|plan| &plan.core);
            let python = plan.as_ref().ok().map(|plan| &plan.interpreter.path);
            ListedProject {
                name: context.roots.name_of(found),
                id: found.metadata.project_id,
                project: found.metadata.tank_name.clone(),
                config: found.path.to_string_lossy().into_owned(),
                pipeline: found.metadata.config_name.clone(),
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

fn empty(roots: &ConfigRoots) -> String {
    let mut folders = Vec::new();
    for root in &roots.folders {
        let missing = if root.value.is_dir() { "" } else { " (no such folder)" };
        folders.push(format!("{}{missing}", Printable::new(&root.value)));
    }
    format!("no projects below {}\n", folders.join(", "))
}

/// Returns one name a line. A name with a line end or an escape in it is left out: a shell would misread it.
fn names(list: &[ListedProject]) -> String {
    let mut names: Vec<&str> = list.iter().map(|listed| listed.name.as_str()).collect();
    names.dedup();
    names.retain(|name| !name.contains(char::is_control));
    names.into_iter().flat_map(|name| [name, "\n"]).collect()
}

fn table(list: &[ListedProject], width: Option<usize>) -> String {
    let titles = ["NAME", "ID", "PIPELINE", "CORE", "PYTHON", "CONFIG"].map(String::from);
    let rows: Vec<[String; 6]> = std::iter::once(titles).chain(list.iter().map(row)).collect();
    let mut text = String::new();
    for line in columns(&rows) {
        let _ = writeln!(text, "{}", cut(&line, width));
    }
    for listed in list {
        if let Some(problem) = &listed.problem {
            let _ = writeln!(text, "{}: {problem}", Printable::new(&listed.name));
        }
    }
    text
}

fn row(listed: &ListedProject) -> [String; 6] {
    let core = match (&listed.core, &listed.version) {
        (Some(kind), Some(version)) => format!("{kind} {version}"),
        (Some(kind), None) => kind.to_string(),
        (None, _) => "broken".into(),
    };
    let shown = |text: &Option<String>| {
        text.as_ref().map_or("-".into(), |text| Printable::new(text).to_string())
    };
    [
        Printable::new(&listed.name).to_string(),
        listed.id.map_or_else(|| "-".into(), |id| id.to_string()),
        shown(&listed.pipeline),
        shown(&Some(core)),
        shown(&listed.python),
        Printable::new(&listed.config).to_string(),
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
