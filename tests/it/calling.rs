//! The callers' Python, `shims/sgtk_python.py` and `shims/sgtk_events.py`: their own tests, with the
//! launcher under test, on each Python that is here and new enough.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{LAUNCHER, PYTHON};

/// The oldest Python that the module is for.
const OLDEST: u32 = 7;

/// The Pythons on this machine: pyenv's, the system's, and the one on `PATH`; one of each version.
fn pythons() -> Vec<(u32, PathBuf)> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let pyenv = std::env::var_os("PYENV_ROOT").map_or(home.join(".pyenv"), PathBuf::from);
    let installed = std::fs::read_dir(pyenv.join("versions")).into_iter().flatten().flatten();
    let mut candidates: Vec<PathBuf> = installed.map(|v| v.path().join("bin/python")).collect();
    for folder in ["/usr/bin", "/usr/local/bin"] {
        candidates
            .extend((OLDEST..20).map(|minor| Path::new(folder).join(format!("python3.{minor}"))));
    }
    candidates.push(PYTHON.clone());
    let minor = |python: &PathBuf| {
        let program = "import sys; print('%d.%d' % sys.version_info[:2])";
        let output =
            Command::new(python).args(["-c", program]).stderr(Stdio::null()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().strip_prefix("3.")?.parse().ok()
    };
    let mut found: Vec<(u32, PathBuf)> =
        candidates.into_iter().filter_map(|python| Some((minor(&python)?, python))).collect();
    found.sort();
    found.dedup_by_key(|(minor, _)| *minor);
    found.retain(|(minor, _)| *minor >= OLDEST);
    found
}

#[test]
fn the_callers_python_on_every_python() {
    let pythons = pythons();
    assert!(!pythons.is_empty(), "no Python 3.{OLDEST} or newer");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let start = |(minor, python): &(u32, PathBuf)| {
        let mut command = Command::new(python);
        command
            .args(["-W", "ignore::ResourceWarning", "-m", "unittest", "discover", "-s"])
            .arg(root.join("tests/python"))
            .env_clear()
            .envs(
                ["PATH", "TMPDIR"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env("LANG", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("SGTK_PYTHON_TEST_LAUNCHER", LAUNCHER)
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        (*minor, command.spawn().unwrap())
    };
    // Two at a time: they mostly wait.
    for pair in pythons.chunks(2) {
        for (minor, child) in pair.iter().map(start).collect::<Vec<_>>() {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "on Python 3.{minor}:\n{said}");
            assert!(!said.contains("Ran 0 tests"), "{said}");
            println!("Python 3.{minor}: {}", said.lines().find(|l| l.starts_with("Ran ")).unwrap());
        }
    }
}
