//! Lists the projects that are here: each configuration with its names, core and Python, and whether it
//! would launch. What a launch would do is asked of the same code that launches.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use crate::cli::ListFormat;
use crate::environment::Environment;
use crate::error::Error;
use crate::finding::Found;
use crate::finding::places::Places;
use crate::finding::scan::{MANY_FOLDERS, Scan, in_parallel};
use crate::inherit::inherit;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::request::Request;
use crate::resolve::{Resolution, resolve};
use crate::select::Selection;
use crate::settings::Settings;
use crate::shown::Shown;
use crate::toolkit::core::Kind;
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

/// What a launch of a configuration would resolve to.
pub type Resolved = (Selection, Environment, Resolution);

/// What a launch of each configuration that was found would resolve to, several at a time.
pub fn resolve_all(
    scan: &Scan,
    request: &Request,
    settings: &Settings,
    places: &Places,
    inputs: &Inputs,
) -> Vec<Result<Resolved, Error>> {
    in_parallel(MANY_FOLDERS, &scan.found, |_, found| {
        let selection = selection_of(found, places);
        let tables = settings.environment(selection.known_as.as_deref());
        let mut environment = inherit(inputs.variables.clone(), &request.environment, &tables);
        let resolution = resolve(request, settings, &inputs.place, &selection, &mut environment)?;
        Ok((selection, environment, resolution))
    })
}

fn selection_of(found: &Found, places: &Places) -> Selection {
    let name = name_of(&found.path, places).into();
    let origin = Origin::Default("listed");
    Selection::of(places, Decided::new(name, origin.clone()), found.path.clone(), origin)
}

/// The name by which a configuration can be chosen.
pub fn name_of(path: &Path, places: &Places) -> String {
    places.known_as(path).unwrap_or_else(|| path.to_string_lossy().into_owned())
}

/// The list, by name.
pub fn listed(
    scan: &Scan,
    request: &Request,
    settings: &Settings,
    places: &Places,
    inputs: &Inputs,
) -> Vec<Listed> {
    let results = resolve_all(scan, request, settings, places, inputs);
    // Many configurations share one core, whose version is in one file.
    let mut versions = HashMap::new();
    let mut version = |resolution: &Resolution| {
        let read = || metadata::version(&resolution.core).ok().flatten();
        versions.entry(resolution.core.root.clone()).or_insert_with(read).clone()
    };
    let mut list: Vec<Listed> = scan
        .found
        .iter()
        .zip(results)
        .map(|(found, result)| {
            let resolution = result.as_ref().ok().map(|(_, _, resolution)| resolution);
            Listed {
                name: name_of(&found.path, places),
                id: found.metadata.project_id,
                project: found.metadata.project.clone(),
                config: found.path.to_string_lossy().into_owned(),
                pipeline: found.metadata.pipeline.clone(),
                core: resolution.map(|resolution| resolution.core.kind),
                version: resolution.and_then(&mut version),
                python: resolution.map(|r| r.interpreter.path.to_string_lossy().into_owned()),
                launches: resolution.is_some(),
                problem: result.as_ref().err().map(Error::to_string),
            }
        })
        .collect();
    list.sort_by(|one, other| (&one.name, &one.config).cmp(&(&other.name, &other.config)));
    list
}

/// The list as text with a line end, no line wider than `width` characters.
pub fn print(
    list: &[Listed],
    format: ListFormat,
    width: Option<usize>,
) -> Result<String, serde_json::Error> {
    match format {
        ListFormat::Text => Ok(table(list, width)),
        ListFormat::Json => serde_json::to_string_pretty(list).map(|json| json + "\n"),
        ListFormat::Names => {
            let mut names: Vec<&str> = list.iter().map(|listed| listed.name.as_str()).collect();
            names.dedup();
            // A name that is two lines could only be misread.
            let lines = names.into_iter().filter(|name| !name.contains('\n'));
            Ok(lines.flat_map(|name| [name, "\n"]).collect())
        }
    }
}

fn table(list: &[Listed], width: Option<usize>) -> String {
    let titles = ["NAME", "ID", "PIPELINE", "CORE", "PYTHON", "CONFIG"].map(String::from);
    let rows: Vec<[String; 6]> = std::iter::once(titles).chain(list.iter().map(row)).collect();
    let widths =
        |column: usize| rows.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().enumerate();
        let padded =
            cells.map(|(at, cell)| format!("{cell:<width$}", width = widths(at).unwrap_or(0)));
        let line = padded.collect::<Vec<_>>().join("  ");
        let _ = writeln!(text, "{}", cut(line.trim_end(), width));
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
