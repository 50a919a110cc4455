//! Finds configurations by what a caller holds: a project's id or name, or a path in a project's data.
//! An index in the user's cache folder is only ever a hint: what it says of a configuration is checked
//! against that configuration, and where it does not say it or lies, the roots are scanned anew.

pub mod index;
pub mod places;
pub mod scan;

use std::cell::Cell;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use crate::environment::Variables;
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
}

impl Found {
    /// Reads a configuration, and tells whether what it says depends on variables; an error is what is
    /// wrong with it.
    pub fn read(path: &Path, variables: &Variables) -> Result<(Self, bool), String> {
        let config = PipelineConfig::at(path);
        let has_variables = Cell::new(false);
        let expand = |text: String| {
            has_variables.set(has_variables.get() || text.contains(['$', '%']));
            expand::text(&text, variables)
        };
        let metadata = metadata::read(&config, expand)
            .map_err(|problem| format!("{} {problem}", shown(&config.metadata_file())))?;
        let storages = metadata::storages(&config, expand)
            .map_err(|problem| format!("{} {problem}", shown(&config.roots_file())))?;
        let data = data_folders(&metadata, &storages);
        Ok((Found { path: path.to_owned(), metadata, data }, has_variables.get()))
    }

    /// Whether the configuration is the one that is wanted of its project.
    pub fn is_pipeline(&self, pipeline: &Pipeline) -> bool {
        let name = self.metadata.pipeline.as_deref();
        match pipeline {
            Pipeline::Primary => name == Some("Primary"),
            Pipeline::Named(wanted) => {
                name == Some(wanted)
                    || self.metadata.pipeline_id.is_some_and(|id| wanted.parse() == Ok(id))
            }
        }
    }

    /// How many parts of a path are a folder of this project's data; `None` if none is.
    fn depth_of(&self, path: &Path) -> Option<usize> {
        let above = self.data.iter().filter(|folder| path.starts_with(folder));
        above.map(|folder| folder.components().count()).max()
    }
}

fn shown(path: &Path) -> crate::shown::Shown<'_> {
    crate::shown::Shown::new(path)
}

/// A project's data lies below each storage in a folder of its name, which may have several levels.
fn data_folders(metadata: &Metadata, storages: &[PathBuf]) -> Vec<PathBuf> {
    let Some(project) = metadata.project.as_deref().filter(|name| !name.is_empty()) else {
        return Vec::new();
    };
    let parts: PathBuf = project.split('/').collect();
    storages.iter().filter(|root| root.is_absolute()).map(|root| root.join(&parts)).collect()
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
            Wanted::Data(path) => found.depth_of(path).is_some(),
        }
    }

    /// Of those that match, the ones that do so best: by path, those with the longest match.
    fn best(&self, found: Vec<Found>) -> Vec<Found> {
        let Wanted::Data(path) = self else { return found };
        let deepest = found.iter().filter_map(|found| found.depth_of(path)).max();
        found.into_iter().filter(|found| found.depth_of(path) == deepest).collect()
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

/// The configurations that match: those of the wanted pipeline if the index knows them and they are as
/// it says, else all of the project's.
pub fn find(
    wanted: &Wanted,
    pipeline: &Pipeline,
    places: &Places,
    variables: &Variables,
    index: &Index,
) -> Vec<Found> {
    let known = index.read(matches!(wanted, Wanted::Data(_)));
    let mut hits = wanted.best(known.matching(wanted));
    hits.retain(|hit| places.hold(&hit.path) && hit.is_pipeline(pipeline));
    let still = |hit: &Found| {
        let now = match wanted {
            Wanted::Data(_) => Found::read(&hit.path, variables).ok().map(|(found, _)| found),
            _ => read_metadata(&hit.path, variables),
        };
        now.is_some_and(|now| wanted.matches(&now) && now.is_pipeline(pipeline))
    };
    if !hits.is_empty() && hits.iter().all(still) {
        return hits;
    }
    let scan = scan_and_keep(places, variables, index);
    wanted.best(scan.found.into_iter().filter(|found| wanted.matches(found)).collect())
}

/// Scans the places, and keeps what was found in the index.
pub fn scan_and_keep(places: &Places, variables: &Variables, index: &Index) -> Scan {
    let scan = scan::scan(places, variables, &index.read(false).by_folder());
    index.write(&scan);
    scan
}

/// The same without the storages, which are another file.
fn read_metadata(path: &Path, variables: &Variables) -> Option<Found> {
    let expand = |text: String| expand::text(&text, variables);
    let metadata = metadata::read(&PipelineConfig::at(path), expand).ok()?;
    Some(Found { path: path.to_owned(), metadata, data: Vec::new() })
}
