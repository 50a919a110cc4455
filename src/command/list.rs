//! Lists the projects on this machine: each configuration with its names, core and Python. Makes the plan of a
//! launch for each, so the list shows exactly what launches.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::io::stdout;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::{missing, words};
use crate::cli::{Format, ListFormat};
use crate::console;
use crate::context::Context;
use crate::display::Printable;
use crate::error::Error;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::plan::plan_all;
use crate::table::{Row, Table};
use crate::toolkit::core::CoreKind;
use crate::toolkit::metadata;

/// Columns of the table.
const NAME: usize = 0;
const PIPELINE: usize = 2;
const CORE: usize = 3;
const PYTHON: usize = 4;
const CONFIG: usize = 5;

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
#[cold]
pub fn run(format: ListFormat, context: &Context) -> Result<ExitCode> {
    context.need_a_root()?;
    let scan = context.scan_all();
    warn_of_missing(&scan, context)?;
    let format = match format {
        ListFormat::Names => return words::names(&scan, context),
        ListFormat::Ids => return words::ids(&scan, context),
        ListFormat::Configs => return words::configs(&scan, context),
        ListFormat::Text => Format::Text,
        ListFormat::Json => Format::Json,
    };
    let list = listed(&scan, context);
    let json = BTreeMap::from([("projects", &list)]);
    console::print_answer(format, &json, || {
        if list.is_empty() { empty(&context.roots) } else { text(&list, context) }
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

/// Warns of roots and configurations that are missing from the list. Fails if there is nothing to list and not
/// even the default root exists.
fn warn_of_missing(scan: &Scan, context: &Context) -> Result<(), Error> {
    let Context { roots, site, .. } = context;
    if scan.records.is_empty() && site.is_none() && roots.is_unreachable() {
        return Err(roots.no_root());
    }
    missing::warn_of_roots(context);
    missing::warn_of_lost_configs(scan, context);
    Ok(())
}

fn empty(roots: &ConfigRoots) -> String {
    let mut folders = Vec::new();
    for root in &roots.folders {
        let missing = if root.value.is_dir() { "" } else { " (no such folder)" };
        folders.push(format!("{}{missing}", Printable::new(&root.value)));
    }
    format!("no projects below {}\n", folders.join(", "))
}

/// Returns the table, and below it the problems. A terminal that is too narrow for whole paths gets the roots once, above
/// the table.
fn text(list: &[ListedProject], context: &Context) -> String {
    let width = console::terminal_width().unwrap_or(usize::MAX);
    let mut text = String::new();
    let mut table = table(list, |config| Printable::new(config).to_string());
    if table.width() > width {
        text = roots_line(&context.roots) + "\n";
        table = self::table(list, |config| below_root(config, &context.roots));
        table.narrow([PYTHON, CONFIG], width);
        table.narrow([NAME, PIPELINE], width);
    }
    text += &table.text(context.colour(), &stdout());
    for listed in list {
        if let Some(problem) = &listed.problem {
            let _ = writeln!(text, "{}: {problem}", Printable::new(&listed.name));
        }
    }
    text
}

fn table(list: &[ListedProject], path: impl Fn(&str) -> String) -> Table<6> {
    let mut rows = Vec::new();
    for listed in list {
        rows.push(row(listed, path(&listed.config)));
    }
    Table::new(["NAME", "ID", "PIPELINE", "CORE", "PYTHON", "CONFIG"], rows)
}

/// Names the roots; several have a number, by which the table names them.
fn roots_line(roots: &ConfigRoots) -> String {
    if let [root] = roots.folders.as_slice() {
        return format!("configurations below {}\n", Printable::new(&root.value));
    }
    let mut lines = String::from("configurations below\n");
    for (index, root) in roots.folders.iter().enumerate() {
        let _ = writeln!(lines, "  {}  {}", index + 1, Printable::new(&root.value));
    }
    lines
}

/// Returns a configuration's path below its root, after the root's number if there are several.
fn below_root(config: &str, roots: &ConfigRoots) -> String {
    let Some((root, below)) = roots.root_above(Path::new(config)) else {
        return Printable::new(config).to_string();
    };
    let below = Printable::new(below);
    match roots.folders.iter().position(|other| other.value == root.value) {
        Some(index) if roots.folders.len() > 1 => format!("{}/{below}", index + 1),
        _ => below.to_string(),
    }
}

fn row(listed: &ListedProject, config: String) -> Row<6> {
    let core = match (&listed.core, &listed.version) {
        (Some(kind), Some(version)) => format!("{kind} {version}"),
        (Some(kind), None) => kind.to_string(),
        (None, _) => "broken".into(),
    };
    let cells = [
        Printable::new(&listed.name).to_string(),
        listed.id.map_or_else(|| "-".into(), |id| id.to_string()),
        cell(listed.pipeline.as_deref()),
        cell(Some(&core)),
        cell(listed.python.as_deref()),
        config,
    ];
    Row { cells, bad: listed.core.is_none().then_some(CORE) }
}

fn cell(text: Option<&str>) -> String {
    Printable::new(text.unwrap_or("-")).to_string()
}
