//! Which worker may run a plan: a hash of everything that makes two workers interchangeable. What is
//! another job's alone is not in it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::caller_state::CallerState;
use super::job::Job;
use super::start::SOURCE;
use crate::environment::{NamePattern, holds_secret};
use crate::fingerprint::Fingerprint;
use crate::inherit::harmless;
use crate::plan::{LaunchPlan, Warm};
use crate::select::CONFIG_VARIABLE;

/// Variables that the loader, Python or Toolkit read at their start or import.
const READ_AT_START: [&str; 30] = [
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "FTP_PROXY",
    "GLIBC_TUNABLES",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "LD_*",
    "LOCPATH",
    "MALLOC_*",
    "NLSPATH",
    "NO_PROXY",
    "PYTHON*",
    "REQUESTS_CA_BUNDLE",
    "SGTK_*",
    "SHOTGUN_*",
    "SSL_*",
    "TANK_CURRENT_PC",
    "TK_*",
    "TZ",
    "TZDIR",
    "all_proxy",
    "ftp_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "OPENSSL_*",
];

/// Those among them that are a job's own.
const OF_A_JOB: [&str; 6] = [
    "SGTK_CONTEXT",
    "SGTK_ENGINE",
    "SGTK_FILE_TO_OPEN",
    "SGTK_PYTHON_*",
    "SHOTGUN_ENTITY_*",
    "SHOTGUN_FILE_TO_OPEN",
];

/// The program is the protocol's version, and more.
const OF_SOURCE: Fingerprint = Fingerprint::of(SOURCE);

/// So many files decide what a kept engine is; what comes after them is not looked at.
const MOST_FILES: usize = 2000;

/// The name of the worker that may run a job.
pub fn address(plan: &LaunchPlan, warm: &Warm, job: &Job, process: &CallerState) -> String {
    let mut fingerprint = OF_SOURCE;
    fingerprint.add(format!("{:?}", warm.settings));
    for word in plan.argv.iter().take(1).chain(&plan.interpreter.args).chain(&job.options) {
        fingerprint.add(word);
    }
    fingerprint.add("variables");
    for (name, value) in relevant_variables(plan, &warm.settings.variables) {
        fingerprint.add(name);
        fingerprint.add(value);
    }
    fingerprint.add("process");
    for line in &process.nature {
        fingerprint.add(line);
    }
    fingerprint.add("files");
    add_files(&mut fingerprint, plan);
    if let Some(kept) = &job.kept {
        fingerprint.add("engine");
        fingerprint.add(&kept.0);
        let folder = plan.selection.config.path.join("config");
        let mut left = MOST_FILES;
        for folder in [folder.join("env"), folder.join("core")] {
            add_tree(&mut fingerprint, &folder, &mut left);
        }
    }
    fingerprint.text()
}

fn relevant_variables<'a>(
    plan: &'a LaunchPlan,
    further: &[NamePattern],
) -> Vec<(&'a OsStr, &'a OsStr)> {
    let variables = plan.environment.variables();
    let is_further = |name| further.iter().any(|pattern| pattern.matches(name));
    let mut relevant: Vec<_> =
        variables.filter(|(name, _)| is_further(name) || is_relevant(name)).collect();
    relevant.sort_unstable();
    relevant
}

fn is_relevant(name: &OsStr) -> bool {
    let is_one_of = |names: &[&str]| {
        names.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.as_bytes().starts_with(start.as_bytes()),
            None => name == *pattern,
        })
    };
    is_one_of(&READ_AT_START) && !is_one_of(&OF_A_JOB)
}

/// The variables that a worker is started with: those that tell it from others, and those that are nobody's
/// alone. Its jobs can read them, so a key is not among them, unless the settings ask for it.
pub fn starting_variables<'a>(
    plan: &'a LaunchPlan,
    further: &[NamePattern],
) -> impl Iterator<Item = (&'a OsStr, &'a OsStr)> {
    let harmless = harmless();
    let matches = |patterns: &[NamePattern], name| patterns.iter().any(|p| p.matches(name));
    plan.environment.variables().filter(move |(name, _)| {
        let is_plain = *name == CONFIG_VARIABLE || is_relevant(name) || matches(&harmless, name);
        matches(further, name) || is_plain && !holds_secret(name)
    })
}

/// The files that decide what Python, core and configuration are.
fn add_files(fingerprint: &mut Fingerprint, plan: &LaunchPlan) {
    let (config, core) = (&plan.selection.config, &plan.core);
    add_file(fingerprint, &plan.interpreter.path);
    for path in [config.localized_mark(), config.core_link_file(), core.manifest_file()] {
        add_file(fingerprint, &path);
    }
    let python = core.python_path();
    add_file(fingerprint, &python);
    for package in ["sgtk", "tank", "tank_vendor"] {
        add_file(fingerprint, &python.join(package));
        add_file(fingerprint, &python.join(package).join("__init__.py"));
    }
    let mut folders = vec![config.path.join("config").join("core")];
    if core.root != config.path {
        folders.push(core.root.join("config").join("core"));
    }
    for folder in folders {
        for path in entries(&folder) {
            add_file(fingerprint, &path);
        }
    }
}

/// All that is in a folder and below it, as long as it is not too many; links are files here, so that nothing
/// leads round in a circle.
fn add_tree(fingerprint: &mut Fingerprint, folder: &Path, left: &mut usize) {
    for path in entries(folder) {
        let Some(fewer) = left.checked_sub(1) else { return };
        *left = fewer;
        add_file(fingerprint, &path);
        if path.is_dir() && !path.is_symlink() {
            add_tree(fingerprint, &path, left);
        }
    }
}

/// What is in a folder, in one order.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort_unstable();
    paths
}

/// A file or folder: its name, and what changes when it does.
fn add_file(fingerprint: &mut Fingerprint, path: &Path) {
    fingerprint.add(path);
    let identity = fs::metadata(path).map(|found| {
        let changed = (found.mtime(), found.mtime_nsec());
        (found.dev(), found.ino(), found.size(), changed)
    });
    fingerprint.add(format!("{:?}", identity.ok()));
}
