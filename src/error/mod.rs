//! Every way to fail before Python runs: the message, the hint and the exit code of each.

mod hint;
mod message;
mod site;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::FileProblem;
use crate::origin::{Decided, Origin};

pub use site::{SiteError, SiteFailure, SiteFailureKind};

/// The launcher's exit codes. After `execve` the code is Python's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Another run goes on, and only one may.
    Busy = 75,
    /// No project was named, or none by that name has a config here.
    NoProject = 121,
    /// The config, core or settings are broken.
    Broken = 122,
    /// Wrong use, or another failure of the launcher.
    Usage = 125,
    /// The Python cannot run, or cannot run this core.
    CannotRun = 126,
    /// There is no such Python.
    NoPython = 127,
}

/// One of several configs that a caller may have meant.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its folder.
    pub path: PathBuf,
    /// Its name, such as `Primary`.
    pub pipeline: String,
}

/// Why Python was not started.
#[derive(Debug)]
pub enum Error {
    /// The command line cannot be understood; clap's message and tip.
    CommandLine { message: String, hint: Option<String> },
    /// The first word looks like an option, but neither the launcher nor Python has it.
    UnknownOption { word: OsString, near: Option<String> },
    /// `-I` or `-E` for Python would hide the core.
    Isolated { word: OsString },
    /// A variable's name, or an assignment, that cannot be one.
    BadVariable { option: &'static str, word: OsString },
    /// A project's name that could lead out of the roots.
    HostileName { name: OsString, origin: Origin },
    /// A pipeline was named for a config that was chosen by its folder.
    PipelineOfConfig { config: Origin, pipeline: Origin },
    /// `SGTK_PROJECT_ID` is no number.
    BadProjectId { value: OsString },
    /// A variable that is neither on nor off.
    BadSwitch { name: &'static str, value: OsString },
    /// Two choices that end at different configs.
    Conflict(Box<[Decided<PathBuf>; 2]>),
    /// A value that names no Python; `why` tells what is wrong with it.
    BadPython { value: OsString, why: &'static str, origin: Origin },
    /// A relative path was given, and there is no working directory to join it to.
    NoWorkingDirectory { path: PathBuf },
    /// Nothing says which project is meant; perhaps an option that does stands among Python's words,
    /// or this was started by a launch.
    NoProject { misplaced: Option<OsString>, inside_launch: bool },
    /// No root has a config by that name.
    UnknownProject {
        name: Box<OsStr>,
        origin: Origin,
        roots: Box<[Decided<PathBuf>]>,
        near: Box<[String]>,
        unreadable: usize,
    },
    /// No config here is of that project.
    UnknownId { id: i64, origin: Origin, roots: Vec<Decided<PathBuf>>, unreadable: usize },
    /// None of the roots that were named is there.
    NoRoot { roots: Vec<Decided<PathBuf>> },
    /// A path is in no project's config or data.
    NothingAbove { path: PathBuf, origin: Origin },
    /// None of the project's configs is the wanted one; those that there are.
    NoPipeline { wanted: String, project: String, configs: Vec<Candidate> },
    /// Several configs are the wanted one.
    Ambiguous { wanted: String, project: String, configs: Vec<Candidate> },
    /// What cannot be the address of a site.
    BadSite(Decided<String>),
    /// The site does not know the project either; what was wrong here.
    NotOnSite { here: Box<Error>, host: String },
    /// The site could not be asked for the project, for there is no folder for its configurations.
    NotAsked { here: Box<Error>, host: String },
    /// The configuration is the site's to tell, and it was not asked.
    NotRealised { project: OsString, host: String },
    /// A file of the launcher's in the folder where Toolkit keeps what it realises.
    Cache { path: PathBuf, source: io::Error },
    /// A realised configuration of which something is missing.
    NotWhole { path: PathBuf },
    /// The site was asked for a configuration in vain.
    Site(Box<SiteError>),
    /// A file cannot be used.
    File { path: PathBuf, problem: FileProblem },
    /// A settings file says something that it cannot.
    Settings { path: PathBuf, line: usize, key: Option<String>, message: String },
    /// A folder is no pipeline config.
    NotAConfig { path: PathBuf, exists: bool, origin: Origin },
    /// A config has no core of its own, names none, and the studio has none.
    NoCore { config: PathBuf, link: PathBuf, studio: Option<PathBuf> },
    /// The core link file says that this system has no core.
    CoreNotSetUp { file: PathBuf, text: OsString },
    /// The core link file names a folder that does not exist.
    CoreMissing { core: PathBuf, written: OsString, file: PathBuf },
    /// The core's Python folder has no `tank`.
    CoreWithoutTank { python_path: PathBuf, origin: Origin },
    /// The core's path cannot stand in `PYTHONPATH`.
    CoreUnlistable { python_path: PathBuf, separator: char },
    /// The core has no packages for this version of Python.
    CoreLacksPython { python: PathBuf, version: String, core: PathBuf, supported: Vec<String> },
    /// The Python cannot be run.
    NotExecutable { path: PathBuf, why: String, origin: Origin },
    /// The Python is this launcher.
    Launcher { path: PathBuf, origin: Origin },
    /// The system refused to run the Python.
    Exec { path: PathBuf, source: io::Error, longest: Option<OsString> },
    /// A lock or a key cannot be handed over to Python.
    NotHandedOver(io::Error),
    /// The workers of this user cannot be known; why.
    Workers(String),
    /// There is no such Python.
    PythonMissing { path: PathBuf, written: OsString, origin: Origin },
    /// A worker took a job, and nobody tells how it ended.
    WorkerLost { worker: i32, why: &'static str },
    /// A worker did not stop.
    WorkerStays { worker: i32, project: String },
    /// No Python by that name on `PATH`.
    PythonNotOnPath { name: OsString, origin: Origin },
    /// Another run of the same for the same project goes on; the process that it is, if that is known.
    Busy { what: OsString, config: PathBuf, holder: Option<u32> },
    /// There is no folder to keep a lock in.
    NoLockFolder,
    /// A lock cannot be had.
    Lock { path: PathBuf, source: io::Error },
    /// No project is here, or none whose name matches.
    NoneMatches { pattern: Option<String>, pipeline: Option<String>, roots: Vec<Decided<PathBuf>> },
    /// The system does not tell where the launcher is.
    NoLauncher,
    /// A Python for a project cannot be made there.
    Shim { path: PathBuf, why: String },
}

impl Error {
    /// A file that cannot be used.
    pub fn of_file(path: impl Into<PathBuf>, problem: FileProblem) -> Self {
        Error::File { path: path.into(), problem }
    }

    /// A path that cannot be looked at.
    pub fn unreachable(path: impl Into<PathBuf>, error: io::Error) -> Self {
        Error::of_file(path, FileProblem::Io(error))
    }

    /// A relative path without a working directory.
    pub fn no_directory(path: impl Into<PathBuf>) -> Self {
        Error::NoWorkingDirectory { path: path.into() }
    }

    /// The file or folder that is wrong, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Error::File { path, .. }
            | Error::Settings { path, .. }
            | Error::NotAConfig { path, .. }
            | Error::NotWhole { path }
            | Error::NoCore { link: path, .. }
            | Error::CoreNotSetUp { file: path, .. }
            | Error::CoreMissing { file: path, .. }
            | Error::CoreWithoutTank { python_path: path, .. }
            | Error::CoreUnlistable { python_path: path, .. }
            | Error::CoreLacksPython { python: path, .. }
            | Error::NotExecutable { path, .. }
            | Error::Launcher { path, .. }
            | Error::PythonMissing { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The exit code.
    pub fn code(&self) -> Code {
        match self {
            Error::NoProject { .. }
            | Error::UnknownProject { .. }
            | Error::UnknownId { .. }
            | Error::NothingAbove { .. }
            | Error::NotRealised { .. }
            | Error::NoPipeline { .. }
            | Error::NoneMatches { .. } => Code::NoProject,
            Error::NotOnSite { here, .. } | Error::NotAsked { here, .. } => here.code(),
            Error::Site(error) if error.failure.kind.is_not_found() => Code::NoProject,
            Error::Busy { .. } => Code::Busy,
            Error::BadPython { origin: Origin::Setting { .. }, .. }
            | Error::BadSite(Decided { origin: Origin::Setting { .. }, .. })
            | Error::NoRoot { .. }
            | Error::Cache { .. }
            | Error::Site(_)
            | Error::NotWhole { .. }
            | Error::Ambiguous { .. }
            | Error::File { .. }
            | Error::Settings { .. }
            | Error::NotAConfig { .. }
            | Error::NoCore { .. }
            | Error::CoreNotSetUp { .. }
            | Error::CoreMissing { .. }
            | Error::CoreWithoutTank { .. }
            | Error::CoreUnlistable { .. } => Code::Broken,
            Error::CoreLacksPython { .. }
            | Error::NotExecutable { .. }
            | Error::Launcher { .. }
            | Error::Exec { .. } => Code::CannotRun,
            Error::PythonMissing { .. } | Error::PythonNotOnPath { .. } => Code::NoPython,
            Error::CommandLine { .. }
            | Error::UnknownOption { .. }
            | Error::Isolated { .. }
            | Error::BadVariable { .. }
            | Error::BadProjectId { .. }
            | Error::BadSwitch { .. }
            | Error::PipelineOfConfig { .. }
            | Error::HostileName { .. }
            | Error::Conflict(_)
            | Error::NoWorkingDirectory { .. }
            | Error::BadSite(_)
            | Error::NoLockFolder
            | Error::Lock { .. }
            | Error::NoLauncher
            | Error::NotHandedOver(_)
            | Error::Shim { .. }
            | Error::WorkerLost { .. }
            | Error::WorkerStays { .. }
            | Error::Workers(_)
            | Error::BadPython { .. } => Code::Usage,
        }
    }
}

impl std::error::Error for Error {}
