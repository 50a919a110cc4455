//! The settings files: a studio's and, over it, the user's. Read once; what they say is kept with the
//! file and key that say it.

mod document;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::disk::{self, FileProblem};
use crate::environment::NamePattern;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::os::Os;
use document::{Document, ProjectTable, parse};

pub use document::{EnvironmentTable, SiteTable};

/// The studio's settings file, beside the launcher or in `/etc`.
const FILE_NAME: &str = "sgtk-python.toml";

/// What the settings files say, the weakest file first.
#[derive(Debug, Default)]
pub struct Settings {
    files: Vec<File>,
}

/// What the settings say of workers.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Whether a worker starts the jobs' engine, and keeps it for all of them.
    pub keep_engine: bool,
    /// What a worker imports besides `sgtk`.
    pub preload: Vec<String>,
    /// Further variables that tell workers apart.
    pub variables: Vec<NamePattern>,
    /// How long a worker waits for the next job.
    pub idle_after: Duration,
    /// How many workers a user may have.
    pub max_workers: u32,
    /// How many jobs a worker runs at once.
    pub max_jobs: u32,
    /// The MiB above which further jobs wait; 0: no limit.
    pub max_memory: u32,
}

/// How long a worker waits for the next job, if nothing else is said.
const IDLE_AFTER: Duration = Duration::from_secs(10 * 60);

#[derive(Debug)]
struct File {
    path: PathBuf,
    document: Document,
}

impl Settings {
    /// Reads the settings files that are there.
    pub fn read(inputs: &Inputs) -> Result<Self, Error> {
        let mut files = Vec::new();
        if let Some(path) = inputs.variable("SGTK_PYTHON_SETTINGS").map(Path::new) {
            let path = inputs.location.absolute(path).ok_or_else(|| Error::no_directory(path))?;
            let file = File::read(path.clone())?;
            files.push(file.ok_or_else(|| Error::of_file(path, FileProblem::Missing))?);
        } else if let Some(file) = studio_file(inputs)? {
            files.push(file);
        }
        if let Some(path) = users_place(inputs) {
            files.extend(File::read_if_allowed(path)?);
        }
        Ok(Settings { files })
    }

    /// The folders below which configs lie, as written.
    pub fn roots(&self) -> Option<Decided<&[String]>> {
        self.strongest(|document| document.roots.as_deref(), "roots")
    }

    /// The studio's core below a root, as written.
    pub fn studio(&self, project: Option<&str>) -> Option<Decided<&str>> {
        self.of_project(project, "studio", |table| table.studio.as_deref())
            .or_else(|| self.strongest(|document| document.studio.as_deref(), "studio"))
    }

    /// The Python, as written.
    pub fn python(&self, project: Option<&str>) -> Option<Decided<&str>> {
        self.of_project(project, "python", |table| table.python.as_deref())
            .or_else(|| self.strongest(|document| document.python.as_deref(), "python"))
    }

