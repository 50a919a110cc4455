//! `--make-shim`, and the files of `shims/` that artists start.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::scene::Runs;
use crate::support::{
    LAUNCHER, PYTHON, Studio, interpreter, make_executable, skip, variables_of, write,
};

fn studio() -> Studio {
    let studio = Studio::new();
    interpreter(&studio.localized("bigbuck"), PYTHON.to_str().unwrap());
    studio
}

#[track_caller]
fn made(studio: &Studio, words: &[&str]) -> String {
    studio.launcher(words).succeeds().text().trim_end().to_owned()
}

#[test]
fn shim_runs_the_projects_python() {
    let studio = studio();
    let expected = studio.path("home/bigbuck-python");
    let folder = studio.path("home");
    for folder in [folder.to_str().unwrap(), "home", "./home/"] {
        // Again it is there, and fine.
        assert_eq!(made(&studio, &["--make-shim", "bigbuck", folder]), expected.to_str().unwrap());
    }
    assert_eq!(
        made(&studio, &["--make-shim=bigbuck"]),
        studio.path("bigbuck-python").to_str().unwrap()
    );
    assert_eq!(std::fs::read_link(&expected).unwrap(), Path::new(LAUNCHER));
    // As VS Code and PyCharm probe their interpreter.
    for (words, expected) in [
        (
            &["-c", "import sgtk; print(sgtk.origin)"][..],
            studio.path("configs/bigbuck\n").to_str().unwrap(),
        ),
        (&["-I", "-c", "import sys; print(sys.flags.isolated)"], "1\n"),
        (&["-E", "-c", "print(2)"], "2\n"),
    ] {
        let mut command = Command::new(expected_program(&studio));
        command.args(words).env_clear().env("SHOTGUN_BASE", studio.path("configs"));
        assert_eq!(command.stdin(Stdio::null()).prints(), expected);
    }
}

/// Makes a file old enough to have been left by a killed process.
fn make_old(file: &Path) {
    Command::new("touch").args(["-h", "-d", "2 hours ago"]).arg(file).succeeds();
}

#[test]
fn shim_removes_what_a_killed_launcher_left() {
    let studio = studio();
    symlink("/elsewhere/sgtk-python", expected_program(&studio)).unwrap();
    let left = ["home/bigbuck-python.17-000000001.new", "home/bigbuck-python.17-000000002.new"];
    let kept = ["home/bigbuck-python.2024-12", "home/other-python.17-000000001.new"];
    for file in left.iter().chain(&kept) {
        symlink(LAUNCHER, studio.path(file)).unwrap();
        make_old(&studio.path(file));
    }
    // One that another launcher makes at this moment.
    symlink(LAUNCHER, studio.path("home/bigbuck-python.18-000000001.new")).unwrap();
    // Under the name of an earlier version.
    symlink(LAUNCHER, studio.path("home/bigbuck-python.new")).unwrap();
    made(&studio, &["--make-shim", "bigbuck", "home"]);
    assert_eq!(std::fs::read_link(expected_program(&studio)).unwrap(), Path::new(LAUNCHER));
    let exists = |file: &&str| studio.path(file).symlink_metadata().is_ok();
    assert!(!left.iter().any(exists) && kept.iter().all(exists));
    assert!(exists(&"home/bigbuck-python.18-000000001.new"));
}

fn expected_program(studio: &Studio) -> std::path::PathBuf {
    studio.path("home/bigbuck-python")
}

#[test]
fn shim_points_to_the_launchers_link() {
    let studio = studio();
    let link = studio.path("bin/current/sgtk-python");
    write(studio.path("bin/current/x"), "");
    std::os::unix::fs::symlink(LAUNCHER, &link).unwrap();
    let launcher = studio.launcher(["--make-shim", "bigbuck", "home"]);
    Command::new("sgtk-python")
        .args(launcher.get_args())
        .env_clear()
        .envs(variables_of(&launcher))
        .env("PATH", link.parent().unwrap())
        .current_dir(studio.path(""))
        .succeeds();
    assert_eq!(std::fs::read_link(expected_program(&studio)).unwrap(), link);
}

