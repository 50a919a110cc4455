//! A failure as its caller sees it.

use std::path::Path;

/// The launcher's exit codes. After `execve` the code is Python's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Another run is in progress, and only one is allowed.
    Busy = 75,
    /// No project was named, or none by that name has a configuration here.
    NoProject = 121,
    /// The configuration, core or settings are broken.
    Broken = 122,
    /// Wrong use, or another failure of the launcher.
    Usage = 125,
    /// The Python cannot run, or cannot run this core.
    CannotRun = 126,
    /// There is no such Python.
    NoPython = 127,
}

/// One row of the table of errors. Callers rely on the code and the kind; the sentences may change.
#[derive(Debug)]
pub struct Report<'a> {
    /// The exit code.
    pub code: Code,
    /// A word in kebab-case that names the failure.
    pub kind: &'static str,
    /// One line: what is wrong, and the path or value.
    pub message: String,
    /// One line: the remedy, if there is one.
    pub hint: Option<String>,
    /// The file or folder to correct.
    pub file: Option<&'a Path>,
}

impl<'a> Report<'a> {
    /// Replaces the hint, if there is another one.
    pub(super) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into().or(self.hint);
        self
    }

    pub(super) fn file(mut self, file: &'a Path) -> Self {
        self.file = Some(file);
        self
    }
}

/// A report: the code, the kind, the message and after a semicolon the hint, both as for `format!`.
macro_rules! row {
    ($code:expr, $kind:expr, $($message:expr),+ $(; $($hint:expr),+)?) => {
        $crate::error::report::Report {
            code: $code,
            kind: $kind,
            message: format!($($message),+),
            hint: row!(@hint $($($hint),+)?),
            file: None,
        }
    };
    (@hint) => { None };
    (@hint $($hint:expr),+) => { Some(format!($($hint),+)) };
}

pub(super) use row;
