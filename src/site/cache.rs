//! The launcher's own files beside a site's realised configurations: cached answers, failures, locks and logs. All are
//! hints, and can be deleted at any time.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use log::{debug, warn};

use super::cached_config::{CachedConfig, ConfigKind};
use super::query::{ProjectKey, SiteQuery};
use super::server::Site;
use crate::disk::{self, FileProblem};
use crate::display::Printable;
use crate::environment::Variables;
use crate::error::{Error, SiteFailure};
use crate::fingerprint::Fingerprint;
use crate::os::has_parent_part;
use crate::toolkit::record::ConfigRecord;

/// Age at which failures and logs are removed.
const KEEP_FAILURES: Duration = Duration::from_secs(24 * 60 * 60);

/// The clock of a file server may be ahead of this machine's for so long.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// The files in `sgtk-python/` below the site's folder. Writing is best effort: a cache may be read-only.
pub struct SiteCache<'a> {
    site: &'a Site,
}

impl<'a> SiteCache<'a> {
    pub fn of(site: &'a Site) -> Self {
        SiteCache { site }
    }

    /// Returns the file of a project: `turn` is the lock of the launch that realises its configuration, `lock` the
    /// one that running jobs share, and that holds new jobs off while a launch realises.
    pub fn project_file(&self, project_id: i64, extension: &str) -> PathBuf {
        self.folder().join(format!("p{project_id}.{extension}"))
    }

    fn folder(&self) -> PathBuf {
        self.site.folder.join("sgtk-python")
    }

    /// Returns the file of a query: its `answer`, its `refusal` (the failure), its `log`, or the `lock` of the launch
    /// that asks.
    pub fn file(&self, query: &SiteQuery, extension: &str) -> PathBuf {
        let Site { host, plugin_id, engine, base_configuration, .. } = self.site;
        let base = base_configuration.as_deref().unwrap_or_default();
        let config_name = query.config_name.as_deref().unwrap_or_default();
        let (by, project) = match &query.project {
            ProjectKey::Id(id) => ("id", &id.to_string()),
            ProjectKey::Name(name) => ("name", name),
        };
        let mut fingerprint = Fingerprint::default();
        for part in [&host.value, plugin_id, &engine.value, base, by, project, config_name] {
            fingerprint.add(part);
        }
        self.folder().join(format!("{}.{extension}", fingerprint.text()))
    }

    /// Returns the last answer to a query, if its configuration still is the project's and has the name. Another project
    /// may have the folder by now: such an answer counts as none, and the site is asked.
    pub fn config(&self, query: &SiteQuery, variables: &Variables) -> Option<CachedConfig> {
        let file = self.file(query, "answer");
        let cached = self.read(&file)?;
        let is_true = cached.answers(query) && cached.is_true(&query.name(), variables);
        if !is_true {
            debug!("the answer is not true any more: {}", Printable::new(&file));
        }
        is_true.then_some(cached)
    }

    /// Caches an answer in place of a failure: for this query, and for the same by the project's id.
    pub fn keep(&self, query: &SiteQuery, cached: &CachedConfig) {
        let Ok(text) = serde_json::to_vec(cached) else { return };
        for query in BTreeSet::from([query, &query.by_id(cached.project_id)]) {
            let _ = fs::remove_file(self.file(query, "refusal"));
            let _ = disk::replace(&self.file(query, "answer"), &text);
        }
    }

    /// Drops the answers that a new one contradicts: for the same project and configuration name, another folder or
    /// another name of the project.
    pub fn drop_replaced(&self, query: &SiteQuery, new: &CachedConfig, variables: &Variables) {
        let name = query.name();
        for (file, cached) in self.all() {
            let is_other = cached.config != new.config || cached.project != new.project;
            if cached.project_id == new.project_id
                && is_other
                && self.site.read(&cached.config, variables).0.is_named(&name)
            {
                let _ = fs::remove_file(file);
            }
        }
    }

    /// Drops the answers about projects that have a configuration on disk. An answer that names this very
    /// configuration stays: it finds it by the project's name on the site.
    pub fn drop_on_disk(&self, records: &[ConfigRecord]) {
        let (mut ids, mut names, mut configs) = (HashSet::new(), HashSet::new(), HashSet::new());
        for record in records {
            ids.extend(record.metadata.project_id);
            names.extend(record.metadata.tank_name.as_deref());
            configs.insert(record.path.as_path());
        }
        names.remove("");
        for (file, cached) in self.all() {
            let is_on_disk =
                ids.contains(&cached.project_id) || names.contains(cached.project.as_str());
            if is_on_disk && !configs.contains(cached.config.as_path()) {
                let _ = fs::remove_file(file);
            }
        }
    }