    /// A key of the `[site]` table.
    pub fn site<'a, T: ?Sized>(
        &'a self,
        key: &str,
        pick: impl Fn(&'a SiteTable) -> Option<&'a T>,
    ) -> Option<Decided<&'a T>> {
        self.strongest(|document| pick(&document.site), &format!("site.{key}"))
    }

    /// Whether jobs run in a worker.
    pub fn warm(&self, project: Option<&str>) -> Option<Decided<bool>> {
        let decided = self
            .of_project(project, "warm", |table| table.warm.as_ref())
            .or_else(|| self.strongest(|document| document.warm.as_ref(), "warm"))?;
        Some(Decided::new(*decided.value, decided.origin))
    }

    /// What is said of workers.
    pub fn workers(&self, project: Option<&str>) -> WorkerSettings {
        let preload = self
            .of_project(project, "preload", |table| table.preload.as_deref())
            .or_else(|| self.strongest(|document| document.preload.as_deref(), "preload"));
        let keep_engine = self
            .of_project(project, "keep_engine", |table| table.keep_engine.as_ref())
            .or_else(|| self.strongest(|document| document.keep_engine.as_ref(), "keep_engine"));
        WorkerSettings {
            keep_engine: keep_engine.is_some_and(|keep| *keep.value),
            preload: preload.map(|preload| preload.value.to_vec()).unwrap_or_default(),
            variables: self
                .latest(|document| document.worker_variables.clone())
                .unwrap_or_default(),
            idle_after: self.latest(|document| document.idle_after).unwrap_or(IDLE_AFTER),
            max_workers: self.latest(|document| document.max_workers).map_or(8, NonZeroU32::get),
            max_jobs: self.latest(|document| document.max_jobs).map_or(32, NonZeroU32::get),
            max_memory: self.latest(|document| document.max_memory).map_or(0, NonZeroU32::get),
        }
    }

    /// The config of a project, as written.
    pub fn config(&self, project: &str) -> Option<Decided<&str>> {
        self.of_project(Some(project), "config", |table| table.config.as_deref())
    }

    /// The projects whose config the settings name, with that config as written.
    pub fn projects(&self) -> impl Iterator<Item = (&str, Decided<&str>)> {
        let names = self.files.iter().rev().flat_map(|file| file.document.projects.keys());
        names.filter_map(|name| Some((name.as_str(), self.config(name)?)))
    }

    /// The projects that have a table, with the file that has it.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &Path)> {
        let tables = self.files.iter().map(|file| (file.document.projects.keys(), &file.path));
        tables.flat_map(|(names, path)| names.map(|name| (name.as_str(), path.as_path())))
    }

    /// What to do to the environment, in this order: the general before the project's, and of each
    /// the studio's before the user's.
    pub fn environment(&self, project: Option<&str>) -> Vec<Decided<&EnvironmentTable>> {
        let general =
            self.files.iter().map(|file| (file, "environment".into(), &file.document.environment));
        let special = self.files.iter().filter_map(|file| {
            let table = file.document.projects.get(project?)?;
            Some((file, format!("projects.{}.environment", project?), &table.environment))
        });
        let decided = |(file, key, table): (&File, String, _)| {
            Decided::new(table, Origin::Setting { key, file: file.path.clone() })
        };
        general.chain(special).map(decided).collect()
    }

    fn strongest<'a, T: ?Sized>(
        &'a self,
        pick: impl Fn(&'a Document) -> Option<&'a T>,
        key: &str,
    ) -> Option<Decided<&'a T>> {
        self.files.iter().rev().find_map(|file| {
            let origin = Origin::Setting { key: key.into(), file: file.path.clone() };
            Some(Decided::new(pick(&file.document)?, origin))
        })
    }

    /// What the strongest file says that says anything.
    fn latest<T>(&self, pick: impl Fn(&Document) -> Option<T>) -> Option<T> {
        self.files.iter().rev().find_map(|file| pick(&file.document))
    }

    fn of_project<'a, T: ?Sized>(
        &'a self,
        project: Option<&str>,
        key: &str,
        pick: impl Fn(&'a ProjectTable) -> Option<&'a T>,
    ) -> Option<Decided<&'a T>> {
        let project = project?;
        let pick = |document: &'a Document| pick(document.projects.get(project)?);
        self.strongest(pick, &format!("projects.{project}.{key}"))
    }
}

impl File {
    /// The same, for a file that nobody named: somebody else's home (`su` and `cron` leave `HOME` as it
    /// was) is closed to this user.
    fn read_if_allowed(path: PathBuf) -> Result<Option<Self>, Error> {
        match Self::read(path) {
            Err(Error::File { problem: FileProblem::Io(_), .. }) => Ok(None),
            result => result,
        }
    }

    /// Reads one settings file; `None` where there is none.
    fn read(path: PathBuf) -> Result<Option<Self>, Error> {
        let Some(text) = disk::read(&path).map_err(|problem| Error::of_file(&path, problem))?
        else {
            return Ok(None);
        };
        let document = parse(&path, &text)?;
        Ok(Some(File { path, document }))
    }
}

/// The studio's file: beside the launcher, so that a share carries its own, else the machine's.
fn studio_file(inputs: &Inputs) -> Result<Option<File>, Error> {
    let beside =
        inputs.location.launcher.as_deref().map(|launcher| launcher.with_file_name(FILE_NAME));
    match beside.map(File::read).transpose()?.flatten() {
        Some(file) => Ok(Some(file)),
        None if cfg!(unix) => File::read(Path::new("/etc").join(FILE_NAME)),
        None => Ok(None),
    }
}

/// The user's file (XDG Base Directory Specification); having no home folder is normal.
fn users_place(inputs: &Inputs) -> Option<PathBuf> {
    let home = || match Os::CURRENT {
        Os::Windows => inputs.folder("APPDATA"),
        _ => Some(inputs.folder("HOME")?.join(".config")),
    };
    Some(inputs.folder("XDG_CONFIG_HOME").or_else(home)?.join("sgtk-python").join("settings.toml"))
}
