//! Trust in the launcher's own files: those that another user could have planted do not count, and nothing is made in
//! another user's home.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::scene::{Run, Runs, tree};
use crate::support::{LAUNCHER, Studio, change, copy_program, failed, skip, variables_of, write};

/// A user that is neither root nor the tests' caller.
const STRANGER: u32 = 12345;

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn give(path: impl AsRef<Path>, user: u32) {
    std::os::unix::fs::lchown(path, Some(user), None).unwrap();
}

/// Returns false, and says so, where the tests cannot give files to other users.
fn can_give() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skip("only root can give files to another user");
    }
    is_root
}

/// A studio with a project, and the launcher in a folder of its own with settings beside it.
fn shared_studio() -> (Studio, PathBuf) {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let launcher = studio.path("share/sgtk-python");
    fs::create_dir(studio.path("share")).unwrap();
    copy_program(LAUNCHER, &launcher);
    write(studio.path("share/sgtk-python.toml"), OURS);
    (studio, launcher)
}

/// Settings that show in the plan.
const OURS: &str = "[environment]\nset = { OURS = '1' }\n";

/// Explains a launch by the studio's launcher, without `SGTK_PYTHON_SETTINGS`.
fn explain(studio: &Studio, launcher: &Path) -> (Run, Value) {
    let mut command = Command::new(launcher);
    command.args(["--explain=json", "--project", "bigbuck"]).env_clear();
    command.envs(variables_of(&studio.launcher([""; 0]))).env_remove("SGTK_PYTHON_SETTINGS");
    let run = command.current_dir(studio.path("")).succeeds();
    let plan = run.json();
    (run, plan)
}

#[track_caller]
fn counts(studio: &Studio, launcher: &Path) {
    let (run, plan) = explain(studio, launcher);
    run.silently();
    assert_eq!(change(&plan, "OURS"), Some(&"1".into()));
}

/// Checks that the settings are passed over, with one warning that has this reason and the path.
#[track_caller]
fn is_passed_over(studio: &Studio, launcher: &Path, reason: &str) {
    let (run, plan) = explain(studio, launcher);
    let path = studio.path("share/sgtk-python.toml");
    let warning =
        format!("sgtk-python: warning: file does not count, {reason}: {}\n", path.display());
    assert_eq!(run.error(), warning, "{run}");
    assert_eq!(change(&plan, "OURS"), None);
}

#[test]
fn settings_open_to_everybody_are_passed_over() {
    let (studio, launcher) = shared_studio();
    let (share, file) = (studio.path("share"), studio.path("share/sgtk-python.toml"));
    // A group's right to write is the studio's choice.
    set_mode(&file, 0o664);
    set_mode(&share, 0o775);
    counts(&studio, &launcher);
    set_mode(&file, 0o666);
    is_passed_over(&studio, &launcher, "every user can write to it");
    set_mode(&file, 0o644);
    let open = format!("every user can write to the folder {}", share.display());
    for mode in [0o777, 0o1777] {
        set_mode(&share, mode);
        is_passed_over(&studio, &launcher, &open);
    }
    set_mode(&share, 0o755);
    counts(&studio, &launcher);
}

#[test]
fn settings_by_a_link_need_both_folders_closed() {
    let (studio, launcher) = shared_studio();
    let (link, target) = (studio.path("share/sgtk-python.toml"), studio.path("linked/s.toml"));
    fs::create_dir(studio.path("linked")).unwrap();
    fs::rename(&link, &target).unwrap();
    symlink("../linked/s.toml", &link).unwrap();
    counts(&studio, &launcher);
    set_mode(&target, 0o666);
    is_passed_over(&studio, &launcher, "every user can write to it");
    set_mode(&target, 0o644);
    for folder in ["share", "linked"].map(|folder| studio.path(folder)) {
        set_mode(&folder, 0o1777);
        let open = format!("every user can write to the folder {}", folder.display());
        is_passed_over(&studio, &launcher, &open);
        set_mode(&folder, 0o755);
    }
}

#[test]
fn settings_of_the_launchers_owner_count() {
    let (studio, launcher) = shared_studio();
    if !can_give() {
        return;
    }
    let file = studio.path("share/sgtk-python.toml");
    give(&file, STRANGER);
    is_passed_over(&studio, &launcher, "it belongs to another user (12345)");
    // An account of the studio, a container's unknown user.
    give(&launcher, STRANGER);
    counts(&studio, &launcher);
    // Beside the launcher alone.
    let elsewhere = studio.path("elsewhere.toml");
    write(&elsewhere, OURS);
    give(&elsewhere, STRANGER);
    let mut named = Command::new(&launcher);
    named.args(["--project", "bigbuck", "x.py"]).env_clear();
    named.envs(variables_of(&studio.launcher([""; 0]))).env("SGTK_PYTHON_SETTINGS", &elsewhere);
    failed(named.current_dir(studio.path(""))).is(122, &["another user (12345)"]);
    give(&launcher, STRANGER + 1);
    is_passed_over(&studio, &launcher, "it belongs to another user (12345)");
    // The user's own, and root's for a user.
    give(&file, 0);
    counts(&studio, &launcher);
}

