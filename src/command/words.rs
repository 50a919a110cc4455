//! Lists one word a line for a shell's completion: names, ids, configurations. Reads the configurations alone;
//! makes no plan.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::console;
use crate::context::Context;
use crate::display::is_plain;
use crate::finding::scan::Scan;
use crate::os::{below, is_same_name};
use crate::request::Choice;
use crate::toolkit::record::{ConfigRecord, Query};

/// Prints the names of the projects.
pub fn names(scan: &Scan, context: &Context) -> Result<ExitCode> {
    let mut names = BTreeSet::new();
    for record in &scan.records {
        names.insert(context.roots.name_of(record));
    }
    print(&names)
}

/// Prints the ids of the projects, each with a tab and the project's name.
pub fn ids(scan: &Scan, context: &Context) -> Result<ExitCode> {
    let mut names = BTreeMap::new();
    for record in &scan.records {
        let name = record.metadata.tank_name.clone();
        let name = name.unwrap_or_else(|| context.roots.name_of(record));
        if let Some(id) = record.metadata.project_id {
            names.entry(id).or_insert(name);
        }
    }
    let mut text = String::new();
    for (id, name) in names {
        let name = if is_one_word(&name) { format!("\t{name}") } else { String::new() };
        let _ = writeln!(text, "{id}{name}");
    }
    console::print(&text)
}

/// Prints the names of the configurations, of the project that the variables choose or of all projects.
pub fn configs(scan: &Scan, context: &Context) -> Result<ExitCode> {
    let mut records = scan.records.clone();
    for choice in &context.request.choices {
        let mut chosen = records.clone();
        chosen.retain(|record| chooses(&choice.value, record, context));
        records.retain(|record| chosen.iter().any(|other| is_of_one_project(record, other)));
    }
    print(&records.into_iter().filter_map(|record| record.metadata.config_name).collect())
}

/// Prints one word a line. Leaves out a word with a line end, an escape or a hidden character in it: a shell or a person would
/// misread it.
fn print(words: &BTreeSet<String>) -> Result<ExitCode> {
    let mut text = String::new();
    for word in words.iter().filter(|word| is_one_word(word)) {
        text.push_str(word);
        text.push('\n');
    }
    console::print(&text)
}

fn is_one_word(word: &str) -> bool {
    word.chars().all(is_plain)
}

fn chooses(choice: &Choice, record: &ConfigRecord, context: &Context) -> bool {
    match choice {
        Choice::Project(name) => {
            let is_tank_name =
                name.to_str().is_some_and(|name| Query::TankName(name).matches(record));
            is_tank_name || is_same_name(name, context.roots.name_of(record).as_ref())
        }
        Choice::Id(id) => Query::Id(*id).matches(record),
        Choice::Config(path) | Choice::Path(path) => is_within(path, record, context),
    }
}

fn is_within(path: &Path, record: &ConfigRecord, context: &Context) -> bool {
    let Some(path) = context.inputs.location.absolute(path) else { return false };
    below(&path, &record.path).is_some() || Query::Data(&path).matches(record)
}

/// Compares the ids, else the `tank_name`s, as a launch with `--pipeline` does.
fn is_of_one_project(one: &ConfigRecord, other: &ConfigRecord) -> bool {
    match (one.metadata.project_id, other.metadata.project_id) {
        (None, None) => {
            let is_named = one.metadata.tank_name.is_some();
            one.path == other.path
                || (is_named && one.metadata.tank_name == other.metadata.tank_name)
        }
        (one, other) => one == other,
    }
}
