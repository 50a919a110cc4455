//! The program of a plan, if a worker can run it as plain Python would.

use std::ffi::{OsStr, OsString};

use super::cold_reason::ColdReason;
use crate::interpreter::{Program, Words};
use crate::plan::{LaunchPlan, Session, Warm};
use crate::site::{Credentials, Secret};

/// Python's options that take effect when Python starts and have no other effect: a worker starts with the same.
const FLAGS: &[u8] = b"bBOPqRsSu";

/// Values of `-X` of the same kind.
#[rustfmt::skip]
const IMPLEMENTATION_OPTIONS: [&str; 8] = [
    "dev", "faulthandler", "frozen_modules", "int_max_str_digits",
    "no_debug_ranges", "pycache_prefix", "utf8", "warn_default_encoding",
];

/// A plan that a worker can run.
#[derive(Debug)]
pub struct Job<'a> {
    pub plan: &'a LaunchPlan,
    pub warm: &'a Warm,
    /// Python's options; the worker has the same.
    pub options: Vec<OsString>,
    /// The kind of program, in the words of `shims/as_main.py`.
    pub kind: &'static str,
    /// The text, name or path.
    pub program: OsString,
    pub arguments: Vec<OsString>,
    /// The request to `shims/engine.py`, which runs before the program.
    pub session: Option<Secret>,
    /// The request for the engine that the worker starts once and keeps for all its jobs.
    pub kept_engine: Option<Secret>,
}

impl<'a> Job<'a> {
    /// Reads the job of a plan. Fails if a worker would run it in another way than plain Python.
    pub fn of(
        plan: &'a LaunchPlan,
        warm: &'a Warm,
        credentials: Option<&Credentials>,
    ) -> Result<Self, ColdReason> {
        let (mut session, mut kept_engine) = (None, None);
        if let Some(planned) = &plan.session {
            session = Some(request(planned, credentials)?);
            if warm.settings.keep_engine && planned.engine.is_some() {
                // An entity belongs to one job.
                let kept = Session { entity: None, ..planned.clone() };
                kept_engine = Some(request(&kept, credentials)?);
            }
        }
        let Words { options, program, arguments, .. } = plan.words();
        for options in [&plan.interpreter.args, &options] {
            if let Some(option) = unfit_option(options) {
                return Err(ColdReason::Option(option.to_owned()));
            }
        }
        let python_path = plan.environment.get("PYTHONPATH").unwrap_or_default();
        if std::env::split_paths(python_path).any(|entry| !entry.is_absolute()) {
            return Err(ColdReason::RelativePath);
        }
        let is_prompt = program == Program::Prompt;
        let (kind, program) = program.parts();
        if program.is_empty() && !is_prompt {
            // Python prints the error.
            return Err(ColdReason::NothingToRun);
        }
        Ok(Job { plan, warm, options, kind, program, arguments, session, kept_engine })
    }
}

impl Job<'_> {
    /// Returns true if the program comes from standard input; at a terminal Python prompts for it.
    pub fn reads_program(&self) -> bool {
        matches!(self.kind, "prompt" | "input")
    }
}

fn request(session: &Session, credentials: Option<&Credentials>) -> Result<Secret, ColdReason> {
    session.request(credentials).map(Secret).map_err(|_| ColdReason::Unreadable("the session"))
}

/// Returns the first option that a worker cannot have, or that makes Python run something else.
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
    IMPLEMENTATION_OPTIONS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfit_options_are_found() {
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
