//! What to do about each failure, where that is known.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Candidate, Error, SiteFailureKind};
use crate::disk::FileProblem;
use crate::display::Printable;
use crate::origin::Decided;
use crate::os::Os;

/// So many options are offered.
const MOST_OPTIONS: usize = 8;

const FIRST_LINE: &str = "a script's first line passes all its words as one: use '#!/usr/bin/env -S sgtk-python …' or --project=NAME alone";

const NEW_THERE: &str = "what is new on the site is seen after five minutes, or with --refresh";

const OTHER_PYTHON: &str = "name one with --python, SGTK_PYTHON or 'python' in the settings";

impl Error {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::CommandLine { hint, .. } => Some(Printable::new(hint.as_ref()?).to_string()),
            Error::UnknownOption { word, near } => Some(unknown_option_hint(word, near.as_deref())),
            Error::Isolated { .. } => {
                Some("leave it out; -s keeps the user's own packages out, and lets the core in".into())
            }
            Error::HostileName { .. } => {
                Some("for a path, use --config PATH; a name is that of a config's folder below a root".into())
            }
            Error::Conflict(_) => Some("leave one of them out".into()),
            Error::NoProject { misplaced: Some(word), .. } => Some(format!(
                "'{}' stands among Python's words; the launcher's options come first",
                Printable::new(word)
            )),
            Error::NoProject { inside_launch: true, .. } => Some(
                "this was started by a launch; to stay with its project: --config \"$SGTK_PYTHON_CONFIG\""
                    .into(),
            ),
            Error::NoProject { .. } => {
                Some("name one: --project NAME, --config PATH, or SGTK_PROJECT".into())
            }
            Error::WorkerLost { .. } => {
                Some("look whether it did its work before it is run again; without a worker: SGTK_PYTHON_WARM=0".into())
            }
            Error::NoPipeline { configs, .. } if configs.iter().all(|c| c.pipeline.is_empty()) => {
                Some(options("--config", configs, |config| config.path.clone().into()))
            }
            Error::NoPipeline { configs, .. } => Some(format!("there is {}", options("--pipeline", configs, |c| c.pipeline.clone().into()))),
            Error::Ambiguous { configs, .. } => Some(format!("pick one: {}", options("--config", configs, |c| c.path.clone().into()))),
            Error::NotAsked { host, .. } => Some(format!("{} was not asked, for there is no folder for its configurations: set SHOTGUN_HOME", Printable::new(host))),
            Error::NotOnSite { here, .. } => {
                let here = here.hint();
                Some(here.map_or_else(|| NEW_THERE.into(), |hint| format!("{hint}; {NEW_THERE}")))
            }
            Error::NotRealised { .. } => {
                Some("--refresh before --explain realises it first".into())
            }
            Error::Cache { .. } => Some("SHOTGUN_HOME names another folder for what Toolkit keeps".into()),
            Error::NotWhole { .. } => Some("the next launch of its project realises it anew".into()),
            Error::Site(error) => Some(site_hint(error.failure.kind, &error.log)),
            Error::UnknownId { unreadable, .. } => Some(unreadable_hint(*unreadable).unwrap_or_else(
                || "sgtk-python --list shows the projects that are here".into(),
            )),
            Error::UnknownProject { name, .. } if name.as_encoded_bytes().windows(2).any(|w| w == b" -") => {
                Some(FIRST_LINE.into())
            }
            Error::UnknownProject { near, roots, unreadable, .. } => {
                Some(unknown_project_hint(near, roots, *unreadable))
            }
            Error::File { path, problem: FileProblem::OpenToOthers } => {
                Some(format!("chmod 600 {}", Printable::new(path)))
            }
            Error::File { problem: FileProblem::ByteOrderMark | FileProblem::NotUtf8(_), .. } => {
                Some("save it as UTF-8 without a byte order mark".into())
            }
            Error::File { problem: FileProblem::Empty, .. } => {
                Some("write one path into it, or delete it".into())
            }
            Error::NotAConfig { exists: true, .. } => {
                Some("a pipeline configuration holds config/core/roots.yml".into())
            }
            Error::NoCore { link, .. } => Some(format!(
                "localize the core, or write the shared core's root into {}",
                Printable::new(link)
            )),
            Error::CoreNotSetUp { file, .. } => Some(format!(
                "write the shared core's root on {} into {}",
                Os::CURRENT.name(),
                Printable::new(file)
            )),
            Error::CoreWithoutTank { .. } => {
                Some("install the core again, or name one that holds sgtk, tank and tank_vendor".into())
            }
            Error::CoreLacksPython { supported, .. } => {
                Some(format!("name another Python with --python; this core has packages for {}", supported.join(", ")))
            }
            Error::Launcher { .. } => Some("name the real Python there".into()),
            Error::Exec { source, .. } if source.kind() == ErrorKind::ArgumentListTooLong => {
                Some("the system takes less than 128 KiB in one argument or variable; pass it in a file or on standard input".into())
            }
            Error::Exec { source, .. } if source.kind() == ErrorKind::NotFound => Some(
                "the file is there; the program that its first line names, or its loader, is not"
                    .into(),
            ),
            Error::CoreMissing { written, .. } => written_hint(written),
            Error::PythonMissing { written, .. } => written_hint(written).or_else(|| Some(OTHER_PYTHON.into())),
            Error::PythonNotOnPath { .. } => Some(OTHER_PYTHON.into()),
            Error::Busy { .. } => Some("wait for its end with --exclusive=wait".into()),
            Error::NoLockFolder => Some("name one in SGTK_PYTHON_CACHE, or set HOME".into()),
            Error::NoRoot { .. } => Some(
                "is its share mounted? SHOTGUN_BASE, or 'roots' in the settings, names the folders"
                    .into(),
            ),
            Error::NoneMatches { .. } => {
                Some("sgtk-python --list shows the projects that are here; it is their Primary configs that run, or those that --pipeline names".into())
            }
            _ => None,
        }
    }
}

