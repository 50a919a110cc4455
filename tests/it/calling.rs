//! The modules for callers, `shims/sgtk_python.py` and `shims/sgtk_events.py`: their own tests, with the launcher
//! under test, on each Python of this machine.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::pythons::on_each_python;
use crate::scene::Runs;
use crate::support::LAUNCHER;

fn python_passes_the_modules_tests(python: &Path, _minor: u32) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = ["PATH", "TMPDIR"];
    let kept = kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let run = Command::new(python)
        .args(["-W", "ignore::ResourceWarning", "-m", "unittest", "discover", "-s"])
        .arg(root.join("tests/python"))
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
