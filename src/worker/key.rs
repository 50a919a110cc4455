//! The key of a worker: a hash of all that a job and its worker must have in common. It names the worker's files.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::caller_state::CallerState;
use super::job::Job;
use super::program::PROGRAM_FINGERPRINT;
use crate::display::without_passwords;
use crate::environment::{NamePattern, any_matches, holds_secret, is_proxy_with_password};
use crate::fingerprint::Fingerprint;
use crate::inherit::harmless;
use crate::inputs::OF_ONE_RUN;
use crate::plan::LaunchPlan;
use crate::select::CONFIG_VARIABLE;

pub const SOCKET_SUFFIX: &str = ".sock";
pub const START_SUFFIX: &str = ".start";

/// Variables that the loader, Python or Toolkit read at their start or import.
#[rustfmt::skip]
const READ_AT_START: [&str; 30] = [
    "GLIBC_TUNABLES", "LD_*", "MALLOC_*",
    "HOME", "LANG", "LANGUAGE", "LC_*", "LOCPATH", "NLSPATH", "TZ", "TZDIR",
    "PYTHON*", "SGTK_*", "SHOTGUN_*", "TANK_CURRENT_PC", "TK_*",
    "ALL_PROXY", "FTP_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY",
    "all_proxy", "ftp_proxy", "http_proxy", "https_proxy", "no_proxy",
    "CURL_CA_BUNDLE", "OPENSSL_*", "REQUESTS_CA_BUNDLE", "SSL_*",
];

/// Variables among them that belong to one job.
#[rustfmt::skip]
const JOB_VARIABLES: [&str; 6] = [
    "SGTK_CONTEXT", "SGTK_ENGINE", "SGTK_FILE_TO_OPEN", "SGTK_PYTHON_*",
    "SHOTGUN_ENTITY_*", "SHOTGUN_FILE_TO_OPEN",
];

/// Limit of the paths that a worker watches beside those that it imports; further ones are ignored.
const MAX_WATCHED: usize = 2000;

/// The packages of a core.
const PACKAGES: [&str; 3] = ["sgtk", "tank", "tank_vendor"];

/// The key of a worker; with a `.` and an inode after it, the key of a worker that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkerKey(String);

impl WorkerKey {
    /// `files` is the fingerprint of the files that identify the worker.
    pub fn new(job: &Job, caller: &CallerState, files: &Fingerprint) -> Self {
        let (plan, settings) = (job.plan, &job.warm.settings);
        let mut fingerprint = PROGRAM_FINGERPRINT;
        fingerprint.add(format!("{settings:?}"));
        for word in plan.argv.iter().take(1).chain(&plan.interpreter.args).chain(&job.options) {
            fingerprint.add(word);
        }
        fingerprint.add("variables");
        for (name, value) in relevant_variables(plan, &settings.variables) {
            fingerprint.add(name);
            fingerprint.add(value);
        }
        fingerprint.add("process");
        for property in &caller.fixed {
            fingerprint.add(property);
        }
        fingerprint.add("files");
        fingerprint.add(files.text());
        if let Some(engine) = &job.kept_engine {
            fingerprint.add("engine");
            fingerprint.add(&engine.0);
        }
        WorkerKey(fingerprint.text())
    }

    /// Reads the key from the name of a file with this suffix.
    pub fn of_file(name: &str, suffix: &str) -> Option<Self> {
        Some(WorkerKey(name.strip_suffix(suffix)?.to_owned()))
    }

    pub fn socket_name(&self) -> String {
        format!("{}{SOCKET_SUFFIX}", self.0)
    }

    pub fn start_name(&self) -> String {
        format!("{}{START_SUFFIX}", self.0)
    }

    /// Returns the key of this worker after its socket, with this inode, was set aside.
    pub fn aside(&self, inode: u64) -> Self {
        WorkerKey(format!("{}.{inode}", self.0))
    }

    pub fn is_aside(&self) -> bool {
        self.0.contains('.')
    }
}

/// Returns the variables that are part of the key; `further` are the settings' `worker_variables`.
fn relevant_variables<'a>(
    plan: &'a LaunchPlan,
    further: &[NamePattern],
) -> Vec<(&'a OsStr, &'a OsStr)> {
    let variables = plan.environment.variables();
    let mut relevant: Vec<_> =
        variables.filter(|(name, _)| is_named(further, name) || is_relevant(name)).collect();
    relevant.sort_unstable();
    relevant
}

fn is_relevant(name: &OsStr) -> bool {
    is_listed(&READ_AT_START, name) && !is_listed(&JOB_VARIABLES, name)
}

