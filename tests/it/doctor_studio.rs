//! `--doctor` in a studio with one fault of each kind, and each newer check with its fault and without.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::doctor::{describe, diagnosis, filled, finds, finds_in, healthy, with_pc_id};
use crate::scene::Runs;
use crate::snapshots::matches;
use crate::support::{
    LAUNCHER, OS, PYTHON, Studio, copy_program, interpreter, skip, words_for, write,
};

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A localized project with a real Python, metadata of its own and a storage.
fn project(studio: &Studio, name: &str, id: i64) -> PathBuf {
    let config = studio.localized(name);
    interpreter(&config, PYTHON.to_str().unwrap());
    describe(&config, id, "Primary", name);
    storage(&config, "/projects");
    config
}

fn storage(config: &Path, path: &str) {
    let text = format!("primary: {{linux_path: {path}, mac_path: {path}}}\n");
    write(config.join("config/core/roots.yml"), text);
}

fn register(config: &Path, folder: &Path) {
    let folder = folder.to_str().unwrap();
    let text = serde_json::json!({"Linux": folder, "Darwin": folder, "Windows": folder});
    write(config.join("config/core/install_location.yml"), text.to_string());
}

/// The launcher as a share has it: with settings beside it.
fn share_launcher(studio: &Studio) -> PathBuf {
    let launcher = studio.path("share/sgtk-python");
    fs::create_dir_all(studio.path("share")).unwrap();
    copy_program(LAUNCHER, &launcher);
    write(studio.path("share/sgtk-python.toml"), "idle_after = '1m'\n");
    launcher
}

/// Plants the faults of single configurations.
fn plant_in_configs(studio: &Studio) {
    register(&project(studio, "renamed", 101), &studio.path("configs/former"));
    let original = project(studio, "original", 102);
    let copy = project(studio, "original_copy", 102);
    describe(&copy, 102, "Primary", "original");
    register(&copy, &original);
    fs::remove_file(project(studio, "lost", 103).join("config/core/roots.yml")).unwrap();
    write(project(studio, "unreadable", 104).join("config/core/pipeline_configuration.yml"), "{");
    describe(&project(studio, "greedy", 105), 105, "Primary", "''");
    storage(&project(studio, "disk", 106), "/");
    storage(&project(studio, "claims", 107), "/projects/original/shots");
    describe(&project(studio, "twin", 108), 109, "Primary", "twin");
    project(studio, "twin_2", 109);
    describe(&studio.linked("coreless", "/no/such/core"), 110, "Primary", "coreless");
    let crlf = studio.path("cores/crlf");
    studio.core("crlf");
    interpreter(&crlf, PYTHON.to_str().unwrap());
    let config = studio.linked("crlf", format!("{}\r\n", crlf.display()));
    describe(&config, 111, "Primary", "crlf");
    plant_incomplete(studio);
    let unfit = project(studio, "unfit", 112);
    write(unfit.join("install/core/python/sgtk/__init__.py"), "import no_such_module\n");
}

/// Plants what is lost, half made or shared.
fn plant_incomplete(studio: &Studio) {
    for name in ["half_copy", "half_copy_2"] {
        let config = project(studio, name, 116);
        describe(&config, 116, name, "half_copy");
        with_pc_id(&config, 16);
    }
    let hookless = project(studio, "hookless", 117);
    fs::remove_dir_all(hookless.join("install/core/hooks")).unwrap();
    let packages = project(studio, "vendorless", 118).join("install/core/python");
    fs::remove_dir_all(packages.join("tank_vendor")).unwrap();
    write(packages.join("sgtk/__init__.py"), "import tank_vendor\n");
    let nameless = project(studio, "nameless", 119);
    fs::remove_file(nameless.join("config/core/pipeline_configuration.yml")).unwrap();
    let storageless = project(studio, "storageless", 120);
    write(storageless.join("config/core/roots.yml"), "");
    write(storageless.join("config/core/templates.yml"), "paths: {shot: 'seq/shot'}\n");
}

