//! A core: the Toolkit API that a configuration uses, and where its parts lie below the core's root.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::disk;
use crate::error::Error;
use crate::interpreter::Version;
use crate::origin::Origin;
use crate::os::Os;

/// How a configuration comes by its core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The core lies in the configuration.
    Localized,
    /// `core_<OS>.cfg` names the core.
    Shared,
    /// The configuration names none, and so uses the studio's.
    Studio,
    /// The core lies in a configuration that was realised from the site's description.
    Realised,
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Localized => "localized",
            Kind::Shared => "shared",
            Kind::Studio => "studio",
            Kind::Realised => "realised",
        })
    }
}

/// A core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// How the configuration comes by it.
    pub kind: Kind,
    /// The folder that holds `install/core`.
    pub root: PathBuf,
    /// What decided it.
    pub origin: Origin,
}

impl Core {
    /// The core's own folder.
    pub fn path(&self) -> PathBuf {
        self.root.join("install").join("core")
    }

    /// What goes on `PYTHONPATH`.
    pub fn python_path(&self) -> PathBuf {
        self.path().join("python")
    }

    /// The file that names the Python. It belongs to the core's root, so sharing a core moves it out
    /// of the project's configuration.
    pub fn interpreter_file(&self) -> PathBuf {
        self.root
            .join("config")
            .join("core")
            .join(format!("interpreter_{}.cfg", Os::CURRENT.name()))
    }

    /// The file that tells the core's version.
    pub fn manifest_file(&self) -> PathBuf {
        self.path().join("info.yml")
    }

    /// Checks that there is a core: a folder without `tank` fails in Python only at `import sgtk`.
    pub fn check(&self) -> Result<(), Error> {
        let tank = self.python_path().join("tank");
        match disk::exists(&tank) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::CoreWithoutTank {
                python_path: self.python_path(),
                origin: self.origin.clone(),
            }),
            Err(error) => Err(Error::unreachable(tank, error)),
        }
    }

    /// Checks that the core can run on a version of Python: from v0.23.7 on it brings its third-party
    /// packages in one zip for each version that it supports.
    pub fn check_supports(&self, version: &Version, python: &Path) -> Result<(), Error> {
        let requirements = self.path().join("requirements");
        if disk::exists(&packages(&requirements, &version.to_string())).unwrap_or(true) {
            return Ok(());
        }
        let supported = supported(&requirements);
        if supported.is_empty() {
            return Ok(());
        }
        Err(Error::CoreLacksPython {
            python: python.to_owned(),
            version: version.to_string(),
            core: self.path(),
            supported: supported.iter().map(Version::to_string).collect(),
        })
    }
}

fn packages(requirements: &Path, version: &str) -> PathBuf {
    requirements.join(version).join("pkgs.zip")
}

/// The versions of Python that a core has packages for; none where it needs none.
fn supported(requirements: &Path) -> Vec<Version> {
    let folders = fs::read_dir(requirements).into_iter().flatten().flatten();
    let names = folders.filter_map(|folder| folder.file_name().into_string().ok());
    let versions =
        names.filter(|name| disk::exists(&packages(requirements, name)).unwrap_or(false));
    let mut versions: Vec<Version> = versions.filter_map(|name| Version::parse(&name)).collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}