#[test]
fn impossible_shims_are_refused() {
    let studio = studio();
    studio.localized("parent/child");
    studio.failure(["--make-shim", "bigbukc", "home"]).is(121, &["bigbukc"]).hints("bigbuck");
    studio.failure(["--make-shim", "../x", "home"]).is(125, &["../x"]);
    studio.failure(["--make-shim", "parent/child", "home"]).is(125, &["two levels"]);
    let nowhere = studio.path("nowhere").display().to_string();
    studio
        .failure(["--make-shim", "bigbuck", "nowhere"])
        .is(125, &[&nowhere, "folder does not exist"]);
    studio.failure(["--make-shim", "bigbuck", "home", "more"]).is(125, &["--make-shim"]);
    studio.failure(["--make-shim", "bigbuck", "--project", "x"]).is(125, &["--make-shim"]);
    write(studio.path("home/bigbuck-python"), "mine");
    studio.failure(["--make-shim", "bigbuck", "home"]).is(125, &["bigbuck-python", "another file"]);
    assert_eq!(std::fs::read_to_string(studio.path("home/bigbuck-python")).unwrap(), "mine");
    // A shim of a launcher that is gone is replaced.
    studio.localized("sintel");
    let shim = studio.path("home/sintel-python");
    symlink("/no/such/release/sgtk-python", &shim).unwrap();
    made(&studio, &["--make-shim", "sintel", "home"]);
    assert_eq!(std::fs::read_link(&shim).unwrap(), Path::new(LAUNCHER));
}

fn shims() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("shims")
}

#[test]
fn artist_script_keeps_a_log() {
    let studio = studio();
    let text = std::fs::read_to_string(shims().join("artist-tool")).unwrap();
    let script = studio.path("my tools/artist-tool");
    let tool = studio.path("tools/browser.py");
    write(
        &tool,
        "import sgtk, sys; print(sgtk.origin, sys.argv[1:]); sys.exit(3 if '--fail' in sys.argv else 0)",
    );
    let text = text
        .replace("/mnt/bin/sgtk-python", LAUNCHER)
        .replace("/studio/tools/browser.py", &format!("'{}'", tool.display()));
    write(&script, text);
    make_executable(&script);
    let mut start = Command::new(&script);
    start.env_clear().env("SHOTGUN_BASE", studio.path("configs")).env("HOME", studio.path("home"));
    // As from inside another program.
    start.env("PYTHONHOME", "/nowhere").env("PATH", "/usr/bin:/bin").current_dir("/");
    let log = studio.path("home/.cache/artist-tool.log");
    std::fs::create_dir(studio.path("work")).unwrap();
    start.args(["a b", "$x"]).succeeds();
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(
        logged.contains(&format!("{} ['a b', '$x']", studio.path("configs/bigbuck").display())),
        "{logged}"
    );
    start.arg("--fail").fails_with(3).warns(&["exit code 3", log.to_str().unwrap()]);
    // Where there is no place for the log it is a temporary file.
    start.env_remove("HOME").env("TMPDIR", studio.path("work"));
    start.fails_with(3).warns(&["exit code 3", "'--fail'"]);
    assert_eq!(std::fs::read_dir(studio.path("work")).unwrap().count(), 1);
}

#[test]
fn artist_script_passes_shellcheck() {
    let found = Command::new("shellcheck").arg("--version").stdout(Stdio::null()).status();
    if found.is_err() {
        return skip("no shellcheck on this machine");
    }
    Command::new("shellcheck").arg(shims().join("artist-tool")).succeeds();
}

#[test]
fn desktop_entry_names_the_script() {
    let text = std::fs::read_to_string(shims().join("artist-tool.desktop")).unwrap();
    assert!(text.starts_with("[Desktop Entry]\n"));
    for key in ["Type=Application", "Name=", "Exec=", "Terminal=false"] {
        assert!(text.lines().any(|line| line.starts_with(key)), "no {key}");
    }
    // The script, which shows what goes wrong.
    let exec = text.lines().find_map(|line| line.strip_prefix("Exec=")).unwrap();
    let script = Path::new(exec.split(' ').next().unwrap()).file_name().unwrap();
    assert!(shims().join(script).exists());
}