/// Plants the files and folders that every user may write to.
fn plant_permissions(studio: &Studio) {
    let open = project(studio, "open_environment", 113);
    write(open.join("config/env/project.yml"), "");
    set_mode(open.join("config/env/project.yml"), 0o666);
    let open = project(studio, "open_packages", 114);
    for name in ["one", "two"] {
        let file = open.join("install/core/python/tank").join(name);
        write(&file, "");
        set_mode(&file, 0o666);
    }
    let python = studio.path("open_python/bin/python");
    fs::create_dir_all(python.parent().unwrap()).unwrap();
    symlink(&*PYTHON, &python).unwrap();
    set_mode(studio.path("open_python/bin"), 0o777);
    interpreter(&project(studio, "open_interpreter", 115), python.to_str().unwrap());
    fs::create_dir_all(studio.path("open/roots")).unwrap();
    set_mode(studio.path("open"), 0o777);
    fs::create_dir_all(studio.path("sticky/roots")).unwrap();
    set_mode(studio.path("sticky"), 0o1777);
}

#[test]
fn planted_faults_are_as_reviewed() {
    let Some(studio) = Studio::closed() else {
        return skip("every user can write to the target folder or one above, and to HOME");
    };
    let studio = filled(studio);
    plant_in_configs(&studio);
    plant_permissions(&studio);
    let launcher = share_launcher(&studio);
    set_mode(&launcher, 0o777);
    let settings = studio.path("settings/s.toml");
    write(&settings, "idle_after = '2m'\n[projects.sintell]\nstudio = 'x'\n");
    write(studio.path("home/.config/sgtk-python/settings.toml"), "idle_after = '3m'\n");
    write(studio.path("jobs/job.py"), "");
    write(studio.path("jobs/sgtk.py"), "");
    write(studio.path("proxy/tank/__init__.py"), "");
    let roots = ["configs", "unmounted", "open/roots", "sticky/roots"];
    let roots = std::env::join_paths(roots.map(|root| studio.path(root))).unwrap();
    let words = ["--doctor", "jobs/job.py"];
    let mut command = std::process::Command::new(&launcher);
    let plain = studio.launcher(words);
    command.args(words).env_clear().current_dir(studio.path(""));
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("SHOTGUN_BASE", roots).env("SGTK_PYTHON_SETTINGS", &settings);
    command.env("PYTHONPATH", studio.path("proxy"));
    let text = command.fails_with(122).silently().text();
    let text = text.replace(PYTHON.to_str().unwrap(), "[PYTHON]");
    for line in text.lines() {
        let is_path = line.trim_start().split(' ').count() == 1;
        assert!(line.chars().count() <= 80 || is_path, "{line}");
    }
    for name in ["bigbuck", "sintel\n"] {
        assert!(!text.contains(name), "{name} is healthy: {text}");
    }
    matches("doctor_studio", &python_version(&text), &studio);
}

/// Puts a name for the Python's version.
fn python_version(text: &str) -> String {
    let (before, after) = text.split_once("         Python 3").unwrap();
    let (_, after) = after.split_once(' ').unwrap();
    format!("{before}         Python [VERSION] {after}")
}

#[test]
fn fine_checks_are_as_reviewed() {
    let Some(studio) = Studio::closed() else {
        return skip("every user can write to the target folder or one above, and to HOME");
    };
    let studio = filled(studio);
    let text = studio.launcher(["--doctor"]).prints();
    assert_eq!(text, "no problems; 14 checks fine\n");
    let text = studio.launcher(["--doctor=all"]).prints();
    let mut lines = Vec::new();
    for line in text.lines() {
        // The durations differ.
        let end = line.find("sgtk in ").map_or(line.len(), |at| at + "sgtk".len());
        lines.push(line[..end].replace(PYTHON.to_str().unwrap(), "[PYTHON]"));
    }
    let text = lines.join("\n") + "\n";
    let version = text.split_once("is Python ").unwrap().1.split_once(';').unwrap().0.to_owned();
    matches("doctor_all", &text.replace(&version, "[VERSION]"), &studio);
}

