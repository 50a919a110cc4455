//! What Toolkit has realised for a user from the descriptions of a site, and which of it counts.

use std::cell::LazyCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::query::{CachedConfig, ConfigKind, ProjectKey, SiteQuery};
use crate::disk;
use crate::environment::Variables;
use crate::error::Error;
use crate::finding::scan::Scan;
use crate::site::Site;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::realised;
use crate::toolkit::record::{ConfigName, ConfigRecord};

impl Site {
    /// Whether anything of a project was realised since a time, or is not whole.
    pub fn is_touched(&self, project_id: i64, since: SystemTime) -> bool {
        let start = format!("p{project_id}");
        let is_of = |config: &PathBuf| {
            let folder = config.parent().and_then(Path::file_name).and_then(OsStr::to_str);
            let rest = folder.and_then(|folder| folder.strip_prefix(&start));
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let configs = realised::configs(&self.folder, &self.plugin_id).into_iter().filter(is_of);
        configs.map(PipelineConfig::at).any(|config| {
            realised::finish(&config).is_none()
                || realised::realised_at(&config).is_none_or(|made| made >= since)
        })
    }

    /// The configurations that have been realised here: those that are whole, and those that are not. A
    /// project without a name on disk has the one that the site told.
    pub fn realised(&self, variables: &Variables) -> Scan {
        let mut scan = Scan::default();
        // Most have a name of their own.
        let names = LazyCell::new(|| self.names());
        for path in realised::configs(&self.folder, &self.plugin_id) {
            let config = PipelineConfig::at(&path);
            if realised::finish(&config).is_none() {
                scan.faults.push((path.clone(), Error::Incomplete { path }));
                continue;
            }
            let (mut found, fault) = self.read(&path, variables);
            if let (None, Some(id)) = (&found.metadata.tank_name, found.metadata.project_id) {
                found.metadata.tank_name = names.get(&id).cloned();
            }
            scan.faults.extend(fault.map(|fault| (path, fault)));
            scan.records.push(found);
        }
        scan
    }

    /// Reads a configuration that the site named.
    pub(super) fn read(&self, path: &Path, variables: &Variables) -> (ConfigRecord, Option<Error>) {
        let (mut found, fault) = ConfigRecord::read(path, variables);
        if self.holds(path) {
            let made = realised::realised_at(&PipelineConfig::at(path));
            found.realised = made.map(|made| made.elapsed().unwrap_or_default());
            if found.metadata.tank_name.as_deref() == Some(realised::UNNAMED) {
                (found.metadata.tank_name, found.data) = (None, Vec::new());
            }
        }
        (found, fault)
    }

    /// Those of the realised configurations that count: one of each project and pipeline.
    pub fn counting(&self, variables: &Variables) -> Scan {
        let mut scan = self.realised(variables);
        let all = scan.records.clone();
        scan.records.retain(|found| {
            let Some(id) = found.metadata.project_id else { return true };
            let pipeline = found.metadata.config_name.clone();
            let pipeline = pipeline.filter(|_| !found.is_named(&ConfigName::Primary));
            let query = SiteQuery { project: ProjectKey::Id(id), config_name: pipeline };
            self.current(&all, &query).is_none_or(|current| current.path == found.path)
        });
        scan
    }

    /// The answer that is known without asking: what the site said of the project by its id, else what
    /// is realised of it.
    pub fn found(&self, query: &SiteQuery, variables: &Variables) -> Option<CachedConfig> {
        let found = self.realised(variables).records;
        let current = self.current(&found, query)?;
        let kept = self.cached(&query.by_id(current.metadata.project_id?));
        let is_known = |kept: &CachedConfig| {
            kept.kind == ConfigKind::Centralized || kept.config == current.path
        };
        kept.filter(is_known).or_else(|| self.answer_of(current.clone()))
    }

    /// Of several realised configurations that a query may mean the one that the site named last, else
    /// the newest.
    fn current<'f>(
        &self,
        found: &'f [ConfigRecord],
        query: &SiteQuery,
    ) -> Option<&'f ConfigRecord> {
        let is_asked = |found: &&ConfigRecord| match &query.project {
            ProjectKey::Id(id) => found.metadata.project_id == Some(*id),
            ProjectKey::Name(name) => found.metadata.tank_name.as_ref() == Some(name),
        };
        let pipeline = query.name();
        let is_meant = |found: &&ConfigRecord| is_asked(found) && found.is_named(&pipeline);
        let meant: Vec<&ConfigRecord> = found.iter().filter(is_meant).collect();
        if let [only] = meant.as_slice() {
            return Some(only);
        }
        // Whatever engine it was asked for.
        let named = self.answers().filter_map(|(_, answer)| {
            let found = *meant.iter().find(|found| found.path == answer.config)?;
            Some((answer.age(), found))
        });
        let named = named.min_by_key(|(age, _)| *age).map(|(_, found)| found);
        named.or_else(|| meant.into_iter().min_by_key(|found| found.realised))
    }

    /// What a realised configuration answers by itself.
    pub fn answer_of(&self, found: ConfigRecord) -> Option<CachedConfig> {
        let engine = disk::read(&self.engine_file(&found.path)).ok().flatten();
        CachedConfig::of(found, engine)
    }

    /// Notes which engine was made ready last.
    pub fn note_engine(&self, config: &Path) {
        let _ = disk::replace(&self.engine_file(config), self.engine.value.as_bytes());
    }

    /// `p101c11.basic..engine`, beside the answers.
    fn engine_file(&self, config: &Path) -> PathBuf {
        let mut name = config.parent().and_then(Path::file_name).unwrap_or_default().to_owned();
        name.push(".engine");
        self.own_folder().join(name)
    }
}