    /// Returns every cached answer with its file, the youngest first.
    pub fn all(&self) -> Vec<(PathBuf, CachedConfig)> {
        let mut all = Vec::new();
        for file in self.files("answer") {
            if let Some(cached) = self.read(&file) {
                all.push((file, cached));
            }
        }
        all.sort_by_cached_key(|(_, cached)| cached.age());
        all
    }

    /// Returns the name of each project by the youngest answer.
    pub fn project_names(&self) -> HashMap<i64, String> {
        let mut names = HashMap::new();
        for (_, cached) in self.all() {
            if !cached.project.is_empty() {
                names.entry(cached.project_id).or_insert(cached.project);
            }
        }
        names
    }

    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder()).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.retain(|file| file.extension() == Some(extension.as_ref()));
        files
    }

    /// Files that another version of the launcher wrote do not count, nor do realised configurations of another
    /// site's folder.
    fn read(&self, file: &Path) -> Option<CachedConfig> {
        let cached: CachedConfig = serde_json::from_str(&self.read_text(file)?).ok()?;
        let is_possible = match cached.kind {
            ConfigKind::Centralized => {
                cached.config.is_absolute() && !has_parent_part(&cached.config)
            }
            ConfigKind::Realised | ConfigKind::Unmarked => self.site.holds(&cached.config),
        };
        is_possible.then_some(cached)
    }

    /// Reads a file that decides what runs. Passes over an untrusted one with a warning.
    fn read_text(&self, file: &Path) -> Option<String> {
        match disk::read_trusted(file, self.site.launcher.as_deref()) {
            Ok(text) => text,
            Err(problem @ FileProblem::Untrusted(_)) => {
                warn!("{}", Error::of_file(file, problem));
                None
            }
            Err(_) => None,
        }
    }

    /// Writes the failure of a query, for launches that wait for the answer.
    pub fn keep_failure(&self, query: &SiteQuery, failure: &SiteFailure) {
        if let Ok(text) = serde_json::to_vec(failure) {
            let _ = disk::replace(&self.file(query, "refusal"), &text);
        }
    }

    /// Returns the failure of a query since a time. A failure from the future, written by a wrong clock, does not count.
    pub fn failure(&self, query: &SiteQuery, since: SystemTime) -> Option<SiteFailure> {
        let file = self.file(query, "refusal");
        let until = SystemTime::now().checked_add(CLOCK_TOLERANCE)?;
        if !(since..until).contains(&fs::metadata(&file).ok()?.modified().ok()?) {
            return None;
        }
        serde_json::from_str(&self.read_text(&file)?).ok()
    }

    /// Returns the recent answer that the site has no such project or configuration.
    pub fn recent_not_found(&self, query: &SiteQuery) -> Option<SiteFailure> {
        let since = SystemTime::now().checked_sub(self.site.retry_after())?;
        self.failure(query, since).filter(|failure| failure.kind.is_not_found())
    }

    /// Removes old failures and logs.
    pub fn remove_old_failures(&self) {
        for file in [self.files("refusal"), self.files("log")].concat() {
            if disk::age(&file).is_some_and(|age| age > KEEP_FAILURES) {
                let _ = fs::remove_file(file);
            }
        }
    }

    /// Returns the engine whose apps were fetched last for a realised configuration.
    pub fn engine(&self, config: &Path) -> Option<String> {
        disk::read_trusted(&self.engine_file(config), self.site.launcher.as_deref()).ok().flatten()
    }

    /// Notes that the apps of the site's engine were fetched for a realised configuration.
    pub fn keep_engine(&self, config: &Path) {
        let _ = disk::replace(&self.engine_file(config), self.site.engine.value.as_bytes());
    }

    /// `p101c11.basic..engine`
    fn engine_file(&self, config: &Path) -> PathBuf {
        let mut name = config.parent().and_then(Path::file_name).unwrap_or_default().to_owned();
        name.push(".engine");
        self.folder().join(name)
    }
}
