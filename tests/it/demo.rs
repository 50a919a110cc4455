//! The demo of the README: `examples/two-projects.rs`, with stand-ins for the core.

#[cfg(target_os = "linux")]
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

#[cfg(target_os = "linux")]
use crate::pythons::PYTHONS;
use crate::scene::Runs;
#[cfg(target_os = "linux")]
use crate::support::interpreter;
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

#[cfg(target_os = "linux")]
#[test]
fn picture_shows_what_is_printed() {
    let python = "/usr/bin/python3";
    if !Path::new(python).exists() {
        return skip("there is no /usr/bin/python3, which the picture shows");
    }
    let Some((_, script_python)) = PYTHONS.range((3, 11)..).next() else {
        return skip("packaging/picture needs Python 3.11");
    };
    let Some(mut command) = demo() else { return };
    let studio = Studio::new();
    let folder = studio.path("demo");
    command
        .arg(&folder)
        .env("HOME", studio.path("home"))
        .env("XDG_RUNTIME_DIR", studio.path("home"));
    command.succeeds();
    for root in ["configs/bigbuck", "cores/v0.21.8"] {
        interpreter(&folder.join(root), python);
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let picture = studio.path("session.svg");
    let mut command = Command::new(script_python);
    command.arg(sources.join("packaging/picture"));
    command.args([Path::new(LAUNCHER), &folder, &picture]).succeeds();
    let made = words_of_picture(&picture).replace(folder.to_str().unwrap(), "/tmp/studio");
    let expected = words_of_picture(&sources.join("docs/images/session.svg"));
    assert_eq!(made, expected, "make it again: see packaging/README.md");
}

/// Returns the text of a picture without white space, which differs with the length of paths, and without the
/// message of Toolkit, which the demo's stand-ins do not have.
#[cfg(target_os = "linux")]
fn words_of_picture(picture: &Path) -> String {
    let svg = fs::read_to_string(picture).unwrap();
    let pieces = svg.split("</text>").filter_map(|piece| Some(piece.rsplit_once('>')?.1));
    let text: String = pieces.flat_map(str::split_whitespace).collect();
    let (before, after) = text.split_once("TankError:").unwrap();
    format!("{before}{}", &after[after.find('$').unwrap()..])
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