#[test]
fn marks_are_coloured_on_demand() {
    let studio = Studio::new();
    studio.linked("sintel", "/no/such/core");
    let run = studio.launcher(["--doctor"]).env("CLICOLOR_FORCE", "1").fails_with(122);
    run.shows(&["\u{1b}[1;31mwrong\u{1b}[0m    sintel\n"]);
}

#[test]
fn renamed_or_copied_config_is_found() {
    let studio = healthy();
    let config = studio.path("configs/bigbuck");
    let found = |problem| [("places", problem, "bigbuck/config/core/install_location.yml")];
    register(&config, &studio.path("configs/former"));
    finds(&studio, &found("sgtk_from_path fails"));
    register(&config, &studio.path("configs/sintel"));
    finds(&studio, &found("names another configuration"));
    register(&config, Path::new("undefined"));
    finds(&studio, &found(&format!("no folder for {OS}")));
}

#[test]
fn copy_makes_the_name_of_its_original_ambiguous() {
    let studio = healthy();
    let original = studio.path("configs/sintel");
    let copy = project(&studio, "sintel_copy", 43);
    describe(&copy, 43, "Primary", "sintel");
    register(&copy, &original);
    let problem = format!("{} (both are the project's 'Primary')", original.display());
    let places = ("places", &*problem, "sintel_copy/config/core/install_location.yml");
    finds(&studio, &[places]);
    finds_in(&mut studio.launcher(["--doctor=json", "--project", "sintel_copy"]), &[places]);
    let several = format!("{}, {}", original.display(), copy.display());
    let names = ("names", &*several, "configs/sintel");
    finds_in(&mut studio.launcher(["--doctor=json", "--project", "sintel"]), &[names]);
}

#[test]
fn config_registered_by_a_link_is_healthy() {
    let studio = healthy();
    symlink(studio.path("configs"), studio.path("alias")).unwrap();
    let config = studio.path("configs/bigbuck");
    register(&config, &studio.path("alias/../alias/bigbuck/"));
    finds(&studio, &[]);
    register(&config, Path::new("$SHOTGUN_BASE/bigbuck"));
    finds(&studio, &[]);
}

#[test]
fn config_without_roots_file_is_found() {
    let studio = healthy();
    let lost = studio.localized("group/lost");
    fs::remove_file(lost.join("config/core/roots.yml")).unwrap();
    finds(&studio, &[("configs", "has lost this file", "group/lost/config/core/roots.yml")]);
    let run = studio.launcher(["--list"]).succeeds();
    let warning = "warning: configuration has lost config/core/roots.yml: ";
    run.warns(&[warning, "configs/group/lost\n"]);
}

#[test]
fn ordinary_folders_below_a_root_are_healthy() {
    let studio = healthy();
    studio.core_at(&studio.path("configs/studio"));
    write(studio.path("configs/studio/config/core/install_location.yml"), "");
    write(studio.path("configs/tools/config/settings.yml"), "");
    write(studio.path("configs/web/config/env/production.yml"), "");
    write(studio.path("configs/app/install/readme"), "");
    finds(&studio, &[]);
    studio.launcher(["--list"]).prints();
}

#[test]
fn missing_roots_are_warned_of_or_fail() {
    let studio = healthy();
    let (configs, nowhere) = (studio.path("configs"), studio.path("nowhere"));
    let one = std::env::join_paths([&configs, &nowhere]).unwrap();
    let report = diagnosis(studio.launcher(["--doctor=json"]).env("SHOTGUN_BASE", &one));
    assert_eq!((&report["ok"], &report["severity"]), (&true.into(), &"warning".into()));
    let warning = format!("sgtk-python: warning: root does not exist: {}", nowhere.display());
    for format in ["--list", "--list=json", "--list=names"] {
        let run = studio.launcher([format]).env("SHOTGUN_BASE", &one).succeeds();
        run.shows(&["bigbuck"]).warns(&[&warning]);
        let mut launcher = studio.launcher([format]);
        let failure = launcher.env("SHOTGUN_BASE", &nowhere).fails_with(122).failure();
        failure.is(122, &["no root folder exists", "nowhere"]).hints("share is mounted");
    }
    let mut launcher = studio.launcher(["--doctor=json"]);
    finds_in(launcher.env("SHOTGUN_BASE", &nowhere), &[("roots", "does not exist", "nowhere")]);
    assert_eq!(diagnosis(&mut launcher)["severity"], "wrong");
}

