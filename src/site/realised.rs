//! The configurations that Toolkit has realised from a site on this machine. A project may have several of one name:
//! the current one is the one that the site named last, else the newest.

use std::cell::LazyCell;

use std::path::Path;
use std::time::SystemTime;

use super::cache::SiteCache;
use super::cached_config::CachedConfig;
use super::query::{ProjectKey, SiteQuery};
use super::server::Site;
use crate::disk::FileProblem;
use crate::environment::Variables;
use crate::error::Error;
use crate::finding::scan::Scan;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::realised;
use crate::toolkit::record::{ConfigName, ConfigRecord};

/// The realised configurations of a site's folder, for its plugin id.
pub struct RealisedConfigs<'a> {
    site: &'a Site,
    cache: SiteCache<'a>,
    variables: &'a Variables,
}

impl<'a> RealisedConfigs<'a> {
    pub fn of(site: &'a Site, variables: &'a Variables) -> Self {
        RealisedConfigs { site, cache: SiteCache::of(site), variables }
    }

    /// Reads all. Among the faults are incomplete ones, and those whose file does not name the project that they were
    /// realised for. A project without a `tank_name` gets its name on the site.
    pub fn scan(&self) -> Scan {
        let mut scan = Scan::default();
        // Few configurations need it.
        let names = LazyCell::new(|| self.cache.project_names());
        for path in realised::configs(&self.site.folder, &self.site.plugin_id) {
            if realised::finish(&PipelineConfig::at(&path)).is_none() {
                scan.faults.push((path.clone(), Error::Incomplete { path }));
                continue;
            }
            let (mut record, fault) = self.site.read(&path, self.variables);
            if let Some(other) = fault_of_id(&record) {
                scan.faults.push((path, fault.unwrap_or(other)));
                continue;
            }
            let metadata = &mut record.metadata;
            if let (None, Some(id)) = (&metadata.tank_name, metadata.project_id) {
                metadata.tank_name = names.get(&id).cloned();
            }
            scan.faults.extend(fault.map(|fault| (path, fault)));
            scan.records.push(record);
        }
        scan
    }

    /// Reads all, and keeps the current one of each project and configuration name.
    pub fn scan_current(&self) -> Scan {
        let mut scan = self.scan();
        let all = scan.records.clone();
        scan.records.retain(|record| self.is_current(record, &all));
        scan
    }

    fn is_current(&self, record: &ConfigRecord, all: &[ConfigRecord]) -> bool {
        let Some(id) = record.metadata.project_id else { return true };
        let mut config_name = record.metadata.config_name.clone();
        if record.is_named(&ConfigName::Primary) {
            config_name = None;
        }
        let query = SiteQuery { project: ProjectKey::Id(id), config_name };
        self.current(all, &query).is_none_or(|current| current.path == record.path)
    }

    fn current<'r>(
        &self,
        records: &'r [ConfigRecord],
        query: &SiteQuery,
    ) -> Option<&'r ConfigRecord> {
        let (project, name) = (query.project.on_disk(), query.name());
        let mut meant: Vec<&ConfigRecord> = records.iter().collect();
        meant.retain(|record| project.matches(record) && record.is_named(&name));
        if meant.len() < 2 {
            return meant.pop();
        }
        // Answers for every engine count.
        for (_, cached) in self.cache.all() {
            if let Some(record) = meant.iter().find(|record| record.path == cached.config) {
                return Some(record);
            }
        }
        meant.into_iter().min_by_key(|record| record.realised)
    }

    /// Returns the answer that is known without asking the site: its answer by the project's id, else the current
    /// realised configuration.
    pub fn answer(&self, query: &SiteQuery) -> Option<CachedConfig> {
        let records = self.scan().records;
        let current = self.current(&records, query)?;
        let query = query.by_id(current.metadata.project_id?);
        match self.cache.config(&query, self.variables) {
            Some(cached) if !cached.is_realised() || cached.config == current.path => Some(cached),
            _ => self.answer_of(current.clone()),
        }
    }

    /// Returns the answer that a realised configuration stands for; `None` if it is incomplete.
    pub fn answer_of(&self, record: ConfigRecord) -> Option<CachedConfig> {
        let engine = self.cache.engine(&record.path);
        CachedConfig::of_realised(record, engine)
    }

    /// Returns true if a configuration of the project is incomplete or was realised after a time.
    pub fn is_touched(&self, project_id: i64, since: SystemTime) -> bool {
        for path in realised::configs(&self.site.folder, &self.site.plugin_id) {
            if project_id_in(&path) != Some(project_id) {
                continue;
            }
            let config = PipelineConfig::at(path);
            let realised_at = realised::realised_at(&config);
            if realised::finish(&config).is_none() || realised_at.is_none_or(|time| time >= since) {
                return true;
            }
        }
        false
    }
}

/// Returns the fault of a configuration whose file names no project, or another one than its folder.
fn fault_of_id(record: &ConfigRecord) -> Option<Error> {
    let wanted = project_id_in(&record.path)?;
    match record.metadata.project_id {
        Some(found) if found == wanted => None,
        Some(found) => Some(Error::OtherProject { path: record.path.clone(), wanted, found }),
        None => {
            let file = PipelineConfig::at(&record.path).metadata_file();
            Some(Error::of_file(file, FileProblem::Lacks("'project_id'")))
        }
    }
}

/// Returns 101 for `p101c11.basic./cfg` and for `p101.basic./cfg`.
fn project_id_in(config: &Path) -> Option<i64> {
    let name = config.parent()?.file_name()?.to_str()?;
    name.strip_prefix('p')?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_name_gives_the_project_id() {
        for (config, id) in [
            ("/site/p101c11.basic./cfg", Some(101)),
            ("/site/p1010.basic./cfg", Some(1010)),
            ("/site/pc11.basic./cfg", None),
            ("/site/sgtk-python/cfg", None),
        ] {
            assert_eq!(project_id_in(Path::new(config)), id, "{config}");
        }
    }
}
