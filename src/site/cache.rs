//! What is kept beside the configurations that Toolkit realises for a user: the site's answers and
//! refusals, locks and logs. All of it is a hint, and can be deleted at any time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::query::{CachedConfig, ConfigKind, ProjectKey, RETRY_AFTER, SiteQuery};
use crate::disk;
use crate::environment::Variables;
use crate::error::SiteFailure;
use crate::fingerprint::Fingerprint;
use crate::site::Site;
use crate::toolkit::record::ConfigRecord;

/// Refusals and logs stay for so long.
const TOLD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

impl Site {
    /// The file of what belongs to a query: its answer, a lock, a log.
    pub fn file(&self, query: &SiteQuery, extension: &str) -> PathBuf {
        let Site { host, plugin_id, engine, base_configuration, .. } = self;
        let base = base_configuration.as_deref().unwrap_or_default();
        let pipeline = query.config_name.as_deref().unwrap_or_default();
        let (by, project) = match &query.project {
            ProjectKey::Id(id) => ("id", &id.to_string()),
            ProjectKey::Name(name) => ("name", name),
        };
        let mut fingerprint = Fingerprint::default();
        for part in [&host.value, plugin_id, &engine.value, base, by, project, pipeline] {
            fingerprint.add(part);
        }
        self.own_folder().join(format!("{}.{extension}", fingerprint.text()))
    }

    /// The file of what belongs to a project.
    pub fn project_file(&self, project_id: i64, extension: &str) -> PathBuf {
        self.own_folder().join(format!("p{project_id}.{extension}"))
    }

    pub(super) fn own_folder(&self) -> PathBuf {
        self.folder.join("sgtk-python")
    }

    /// The answer that was kept.
    pub fn cached(&self, query: &SiteQuery) -> Option<CachedConfig> {
        self.answer_in(&self.file(query, "answer"))
    }

    fn answer_in(&self, file: &Path) -> Option<CachedConfig> {
        let text = disk::read(file).ok()??;
        let answer: CachedConfig = serde_json::from_str(&text).ok()?;
        let is_ours = answer.kind == ConfigKind::Centralized || self.holds(&answer.config);
        is_ours.then_some(answer)
    }

    /// Keeps an answer in the place of a refusal, if that can be done: for this query, and for that by the
    /// project's id.
    pub fn keep(&self, query: &SiteQuery, answer: &CachedConfig) {
        let Ok(text) = serde_json::to_vec(answer) else { return };
        for query in BTreeSet::from([query, &query.by_id(answer.project_id)]) {
            let _ = fs::remove_file(self.file(query, "refusal"));
            let _ = disk::replace(&self.file(query, "answer"), &text);
        }
    }

    /// Drops what was answered before to the same query in other words: another configuration in
    /// the place of this one, or another name of the project.
    pub fn drop_replaced(&self, query: &SiteQuery, answer: &CachedConfig, variables: &Variables) {
        let pipeline = query.name();
        self.drop_answers(|kept| {
            let is_other = kept.config != answer.config || kept.project != answer.project;
            let is_rival = kept.project_id == answer.project_id && is_other;
            is_rival && self.read(&kept.config, variables).0.is_named(&pipeline)
        });
    }

    /// Drops what was answered about projects that are here by now.
    pub fn drop_answers_about(&self, here: &[ConfigRecord]) {
        let ids: HashSet<i64> = here.iter().filter_map(|found| found.metadata.project_id).collect();
        let names = here.iter().filter_map(|found| found.metadata.tank_name.as_deref());
        let names: HashSet<&str> = names.filter(|name| !name.is_empty()).collect();
        let configs: HashSet<&Path> = here.iter().map(|found| found.path.as_path()).collect();
        // One that names what is here is still right, and finds it by the name that it has on the site.
        self.drop_answers(|answer| {
            !configs.contains(answer.config.as_path())
                && (ids.contains(&answer.project_id) || names.contains(answer.project.as_str()))
        });
    }

    fn drop_answers(&self, is_dropped: impl Fn(&CachedConfig) -> bool) {
        for (file, _) in self.answers().filter(|(_, answer)| is_dropped(answer)) {
            let _ = fs::remove_file(file);
        }
    }

    /// All answers that are kept, to whatever query, and their files.
    pub(super) fn answers(&self) -> impl Iterator<Item = (PathBuf, CachedConfig)> {
        let files = fs::read_dir(self.own_folder()).into_iter().flatten().flatten();
        let files = files.map(|file| file.path());
        let files = files.filter(|file| file.extension().is_some_and(|kind| kind == "answer"));
        files.filter_map(|file| self.answer_in(&file).map(|answer| (file, answer)))
    }

    /// The names that the site told, the youngest of each project.
    pub(super) fn names(&self) -> HashMap<i64, String> {
        let mut answers: Vec<CachedConfig> = self.answers().map(|(_, answer)| answer).collect();
        answers.sort_by_key(|answer| Reverse(answer.age()));
        let names = answers.into_iter().filter(|answer| !answer.project.is_empty());
        names.map(|answer| (answer.project_id, answer.project)).collect()
    }

    /// Remembers that the site gave no answer, for those who wait for it.
    pub fn refuse(&self, query: &SiteQuery, failure: &SiteFailure) {
        if let Ok(text) = serde_json::to_vec(failure) {
            let _ = disk::replace(&self.file(query, "refusal"), &text);
        }
    }

    /// Why the site gave no answer since a time, if it was asked since.
    pub fn refused(&self, query: &SiteQuery, since: SystemTime) -> Option<SiteFailure> {
        let file = self.file(query, "refusal");
        let is_newer = fs::metadata(&file).ok()?.modified().ok()? >= since;
        let text = disk::read(&file).ok()?.filter(|_| is_newer)?;
        serde_json::from_str(&text).ok()
    }

    /// The no that the site gave lately: it will not know by now what it did not know then.
    pub fn denied(&self, query: &SiteQuery) -> Option<SiteFailure> {
        let lately = SystemTime::now().checked_sub(RETRY_AFTER.min(self.refresh_after))?;
        self.refused(query, lately).filter(|failure| failure.kind.is_not_found())
    }

    /// Removes what tells of questions that were put in vain long ago.
    pub fn tidy(&self) {
        let is_old = |entry: &DirEntry| {
            let modified = entry.metadata().and_then(|found| found.modified());
            modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > TOLD_FOR))
        };
        for entry in fs::read_dir(self.own_folder()).into_iter().flatten().flatten() {
            let path = entry.path();
            let tells = path.extension().is_some_and(|end| end == "refusal" || end == "log");
            if tells && is_old(&entry) {
                let _ = fs::remove_file(path);
            }
        }
    }
}
