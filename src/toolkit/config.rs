//! A pipeline configuration's folder, and the files in it that a launch reads.

use std::path::{Path, PathBuf};

use crate::disk;
use crate::error::Error;
use crate::os::Os;

/// A pipeline configuration's folder, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineConfig {
    pub path: PathBuf,
}

impl PipelineConfig {
    /// Names a folder; the configuration need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        PipelineConfig { path: path.into() }
    }

    /// Returns true if the folder is a configuration (tk-core: `pipelineconfig_utils.is_pipeline_config`).
    pub fn exists(&self) -> Result<bool, Error> {
        exists(&self.roots_file())
    }

    /// Returns true if a folder without `roots.yml` was a configuration: it holds a file or folder that neither a
    /// core's root nor an ordinary folder has.
    pub fn has_lost_roots_file(&self) -> bool {
        let config = self.path.join("config");
        self.metadata_file().is_file()
            || self.core_link_file().is_file()
            || (config.join("env").is_dir() && config.join("core").is_dir())
    }

    /// The file that makes a folder a configuration and names its storages.
    pub fn roots_file(&self) -> PathBuf {
        disk::join(&self.path, &["config", "core", "roots.yml"])
    }

    /// The file that marks a localized core (tk-core: `pipelineconfig_utils.is_localized`).
    pub fn localized_mark(&self) -> PathBuf {
        disk::join(&self.path, &["install", "core", "_core_upgrader.py"])
    }

    pub fn is_localized(&self) -> Result<bool, Error> {
        exists(&self.localized_mark())
    }

    /// The file that names the shared core's root on this system.
    pub fn core_link_file(&self) -> PathBuf {
        let name = format!("core_{}.cfg", Os::CURRENT.name());
        disk::join(&self.path, &["install", "core", &name])
    }

    /// The file with the configuration's registered path on each system.
    pub fn install_location_file(&self) -> PathBuf {
        disk::join(&self.path, &["config", "core", "install_location.yml"])
    }

    /// The file with the templates of paths.
    pub fn templates_file(&self) -> PathBuf {
        self.path.join("config").join("core").join("templates.yml")
    }

    /// The file with the names and ids of the configuration and its project.
    pub fn metadata_file(&self) -> PathBuf {
        disk::join(&self.path, &["config", "core", "pipeline_configuration.yml"])
    }
}

fn exists(path: &Path) -> Result<bool, Error> {
    disk::exists(path).map_err(|error| Error::unreachable(path, error))
}
