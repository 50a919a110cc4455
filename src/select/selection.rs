//! A chosen project.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::finding::roots::ConfigRoots;
use crate::origin::{Decided, Origin};
use crate::site::{CachedConfig, Site, SiteQuery};
use crate::toolkit::config::PipelineConfig;

/// The variable that gives Python the path of its configuration.
pub const CONFIG_VARIABLE: &str = "SGTK_PYTHON_CONFIG";

/// A chosen project with its configuration on disk.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The name that chose the project or that it has, and the origin of the choice.
    pub project: Decided<OsString>,
    /// The name of its table in the settings, should there be one.
    pub known_as: Option<String>,
    /// The configuration; known to exist.
    pub config: PipelineConfig,
    /// The origin of the configuration.
    pub origin: Origin,
    /// Folders that may hold the studio's core: the root above the configuration, else every root.
    pub roots: Vec<PathBuf>,
    /// For a realised configuration: the time since the site was asked.
    pub realised: Option<Duration>,
    pub warnings: Vec<String>,
}

impl Selection {
    /// Selects a configuration that exists.
    pub fn of(
        roots: &ConfigRoots,
        project: Decided<OsString>,
        path: PathBuf,
        origin: Origin,
    ) -> Self {
        let folders = match roots.root_above(&path) {
            Some((root, _)) => vec![root.value.clone()],
            None => roots.folders.iter().map(|root| root.value.clone()).collect(),
        };
        let known_as = roots.known_as(&path);
        let config = PipelineConfig::at(path);
        let warnings = Vec::new();
        Selection { project, known_as, config, origin, roots: folders, realised: None, warnings }
    }
}

/// The result of a choice.
#[derive(Debug)]
pub enum Chosen<'a> {
    /// A configuration on disk.
    Here(Selection),
    /// A project that the site describes.
    OnSite(Distributed<'a>),
}

/// A project without a configuration below the roots; the site may describe one.
#[derive(Debug)]
pub struct Distributed<'a> {
    pub site: &'a Site,
    /// The name or id that chose the project.
    pub project: Decided<OsString>,
    pub query: SiteQuery,
    /// The site's last answer to the query.
    pub cached: Option<CachedConfig>,
    /// The realised configuration whose path chose the project; no other configuration will do.
    pub here: Option<CachedConfig>,
}
