//! Finds configurations by what a caller holds: a project's id or name, or a path in a project's data.
//! An index in the user's cache folder is only ever a hint: what it says of a configuration is checked
//! against that configuration, and where it does not say it or lies, the roots are scanned anew.

pub mod answers;
pub mod index;
mod kept;
pub mod places;
mod realised;
pub mod scan;

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::Variables;
use crate::error::Error;
use crate::site::Site;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::expand;
use crate::toolkit::metadata::{self, Metadata};
use index::Index;
use places::Places;
use scan::Scan;

/// A configuration that was found, and what it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Its folder.
    pub path: PathBuf,
    /// Its names and numbers.
    pub metadata: Metadata,
    /// The folders of its project's data on this system.
    pub data: Vec<PathBuf>,
    /// For one that was realised from a site's description: how long ago.
    pub realised: Option<Duration>,
}

impl Found {
    /// Reads a configuration. What cannot be read of it is left out, and the error told beside it.
    pub fn read(path: &Path, variables: &Variables) -> (Self, Option<Error>) {
        let config = PipelineConfig::at(path);
        let expand = |text: String| expand::text(&text, variables);
        let (metadata, fault) = split(metadata::read(&config, expand));
        let (storages, other_fault) = split(metadata::storages(&config, expand));
        let data = data_folders(&metadata, &storages);
        let found = Found { path: path.to_owned(), metadata, data, realised: None };
        (found, fault.or(other_fault))
    }

    /// Whether the configuration is the one that is wanted of its project.
    pub fn is_pipeline(&self, pipeline: &Pipeline) -> bool {
        let name = self.metadata.pipeline.as_deref();
        match pipeline {
            // One that was realised, and that the site has no entry of, stands for the Primary.
            Pipeline::Primary => name == Some("Primary") || self.is_base(),
            Pipeline::Named(wanted) => {
                name == Some(wanted)
                    || self.metadata.pipeline_id.is_some_and(|id| wanted.parse() == Ok(id))
            }
        }
    }

    fn is_base(&self) -> bool {
        self.realised.is_some() && self.metadata.pipeline_id.is_none()
    }

    /// The folder of this project's data that a path is in, the longest if it is in several.
    pub fn data_around(&self, path: &Path) -> Option<&Path> {
        let around = self.data.iter().filter(|folder| path.starts_with(folder));
        around.max_by_key(|folder| folder.components().count()).map(PathBuf::as_path)
    }
}

fn split<T: Default>(result: Result<T, Error>) -> (T, Option<Error>) {
    match result {
        Ok(value) => (value, None),
        Err(fault) => (T::default(), Some(fault)),
    }
}

/// A project's data lies below each storage in a folder of its name, which may have several levels. A
/// name that would lead to the storage itself or out of it has no data.
fn data_folders(metadata: &Metadata, storages: &[PathBuf]) -> Vec<PathBuf> {
    let name = metadata.project.as_deref().unwrap_or_default();
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() || parts.iter().any(|part| matches!(*part, "." | "..")) {
        return Vec::new();
    }
    let folder: PathBuf = parts.into_iter().collect();
    let storages = storages.iter().filter(|root| root.is_absolute());
    // One spelling for each folder: without doubled separators.
    storages.map(|root| root.join(&folder).components().collect()).collect()
}

/// What a configuration is looked for by.
#[derive(Clone, Debug)]
pub enum Wanted<'a> {
    /// The project's id.
    Id(i64),
    /// The project's name on disk (`tank_name`).
    Name(&'a str),
    /// A path in the project's data, absolute and without `..`.
    Data(&'a Path),
}

impl Wanted<'_> {
    fn matches(&self, found: &Found) -> bool {
        match self {
            Wanted::Id(id) => found.metadata.project_id == Some(*id),
            Wanted::Name(name) => found.metadata.project.as_deref() == Some(name),
            Wanted::Data(path) => found.data_around(path).is_some(),
        }
    }

    /// Those that match, and of those the ones that do so best: by path, with the longest match.
    pub fn best(&self, mut found: Vec<Found>) -> Vec<Found> {
        found.retain(|found| self.matches(found));
        let Wanted::Data(path) = self else { return found };
        let depth = |found: &Found| found.data_around(path).map(|data| data.components().count());
        let deepest = found.iter().filter_map(depth).max();
        found.retain(|found| depth(found) == deepest);
        found
    }
}

/// Which of a project's configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pipeline {
    /// The one that is named so.
    Primary,
    /// The one with this name or id.
    Named(String),
}

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pipeline::Primary => "Primary",
            Pipeline::Named(name) => name,
        })
    }
}

/// What was found for a project.
#[derive(Debug, Default)]
pub struct Findings {
    /// The configurations that match: those of the wanted pipeline, if the index knows them and they
    /// are as it says, else all of the project's.
    pub found: Vec<Found>,
    /// How many configurations could not be read, and might match if they could.
    pub unreadable: usize,
}

/// Looks for a project's configurations. A path is always looked for by a scan: no configuration can
/// tell that another one holds the path more closely.
pub fn find(
    wanted: &Wanted,
    pipeline: &Pipeline,
    places: &Places,
    site: Option<&Site>,
    variables: &Variables,
    index: &Index,
) -> Findings {
    let mut hits = index.matching(wanted);
    hits.retain(|hit| places.hold(&hit.path) && hit.is_pipeline(pipeline));
    let checked = |hit: &Found| {
        let now = read_again(&hit.path, variables)?;
        (wanted.matches(&now) && now.is_pipeline(pipeline)).then_some(now)
    };
    let hits: Option<Vec<Found>> = hits.iter().map(checked).collect();
    if let Some(found) = hits.filter(|hits| !hits.is_empty()) {
        return Findings { found, unreadable: 0 };
    }
    let scan = scan_and_keep(places, site, variables, index);
    Findings { unreadable: scan.faults.len(), found: wanted.best(scan.found) }
}

/// Scans the places, and keeps what was found in the index; what a site answered about it counts no more.
fn scan_and_keep(
    places: &Places,
    site: Option<&Site>,
    variables: &Variables,
    index: &Index,
) -> Scan {
    let scan = scan::scan(places, variables);
    index.write(&scan.found);
    if let Some(site) = site {
        site.drop_answers_about(&scan.found);
    }
    scan
}

/// Scans the places, and adds what was realised from the site. What is centralized comes first: of the same
/// project nothing realised counts.
pub fn scan_all(
    places: &Places,
    site: Option<&Site>,
    variables: &Variables,
    index: &Index,
) -> Scan {
    let mut scan = scan_and_keep(places, site, variables, index);
    let mut realised = site.map(|site| site.counting(variables)).unwrap_or_default();
    let is_here = |id: Option<i64>| {
        id.is_some() && scan.found.iter().any(|found| found.metadata.project_id == id)
    };
    realised.found.retain(|found| !is_here(found.metadata.project_id));
    scan.found.extend(realised.found);
    scan.faults.extend(realised.faults);
    scan
}

/// What a configuration says now, without its storages, which are another file.
fn read_again(path: &Path, variables: &Variables) -> Option<Found> {
    let config = PipelineConfig::at(path);
    let metadata = metadata::read(&config, |text| expand::text(&text, variables)).ok()?;
    let is_one = config.is_one().ok()?;
    is_one.then(|| Found { path: path.to_owned(), metadata, ..Found::default() })
}