/// The options that would pick each of some configs.
fn options(option: &str, configs: &[Candidate], value: impl Fn(&Candidate) -> OsString) -> String {
    let values = configs.iter().map(|config| Printable::new(&value(config)).to_string());
    let mut options: Vec<String> = values
        .filter(|value| !value.is_empty())
        .map(|value| format!("{option} {}", shell_words::quote(&value)))
        .collect();
    options.dedup();
    options.truncate(MOST_OPTIONS);
    options.join(" or ")
}

/// What may be wrong with a path as it was written that leads nowhere.
fn written_hint(written: &OsStr) -> Option<String> {
    let shown = Printable::new(written);
    let bytes = written.as_encoded_bytes();
    if bytes.windows(2).any(|pair| matches!(pair, [b'$', b'{' | b'_' | b'A'..=b'Z' | b'a'..=b'z']))
    {
        return Some(format!("a variable in '{shown}' is not set for Python"));
    }
    if bytes.starts_with(b"$(") || bytes.iter().any(|byte| matches!(byte, b'\'' | b'"' | b'`')) {
        return Some(format!("write the path alone: '{shown}' is not read as a shell would"));
    }
    let is_relative = !Path::new(written).is_absolute();
    is_relative.then(|| format!("'{shown}' was taken as a path from the working directory"))
}

fn site_hint(kind: SiteFailureKind, log: &Path) -> String {
    match kind {
        SiteFailureKind::NoCredentials => "set SHOTGUN_FARM_SCRIPT_USER and SHOTGUN_FARM_SCRIPT_KEY, or 'credentials_file' in [site]; or log in by running it in a terminal once".into(),
        SiteFailureKind::NoConfig => format!("the site knows it by 'plugin_id' in [site] and --pipeline; 'base_configuration' is for projects without one; {NEW_THERE}"),
        SiteFailureKind::NoPipeline => format!("--pipeline takes a name or an id of these; {NEW_THERE}"),
        SiteFailureKind::NoCore => {
            "name a core that this Python can import with 'core' in [site], a folder that holds 'sgtk'".into()
        }
        _ => format!("the whole story is in {}", Printable::new(log)),
    }
}

fn unknown_option_hint(word: &OsStr, near: Option<&str>) -> String {
    if word.as_encoded_bytes().iter().any(u8::is_ascii_whitespace) {
        return FIRST_LINE.into();
    }
    match near {
        Some(near) => format!("did you mean {near}? After '--' a word is Python's"),
        None => "see --help; after '--' a word is Python's".into(),
    }
}

fn unknown_project_hint(near: &[String], roots: &[Decided<PathBuf>], unreadable: usize) -> String {
    if roots.is_empty() {
        return "set SHOTGUN_BASE, or 'roots' in the settings".into();
    }
    if near.is_empty() {
        let elsewhere = "the name is that of the config's folder, or the project's tank_name; set SHOTGUN_BASE, or 'roots' in the settings, if it is elsewhere";
        return unreadable_hint(unreadable).unwrap_or_else(|| elsewhere.into());
    }
    let names: Vec<String> =
        near.iter().map(|name| format!("'{}'", Printable::new(name))).collect();
    format!("did you mean {}?", names.join(" or "))
}

/// A project may be in a config that cannot be read.
fn unreadable_hint(unreadable: usize) -> Option<String> {
    (unreadable > 0)
        .then(|| format!("some configs cannot be read ({unreadable}), see sgtk-python --doctor"))
}
