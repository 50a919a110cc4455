//! The modules for callers, `shims/sgtk_python` and `shims/sgtk_events.py`: their own tests, with the launcher
//! under test. The oldest and the newest Python run all of them, those between run the main paths.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::pythons::{PYTHONS, on_each_python};
use crate::scene::Runs;
use crate::support::LAUNCHER;

/// The classes of tests for the main paths: starting jobs, reading their output, handling events.
const MAIN_PATHS: [&str; 6] = ["-k", "Running", "-k", "Output", "-k", "Handling"];

/// The oldest Python that the modules support is 3.7.
fn is_oldest_or_newest(minor: u32) -> bool {
    minor == 7 || PYTHONS.keys().next_back() == Some(&(3, minor))
}

fn python_passes_the_modules_tests(python: &Path, minor: u32) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = ["PATH", "SGTK_PYTHON_TEST_CORE", "TMPDIR"];
    let kept = kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let run = Command::new(python)
        .args(["-W", "ignore::ResourceWarning", "-m", "unittest", "discover", "-s"])
        .arg(root.join("tests/python"))
        .args(if is_oldest_or_newest(minor) { &[][..] } else { &MAIN_PATHS })
        .env_clear()
        .envs(kept)
        .env("LANG", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SGTK_PYTHON_TEST_LAUNCHER", LAUNCHER)
        .current_dir(root)
        .stdin(Stdio::null())
        .succeeds();
    let error = run.error();
    let ran = error.lines().find(|line| line.starts_with("Ran ")).unwrap_or_default();
    assert!(!ran.is_empty() && !ran.starts_with("Ran 0 "), "{run}");
}

on_each_python!(python_passes_the_modules_tests);
