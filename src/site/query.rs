//! What the site is asked for a project, and what it answered: the configuration that it has for it. An
//! answer that is kept is a hint as the index is: what it names is looked at before it is used.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::origin::{Decided, Origin};
use crate::site::Site;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::realised::{self, Finish};
use crate::toolkit::record::{ConfigName, ConfigRecord};

/// What the site is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SiteQuery {
    /// The project.
    pub project: ProjectKey,
    /// Which of its configurations, by name or id; its Primary if that is not said.
    pub config_name: Option<String>,
}

impl SiteQuery {
    /// The same query by the project's id.
    #[must_use]
    pub fn by_id(&self, project_id: i64) -> Self {
        SiteQuery { project: ProjectKey::Id(project_id), config_name: self.config_name.clone() }
    }

    /// Which of the project's configurations it asks for.
    pub fn name(&self) -> ConfigName {
        self.config_name.clone().map_or(ConfigName::Primary, ConfigName::Named)
    }
}

/// What a project is asked for by; `shims/bootstrap.py` gets it so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProjectKey {
    /// Its id.
    Id(i64),
    /// Its name on disk, or else its name on the site.
    Name(String),
}

/// What the site answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CachedConfig {
    /// The project's id.
    pub project_id: i64,
    /// The project's name on disk, else its name on the site; empty as long as that is not known.
    pub project: String,
    /// The configuration's folder.
    pub config: PathBuf,
    /// How it came to be there.
    pub kind: ConfigKind,
    /// The engine that was made ready, if that is known.
    #[serde(default)]
    engine: Option<String>,
    /// When the site was asked, in milliseconds since 1970.
    asked: u64,
    /// When it was last asked in vain.
    #[serde(default)]
    tried: u64,
}

/// A site that did not answer, or with no, is left alone for so long.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// How a configuration that the site named came to be on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigKind {
    /// The site knows its path: it lies where everyone sees it.
    Centralized,
    /// It was realised here, and its marks told that it is whole.
    Realised,
    /// The same, by a core that sets no marks.
    Unmarked,
}

impl CachedConfig {
    /// What the site answers now.
    pub fn new(
        project_id: i64,
        project: String,
        config: PathBuf,
        kind: ConfigKind,
        engine: &str,
    ) -> Self {
        CachedConfig {
            project_id,
            project,
            config,
            kind,
            engine: Some(engine.into()),
            asked: milliseconds(SystemTime::now()),
            tried: 0,
        }
    }

    /// The answer that a realised configuration stands for which is there, whole, and without an answer.
    pub(super) fn of(found: ConfigRecord, engine: Option<String>) -> Option<Self> {
        let config = PipelineConfig::at(&found.path);
        let kind = match realised::finish(&config)? {
            Finish::Marked => ConfigKind::Realised,
            Finish::Unmarked => ConfigKind::Unmarked,
        };
        Some(CachedConfig {
            project_id: found.metadata.project_id?,
            project: found.metadata.tank_name.unwrap_or_default(),
            config: found.path,
            kind,
            engine,
            asked: milliseconds(realised::realised_at(&config)?),
            tried: 0,
        })
    }

    /// Whether the configuration is whole still.
    pub fn is_whole(&self) -> bool {
        let config = PipelineConfig::at(&self.config);
        match self.kind {
            ConfigKind::Centralized => config.exists().unwrap_or(false),
            ConfigKind::Realised => realised::is_still_complete(Finish::Marked, &config),
            ConfigKind::Unmarked => realised::is_still_complete(Finish::Unmarked, &config),
        }
    }

    /// How long ago the site was asked.
    pub fn age(&self) -> Duration {
        since(self.asked)
    }

    /// Whether it was asked for since a time, and not only found or tried again.
    pub fn is_asked_since(&self, time: SystemTime) -> bool {
        self.asked >= milliseconds(time)
    }

    /// Whether the engine that is wanted was made ready. Where that is not known it was, unless somebody
    /// wants one of his own.
    pub fn is_ready_for(&self, engine: &Decided<String>) -> bool {
        match &self.engine {
            Some(known) => *known == engine.value,
            None => !matches!(engine.origin, Origin::Option(_)),
        }
    }

    /// Whether it is time to ask again.
    pub fn is_due(&self, site: &Site) -> bool {
        let is_old = self.project.is_empty() || self.age() >= site.refresh_after;
        (is_old || !self.is_ready_for(&site.engine))
            && since(self.tried) >= RETRY_AFTER.min(site.refresh_after)
    }

    /// The same answer, after the site was asked in vain.
    #[must_use]
    pub fn tried_now(self) -> Self {
        CachedConfig { tried: milliseconds(SystemTime::now()), ..self }
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How long ago a time was; as long as can be if it is to come, for then a clock was wrong.
fn since(time: u64) -> Duration {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(time));
    let since = time.and_then(|time| SystemTime::now().duration_since(time).ok());
    since.unwrap_or(Duration::MAX)
}
