//! The launcher's query to the site.

use serde::Serialize;

use crate::toolkit::record::{ConfigName, Query};

/// Asks for one configuration of a project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SiteQuery {
    pub project: ProjectKey,
    /// The configuration's name or id; `None` for the Primary.
    pub config_name: Option<String>,
}

impl SiteQuery {
    /// Returns the same query by the project's id.
    #[must_use]
    pub fn by_id(&self, project_id: i64) -> Self {
        SiteQuery { project: ProjectKey::Id(project_id), config_name: self.config_name.clone() }
    }

    pub fn name(&self) -> ConfigName {
        self.config_name.clone().map_or(ConfigName::Primary, ConfigName::Named)
    }
}

/// Selects a project on the site; `shims/bootstrap/` reads it in this form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProjectKey {
    Id(i64),
    /// A `tank_name`, else the project's name on the site.
    Name(String),
}

impl ProjectKey {
    /// Returns the search for the same project among configurations on disk.
    pub fn on_disk(&self) -> Query<'_> {
        match self {
            ProjectKey::Id(id) => Query::Id(*id),
            ProjectKey::Name(name) => Query::TankName(name),
        }
    }
}
