//! What is kept beside the configurations that Toolkit realises for a user: the site's answers and
//! refusals, locks and logs. All of it is a hint, and can be deleted at any time.

use std::cell::LazyCell;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::answers::{Answer, Asked, Nature, Question, RETRY_AFTER};
use super::scan::Scan;
use super::{Found, Pipeline};
use crate::disk;
use crate::environment::Variables;
use crate::error::{Error, SiteFailure};
use crate::fingerprint::Fingerprint;
use crate::site::Site;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::realised;

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

    fn own_folder(&self) -> PathBuf {
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
    fn answers(&self) -> impl Iterator<Item = (PathBuf, Answer)> {
        let files = fs::read_dir(self.own_folder()).into_iter().flatten().flatten();
        let files = files.map(|file| file.path());
        let files = files.filter(|file| file.extension().is_some_and(|kind| kind == "answer"));
        files.filter_map(|file| self.answer_in(&file).map(|answer| (file, answer)))
    }

    /// The names that the site told, the youngest of each project.
    fn names(&self) -> HashMap<i64, String> {
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
                || realised::made(&config).is_none_or(|made| made >= since)
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
                scan.faults.push((path.clone(), Error::NotWhole { path }));
                continue;
            }
            let (mut found, fault) = self.read(&path, variables);
            if let (None, Some(id)) = (&found.metadata.project, found.metadata.project_id) {
                found.metadata.project = names.get(&id).cloned();
            }
            scan.faults.extend(fault.map(|fault| (path, fault)));
            scan.found.push(found);
        }
        scan
    }

    /// Reads a configuration that the site named.
    fn read(&self, path: &Path, variables: &Variables) -> (Found, Option<Error>) {
        let (mut found, fault) = Found::read(path, variables);
        if self.holds(path) {
            let made = realised::made(&PipelineConfig::at(path));
            found.realised = made.map(|made| made.elapsed().unwrap_or_default());
            if found.metadata.project.as_deref() == Some(realised::UNNAMED) {
                (found.metadata.project, found.data) = (None, Vec::new());
            }
        }
        (found, fault)
    }

    /// Those of the realised configurations that count: one of each project and pipeline.
    pub fn counting(&self, variables: &Variables) -> Scan {
        let mut scan = self.realised(variables);
        let all = scan.found.clone();
        scan.found.retain(|found| {
            let Some(id) = found.metadata.project_id else { return true };
            let pipeline = found.metadata.pipeline.clone();
            let pipeline = pipeline.filter(|_| !found.is_pipeline(&Pipeline::Primary));
            let question = Question { project: Asked::Id(id), pipeline };
            self.current(&all, &question).is_none_or(|current| current.path == found.path)
        });
        scan
    }

    /// The answer that is known without asking: what the site said of the project by its id, else what
    /// is realised of it.
    pub fn found(&self, question: &Question, variables: &Variables) -> Option<Answer> {
        let found = self.realised(variables).found;
        let current = self.current(&found, question)?;
        let kept = self.kept(&question.by_id(current.metadata.project_id?));
        let is_known =
            |kept: &Answer| kept.nature == Nature::Centralized || kept.config == current.path;
        kept.filter(is_known).or_else(|| self.answer_of(current.clone()))
    }

    /// Of several realised configurations that a question may mean the one that the site named last, else
    /// the newest.
    fn current<'f>(&self, found: &'f [Found], question: &Question) -> Option<&'f Found> {
        let is_asked = |found: &&Found| match &question.project {
            Asked::Id(id) => found.metadata.project_id == Some(*id),
            Asked::Name(name) => found.metadata.project.as_ref() == Some(name),
        };
        let pipeline = question.pipeline();
        let is_meant = |found: &&Found| is_asked(found) && found.is_pipeline(&pipeline);
        let meant: Vec<&Found> = found.iter().filter(is_meant).collect();
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
    pub fn answer_of(&self, found: Found) -> Option<Answer> {
        let engine = disk::read(&self.engine_file(&found.path)).ok().flatten();
        Answer::of(found, engine)
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