fn is_listed(names: &[&str], name: &OsStr) -> bool {
    names.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => name.as_bytes().starts_with(start.as_bytes()),
        None => name == *pattern,
    })
}

/// Returns true if the settings' `worker_variables` name a variable. Those of one run are never meant: each job would
/// get a worker of its own.
fn is_named(further: &[NamePattern], name: &OsStr) -> bool {
    any_matches(further, name) && !is_listed(&OF_ONE_RUN, name)
}

/// Returns the variables that a worker starts with: those of its key, and those that any process may have. Its
/// jobs can read them, so a secret is among them only if `further` names it.
pub fn starting_variables<'a>(
    plan: &'a LaunchPlan,
    further: &[NamePattern],
) -> Vec<(&'a OsStr, &'a OsStr)> {
    let harmless = harmless();
    let mut starting = Vec::new();
    for (name, value) in plan.environment.variables() {
        let is_common =
            name == CONFIG_VARIABLE || is_relevant(name) || any_matches(&harmless, name);
        if is_named(further, name) || is_common && !is_secret(name, value) {
            starting.push((name, value));
        }
    }
    starting
}

/// Returns true if a variable holds a secret, by its name or as a password in an address.
fn is_secret(name: &OsStr, value: &OsStr) -> bool {
    let value = value.to_string_lossy();
    holds_secret(name)
        || is_proxy_with_password(name, &value)
        || without_passwords(value.clone()) != value
}

/// Returns the fingerprint of the files that identify the Python, the core and the configuration. They are few: a file
/// server keeps the launcher waiting for each look. The worker looks at the others ([`watched_paths`]).
pub fn files_of(plan: &LaunchPlan) -> Fingerprint {
    let mut files = Fingerprint::default();
    let fingerprint = &mut files;
    add_file(fingerprint, &plan.interpreter.path);
    add_file(fingerprint, &plan.core.manifest_file());
    for package in PACKAGES {
        add_file(fingerprint, &plan.core.python_path().join(package).join("__init__.py"));
    }
    for folder in settings_folders(plan) {
        add_file(fingerprint, &folder);
    }
    files
}

/// Returns the files and folders that a worker watches beside those that it imports: it leaves when one has changed.
/// A kept engine may have read all files of the environments and settings.
pub fn watched_paths(job: &Job) -> Vec<PathBuf> {
    let (config, core) = (&job.plan.selection.config, &job.plan.core);
    let mut paths = vec![core.python_path()];
    paths.extend(PACKAGES.map(|package| core.python_path().join(package)));
    let depth = if job.kept_engine.is_some() { usize::MAX } else { 1 };
    for folder in settings_folders(job.plan) {
        add_tree(&mut paths, folder, depth);
    }
    if job.kept_engine.is_some() {
        add_tree(&mut paths, config.path.join("config").join("env"), depth);
    }
    paths
}

/// Adds a folder, and the files and folders in it down to a depth, until there are `MAX_WATCHED` paths. Links are not
/// followed, so there is no endless loop. Passes over the bytecode that Python adds when it imports something there.
fn add_tree(paths: &mut Vec<PathBuf>, folder: PathBuf, depth: usize) {
    let entries = fs::read_dir(&folder);
    paths.push(folder);
    for entry in entries.into_iter().flatten().flatten() {
        let path = entry.path();
        if paths.len() >= MAX_WATCHED {
            return;
        }
        if path.ends_with("__pycache__") || path.extension() == Some(OsStr::new("pyc")) {
            continue;
        }
        if depth > 1 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            add_tree(paths, path, depth - 1);
        } else {
            paths.push(path);
        }
    }
}

/// Returns the folders of the configuration's own settings, and of its core's.
fn settings_folders(plan: &LaunchPlan) -> Vec<PathBuf> {
    let mut roots = vec![&plan.selection.config.path];
    if plan.core.root != plan.selection.config.path {
        roots.push(&plan.core.root);
    }
    roots.into_iter().map(|root| root.join("config").join("core")).collect()
}

/// Adds a file's path, and the facts that change with its content; of a folder those that change with the names in it.
fn add_file(fingerprint: &mut Fingerprint, path: &Path) {
    fingerprint.add(path);
    let facts = fs::metadata(path).ok().map(|data| {
        (
            data.dev(),
            data.ino(),
            data.is_file().then(|| data.size()),
            data.mtime(),
            data.mtime_nsec(),
        )
    });
    fingerprint.add(format!("{facts:?}"));
}