#[test]
fn link_of_another_user_is_passed_over() {
    let (studio, launcher) = shared_studio();
    if !can_give() {
        return;
    }
    let (link, target) = (studio.path("share/sgtk-python.toml"), studio.path("linked/s.toml"));
    fs::create_dir(studio.path("linked")).unwrap();
    fs::rename(&link, &target).unwrap();
    symlink(&target, &link).unwrap();
    counts(&studio, &launcher);
    // A stranger can have root own a file with their text: `/proc/PID/comm` of a program that runs as root.
    give(&link, STRANGER);
    is_passed_over(&studio, &launcher, "its link belongs to another user (12345)");
    give(&launcher, STRANGER);
    counts(&studio, &launcher);
}

#[test]
fn untrusted_file_of_the_variable_is_refused() {
    let (studio, _) = shared_studio();
    let file = studio.path("share/sgtk-python.toml");
    let launch = || {
        let mut launcher = studio.launcher(["--project", "bigbuck", "x.py"]);
        launcher.env("SGTK_PYTHON_SETTINGS", &file);
        launcher
    };
    set_mode(&file, 0o646);
    failed(&mut launch())
        .is(122, &["file does not count, every user can write to it", file.to_str().unwrap()])
        .hints("chmod o-w");
    set_mode(&file, 0o644);
    set_mode(studio.path("share"), 0o1777);
    failed(&mut launch()).is(122, &["to the folder", file.to_str().unwrap()]).hints("chmod o-w");
    set_mode(studio.path("share"), 0o755);
    launch().prints();
    launch().env("SGTK_PYTHON_SETTINGS", "/dev/null").prints();
    if can_give() {
        give(&file, STRANGER);
        failed(&mut launch()).is(122, &["another user (12345)"]).hints("chown");
    }
}

#[test]
fn root_does_not_use_a_users_settings() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    if !can_give() {
        return;
    }
    let user = studio.path("home/.config/sgtk-python/settings.toml");
    write(&user, "python = '/bin/false'\n");
    for path in ["home", "home/.config", "home/.config/sgtk-python"].map(|path| studio.path(path)) {
        give(path, STRANGER);
    }
    give(&user, STRANGER);
    let run = studio.launcher(["--project", "bigbuck", "x.py"]).succeeds();
    let warning = "sgtk-python: warning: file does not count, it belongs to another user (12345): ";
    assert_eq!(run.error(), format!("{warning}{}\n", user.display()), "{run}");
    // The user's own launches have them.
    set_mode(studio.path(""), 0o755);
    copy_program(LAUNCHER, &studio.path("bin/launcher"));
    let mut own = Command::new("setpriv");
    own.args(["--reuid=12345", "--regid=12345", "--clear-groups"]).arg(studio.path("bin/launcher"));
    own.args(["--project", "bigbuck", "x.py"]).env_clear().current_dir("/");
    own.envs(variables_of(&studio.launcher([""; 0]))).env("PATH", "/usr/bin:/bin");
    own.run().fails_with(1).silently();
}

#[test]
fn home_of_another_user_stays_as_it_is() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    if !can_give() {
        return;
    }
    give(studio.path("home"), STRANGER);
    let launch = |arguments: &[&str]| {
        let mut launcher = studio.launcher(arguments);
        launcher.env("SGTK_SITE", "studio.shotgrid.autodesk.com");
        launcher
    };
    for variable in [None, Some("XDG_CACHE_HOME")] {
        let launch = |arguments: &[&str]| {
            let mut launcher = launch(arguments);
            if let Some(variable) = variable {
                launcher.env_remove("HOME").env(variable, studio.path("home/.cache"));
            }
            launcher
        };
        launch(&["--project-id", "42", "x.py"]).prints();
        launch(&["--list"]).succeeds();
        failed(&mut launch(&["--exclusive", "--project", "bigbuck", "x.py"]))
            .is(125, &["no folder for the lock"])
            .hints("SGTK_PYTHON_CACHE");
    }
    failed(&mut launch(&["--project-id", "7", "x.py"]))
        .is(121, &["was not asked"])
        .hints("SHOTGUN_HOME");
    assert_eq!(tree(&studio.path("home")), "");
    // The same in a home of root's, or of this user.
    give(studio.path("home"), 0);
    launch(&["--project-id", "42", "x.py"]).prints();
    assert!(studio.path("home/.cache/sgtk-python").is_dir());
}

