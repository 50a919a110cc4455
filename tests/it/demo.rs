//! The demo of the README: `examples/two-projects.rs`, with stand-ins for the core.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::scene::Runs;
use crate::support::{LAUNCHER, Studio, skip};

/// The demo with stand-ins, or nothing if this run of cargo has not built it: with a filter it builds no examples.
fn demo() -> Option<Command> {
    let demo = Path::new(LAUNCHER).with_file_name("examples").join("two-projects");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/two-projects.rs");
    let modified = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    if modified(&demo) < modified(&source) {
        skip("the demo is not built: cargo build --example two-projects");
        return None;
    }
    let mut command = Command::new(demo);
    command.args(["--stand-in", "--launcher", LAUNCHER]).stdin(Stdio::null());
    Some(command)
}

#[test]
fn demo_shows_the_failure_and_leaves_a_studio() {
    let Some(mut command) = demo() else { return };
    let studio = Studio::new();
    let folder = studio.path("demo");
    command.arg(&folder);
    command.env("HOME", studio.path("home")).env("XDG_RUNTIME_DIR", studio.path("home"));
    command.env("SGTK_PYTHON_SETTINGS", studio.path("no-settings.toml"));
    let run = command.succeeds();
    let text = run.text();

    let scenes = [
        "\nThe cores are stand-ins",
        "\n  TANK_CURRENT_PC=$PWD/configs/bigbuck\n",
        "\n$ python3 where_am_i.py configs/sintel\n",
        "\nimported configs/bigbuck/install/core/python/tank/__init__.py\n",
        "\n$ sgtk-python --project sintel where_am_i.py\n",
        "\nimported cores/v0.21.8/install/core/python/tank/__init__.py\n",
        "\n$ sgtk-python --list\n",
        "\n$ sgtk-python --project sintel --explain where_am_i.py\n",
        "\n--- Your turn ---\n",
        "\n  export SHOTGUN_BASE=",
    ];
    let mut rest = &*text;
    for scene in scenes {
        let (_, after) = rest.split_once(scene).unwrap_or_else(|| panic!("no {scene:?}\n{run}"));
        rest = after;
    }
    run.warns(&["TankError: core v0.21.7 runs"]);

    // The studio that is left works by itself.
    let mut launcher = studio.launcher(["--project", "sintel", "where_am_i.py"]);
    launcher.current_dir(&folder).env("SHOTGUN_BASE", folder.join("configs"));
    let run = launcher.succeeds();
    assert!(run.text().ends_with("started  v0.21.8\n"), "{run}");
}

#[test]
fn demo_in_a_folder_of_others_changes_nothing() {
    let Some(mut command) = demo() else { return };
    let studio = Studio::new();
    command.arg(studio.path("configs/.."));
    let run = command.run().warns(&["not an empty folder"]);
    assert!(!run.status.success(), "{run}");
    assert!(!studio.path("where_am_i.py").exists());
}
