//! The Pythons on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::support::PYTHON;

/// One of each version: pyenv's, the system's, and that of the other tests before all.
pub static PYTHONS: LazyLock<BTreeMap<(u32, u32), PathBuf>> = LazyLock::new(|| {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let pyenv = std::env::var_os("PYENV_ROOT").map_or(home.join(".pyenv"), PathBuf::from);
    let installed = std::fs::read_dir(pyenv.join("versions")).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = installed.map(|found| found.path().join("bin/python")).collect();
    for folder in ["/usr/bin", "/usr/local/bin"].map(Path::new) {
        found.push(folder.join("python2.7"));
        found.extend((6..20).map(|minor| folder.join(format!("python3.{minor}"))));
    }
    found.push(PYTHON.clone());
    found.into_iter().filter_map(|python| Some((version(&python)?, python))).collect()
});

fn version(python: &Path) -> Option<(u32, u32)> {
    let mut asking = Command::new(python);
    asking.args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    let told = asking.stderr(Stdio::null()).output().ok()?.stdout;
    let told = String::from_utf8(told).ok()?;
    let (major, minor) = told.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
