//! The Pythons on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::support::PYTHON;

/// One Python of each version. That of the other tests wins over the system's, the system's over pyenv's.
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
    let version = asking.stderr(Stdio::null()).output().ok()?.stdout;
    let version = String::from_utf8(version).ok()?;
    let (major, minor) = version.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Makes a test of a check for each Python 3 that the modules for callers and workers support. A test without its
/// Python is named as skipped.
macro_rules! on_each_python {
    ($check:ident) => {
        crate::pythons::tests_on_pythons!($check, [cfg(unix)], python_3_07 7, python_3_08 8, python_3_09 9,
            python_3_10 10, python_3_11 11, python_3_12 12, python_3_13 13, python_3_14 14);
    };
}

/// The same for each Python that the real core supports.
macro_rules! on_each_core_python {
    ($check:ident) => {
        crate::pythons::tests_on_pythons!($check, [ignore = "needs the real core: run tests/run"],
            python_3_07 7, python_3_08 8, python_3_09 9, python_3_10 10, python_3_11 11);
    };
}

macro_rules! tests_on_pythons {
    ($check:ident, $attribute:tt, $($name:ident $minor:literal),*) => {
        $(
            #[test]
            #$attribute
            fn $name() {
                match crate::pythons::PYTHONS.get(&(3, $minor)) {
                    Some(python) => $check(python, $minor),
                    None => crate::support::skip("no such Python on this machine"),
                }
            }
        )*
    };
}
pub(crate) use {on_each_core_python, on_each_python, tests_on_pythons};
