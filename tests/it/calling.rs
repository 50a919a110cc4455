//! The callers' Python, `shims/sgtk_python.py` and `shims/sgtk_events.py`: their own tests, with the
//! launcher under test, on each Python that is here and new enough.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::pythons::PYTHONS;
use crate::support::LAUNCHER;

/// The oldest Python that the module is for.
const OLDEST: (u32, u32) = (3, 7);

#[test]
fn the_callers_python_on_every_python() {
    let pythons: Vec<_> = PYTHONS.range(OLDEST..).collect();
    assert!(!pythons.is_empty(), "no Python of {OLDEST:?} or newer");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let start = |((_, minor), python): &(&(u32, u32), &PathBuf)| {
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