#[test]
fn venv_of_another_user_is_left_alone() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    if !can_give() {
        return;
    }
    let venv = studio.path("bigbuck-venv");
    write(venv.join("pyvenv.cfg"), "sgtk-python-project = bigbuck\n");
    studio.launcher(["--make-venv", "bigbuck"]).prints();
    give(&venv, STRANGER);
    let failure = studio.failure(["--make-venv", "bigbuck"]);
    failure.is(125, &["bigbuck-venv: the folder belongs to another user"]);
}

#[test]
fn folder_of_another_in_a_home_is_not_used() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    if !can_give() {
        return;
    }
    // As in `HOME=/tmp`, where another user makes the folders first.
    studio.realised("studio/p500c7.basic.", 500, "alpha");
    let (home, toolkit) = (studio.path("home"), studio.path("home/.shotgun"));
    fs::rename(studio.path("toolkit"), &toolkit).unwrap();
    set_mode(&home, 0o1777);
    let launch = |arguments: &[&str]| {
        let mut launcher = studio.launcher(arguments);
        launcher.env("SGTK_SITE", "studio.shotgrid.autodesk.com");
        launcher
    };
    launch(&["--project-id", "500", "x.py"]).prints();
    let cache = studio.path("home/.cache");
    fs::remove_dir_all(&cache).unwrap();
    fs::create_dir(&cache).unwrap();
    for folder in [&toolkit, &cache] {
        give(folder, STRANGER);
    }
    failed(&mut launch(&["--project-id", "500", "x.py"])).is(121, &["was not asked"]);
    failed(&mut launch(&["--exclusive", "--project", "bigbuck", "x.py"])).is(125, &["no folder"]);
    assert_eq!(tree(&cache), "");
    // Nor by a link, which its owner could turn meanwhile.
    let place = studio.path("toolkit");
    fs::rename(&toolkit, &place).unwrap();
    give(&place, 0);
    symlink(&place, &toolkit).unwrap();
    launch(&["--project-id", "500", "x.py"]).prints();
    give(&toolkit, STRANGER);
    failed(&mut launch(&["--project-id", "500", "x.py"])).is(121, &["was not asked"]);
    // A place that a variable names is no matter of the home, but of the folder in which it stands.
    let named = |place: &Path| {
        let mut launcher = launch(&["--project-id", "500", "x.py"]);
        launcher.env("SHOTGUN_HOME", place).env("HOME", "/");
        launcher
    };
    named(&place).prints();
    give(&place, STRANGER);
    named(&place).prints();
    failed(&mut named(&toolkit)).is(121, &["was not asked"]);
}

#[test]
fn lock_of_another_user_is_refused() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    if !can_give() {
        return;
    }
    let launch = || studio.launcher(["--exclusive", "--project", "bigbuck", "x.py"]);
    launch().succeeds();
    let folder = studio.path("home/.cache/sgtk-python");
    let lock = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    give(&lock, STRANGER);
    launch().succeeds();
    set_mode(&folder, 0o1777);
    failed(&mut launch()).is(125, &["cannot take the lock", "it belongs to another user"]);
}

#[test]
fn file_of_root_in_a_users_home_is_passed_over() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    if !can_give() {
        return;
    }
    let settings = studio.path("home/.config/sgtk-python/settings.toml");
    write(&settings, "python = '/bin/false'\n");
    studio.launcher(["--project", "bigbuck", "x.py"]).fails_with(1);
    for folder in ["home", "home/.config", "home/.config/sgtk-python"] {
        give(studio.path(folder), STRANGER);
    }
    let run = studio.launcher(["--project", "bigbuck", "x.py"]).succeeds();
    run.warns(&["file does not count, it lies in the home of another user: "]);
}

#[cfg(target_os = "linux")]
#[test]
fn runtime_folder_of_another_user_is_left_alone() {
    let warm = crate::warm_support::WarmStudio::new();
    if !can_give() {
        return;
    }
    let place = warm.studio.path("work/theirs");
    fs::create_dir(&place).unwrap();
    give(&place, STRANGER);
    let place = "export XDG_RUNTIME_DIR=$PWD/theirs TMPDIR=$PWD/tmp; mkdir tmp";
    warm.text(&format!("{place}; $W -c pass; $S --stop-workers; [ -d tmp/sgtk-python-0 ]"));
    assert_eq!(tree(&warm.studio.path("work/theirs")), "");
}