#[test]
fn unreadable_root_is_not_called_missing() {
    let studio = healthy();
    let root = studio.path("loop");
    symlink("loop", &root).unwrap();
    let mut launcher = studio.launcher(["--list"]);
    let failure = launcher.env("SHOTGUN_BASE", &root).fails_with(122).failure();
    let problem = format!("no root can be read ({})", words_for(nix::Error::ELOOP));
    failure.is(122, &[&problem, "loop"]);
    let mut launcher = studio.launcher(["--doctor=json"]);
    finds_in(launcher.env("SHOTGUN_BASE", &root), &[("roots", "cannot be read", "loop")]);
}

#[test]
fn studio_without_configs_is_found() {
    let studio = Studio::new();
    finds(&studio, &[("roots", "no configurations below", "")]);
}

#[test]
fn claimed_data_is_found() {
    let studio = healthy();
    let config = project(&studio, "other", 50);
    let claimed = project(&studio, "claimed", 51);
    finds(&studio, &[]);
    describe(&config, 50, "Primary", "''");
    finds(&studio, &[("data", "whole storage: /projects", "pipeline_configuration.yml")]);
    describe(&config, 50, "Primary", "../x");
    finds(&studio, &[("data", "leads out", "pipeline_configuration.yml")]);
    describe(&config, 50, "Primary", "other");
    storage(&config, "/");
    finds(&studio, &[("data", "whole disk", "other/config/core/roots.yml")]);
    storage(&config, "/projects/claimed/shots");
    let stolen = [("data", "/projects/claimed of 'claimed'", "other/config/core/roots.yml")];
    finds(&studio, &stolen);
    // Equal folders by other parts.
    storage(&config, "/projects/sub");
    storage(&claimed, "/projects");
    describe(&claimed, 51, "Primary", "sub/other");
    finds(&studio, &[("data", "/projects/sub/other of 'claimed'", "other/config/core/roots.yml")]);
    // A project below another one, and two configurations of one project.
    storage(&config, "/projects");
    describe(&claimed, 51, "Primary", "other/child");
    finds(&studio, &[]);
    describe(&claimed, 50, "Dev", "other");
    finds(&studio, &[]);
}

#[test]
fn world_writable_studio_files_are_found() {
    let studio = healthy();
    let not_started = ("pythons", "not started", "");
    let open_and_closed = |path: PathBuf, file, more: &[(&str, &str, &str)]| {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        set_mode(&path, mode | 0o002);
        finds(&studio, &[&[("permissions", "every user", file)], more].concat());
        set_mode(&path, mode);
        finds(&studio, &[]);
    };
    write(studio.path("configs/sintel/config/env/includes/apps.yml"), "");
    open_and_closed(studio.path("configs/sintel/config/env/includes/apps.yml"), "apps.yml", &[]);
    open_and_closed(studio.path("configs/sintel/config/env"), "config/env", &[]);
    let package = studio.path("cores/v1/install/core/python/tank/__init__.py");
    open_and_closed(package, "tank/__init__.py", &[not_started]);
    open_and_closed(studio.path("cores"), "cores", &[not_started]);
}

#[test]
fn settings_that_do_not_count_are_found() {
    let studio = healthy();
    let user = studio.path("home/.config/sgtk-python/settings.toml");
    write(&user, "rots = []\n");
    set_mode(&user, 0o666);
    let run = studio.launcher(["--doctor"]).fails_with(122);
    run.shows(&[
        &format!("wrong    {}\n", user.display()),
        "file does not count, every user can write to it\n",
        "-> remove the permission: chmod o-w",
    ])
    .warns(&["warning: file does not count, every user can write to it: ", "settings.toml\n"]);
}

