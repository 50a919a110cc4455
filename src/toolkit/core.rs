//! A core: the Toolkit API that a configuration uses, and its files below the core's root.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::disk;
use crate::error::Error;
use crate::interpreter::Version;
use crate::origin::Origin;
use crate::os::Os;

/// The rule that leads from a configuration to its core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CoreKind {
    /// The core lies in the configuration.
    Localized,
    /// `core_<OS>.cfg` names the core.
    Shared,
    /// The configuration names no core: the studio's default.
    Studio,
    /// The core lies in a realised configuration.
    Realised,
}

impl Display for CoreKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CoreKind::Localized => "localized",
            CoreKind::Shared => "shared",
            CoreKind::Studio => "studio",
            CoreKind::Realised => "realised",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    pub kind: CoreKind,
    /// The folder that holds `install/core`.
    pub root: PathBuf,
    pub origin: Origin,
}

impl Core {
    /// The core's own folder.
    pub fn path(&self) -> PathBuf {
        disk::join(&self.root, &["install", "core"])
    }

    /// The entry for `PYTHONPATH`: the folder of `sgtk` and `tank`.
    pub fn python_path(&self) -> PathBuf {
        disk::join(&self.root, &["install", "core", "python"])
    }

    /// The file that names the Python. It lies below the core's root: sharing a core moves it out of the
    /// project's configuration.
    pub fn interpreter_file(&self) -> PathBuf {
        let name = format!("interpreter_{}.cfg", Os::CURRENT.name());
        disk::join(&self.root, &["config", "core", &name])
    }

    /// The file with the core's version.
    pub fn manifest_file(&self) -> PathBuf {
        disk::join(&self.root, &["install", "core", "info.yml"])
    }

    /// The hook that the core runs first for each configuration.
    pub fn first_hook(&self) -> PathBuf {
        let name = "pipeline_configuration_init.py";
        disk::join(&self.root, &["install", "core", "hooks", name])
    }

    /// Returns the first of the core's packages that is missing.
    pub fn missing_package(&self) -> Option<PathBuf> {
        let packages = ["sgtk", "tank", "tank_vendor"].map(|name| self.python_path().join(name));
        packages.into_iter().find(|package| !package.is_dir())
    }

    fn requirements(&self) -> PathBuf {
        disk::join(&self.root, &["install", "core", "requirements"])
    }

    /// Fails if there is no `tank` to import; Python would fail at `import sgtk` only.
    pub fn check_exists(&self) -> Result<(), Error> {
        let tank = disk::join(&self.root, &["install", "core", "python", "tank"]);
        match disk::exists(&tank) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::CoreWithoutTank {
                python_path: self.python_path(),
                origin: self.origin.clone(),
            }),
            Err(error) => Err(Error::unreachable(tank, error)),
        }
    }

    /// Returns true if the core may have a zip of third-party packages for each version of Python that it supports, as
    /// cores from v0.23.7 on do.
    pub fn depends_on_version(&self) -> bool {
        disk::exists(&self.requirements()).unwrap_or(true)
    }

    /// Fails if the core has no packages for a version of Python.
    pub fn check_supports(&self, version: Version, python: &Path) -> Result<(), Error> {
        let requirements = self.requirements();
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

/// Returns the versions of Python that a core has packages for; none for a core without packages.
fn supported(requirements: &Path) -> Vec<Version> {
    let mut versions = Vec::new();
    for folder in fs::read_dir(requirements).into_iter().flatten().flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        if disk::exists(&packages(requirements, &name)).unwrap_or(false) {
            versions.extend(Version::parse(&name));
        }
    }
    versions.sort_unstable();
    versions.dedup();
    versions
}