#[test]
fn index_of_another_user_is_passed_over() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let launch = || -> Run { studio.launcher(["--project-id", "42", "x.py"]).succeeds() };
    launch().silently();
    let folder = studio.path("home/.cache/sgtk-python");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    set_mode(&file, 0o666);
    launch().warns(&["warning: file does not count, every user can write to it: ", "configs-1-"]);
    // The scan has written it again.
    launch().silently();
    set_mode(&folder, 0o777);
    let run = launch();
    assert_eq!(run.error().lines().count(), 1, "{run}");
    run.warns(&["every user can write to the folder"]);
    set_mode(&folder, 0o700);
    if can_give() {
        give(&file, STRANGER);
        launch().warns(&["it belongs to another user (12345): "]);
        launch().silently();
    }
}

/// A studio with a realised project that has been launched, a launcher for it, and the folder of the site's answers.
fn launched_studio() -> (Studio, impl Fn(&Studio, &[&str]) -> Command, PathBuf) {
    let studio = Studio::new();
    studio.realised("studio/p101c7.basic.", 101, "alpha");
    let launcher = |studio: &Studio, arguments: &[&str]| {
        let mut launcher = studio.launcher(arguments);
        launcher.env("SGTK_SITE", "studio.shotgrid.autodesk.com");
        launcher.env("SHOTGUN_HOME", studio.path("toolkit"));
        launcher
    };
    launcher(&studio, &["--project-id", "101", "x.py"]).prints();
    let folder = studio.path("toolkit/studio/sgtk-python");
    (studio, launcher, folder)
}

#[test]
fn planted_answer_is_passed_over() {
    let (studio, launcher, folder) = launched_studio();
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let answer = entries.into_iter().find(|path| path.extension().is_some_and(|e| e == "answer"));
    let answer = answer.unwrap();
    studio.localized("../planted/alpha");
    let planted = studio.path("planted/alpha");
    let text = "pc_id: 7\npc_name: Primary\nproject_id: 101\nproject_name: alpha\n";
    write(planted.join("config/core/pipeline_configuration.yml"), text);
    let alpha = studio.path("toolkit/studio/p101c7.basic./cfg");
    let good = fs::read_to_string(&answer).unwrap();
    let kept = good.replace(alpha.to_str().unwrap(), planted.to_str().unwrap());
    let kept = kept.replace("\"realised\"", "\"centralized\"");
    let chosen = || -> (String, String) {
        write(&answer, &kept);
        let run = launcher(&studio, &["--explain=json", "--project-id", "101"]).succeeds();
        (run.json()["config"]["path"].as_str().unwrap().to_owned(), run.error())
    };
    let (planted, alpha) = (planted.to_str().unwrap(), alpha.to_str().unwrap());
    assert_eq!(chosen(), (planted.into(), String::new()), "this user's own answer counts");
    set_mode(&folder, 0o1777);
    let (config, error) = chosen();
    assert_eq!((&*config, error.lines().count()), (alpha, 1), "{error}");
    assert!(error.contains("every user can write to the folder"), "{error}");
    set_mode(&folder, 0o700);
    if can_give() {
        give(&answer, STRANGER);
        let (config, error) = chosen();
        assert_eq!((&*config, error.lines().count()), (alpha, 1), "{error}");
        assert!(error.contains("it belongs to another user (12345)"), "{error}");
    }
}

#[test]
fn device_with_credentials_stays_open() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    write(studio.path("s.toml"), "[site]\nauthenticate = true\ncredentials_file = '/dev/null'\n");
    let mut launcher = studio.launcher(["--project", "bigbuck", "x.py"]);
    let failure = failed(launcher.env("SGTK_PYTHON_SETTINGS", studio.path("s.toml")));
    // The hint was `chmod 600 /dev/null`.
    assert_eq!(failure.is(122, &["/dev/null"]).hint, None);
}

#[test]
fn credentials_of_another_user_are_refused() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    if !can_give() {
        return;
    }
    let file = studio.path("keys/robot.yml");
    write(&file, "script-name: robot\nscript-key: k\n");
    set_mode(&file, 0o600);
    let text = "[site]\nauthenticate = true\ncredentials_file = 'keys/robot.yml'\n";
    write(studio.path("site.toml"), text);
    let launch = || {
        let mut launcher = studio.launcher(["--project", "bigbuck", "x.py"]);
        launcher.env("SGTK_PYTHON_SETTINGS", studio.path("site.toml"));
        launcher
    };
    launch().prints();
    set_mode(studio.path("keys"), 0o1777);
    failed(&mut launch()).is(122, &["file does not count", "to the folder", "robot.yml"]);
    set_mode(studio.path("keys"), 0o755);
    give(&file, STRANGER);
    failed(&mut launch()).is(122, &["file does not count", "another user (12345)", "robot.yml"]);
}
