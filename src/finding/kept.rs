//! What is kept beside the configurations that Toolkit realises for a user: the site's answers and
//! refusals, locks and logs. All of it is a hint, and can be deleted at any time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Found;
use super::answers::{Answer, Asked, Nature, Question, RETRY_AFTER};
use crate::disk;
use crate::environment::Variables;
use crate::error::SiteFailure;
use crate::fingerprint::Fingerprint;
use crate::site::Site;

/// Refusals and logs stay for so long.
const TOLD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

impl Site {
    /// The file of what belongs to a question: its answer, a lock, a log.
    pub fn file(&self, question: &Question, extension: &str) -> PathBuf {
        let Site { host, plugin_id, engine, base_configuration, .. } = self;
        let base = base_configuration.as_deref().unwrap_or_default();
        let pipeline = question.pipeline.as_deref().unwrap_or_default();
        let (by, project) = match &question.project {
            Asked::Id(id) => ("id", &id.to_string()),
            Asked::Name(name) => ("name", name),
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
    pub fn kept(&self, question: &Question) -> Option<Answer> {
        self.answer_in(&self.file(question, "answer"))
    }

    fn answer_in(&self, file: &Path) -> Option<Answer> {
        let text = disk::read(file).ok()??;
        let answer: Answer = serde_json::from_str(&text).ok()?;
        let is_ours = answer.nature == Nature::Centralized || self.holds(&answer.config);
        is_ours.then_some(answer)
    }

    /// Keeps an answer in the place of a refusal, if that can be done: for this question, and for that by the
    /// project's id.
    pub fn keep(&self, question: &Question, answer: &Answer) {
        let Ok(text) = serde_json::to_vec(answer) else { return };
        for question in BTreeSet::from([question, &question.by_id(answer.project_id)]) {
            let _ = fs::remove_file(self.file(question, "refusal"));
            let _ = disk::replace(&self.file(question, "answer"), &text);
        }
    }

    /// Drops what was answered before to the same question in other words: another configuration in
    /// the place of this one, or another name of the project.
    pub fn drop_replaced(&self, question: &Question, answer: &Answer, variables: &Variables) {
        let pipeline = question.pipeline();
        self.drop_answers(|kept| {
            let is_other = kept.config != answer.config || kept.project != answer.project;
            let is_rival = kept.project_id == answer.project_id && is_other;
            is_rival && self.read(&kept.config, variables).0.is_pipeline(&pipeline)
        });
    }

    /// Drops what was answered about projects that are here by now.
    pub fn drop_answers_about(&self, here: &[Found]) {
        let ids: HashSet<i64> = here.iter().filter_map(|found| found.metadata.project_id).collect();
        let names = here.iter().filter_map(|found| found.metadata.project.as_deref());
        let names: HashSet<&str> = names.filter(|name| !name.is_empty()).collect();
        let configs: HashSet<&Path> = here.iter().map(|found| found.path.as_path()).collect();
        // One that names what is here is still right, and finds it by the name that it has on the site.
        self.drop_answers(|answer| {
            !configs.contains(answer.config.as_path())
                && (ids.contains(&answer.project_id) || names.contains(answer.project.as_str()))
        });
    }

    fn drop_answers(&self, is_dropped: impl Fn(&Answer) -> bool) {
        for (file, _) in self.answers().filter(|(_, answer)| is_dropped(answer)) {
            let _ = fs::remove_file(file);
        }
    }

    /// All answers that are kept, to whatever question, and their files.
    pub(super) fn answers(&self) -> impl Iterator<Item = (PathBuf, Answer)> {
        let files = fs::read_dir(self.own_folder()).into_iter().flatten().flatten();
        let files = files.map(|file| file.path());
        let files = files.filter(|file| file.extension().is_some_and(|kind| kind == "answer"));
        files.filter_map(|file| self.answer_in(&file).map(|answer| (file, answer)))
    }

    /// The names that the site told, the youngest of each project.
    pub(super) fn names(&self) -> HashMap<i64, String> {
        let mut answers: Vec<Answer> = self.answers().map(|(_, answer)| answer).collect();
        answers.sort_by_key(|answer| Reverse(answer.age()));
        let names = answers.into_iter().filter(|answer| !answer.project.is_empty());
        names.map(|answer| (answer.project_id, answer.project)).collect()
    }

    /// Remembers that the site gave no answer, for those who wait for it.
    pub fn refuse(&self, question: &Question, failure: &SiteFailure) {
        if let Ok(text) = serde_json::to_vec(failure) {
            let _ = disk::replace(&self.file(question, "refusal"), &text);
        }
    }

    /// Why the site gave no answer since a time, if it was asked since.
    pub fn refused(&self, question: &Question, since: SystemTime) -> Option<SiteFailure> {
        let file = self.file(question, "refusal");
        let is_newer = fs::metadata(&file).ok()?.modified().ok()? >= since;
        let text = disk::read(&file).ok()?.filter(|_| is_newer)?;
        serde_json::from_str(&text).ok()
    }

    /// The no that the site gave lately: it will not know by now what it did not know then.
    pub fn denied(&self, question: &Question) -> Option<SiteFailure> {
        let lately = SystemTime::now().checked_sub(RETRY_AFTER.min(self.refresh_after))?;
        self.refused(question, lately).filter(|failure| failure.kind.is_a_no())
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
