//! What the site answered: the configuration that it has for a project, kept beside the realised
//! configurations so that it need not be asked for each launch. A kept answer is a hint as the index
//! is: what it names is looked at before it is used.

use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::scan::Scan;
use super::{Found, Pipeline};
use crate::disk;
use crate::environment::Variables;
use crate::error::{Error, SiteFailure};
use crate::site::Site;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::realised::{self, Finish};

/// What the site is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The project.
    pub project: Asked,
    /// Which of its configurations, by name or id; its Primary if that is not said.
    pub pipeline: Option<String>,
}

/// What a project is asked for by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// Its id.
    Id(i64),
    /// Its name on disk, or else its name on the site.
    Name(String),
}

/// What the site answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The project's id.
    pub project_id: i64,
    /// The project's name on disk, else its name on the site.
    pub project: String,
    /// The configuration's folder.
    pub config: PathBuf,
    /// How it came to be there.
    pub nature: Nature,
    /// When the site was asked, in milliseconds since 1970.
    asked: u64,
    /// When it was last asked in vain.
    #[serde(default)]
    tried: u64,
}

/// A site that did not answer is left alone for so long.
const RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// How a configuration that the site named came to be on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nature {
    /// The site knows its path: it lies where everyone sees it.
    Centralized,
    /// It was realised here, and its marks told that it is whole.
    Realised,
    /// The same, by a core that sets no marks.
    Unmarked,
}

impl Answer {
    /// What the site answers now.
    pub fn new(project_id: i64, project: String, config: PathBuf, nature: Nature) -> Self {
        Answer {
            project_id,
            project,
            config,
            nature,
            asked: milliseconds(SystemTime::now()),
            tried: 0,
        }
    }

    /// The answer that a realised configuration stands for which is there, whole, and without an answer.
    fn of(found: Found) -> Option<Self> {
        let config = PipelineConfig::at(&found.path);
        let nature = match realised::finish(&config)? {
            Finish::Marked => Nature::Realised,
            Finish::Unmarked => Nature::Unmarked,
        };
        Some(Answer {
            project_id: found.metadata.project_id?,
            project: found.metadata.project.unwrap_or_default(),
            config: found.path,
            nature,
            asked: milliseconds(realised::made(&config)?),
            tried: 0,
        })
    }

    /// Whether the configuration is whole still.
    pub fn is_whole(&self) -> bool {
        let config = PipelineConfig::at(&self.config);
        match self.nature {
            Nature::Centralized => config.is_one().unwrap_or(false),
            Nature::Realised => realised::is_still(Finish::Marked, &config),
            Nature::Unmarked => realised::is_still(Finish::Unmarked, &config),
        }
    }

    /// How long ago the site was asked.
    pub fn age(&self) -> Duration {
        since(self.asked)
    }

    /// Whether it is time to ask again.
    pub fn is_due(&self, refresh_after: Duration) -> bool {
        self.age() >= refresh_after && since(self.tried) >= RETRY_AFTER.min(refresh_after)
    }

    /// The same answer, after the site was asked in vain.
    #[must_use]
    pub fn tried_now(self) -> Self {
        Answer { tried: milliseconds(SystemTime::now()), ..self }
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

impl Site {
    /// The file of what belongs to a question: its answer, a lock, a log.
    pub fn file(&self, question: &Question, extension: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        let Site { host, plugin_id, engine, base_configuration, .. } = self;
        (&host.value, plugin_id, engine, base_configuration, question).hash(&mut hasher);
        self.own_folder().join(format!("{:016x}.{extension}", hasher.finish()))
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

    /// Keeps an answer, if that can be done.
    pub fn keep(&self, question: &Question, answer: &Answer) {
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
        found.into_iter().find_map(Answer::of)
    }
}
