//! Who a script is on the site: a name and a key, which go to nobody but the Python that asks as them.

use std::ffi::OsStr;
use std::fmt::{self, Debug, Formatter};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::disk::{self, FileProblem};
use crate::environment::Environment;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::settings::Settings;
use crate::toolkit::expand;

/// A script's name and key.
#[derive(Clone, Serialize)]
pub struct Credentials {
    /// The script's name.
    pub script: String,
    /// Its key.
    pub key: String,
}

/// The file as `tank --credentials-file` takes it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct CredentialsFile {
    script_name: String,
    script_key: String,
}

impl Credentials {
    /// The script that the variables name, Python's or else the caller's (not all of which Python gets), else
    /// the settings' file; `None` if none does.
    pub fn read(
        environment: &Environment,
        settings: &Settings,
        inputs: &Inputs,
    ) -> Result<Option<Self>, Error> {
        let pythons = Self::of_variables(|name| environment.get(name));
        if let Some(script) = pythons.or_else(|| Self::of_variables(|name| inputs.variable(name))) {
            return Ok(Some(script));
        }
        let Some(file) = &settings.site.credentials_file else { return Ok(None) };
        let path = expand::setting(&file.value, &file.origin, inputs)?;
        let text = disk::read_secret(&path).and_then(|text| text.ok_or(FileProblem::Missing));
        let text = text.map_err(|problem| Error::of_file(&path, problem))?;
        // What is wrong with it is not told in the reader's words, which may quote a key.
        let problem = match serde_saphyr::from_str::<IgnoredAny>(&text) {
            Ok(_) => FileProblem::Lacks("'script-name' or 'script-key'"),
            Err(_) => FileProblem::NotYaml("expected 'script-name: …' and 'script-key: …'".into()),
        };
        let file = serde_saphyr::from_str(&text);
        let file: CredentialsFile = file.map_err(|_| Error::of_file(&path, problem))?;
        Ok(Some(Credentials { script: file.script_name, key: file.script_key }))
    }

    fn of_variables<'a>(variable: impl Fn(&str) -> Option<&'a OsStr>) -> Option<Self> {
        let text = |name| variable(name).and_then(OsStr::to_str).filter(|text| !text.is_empty());
        let (script, key) = (text("SHOTGUN_FARM_SCRIPT_USER")?, text("SHOTGUN_FARM_SCRIPT_KEY")?);
        Some(Credentials { script: script.into(), key: key.into() })
    }
}

/// A text that holds a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl Debug for Secret {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}

impl Debug for Credentials {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials of {}", self.script)
    }
}
