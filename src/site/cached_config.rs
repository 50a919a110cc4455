//! The site's answer to a query: the configuration of a project. A cached one is a hint: the configuration is checked
//! before it is used.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::query::{ProjectKey, SiteQuery};
use super::server::Site;
use crate::environment::Variables;
use crate::origin::Origin;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::realised::{self, Finish};
use crate::toolkit::record::{ConfigName, ConfigRecord};

/// A configuration that the site named, and the time of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CachedConfig {
    pub project_id: i64,
    /// The `tank_name`, else the project's name on the site; empty while it is unknown.
    pub project: String,
    pub config: PathBuf,
    pub kind: ConfigKind,
    /// The engine whose apps were fetched; `None` if unknown.
    #[serde(default)]
    engine: Option<String>,
    /// The time of the answer, in milliseconds since 1970.
    asked: u64,
    /// The time of the last try without an answer, in the same unit.
    #[serde(default)]
    tried: u64,
}

/// The place of a configuration that the site named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigKind {
    /// On a shared disk, at a path that the site knows.
    Centralized,
    /// Realised on this machine by a core that marks complete configurations.
    Realised,
    /// Realised on this machine by an older core, which sets no marks.
    Unmarked,
}

impl ConfigKind {
    /// Returns the kind of a realised configuration; `None` if it is incomplete.
    pub fn of_realised(config: &PipelineConfig) -> Option<Self> {
        match realised::finish(config)? {
            Finish::Marked => Some(ConfigKind::Realised),
            Finish::Unmarked => Some(ConfigKind::Unmarked),
        }
    }
}

impl CachedConfig {
    /// An answer of this moment.
    pub fn new(
        project_id: i64,
        project: String,
        config: PathBuf,
        kind: ConfigKind,
        engine: &str,
    ) -> Self {
        let (engine, asked) = (Some(engine.into()), milliseconds(SystemTime::now()));
        CachedConfig { project_id, project, config, kind, engine, asked, tried: 0 }
    }

    /// Returns the answer that a realised configuration stands for; `None` if it is incomplete.
    pub fn of_realised(record: ConfigRecord, engine: Option<String>) -> Option<Self> {
        let config = PipelineConfig::at(&record.path);
        Some(CachedConfig {
            project_id: record.metadata.project_id?,
            project: record.metadata.tank_name.unwrap_or_default(),
            config: record.path,
            kind: ConfigKind::of_realised(&config)?,
            engine,
            asked: milliseconds(realised::realised_at(&config)?),
            tried: 0,
        })
    }

    /// Returns true if the answer may be one to a query. A name may be another one of the project's than the answer has.
    pub fn answers(&self, query: &SiteQuery) -> bool {
        match &query.project {
            ProjectKey::Id(id) => *id == self.project_id,
            ProjectKey::Name(_) => true,
        }
    }

    /// Returns true if the configuration's own file says that it is the project's and has the name.
    pub fn is_true(&self, name: &ConfigName, variables: &Variables) -> bool {
        let Some(mut record) = ConfigRecord::read_metadata(&self.config, variables) else {
            return false;
        };
        record.realised = self.is_realised().then_some(self.age());
        let has_no_name = record.metadata.config_name.is_none() && !self.is_realised();
        self.is_of_project(&record) && (record.is_named(name) || has_no_name)
    }

    /// Returns true if a configuration's file names the answer's project. A centralized one may name none.
    fn is_of_project(&self, record: &ConfigRecord) -> bool {
        match record.metadata.project_id {
            Some(id) => id == self.project_id,
            None => !self.is_realised(),
        }
    }

    /// Returns true if the configuration was not removed, and no launch has begun to realise it again.
    pub fn is_still_complete(&self) -> bool {
        let config = PipelineConfig::at(&self.config);
        match self.kind {
            ConfigKind::Centralized => config.exists().unwrap_or(false),
            ConfigKind::Realised => realised::is_still_complete(Finish::Marked, &config),
            ConfigKind::Unmarked => realised::is_still_complete(Finish::Unmarked, &config),
        }
    }

    pub fn is_realised(&self) -> bool {
        self.kind != ConfigKind::Centralized
    }

    pub fn age(&self) -> Duration {
        since(self.asked)
    }

    /// Returns true if the site gave this answer after a time.
    pub fn was_asked_since(&self, time: SystemTime) -> bool {
        self.asked >= milliseconds(time)
    }

    /// Returns true if the apps of the wanted engine were fetched. An unknown engine satisfies all but `--engine`.
    pub fn has_engine_of(&self, site: &Site) -> bool {
        match &self.engine {
            Some(engine) => *engine == site.engine.value,
            None => !matches!(site.engine.origin, Origin::Option(_)),
        }
    }

    /// Returns true if it is time to ask the site again: the answer is old, lacks the project's name or is for
    /// another engine, and the last try is not recent.
    pub fn is_due(&self, site: &Site) -> bool {
        let is_old = self.project.is_empty() || self.age() >= site.refresh_after;
        (is_old || !self.has_engine_of(site)) && since(self.tried) >= site.retry_after()
    }

    /// Returns the answer with the note that the site was just asked and gave none.
    #[must_use]
    pub fn tried_now(self) -> Self {
        CachedConfig { tried: milliseconds(SystemTime::now()), ..self }
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the time since a moment; `Duration::MAX` for one in the future, written by a wrong clock.
fn since(milliseconds: u64) -> Duration {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds));
    let since = time.and_then(|time| SystemTime::now().duration_since(time).ok());
    since.unwrap_or(Duration::MAX)
}
