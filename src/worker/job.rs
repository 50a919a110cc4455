//! What a plan makes Python run, if a worker can run it as plain Python would.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::cold_reason::ColdReason;
use crate::interpreter::{Program, Words};
use crate::plan::{LaunchPlan, Session, Warm};
use crate::site::credentials::{Credentials, Secret};

/// Python's options that decide before its start what a worker has decided too, and that do nothing
/// else: its worker is started with the same.
const FLAGS: &[u8] = b"bBOPqRsSu";

/// The values of `-X` of which that is true.
const IMPLEMENTATION: [&str; 8] = [
    "dev",
    "faulthandler",
    "frozen_modules",
    "int_max_str_digits",
    "no_debug_ranges",
    "pycache_prefix",
    "utf8",
    "warn_default_encoding",
];

/// What to run.
#[derive(Debug)]
pub struct Job {
    /// Python's options, which the worker has too.
    pub options: Vec<OsString>,
    /// What `shims/as_main.py` calls it.
    pub kind: &'static str,
    /// The text, name or path.
    pub program: OsString,
    /// The program's arguments.
    pub arguments: Vec<OsString>,
    /// What comes before the program (`shims/engine.py`), with the credentials.
    pub session: Option<Secret>,
    /// What the worker does of that, once for all its jobs: the engine is started, and kept.
    pub kept: Option<Secret>,
}

impl Job {
    /// The job of a plan.
    pub fn of(
        plan: &LaunchPlan,
        warm: &Warm,
        credentials: Option<&Credentials>,
    ) -> Result<Self, ColdReason> {
        let request = |session: &Session| {
            session
                .request(credentials)
                .map(Secret)
                .map_err(|_| ColdReason::Unreadable("the session"))
        };
        let session = plan.session.as_ref();
        let kept = session.filter(|session| warm.settings.keep_engine && session.engine.is_some());
        let kept = kept.map(|session| Session { entity: None, ..session.clone() });
        let kept = kept.as_ref().map(request).transpose()?;
        let session = session.map(request).transpose()?;
        let words = plan.words();
        let own = unfit_option(&plan.interpreter.args);
        if let Some(option) = own.or_else(|| unfit_option(&words.options)) {
            return Err(ColdReason::Option(option.to_owned()));
        }
        let list = plan.environment.get("PYTHONPATH").unwrap_or_default();
        if std::env::split_paths(list).any(|entry| !entry.is_absolute()) {
            return Err(ColdReason::RelativePath);
        }
        let Words { options, program, arguments, .. } = words;
        let is_prompt = program == Program::Prompt;
        let (kind, program) = program.parts();
        if program.is_empty() && !is_prompt {
            // Python itself tells that there is none.
            return Err(ColdReason::NothingToRun);
        }
        Ok(Job { options, kind, program, arguments, session, kept })
    }
}

/// The first option that a worker cannot have, or that makes Python do something else.
fn unfit_option(options: &[OsString]) -> Option<&OsStr> {
    let mut words = options.iter();
    while let Some(word) = words.next() {
        let fits = match word.as_encoded_bytes() {
            b"--check-hash-based-pycs" | b"-W" => words.next().is_some(),
            b"-X" => words.next().is_some_and(is_known),
            [b'-', b'W', ..] => true,
            [b'-', b'X', value @ ..] => std::str::from_utf8(value).is_ok_and(is_known),
            [b'-', b'-', ..] => false,
            [b'-', flags @ ..] => flags.iter().all(|flag| FLAGS.contains(flag)),
            _ => false,
        };
        if !fits {
            return Some(word);
        }
    }
    None
}

fn is_known(value: impl AsRef<OsStr>) -> bool {
    let value = value.as_ref().to_string_lossy();
    let name = value.split_once('=').map_or(&*value, |(name, _)| name);
    IMPLEMENTATION.contains(&name)
}

/// The program's name for a process list.
pub fn shown_project(plan: &LaunchPlan) -> String {
    let path = &plan.selection.config.path;
    let name = plan.selection.known_as.clone();
    name.unwrap_or_else(|| {
        path.file_name().unwrap_or(Path::new("?").as_os_str()).to_string_lossy().into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        for (words, unfit) in [
            ("", None),
            ("-u -B -OO -sS", None),
            ("-W ignore -Wdefault", None),
            ("-X dev -Xutf8=1 -X int_max_str_digits=9", None),
            ("--check-hash-based-pycs always", None),
            ("-u -i", Some("-i")),
            ("-ui", Some("-ui")),
            ("-X importtime", Some("-X")),
            ("-Ximporttime", Some("-Ximporttime")),
            ("-W", Some("-W")),
            ("-V", Some("-V")),
            ("--help-env", Some("--help-env")),
            ("-x", Some("-x")),
        ] {
            let words: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
            assert_eq!(unfit_option(&words), unfit.map(OsStr::new), "{words:?}");
        }
    }
}
