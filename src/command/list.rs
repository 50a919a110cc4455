//! Lists the projects on this machine: each configuration with its names, core and Python. Makes the plan of a
//! launch for each, so the list shows exactly what launches.

use std::collections::{BTreeMap, HashMap};
use std::io::stdout;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::words;
use crate::cli::{Format, ListFormat};
use crate::console::{self, Colour};
use crate::context::Context;
use crate::display::Printable;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::plan::plan_all;
use crate::toolkit::core::CoreKind;
use crate::toolkit::metadata;

/// A configuration in the list; the fields are those of `--list=json`.
#[derive(Default, Serialize)]
struct ListedProject {
    /// The name to choose it by.
    name: String,
    id: Option<i64>,
    /// The `tank_name`.
    project: Option<String>,
    config: String,
    /// The configuration's name.
    pipeline: Option<String>,
    core: Option<CoreKind>,
    version: Option<String>,
    python: Option<String>,
    launches: bool,
    /// The reason why it does not launch.
    problem: Option<String>,
}

/// Prints the configurations that a scan finds, by name.
pub fn run(format: ListFormat, context: &Context) -> Result<ExitCode> {
    let format = match format {
        ListFormat::Names => return words::names(context),
        ListFormat::Ids => return words::ids(context),
        ListFormat::Configs => return words::configs(context),
        ListFormat::Text => Format::Text,
        ListFormat::Json => Format::Json,
    };
    let list = listed(&context.scan_all(), context);
    let json = BTreeMap::from([("projects", &list)]);
    console::print_answer(format, &json, || {
        if list.is_empty() { empty(&context.roots) } else { text(&list, context.colour()) }
    })
}

fn listed(scan: &Scan, context: &Context) -> Vec<ListedProject> {
    // Many configurations share one core, whose version is in one file.
    let mut versions = HashMap::new();
    let mut list = Vec::new();
    for (record, plan) in scan.records.iter().zip(plan_all(scan, context)) {
        let mut listed = ListedProject {
            name: context.roots.name_of(record),
            id: record.metadata.project_id,
            project: record.metadata.tank_name.clone(),
            config: record.path.to_string_lossy().into_owned(),
            pipeline: record.metadata.config_name.clone(),
            launches: plan.is_ok(),
            ..ListedProject::default()
        };
        match plan {
            Ok(plan) => {
                let version = versions
                    .entry(plan.core.root.clone())
                    .or_insert_with(|| metadata::version(&plan.core).ok().flatten());
                listed.version.clone_from(version);
                listed.core = Some(plan.core.kind);
                listed.python = Some(plan.interpreter.path.to_string_lossy().into_owned());
            }
            Err(error) => listed.problem = Some(error.to_string()),
        }
        list.push(listed);
    }
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

/// Returns the table, its lines cut to the terminal's width, and below it the problems.
fn text(list: &[ListedProject], colour: Colour) -> String {
    let titles = ["NAME", "ID", "PIPELINE", "CORE", "PYTHON", "CONFIG"];
    let width = console::terminal_width().unwrap_or(usize::MAX);
    let mut lines = Vec::new();
    for line in console::table(titles, list.iter().map(row).collect()) {
        lines.push(cut(line, width));
    }
    for listed in list {
        if let Some(problem) = &listed.problem {
            lines.push(format!("{}: {problem}", Printable::new(&listed.name)));
        }
    }
    colour.paint_head(&(lines.join("\n") + "\n"), &stdout())
}

fn row(listed: &ListedProject) -> [String; 6] {
    let core = match (&listed.core, &listed.version) {
        (Some(kind), Some(version)) => format!("{kind} {version}"),
        (Some(kind), None) => kind.to_string(),
        (None, _) => "broken".into(),
    };
    [
        Printable::new(&listed.name).to_string(),
        listed.id.map_or_else(|| "-".into(), |id| id.to_string()),
        cell(listed.pipeline.as_deref()),
        cell(Some(&core)),
        cell(listed.python.as_deref()),
        Printable::new(&listed.config).to_string(),
    ]
}

fn cell(text: Option<&str>) -> String {
    Printable::new(text.unwrap_or("-")).to_string()
}

fn cut(line: String, width: usize) -> String {
    if line.chars().count() <= width {
        return line;
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
