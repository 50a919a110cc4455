//! A configuration as one value: its folder, and what its files say of it.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::config::PipelineConfig;
use super::expand;
use super::metadata::{self, Metadata};
use crate::environment::Variables;
use crate::error::Error;
use crate::os::below;

/// A configuration's folder and what its files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigRecord {
    pub path: PathBuf,
    pub metadata: Metadata,
    /// The folders of the project's data on this system.
    pub data: Vec<PathBuf>,
    /// For a realised configuration: the time since it was realised.
    pub realised: Option<Duration>,
}

impl ConfigRecord {
    /// Reads a configuration's files. A file that cannot be read leaves its fields empty; the first such
    /// error is returned beside the record.
    pub fn read(path: &Path, variables: &Variables) -> (Self, Option<Error>) {
        let config = PipelineConfig::at(path);
        let expand = |text: String| expand::text(&text, variables);
        let (metadata, fault) = value_and_error(metadata::read(&config, expand));
        let (storages, storage_fault) = value_and_error(metadata::storages(&config, expand));
        let data = data_folders(&metadata, &storages);
        let record = ConfigRecord { path: path.to_owned(), metadata, data, realised: None };
        (record, fault.or(storage_fault))
    }

    /// Reads `pipeline_configuration.yml` alone; `None` if the folder is no readable configuration.
    pub fn read_metadata(path: &Path, variables: &Variables) -> Option<Self> {
        let config = PipelineConfig::at(path);
        let metadata = metadata::read(&config, |text| expand::text(&text, variables)).ok()?;
        let exists = config.exists().ok()?;
        exists.then_some(ConfigRecord {
            path: path.to_owned(),
            metadata,
            ..ConfigRecord::default()
        })
    }

    /// Returns true if this is the project's configuration of that name. A realised configuration without
    /// an entry on the site stands for the Primary.
    pub fn is_named(&self, name: &ConfigName) -> bool {
        let own = self.metadata.config_name.as_deref();
        let id = self.metadata.config_id;
        match name {
            ConfigName::Primary => {
                own == Some("Primary") || (self.realised.is_some() && id.is_none())
            }
            ConfigName::Named(wanted) => {
                own == Some(wanted) || id.is_some_and(|id| wanted.parse() == Ok(id))
            }
        }
    }

    /// The folder of the project's data that holds a path; the longest of several.
    pub fn data_around(&self, path: &Path) -> Option<&Path> {
        let around = self.data.iter().filter(|folder| below(path, folder).is_some());
        Some(around.max_by_key(|folder| folder.components().count())?)
    }
}

fn value_and_error<T: Default>(result: Result<T, Error>) -> (T, Option<Error>) {
    match result {
        Ok(value) => (value, None),
        Err(fault) => (T::default(), Some(fault)),
    }
}

/// A project's data is in `<storage>/<tank_name>`; a `tank_name` may have several levels. One with `.` or
/// `..` in it has no data: it would lead to the storage itself or out of it.
pub fn data_folders(metadata: &Metadata, storages: &[PathBuf]) -> Vec<PathBuf> {
    let name = metadata.tank_name.as_deref().unwrap_or_default();
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() || parts.contains(&".") || parts.contains(&"..") {
        return Vec::new();
    }
    let folder: PathBuf = parts.into_iter().collect();
    let mut folders = Vec::new();
    for root in storages.iter().filter(|root| root.is_absolute()) {
        // Collecting the components drops doubled separators: each folder has one spelling.
        folders.push(root.join(&folder).components().collect());
    }
    folders
}

/// A name or id that selects among a project's configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigName {
    Primary,
    /// A `pc_name`, or a `pc_id` in digits.
    Named(String),
}

impl Display for ConfigName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConfigName::Primary => "Primary",
            ConfigName::Named(name) => name,
        })
    }
}

/// The key of a search for a project's configurations.
#[derive(Clone, Debug)]
pub enum Query<'a> {
    /// The project's id.
    Id(i64),
    TankName(&'a str),
    /// A path in the project's data, absolute and without `..`.
    Data(&'a Path),
}

impl Query<'_> {
    pub fn matches(&self, record: &ConfigRecord) -> bool {
        match self {
            Query::Id(id) => record.metadata.project_id == Some(*id),
            Query::TankName(name) => record.metadata.tank_name.as_deref() == Some(name),
            Query::Data(path) => record.data_around(path).is_some(),
        }
    }

    /// Keeps the records that match; for a path, those whose data folder holds it most closely.
    pub fn best(&self, mut records: Vec<ConfigRecord>) -> Vec<ConfigRecord> {
        records.retain(|record| self.matches(record));
        let Query::Data(path) = self else { return records };
        let depth = |record: &ConfigRecord| Some(record.data_around(path)?.components().count());
        let deepest = records.iter().filter_map(depth).max();
        records.retain(|record| depth(record) == deepest);
        records
    }
}
