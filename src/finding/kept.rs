//! What is kept beside the configurations that Toolkit realises for a user: the site's answers and
//! refusals, locks and logs. All of it is a hint, and can be deleted at any time.

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
        let text = disk::read(&self.file(question, "answer")).ok()??;
        let answer: Answer = serde_json::from_str(&text).ok()?;
        let is_ours = answer.nature == Nature::Centralized || self.holds(&answer.config);
        is_ours.then_some(answer)
    }

    /// Keeps an answer in the place of a refusal, if that can be done.
    pub fn keep(&self, question: &Question, answer: &Answer) {
        let _ = fs::remove_file(self.file(question, "refusal"));
        if let Ok(text) = serde_json::to_vec(answer) {
            let _ = disk::replace(&self.file(question, "answer"), &text);
        }
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

    /// The configurations that have been realised here: those that are whole, and those that are not.
    pub fn realised(&self, variables: &Variables) -> Scan {
        let mut scan = Scan::default();
        for path in realised::configs(&self.folder, &self.plugin_id) {
            let config = PipelineConfig::at(&path);
            let (mut found, fault) = Found::read(&path, variables);
            if realised::finish(&config).is_none() {
                scan.faults.push((path.clone(), Error::NotWhole { path }));
                continue;
            }
            let made = realised::made(&config);
            found.realised = made.map(|made| made.elapsed().unwrap_or_default());
            scan.faults.extend(fault.map(|fault| (path, fault)));
            scan.found.push(found);
        }
        scan
    }

    /// The answer that a realised configuration stands for of which no answer was kept.
    pub fn found(&self, question: &Question, variables: &Variables) -> Option<Answer> {
        let is_asked = |found: &Found| match &question.project {
            Asked::Id(id) => found.metadata.project_id == Some(*id),
            Asked::Name(name) => found.metadata.project.as_ref() == Some(name),
        };
        let pipeline = question.pipeline.clone().map_or(Pipeline::Primary, Pipeline::Named);
        // A configuration that the site knows nothing of has no id: it stands for the Primary.
        let is_base =
            |found: &Found| found.metadata.pipeline_id.is_none() && pipeline == Pipeline::Primary;
        let is_pipeline = |found: &Found| found.is_pipeline(&pipeline) || is_base(found);
        let mut found = self.realised(variables).found;
        found.retain(|found| is_asked(found) && is_pipeline(found));
        found.into_iter().find_map(|found| {
            let engine = disk::read(&self.engine_file(&found.path)).ok().flatten();
            Answer::of(found, engine)
        })
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
