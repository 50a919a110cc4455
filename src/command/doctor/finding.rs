//! The doctor's checks, and their findings.

use std::path::Path;

use serde::Serialize;

use crate::error::Error;

/// A check; its JSON name is fixed by format 1.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    Roots,
    Configs,
    Names,
    Data,
    Permissions,
    #[serde(rename = "texts")]
    CfgFiles,
    #[serde(rename = "places")]
    InstallLocations,
    Cores,
    Pythons,
    FastImport,
    Site,
    Settings,
    Proxy,
    Script,
}

/// The checks in the order of the answer, and for each the healthy state.
pub const CHECKS: [(Check, &str); 14] = [
    (Check::Roots, "the roots exist, and hold configurations"),
    (Check::Configs, "every configuration is complete and can be read"),
    (Check::Names, "projects have different names and ids"),
    (Check::Data, "every project has its data to itself"),
    (Check::Permissions, "only some users can change which code runs"),
    (Check::CfgFiles, "the one-line files mean the same to every reader"),
    (Check::InstallLocations, "every configuration names its own folder"),
    (Check::Cores, "every configuration has a core and a Python that fits it"),
    (Check::Pythons, "every Python starts and imports sgtk"),
    (Check::FastImport, "images for fast import can be built, and lie on a local disk"),
    (Check::Site, "the site can be asked with these settings"),
    (Check::Settings, "everything in the settings is used"),
    (Check::Proxy, "no API proxy is on PYTHONPATH"),
    (Check::Script, "a named script exists, and no file beside it hides the core"),
];

/// The mend of an incomplete core.
pub const REINSTALL: &str =
    "install the core again, or copy what it lacks from a complete one of the same version";

/// The weight of a finding, and of a check its heaviest finding's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Ok,
    /// May be meant so.
    Note,
    /// Nothing fails yet, or only in another program than the launcher.
    Warning,
    /// Something fails, or other code runs than was meant. The exit code is 122.
    Wrong,
}

impl Severity {
    pub fn mark(self) -> &'static str {
        match self {
            Severity::Ok => "ok",
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Wrong => "wrong",
        }
    }
}

/// A fault; the fields are those of `--doctor=json`.
#[derive(Serialize)]
pub struct Finding {
    #[serde(skip)]
    pub check: Check,
    pub severity: Severity,
    /// The name to choose the project by.
    pub project: Option<String>,
    /// The file or folder at fault.
    pub file: Option<String>,
    pub problem: String,
    pub advice: String,
}

impl Finding {
    pub fn wrong(check: Check, problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding::new(Severity::Wrong, check, problem.into(), advice.into())
    }

    pub fn warning(check: Check, problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding::new(Severity::Warning, check, problem.into(), advice.into())
    }

    pub fn note(check: Check, problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding::new(Severity::Note, check, problem.into(), advice.into())
    }

    /// Returns the finding of an error, with its hint and file.
    pub fn of_error(check: Check, error: &Error) -> Self {
        let advice = error.hint().unwrap_or_else(|| "correct the file".into());
        let finding = Finding::wrong(check, error.to_string(), advice);
        match error.file() {
            Some(file) => finding.in_file(file),
            None => finding,
        }
    }

    fn new(severity: Severity, check: Check, problem: String, advice: String) -> Self {
        Finding { check, severity, project: None, file: None, problem, advice }
    }

    pub fn in_project(mut self, name: &str) -> Self {
        self.project = Some(name.to_owned());
        self
    }

    pub fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_string_lossy().into_owned());
        self
    }

    /// Returns true for the same fault, seen from another configuration.
    pub fn is_same(&self, other: &Self) -> bool {
        self.check == other.check
            && self.problem == other.problem
            && match (&self.file, &other.file) {
                (Some(file), Some(other)) => file == other,
                (None, None) => self.project == other.project,
                _ => false,
            }
    }
}