#[test]
fn shared_core_is_found_once() {
    let studio = healthy();
    describe(&studio.shared("third", "v1"), 60, "Primary", "third");
    interpreter(&studio.path("cores/v1"), PYTHON.to_str().unwrap());
    set_mode(studio.path("cores/v1/install/core/python/tank/__init__.py"), 0o666);
    let not_started = ("pythons", "Pythons of 2 projects were not started", "");
    finds(&studio, &[("permissions", "every user", "tank/__init__.py"), not_started]);
}

#[test]
fn hidden_share_settings_are_noted() {
    let studio = healthy();
    let launcher = share_launcher(&studio);
    let run = |settings: Option<&str>| {
        let mut command = std::process::Command::new(&launcher);
        command.arg("--doctor=json").env_clear().current_dir(studio.path(""));
        command.env("SHOTGUN_BASE", studio.path("configs")).env("HOME", studio.path("home"));
        if let Some(settings) = settings {
            command.env("SGTK_PYTHON_SETTINGS", studio.path(settings));
        }
        command
    };
    finds_in(&mut run(None), &[]);
    finds_in(&mut run(Some("share/sgtk-python.toml")), &[]);
    let mut hiding = run(Some("no-settings.toml"));
    finds_in(&mut hiding, &[("settings", "file is not read", "share/sgtk-python.toml")]);
    let report: Value = diagnosis(&mut hiding);
    let checks = report["checks"].as_array().unwrap();
    let settings = checks.iter().find(|check| check["check"] == "settings").unwrap();
    assert_eq!((&settings["ok"], &settings["severity"]), (&true.into(), &"note".into()));
    let user = studio.path("home/.config/sgtk-python/settings.toml");
    write(&user, "max_jobs = 3\n");
    finds_in(&mut run(None), &[]);
    write(&user, "max_jobs = 3\nidle_after = '1h'\n");
    finds_in(&mut run(None), &[("settings", "'idle_after'", "share/sgtk-python.toml")]);
}

#[test]
fn imports_are_timed_one_at_a_time() {
    let studio = healthy();
    let shared = studio.path("running");
    // Fails if another import runs when its core is imported for the second time.
    for (root, name) in [("configs/bigbuck", "one"), ("cores/v1", "two")] {
        let program = format!(
            "import os, time\nroot = {:?}\nos.makedirs(root, exist_ok=True)\nmark = os.path.join(root, {name:?})\n\
             second = os.path.exists(mark + '.first')\nopen(mark + '.first', 'w').close()\n\
             if second:\n    assert not [n for n in os.listdir(root) if n.endswith('.now')]\n    \
             open(mark + '.now', 'w').close()\n    time.sleep(0.2)\n    os.remove(mark + '.now')\n",
            shared.to_str().unwrap()
        );
        write(studio.path(root).join("install/core/python/sgtk/__init__.py"), program);
    }
    let report = diagnosis(&mut studio.launcher(["--doctor=json"]));
    for python in report["pythons"].as_array().unwrap() {
        assert!(python["import_ms"].as_u64().is_some_and(|ms| ms >= 200), "{report}");
    }
}

#[test]
fn list_shows_core_without_packages_for_python() {
    let studio = healthy();
    let core = studio.path("cores/v1");
    write(core.join("install/core/requirements/3.6/pkgs.zip"), "");
    let python = studio.path("bin/python3.12");
    copy_program(studio.python(), &python);
    interpreter(&core, python.to_str().unwrap());
    let list = studio.launcher(["--list=json"]).succeeds().json();
    let sintel = list["projects"].as_array().unwrap().iter().find(|p| p["name"] == "sintel");
    let problem = sintel.unwrap()["problem"].as_str().unwrap();
    assert!(problem.contains("does not support Python 3.12"), "{problem}");
}
