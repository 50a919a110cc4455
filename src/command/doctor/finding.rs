//! The doctor's checks, and what is wrong.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use serde::Serialize;

use crate::display::Printable;

/// A check; its JSON name is fixed by format 1.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    Roots,
    Configs,
    Names,
    Permissions,
    #[serde(rename = "texts")]
    CfgFiles,
    #[serde(rename = "places")]
    InstallLocations,
    Cores,
    Pythons,
    Site,
    Settings,
    Proxy,
    Script,
}

/// The checks in the order of the answer, and for each the healthy state.
pub const CHECKS: [(Check, &str); 12] = [
    (Check::Roots, "the roots exist"),
    (Check::Configs, "every configuration can be read"),
    (Check::Names, "projects have different names and ids"),
    (Check::Permissions, "only some users can change which code runs"),
    (Check::CfgFiles, "the one-line files mean the same to every reader"),
    (Check::InstallLocations, "every configuration names its folder on this system"),
    (Check::Cores, "every configuration has a core and a Python that fits it"),
    (Check::Pythons, "every Python starts and imports sgtk"),
    (Check::Site, "the site can be asked with these settings"),
    (Check::Settings, "everything in the settings is used"),
    (Check::Proxy, "no API proxy is on PYTHONPATH"),
    (Check::Script, "no file beside the script hides the core"),
];

/// A fault; the fields are those of `--doctor=json`.
#[derive(Serialize)]
pub struct Finding {
    #[serde(skip)]
    pub check: Check,
    /// The name to choose the project by.
    pub project: Option<String>,
    /// The file or folder at fault.
    pub file: Option<String>,
    pub problem: String,
    pub advice: String,
}

impl Finding {
    pub fn new(check: Check, problem: impl Into<String>, advice: impl Into<String>) -> Self {
        let (problem, advice) = (problem.into(), advice.into());
        Finding { check, project: None, file: None, problem, advice }
    }

    pub fn in_project(mut self, name: &str) -> Self {
        self.project = Some(name.to_owned());
        self
    }

    pub fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_string_lossy().into_owned());
        self
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("       ")?;
        if let Some(project) = &self.project {
            write!(f, "{}: ", Printable::new(project))?;
        }
        if let Some(file) = &self.file
            && !self.problem.contains(file)
        {
            write!(f, "{}: ", Printable::new(file))?;
        }
        let (problem, advice) = (Printable::new(&self.problem), Printable::new(&self.advice));
        write!(f, "{problem}\n         -> {advice}\n")
    }
}
