//! The settings: a studio's file and, over it, the user's, merged into values that know the key and file
//! which decided them.

mod file;
mod value;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::environment::{NamePattern, Variables};
use crate::error::Error;
use crate::fast_import::FastImport;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::os::is_same_name;
use file::SettingsFiles;

const IDLE_AFTER: Duration = Duration::from_secs(10 * 60);
const MAX_WORKERS: u32 = 8;
const MAX_JOBS: u32 = 32;

/// Defines a table of the settings from one list of its keys: the values merged from all files, and the
/// table as one file has it.
macro_rules! table {
    (
        pub struct $merged:ident { $($visible:vis $field:ident: $field_type:ty,)* }
        struct $written:ident { $($part:ident: $part_type:ty,)* }
        keys { $($(#[$attribute:meta])* $key:ident: $type:ty,)* }
    ) => {
        #[derive(Debug, Default)]
        pub struct $merged {
            $(pub $key: Option<Decided<$type>>,)*
            $($visible $field: $field_type,)*
        }

        #[derive(Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct $written {
            $($(#[$attribute])* $key: Option<$type>,)*
            $($part: $part_type,)*
        }

        impl $merged {
            /// Takes the keys that no file has decided yet. Returns the origins of the others.
            fn fill(&mut self, file: &Path, prefix: &str, written: &mut $written) -> Vec<Origin> {
                let mut replaced = Vec::new();
                $(if let Some(value) = written.$key.take() {
                    let origin = origin(file, format!("{prefix}{}", stringify!($key)));
                    match self.$key {
                        None => self.$key = Some(Decided::new(value, origin)),
                        Some(_) => replaced.push(origin),
                    }
                })*
                replaced
            }
        }
    };
}

table! {
    pub struct Settings {
        pub site: SiteSettings,
        environment: Vec<Decided<EnvironmentTable>>,
        // The user's before the studio's, each file's by name.
        pub projects: Vec<ProjectSettings>,
        // The files that were read, the user's first.
        pub files: Vec<PathBuf>,
        // The reasons why other files do not count, each with its path.
        pub untrusted: Vec<Error>,
        // The studio's values that the user's file replaces.
        pub replaced: Vec<Origin>,
    }
    struct Document {
        site: SiteTable,
        environment: EnvironmentTable,
        projects: BTreeMap<String, ProjectTable>,
    }
    keys {
        #[serde(deserialize_with = "value::texts")]
        roots: Vec<String>,
        /// The studio's core, below a root.
        #[serde(deserialize_with = "value::text")]
        studio: String,
        #[serde(deserialize_with = "value::text")]
        python: String,
        #[serde(deserialize_with = "value::fast_import")]
        fast_import: FastImport,
        warm: bool,
        keep_engine: bool,
        #[serde(deserialize_with = "value::modules")]
        preload: Vec<String>,
        #[serde(deserialize_with = "value::optional_patterns")]
        worker_variables: Vec<NamePattern>,
        #[serde(deserialize_with = "value::duration")]
        idle_after: Duration,
        max_workers: NonZeroU32,
        max_jobs: NonZeroU32,
        max_memory: NonZeroU32,
    }
}

table! {
    pub struct SiteSettings {}
    struct SiteTable {}
    keys {
        #[serde(deserialize_with = "value::text")]
        host: String,
        /// The core that realises configurations: a folder that holds `sgtk`.
        #[serde(deserialize_with = "value::text")]
        core: String,
        #[serde(deserialize_with = "value::text")]
        python: String,
        /// Selects among the configurations that the site has for a project.
        #[serde(deserialize_with = "value::text")]
        plugin_id: String,
        /// The engine whose apps are made ready.
        #[serde(deserialize_with = "value::text")]
        engine: String,
        /// The descriptor for a project without a configuration on the site.
        #[serde(deserialize_with = "value::text")]
        base_configuration: String,
        /// The age from which a cached answer is asked for again.
        #[serde(deserialize_with = "value::duration")]
        refresh_after: Duration,
        /// The time limit for one answer.
        #[serde(deserialize_with = "value::time_limit")]
        timeout: Duration,
        /// The time limit for each step of realising.
        #[serde(deserialize_with = "value::time_limit")]
        realise_timeout: Duration,
        /// A file with a script's name and key.
        #[serde(deserialize_with = "value::text")]
        credentials_file: String,
        /// Authenticate every launch before its code runs.
        authenticate: bool,
    }
}

table! {
    pub struct ProjectSettings {
        pub name: String,
        environment: Vec<Decided<EnvironmentTable>>,
        // The files that have a table for the project.
        files: Vec<PathBuf>,
    }
    struct ProjectTable { environment: EnvironmentTable, }
    keys {
        #[serde(deserialize_with = "value::text")]
        config: String,
        #[serde(deserialize_with = "value::text")]
        studio: String,
        #[serde(deserialize_with = "value::text")]
        python: String,
        #[serde(deserialize_with = "value::fast_import")]
        fast_import: FastImport,
        warm: bool,
        keep_engine: bool,
        #[serde(deserialize_with = "value::modules")]
        preload: Vec<String>,
    }
}

/// The changes to the variables that Python gets, as one table has them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvironmentTable {
    #[serde(deserialize_with = "value::patterns")]
    pub unset: Vec<NamePattern>,
    #[serde(deserialize_with = "value::assignments")]
    pub set: Variables,
}

/// The settings of a project's workers, with the defaults.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Start the jobs' engine in the worker, and keep it for all of them.
    pub keep_engine: bool,
    /// Modules that a worker imports after `sgtk`.
    pub preload: Vec<String>,
    /// Variables whose values a worker's jobs must share, added to the usual ones.
    pub variables: Vec<NamePattern>,
    /// The time after which a worker without jobs ends.
    pub idle_after: Duration,
    /// Workers for each user.
    pub max_workers: u32,
    /// Jobs at once in one worker.
    pub max_jobs: u32,
    /// The MiB of a worker and its jobs above which further jobs wait; 0: no limit.
    pub max_memory: u32,
}

impl Settings {
    /// Reads the settings files. Fails if one is invalid, or if `SGTK_PYTHON_SETTINGS` names one that is missing or not
    /// trusted.
    pub fn read(inputs: &Inputs) -> Result<Self, Error> {
        let SettingsFiles { read, untrusted } = SettingsFiles::read(inputs)?;
        let mut settings = Settings { untrusted, ..Settings::default() };
        for (file, document) in read.into_iter().rev() {
            settings.add(&file, document);
        }
        Ok(settings)
    }

    /// Reads the text of one file.
    #[cfg(any(test, fuzzing))]
    pub fn of_text(path: &Path, text: &str) -> Result<Self, Error> {
        let mut settings = Settings::default();
        settings.add(path, file::parse(path, text)?);
        Ok(settings)
    }

    /// Adds a file that counts less than those before.
    #[cold]
    fn add(&mut self, file: &Path, mut document: Document) {
        self.files.push(file.to_owned());
        let mut replaced = self.fill(file, "", &mut document);
        replaced.extend(self.site.fill(file, "site.", &mut document.site));
        add_environment(&mut self.environment, file, "", document.environment);
        let before = self.projects.len();
        for (name, table) in document.projects {
            let known =
                self.projects.iter_mut().take(before).find(|project| project.is_named(&name));
            if let Some(project) = known {
                replaced.extend(project.add(file, table));
            } else {
                let mut project = ProjectSettings { name, ..ProjectSettings::default() };
                project.add(file, table);
                self.projects.push(project);
            }
        }
        self.replaced.extend(replaced);
    }

    /// Returns the file beside the launcher that is not read, because `SGTK_PYTHON_SETTINGS` names another one.
    pub fn unread_share_file(inputs: &Inputs) -> Option<PathBuf> {
        inputs.variable("SGTK_PYTHON_SETTINGS")?;
        file::beside_launcher(inputs).filter(|path| path.is_file())
    }

    fn project(&self, name: Option<&str>) -> Option<&ProjectSettings> {
        let name = name?;
        self.projects.iter().find(|project| project.is_named(name))
    }

    /// Returns the path of the studio's core below a root, as written.
    pub fn studio(&self, project: Option<&str>) -> Option<&Decided<String>> {
        self.project(project).and_then(|table| table.studio.as_ref()).or(self.studio.as_ref())
    }

    /// Returns the Python, as written.
    pub fn python(&self, project: Option<&str>) -> Option<&Decided<String>> {
        self.project(project).and_then(|table| table.python.as_ref()).or(self.python.as_ref())
    }

    pub fn warm(&self, project: Option<&str>) -> Option<Decided<bool>> {
        self.project(project).and_then(|table| table.warm.as_ref()).or(self.warm.as_ref()).cloned()
    }

    pub fn fast_import(&self, project: Option<&str>) -> Option<Decided<FastImport>> {
        let table = self.project(project);
        table.and_then(|table| table.fast_import.as_ref()).or(self.fast_import.as_ref()).cloned()
    }

    pub fn workers(&self, project: Option<&str>) -> WorkerSettings {
        let table = self.project(project);
        let keep_engine = table.and_then(|table| table.keep_engine.as_ref());
        let preload = table.and_then(|table| table.preload.as_ref());
        WorkerSettings {
            keep_engine: value_or(keep_engine.or(self.keep_engine.as_ref()), false),
            preload: value_or(preload.or(self.preload.as_ref()), Vec::new()),
            variables: value_or(self.worker_variables.as_ref(), Vec::new()),
            idle_after: value_or(self.idle_after.as_ref(), IDLE_AFTER),
            max_workers: number_or(self.max_workers.as_ref(), MAX_WORKERS),
            max_jobs: number_or(self.max_jobs.as_ref(), MAX_JOBS),
            max_memory: number_or(self.max_memory.as_ref(), 0),
        }
    }

    /// Returns the projects' tables, each with its file.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.projects.iter().flat_map(ProjectSettings::tables)
    }

    /// Returns the changes to the environment in the order in which they apply: those for all projects
    /// before the project's, and of each the studio's before the user's.
    pub fn environment(&self, project: Option<&str>) -> Vec<&Decided<EnvironmentTable>> {
        let mut tables: Vec<_> = self.environment.iter().rev().collect();
        if let Some(project) = self.project(project) {
            tables.extend(project.environment.iter().rev());
        }
        tables
    }
}

impl ProjectSettings {
    fn is_named(&self, name: &str) -> bool {
        is_same_name(self.name.as_ref(), name.as_ref())
    }

    /// Returns the origins of the values that another file has decided.
    fn add(&mut self, file: &Path, mut table: ProjectTable) -> Vec<Origin> {
        let prefix = format!("projects.{}.", self.name);
        let replaced = self.fill(file, &prefix, &mut table);
        add_environment(&mut self.environment, file, &prefix, table.environment);
        self.files.push(file.to_owned());
        replaced
    }

    fn tables(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.files.iter().map(|file| (self.name.as_str(), file.as_path()))
    }
}

fn add_environment(
    tables: &mut Vec<Decided<EnvironmentTable>>,
    file: &Path,
    prefix: &str,
    table: EnvironmentTable,
) {
    if !table.unset.is_empty() || !table.set.is_empty() {
        tables.push(Decided::new(table, origin(file, format!("{prefix}environment"))));
    }
}

fn origin(file: &Path, key: String) -> Origin {
    Origin::Setting { key, file: file.to_owned() }
}

pub fn value_or<T: Clone>(setting: Option<&Decided<T>>, default: T) -> T {
    setting.map_or(default, |setting| setting.value.clone())
}

fn number_or(setting: Option<&Decided<NonZeroU32>>, default: u32) -> u32 {
    setting.map_or(default, |setting| setting.value.get())
}
