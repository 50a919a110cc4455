//! The table of errors.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::report::{Code, Report, row};
use super::site::{NEW_ON_SITE, SiteError};
use super::wording::{self, quoted, shown};
use crate::disk::{FileProblem, IoMessage};
use crate::display::between;
use crate::origin::{Decided, Origin};
use crate::os::Os;

const OTHER_PYTHON: &str = "correct the place that names it, or name another Python with --python, SGTK_PYTHON or 'python' in the settings";

/// One of several configurations that match a choice.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The folder.
    pub path: PathBuf,
    /// The name, such as `Primary`.
    pub pipeline: String,
}

/// Why Python was not started.
#[derive(Debug)]
#[rustfmt::skip]
pub enum Error {
    /// clap's message and tip.
    CommandLine { message: String, hint: Option<String> },
    /// The first word looks like an option, but neither the launcher nor Python has it.
    UnknownOption { word: OsString, near: Option<String> },
    /// `-I` or `-E` for Python would hide the core.
    Isolated { word: OsString },
    BadVariable { option: &'static str, word: OsString },
    /// A name that could lead out of the roots.
    HostileName { name: OsString, origin: Origin },
    PipelineOfConfig { config: Origin, pipeline: Origin },
    BadProjectId { value: OsString },
    BadSwitch { name: &'static str, allowed: &'static str, value: OsString },
    Conflict(Box<[Decided<PathBuf>; 2]>),
    BadPython { value: OsString, why: &'static str, origin: Origin },
    NoWorkingDirectory { path: PathBuf },
    /// `misplaced` is an option among Python's arguments that would choose a project; `inside_launch` is true
    /// for a process that a launch started.
    NoProject { misplaced: Option<OsString>, inside_launch: bool },
    UnknownProject { name: Box<OsStr>, origin: Origin, roots: Box<[Decided<PathBuf>]>, near: Box<[String]> },
    UnknownId { id: i64, origin: Origin, roots: Vec<Decided<PathBuf>> },
    /// No configuration matches a choice, as far as the studio can be read: `files` are those of configurations that
    /// cannot be read, `roots` has a sentence about each missing root.
    PartlySearched { here: Box<Error>, files: Box<[PathBuf]>, roots: Box<[String]> },
    /// `reason` says why the first root cannot be read; `None` if it does not exist.
    NoRoot { roots: Vec<Decided<PathBuf>>, reason: Option<String> },
    /// A path that is in no project's configuration or data.
    NothingAbove { path: PathBuf, origin: Origin },
    /// `configs` are the others that the project has. `project` says how it was chosen: `'bigbuck'`, `id 176`.
    UnknownConfig { wanted: String, project: String, configs: Vec<Candidate> },
    Ambiguous { wanted: String, project: String, configs: Vec<Candidate> },
    BadSite(Decided<String>),
    /// Neither this machine nor the site has the project; `here` is the error of this machine.
    NotOnSite { here: Box<Error>, host: String },
    /// The site was not asked, for there is no folder for its configurations.
    NotAsked { here: Box<Error>, host: String },
    NotRealised { project: OsString, host: String },
    /// A file of the launcher's in Toolkit's folder for realised configurations.
    Cache { path: PathBuf, source: io::Error },
    /// A realised configuration that is incomplete.
    Incomplete { path: PathBuf },
    /// A configuration whose own file names another project than the one that it was found for.
    OtherProject { path: PathBuf, wanted: i64, found: i64 },
    Site(Box<SiteError>),
    File { path: PathBuf, problem: FileProblem },
    Settings { path: PathBuf, line: usize, key: Option<String>, message: String, near: Option<String> },
    NotAConfig { path: PathBuf, exists: bool, origin: Origin },
    NoCore { config: PathBuf, link: PathBuf, studio: Option<PathBuf> },
    /// The core link file says that this system has no core.
    CoreNotSetUp { file: PathBuf, text: OsString },
    CoreMissing { core: PathBuf, written: OsString, file: PathBuf },
    CoreWithoutTank { python_path: PathBuf, origin: Origin },
    /// The core's path contains the separator of `PYTHONPATH`.
    CoreUnlistable { python_path: PathBuf, separator: char },
    CoreLacksPython { python: PathBuf, version: String, core: PathBuf, supported: Vec<String> },
    NotExecutable { path: PathBuf, why: String, origin: Origin },
    PythonIsLauncher { path: PathBuf, origin: Origin },
    /// The system refused to run the Python; `longest` is the longest word, where the words are too long.
    Exec { path: PathBuf, source: io::Error, longest: Option<OsString> },
    /// A lock or credentials cannot be passed to Python.
    Handover(io::Error),
    /// The workers of this user are out of reach.
    Workers(String),
    PythonMissing { path: PathBuf, written: OsString, origin: Origin },
    /// A worker took a job, and its child did not begin it.
    JobNotBegun { worker: i32, why: String },
    /// A worker took a job and was lost before it reported the exit status.
    WorkerLost { worker: i32, why: &'static str },
    WorkerNotStopped { worker: i32, project: String },
    PythonNotOnPath { name: OsString, origin: Origin },
    Busy { what: OsString, config: PathBuf, holder: Option<u32> },
    NoLockFolder,
    Lock { path: PathBuf, source: io::Error },
    NoneMatches { pattern: Option<String>, pipeline: Option<String>, roots: Vec<Decided<PathBuf>> },
    NoLauncher,
    /// The descriptor of `--status-fd` is not open, or not for writing.
    StatusDescriptor { number: u64, source: io::Error },
    Shim { path: PathBuf, why: String },
    /// The Python of a virtual environment whose `pyvenv.cfg` lost the project's name.
    VenvWithoutProject { python: PathBuf },
    /// A virtual environment of another Python than the project's; `again` is the command that updates it.
    VenvOutdated { venv: PathBuf, python: PathBuf, origin: Origin, again: String },
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

    /// The exit code.
    pub fn code(&self) -> Code {
        self.report().code
    }

    /// The word that names the failure, the same in all versions.
    pub fn kind(&self) -> &'static str {
        self.report().kind
    }

    /// The remedy, if there is one.
    pub fn hint(&self) -> Option<String> {
        self.report().hint
    }

    /// The file or folder to correct, where it is one.
    pub fn file(&self) -> Option<&Path> {
        self.report().file
    }

    /// The table.
    #[rustfmt::skip]
    #[expect(clippy::too_many_lines, reason = "one row for each way to fail")]
    pub fn report(&self) -> Report<'_> {
        use Code::{Broken, Busy, CannotRun, NoProject, NoPython, Usage};
        match self {
            Error::CommandLine { message, hint } => row!(Usage, "wrong-use", "{}", shown(message))
                .hint(hint.as_ref().map(|hint| shown(hint).to_string())),
            Error::UnknownOption { word, near } => row!(Usage, "unknown-option", "unknown option: {}", quoted(word))
                .hint(wording::unknown_option(word, near.as_deref())),
            Error::Isolated { word } => row!(Usage, "isolated-python",
                "option would hide PYTHONPATH and the core from Python: {}", quoted(word);
                "leave it out; to keep out the user's own packages use -s"),
            Error::BadVariable { option: "--env", word } => row!(Usage, "bad-variable", "--env expects NAME=VALUE: {}", quoted(word)),
            Error::BadVariable { option, word } => row!(Usage, "bad-variable", "{option} expects a variable's name: {}", quoted(word)),
            Error::HostileName { name, origin } => row!(Usage, "bad-project-name", "invalid project name: {} ({origin})", quoted(name);
                "name a folder below a root; for any other path use --config PATH"),
            Error::PipelineOfConfig { config, pipeline } => row!(Usage, "config-with-pipeline",
                "two choices cannot be combined: {config} and {pipeline}"; "leave one of them out"),
            Error::BadProjectId { value } => row!(Usage, "bad-project-id", "SGTK_PROJECT_ID must be a number: {}", quoted(value)),
            Error::BadSwitch { name, allowed, value } =>
                row!(Usage, "bad-switch", "{name} must be {allowed}: {}", quoted(value)),
            Error::Conflict(both) => {
                let [one, other] = both.as_ref();
                row!(Usage, "conflict", "two different configurations are chosen: {} ({}) and {} ({})",
                    shown(&one.value), one.origin, shown(&other.value), other.origin; "leave one of them out")
            }
            Error::BadPython { value, why, origin } =>
                row!(code_of(origin), "bad-python", "invalid Python command ({why}): {} ({origin})", quoted(value)),
            Error::NoWorkingDirectory { path } => row!(Usage, "no-working-directory",
                "no working directory for a relative path: {}", shown(path);
                "change to a folder that exists, or use an absolute path"),
            Error::NoProject { misplaced: Some(word), .. } => row!(NoProject, "no-project", "no project was named";
                "move {} before Python's arguments: the launcher's options come first", quoted(word)),
            Error::NoProject { inside_launch: true, .. } => row!(NoProject, "no-project", "no project was named";
                "to use the project of the launch that started this process: --config \"$SGTK_PYTHON_CONFIG\""),
            Error::NoProject { .. } => row!(NoProject, "no-project", "no project was named";
                "name it with --project NAME or SGTK_PROJECT, call the launcher by a link NAME-python, or change to a folder of the project; see --list for the projects, --help for all options"),
            Error::UnknownProject { name, origin, roots, near } => row!(NoProject, "unknown-project",
                "unknown project: {} ({origin}); {}", quoted(name), wording::searched(roots))
                .hint(wording::unknown_project(name, near, roots)),
            Error::UnknownId { id, origin, roots } => row!(NoProject, "unknown-id",
                "unknown project id: {id} ({origin}); {}", wording::searched(roots);
                "sgtk-python --list shows the projects on this machine"),
            Error::PartlySearched { here, files, roots } => {
                let mut report = here.report();
                let mut hints = roots.to_vec();
                if !files.is_empty() {
                    report = row!(Broken, "unreadable-config", "{}; cannot read: {}", report.message, wording::folders(files.iter()))
                        .hint(report.hint);
                    hints.push("sgtk-python --doctor says why".into());
                }
                hints.extend(report.hint.take());
                report.hint(hints.join("; "))
            }
            Error::NoRoot { roots, reason: Some(reason) } => row!(Broken, "no-root",
                "no root can be read ({reason}): {}", wording::roots(roots)),
            Error::NoRoot { roots, reason: None } => row!(Broken, "no-root", "no root folder exists: {}", wording::roots(roots);
                "check that the share is mounted, or name other roots in SHOTGUN_BASE, or in 'roots' in the settings"),
            Error::NothingAbove { path, origin } => row!(NoProject, "not-in-project",
                "path is in no project's configuration or data: {} ({origin})", shown(path)),
            Error::UnknownConfig { wanted, project, configs } => row!(NoProject, "unknown-config",
                "project {project} has no such configuration: {}", quoted(wanted);
                "use {}", if configs.iter().all(|config| config.pipeline.is_empty()) {
                    wording::options("--config", configs.iter().map(|config| config.path.as_ref()))
                } else {
                    wording::options("--pipeline", configs.iter().map(|config| config.pipeline.as_ref()))
                }),
            Error::Ambiguous { wanted, project, configs } => row!(Broken, "ambiguous-config",
                "project {project} has several configurations {}: {}", quoted(wanted),
                wording::folders(configs.iter().map(|config| &config.path));
                "use {}", wording::options("--config", configs.iter().map(|config| config.path.as_ref()))),
            Error::BadSite(Decided { value, origin }) =>
                row!(code_of(origin), "bad-site", "invalid site address: {} ({origin})", quoted(value))
                    .hint(value.contains('@').then_some("leave out the user name and password".to_owned())),
            Error::NotOnSite { here, host } => {
                let Report { code, message, hint, .. } = here.report();
                row!(code, "not-on-site", "{message}; not on the site {} either", shown(host); "{NEW_ON_SITE}")
                    .hint(hint.map(|hint| format!("{hint}; {NEW_ON_SITE}")))
            }
            Error::NotAsked { here, host } => row!(here.code(), "site-not-asked", "{here}; the site {} was not asked", shown(host);
                "set SHOTGUN_HOME to a folder for the site's configurations"),
            Error::NotRealised { project, host } => row!(NoProject, "not-realised",
                "configuration has not been realised on this machine: {} of the site {}", quoted(project), shown(host);
                "launch the project once, or add --refresh"),
            Error::Cache { path, source } => row!(Broken, "cache-failed", "cannot create or lock: {}: {}", shown(path), IoMessage(source);
                "set SHOTGUN_HOME to a folder that you may write to"),
            Error::Incomplete { path } => row!(Broken, "incomplete-config",
                "configuration is incomplete, the last bootstrap was interrupted: {}", shown(path);
                "the next launch of the project realises the configuration again").file(path),
            Error::OtherProject { path, wanted, found } => row!(Broken, "other-project",
                "configuration belongs to another project, its project_id is {found} instead of {wanted}: {}", shown(path);
                "correct project_id in pipeline_configuration.yml, or the configuration's path on the site").file(path),
            Error::Site(error) => error.report(),
            Error::File { path, problem } => row!(Broken, "bad-file", "{problem}: {}", shown(path)).hint(match problem {
                FileProblem::OpenToOthers => Some(format!("restrict the file to its owner: chmod 600 {}", shown(path))),
                FileProblem::ByteOrderMark | FileProblem::NotUtf8(_) => Some("save the file as UTF-8 without a byte order mark".into()),
                FileProblem::Untrusted(why) => Some(wording::trust(path, why)),
                FileProblem::Empty => Some("write one path into the file, or delete it".into()),
                _ => None,
            }).file(path),
            Error::Settings { path, line, key, message, near } => row!(Broken, "bad-settings",
                "invalid settings: {}:{line}: {}{}", shown(path),
                wording::shown_between("'", key.as_ref(), "': "), shown(message))
                .hint(near.as_ref().map(|near| format!("did you mean {}?", quoted(near)))).file(path),
            Error::NotAConfig { path, exists: true, origin } => row!(Broken, "not-a-config",
                "not a pipeline configuration: {} ({origin})", shown(path);
                "a pipeline configuration contains config/core/roots.yml").file(path),
            Error::NotAConfig { path, origin, .. } => row!(Broken, "not-a-config",
                "configuration does not exist: {} ({origin})", shown(path)).file(path),
            Error::NoCore { config, link, studio } => row!(Broken, "no-core",
                "configuration has no core: {} (not localized, no {}, no studio core{})", shown(config), shown(link),
                wording::shown_between(" at ", studio.as_ref(), "");
                "localize the core, or write the shared core's root into {}", shown(link)).file(link),
            Error::CoreNotSetUp { file, text } => row!(Broken, "core-not-set-up",
                "no core is set up for {}: {} in {}", Os::CURRENT.name(), quoted(text), shown(file);
                "write the shared core's root on {} into {}", Os::CURRENT.name(), shown(file)).file(file),
            Error::CoreMissing { core, written, file } => row!(Broken, "core-missing",
                "core does not exist: {} (named in {})", shown(core), shown(file)).hint(wording::mistake_in(written)).file(file),
            Error::CoreWithoutTank { python_path, origin } => row!(Broken, "core-without-tank",
                "core contains no 'tank': {} ({origin})", shown(python_path);
                "{}", wording::core_to_name(python_path)).file(python_path),
            Error::CoreUnlistable { python_path, separator } => row!(Broken, "core-unlistable",
                "core's path contains '{separator}', which separates entries of PYTHONPATH: {}", shown(python_path);
                "move the core to another path").file(python_path),
            Error::CoreLacksPython { python, version, core, supported } => row!(CannotRun, "core-lacks-python",
                "core does not support Python {version}: {} (interpreter {})", shown(core), shown(python);
                "use another Python with --python; this core supports {}", supported.join(", ")).file(python),
            Error::NotExecutable { path, why, origin } => row!(CannotRun, "not-executable",
                "cannot run Python: {}: {why} ({origin})", shown(path)).file(path),
            Error::PythonIsLauncher { path, origin } => row!(CannotRun, "python-is-launcher",
                "Python is the launcher itself: {} ({origin})", shown(path); "name a real Python there").file(path),
            Error::Exec { path, source, longest } => row!(CannotRun, "exec-failed", "cannot run Python: {}: {}{}",
                shown(path), IoMessage(source), wording::shown_between(" (", longest.as_ref(), ")"))
                .hint(match source.kind() {
                    ErrorKind::ArgumentListTooLong => Some("pass at most 128 KiB in one argument or variable, more in a file or on standard input".into()),
                    ErrorKind::NotFound => Some("check the program in the file's first line, or the file's loader: it does not exist".into()),
                    _ => None,
                }),
            Error::Handover(source) => row!(Usage, "handover-failed", "cannot pass a lock or credentials to Python: {}", IoMessage(source)),
            Error::Workers(why) => row!(Usage, "workers-unavailable", "{why}"),
            Error::PythonMissing { path, written, origin } => row!(NoPython, "python-missing",
                "Python does not exist: {} ({origin})", shown(path); "{OTHER_PYTHON}").hint(wording::mistake_in(written)).file(path),
            Error::JobNotBegun { worker, why } => row!(Usage, "job-not-begun",
                "the job did not begin: worker process {worker} {why}";
                "run it again; SGTK_PYTHON_WARM=0 runs it without a worker"),
            Error::WorkerLost { worker, why } => row!(Usage, "worker-lost",
                "the job's exit status is unknown: worker process {worker} {why}";
                "check whether the job finished before you run it again; SGTK_PYTHON_WARM=0 runs it without a worker"),
            Error::WorkerNotStopped { worker, project } => row!(Usage, "worker-not-stopped",
                "worker does not stop: process {worker} of {}", quoted(project)),
            Error::PythonNotOnPath { name, origin } => row!(NoPython, "python-not-on-path",
                "no such Python on PATH: {} ({origin})", quoted(name); "{OTHER_PYTHON}"),
            Error::Busy { what, config, holder } => row!(Busy, "busy", "already running: {} for {}{}", shown(what), shown(config),
                between(" (process ", *holder, ")");
                "wait for the end of the other run with --exclusive=wait"),
            Error::NoLockFolder => row!(Usage, "no-lock-folder", "no folder for the lock of --exclusive";
                "set SGTK_PYTHON_CACHE to a folder, or set HOME"),
            Error::Lock { path, source } => row!(Usage, "lock-failed", "cannot take the lock: {}: {}", shown(path), IoMessage(source)),
            Error::NoneMatches { pattern, pipeline, roots } => row!(NoProject, "no-matching-project",
                "no project found{}{}; {}",
                wording::shown_between(" that matches '", pattern.as_ref(), "'"),
                wording::shown_between(" with a configuration '", pipeline.as_ref(), "'"),
                wording::searched(roots);
                "sgtk-python --list shows the projects; --each takes their Primary configurations, or those that --pipeline names"),
            Error::NoLauncher => row!(Usage, "no-launcher", "cannot find the path of sgtk-python itself"),
            Error::StatusDescriptor { number, source } => row!(Usage, "bad-status-fd",
                "cannot write to descriptor {number}: {} (option --status-fd)", IoMessage(source);
                "leave the descriptor open for the launcher, such as with subprocess' pass_fds"),
            Error::Shim { path, why } => row!(Usage, "shim-failed", "cannot create: {}: {why}", shown(path)),
            Error::VenvWithoutProject { python } => row!(NoProject, "venv-without-project",
                "virtual environment names no project: {}", shown(python);
                "make it again: sgtk-python --make-venv PROJECT FOLDER"),
            Error::VenvOutdated { venv, python, origin, again } => row!(Broken, "venv-outdated",
                "virtual environment was made for another Python: {}; the project has {} ({origin})", shown(venv), shown(python);
                "update it: {}", shown(again)).file(venv),
        }
    }
}

/// The settings are broken; anything else is wrong use.
fn code_of(origin: &Origin) -> Code {
    match origin {
        Origin::Setting { .. } => Code::Broken,
        _ => Code::Usage,
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report().message)
    }
}

impl std::error::Error for Error {}
