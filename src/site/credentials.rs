//! A script's credentials on the site. Only the Python that asks the site gets them.

use std::ffi::OsStr;
use std::fmt::{self, Debug, Formatter};
use std::path::Path;

use serde::Serialize;

use crate::disk::{self, FileProblem};
use crate::environment::Environment;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::settings::Settings;
use crate::toolkit::expand;
use crate::toolkit::yaml::YamlFile;

/// A script's name and key.
#[derive(Clone, Serialize)]
pub struct Credentials {
    pub script: String,
    pub key: String,
}

impl Credentials {
    /// Reads the credentials from Python's variables, else the caller's (Python may not get all), else the file in
    /// the settings. Returns `None` if none of them has any.
    pub fn read(
        environment: &Environment,
        settings: &Settings,
        inputs: &Inputs,
    ) -> Result<Option<Self>, Error> {
        let pythons = Self::of_variables(|name| environment.get(name));
        if let Some(found) = pythons.or_else(|| Self::of_variables(|name| inputs.variable(name))) {
            return Ok(Some(found));
        }
        let Some(file) = &settings.site.credentials_file else { return Ok(None) };
        let path = expand::setting(&file.value, &file.origin, inputs)?;
        match Self::read_file(&path, inputs.location.launcher.as_deref()) {
            Ok(credentials) => Ok(Some(credentials)),
            Err(problem) => Err(Error::of_file(path, problem)),
        }
    }

    fn of_variables<'a>(variable: impl Fn(&str) -> Option<&'a OsStr>) -> Option<Self> {
        let script = variable("SHOTGUN_FARM_SCRIPT_USER")?.to_str()?;
        let key = variable("SHOTGUN_FARM_SCRIPT_KEY")?.to_str()?;
        let is_set = !script.is_empty() && !key.is_empty();
        is_set.then_some(Credentials { script: script.into(), key: key.into() })
    }

    /// Reads the file that `tank --credentials-file` reads. The problem does not quote the parser: its words may
    /// contain the key.
    fn read_file(path: &Path, launcher: Option<&Path>) -> Result<Self, FileProblem> {
        Self::of_text(&disk::read_secret(path, launcher)?.ok_or(FileProblem::Missing)?)
    }

    pub fn of_text(text: &str) -> Result<Self, FileProblem> {
        let expected = "expected 'script-name: …' and 'script-key: …'";
        let file = YamlFile::parse(text).map_err(|_| FileProblem::NotYaml(expected.into()))?;
        match (file.text("script-name"), file.text("script-key")) {
            (Some(script), Some(key)) => Ok(Credentials { script, key }),
            _ => Err(FileProblem::Lacks("'script-name' or 'script-key'")),
        }
    }
}

/// Text that contains a key; its debug form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl Debug for Secret {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}
