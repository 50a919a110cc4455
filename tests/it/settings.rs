//! The settings files: their places, their layers, their faults.

use std::path::Path;

use crate::scene::Runs;
use crate::support::{Studio, change, explained, failed, make_executable, write};

fn with_settings(studio: &Studio, text: &str, arguments: &[&str]) -> std::process::Command {
    write(studio.path("settings/s.toml"), text);
    let mut launcher = studio.launcher(arguments);
    launcher.env("SGTK_PYTHON_SETTINGS", studio.path("settings/s.toml"));
    launcher
}

/// A path as it can stand in a TOML text between single quotes.
fn toml(path: &Path) -> String {
    format!("'{}'", path.display())
}

#[test]
fn roots_come_from_variable_or_settings() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let config = |text: &str| {
        let mut launcher = with_settings(&studio, text, &["--project", "bigbuck"]);
        let plan = explained(launcher.env_remove("SHOTGUN_BASE").env("STUDIO", studio.path("")));
        plan["config"]["origin"].as_str().unwrap().to_owned()
    };
    assert!(
        config(&format!("roots = [{}]", toml(&studio.path("configs")))).contains("'roots' in ")
    );
    assert!(config("roots = ['$STUDIO/configs']").contains("'roots' in "));
    assert!(config("roots = ['nowhere', '../configs']").contains("'roots' in "));
    let mut launcher = with_settings(&studio, "roots = ['/nowhere']", &["--project", "bigbuck"]);
    let plan = explained(&mut launcher);
    assert!(plan["config"]["origin"].as_str().unwrap().contains("variable SHOTGUN_BASE"));
    let mut launcher = with_settings(&studio, "roots = []", &["--project", "bigbuck"]);
    failed(launcher.env_remove("SHOTGUN_BASE")).is(121, &["bigbuck"]).hints("SHOTGUN_BASE");
}

#[test]
fn project_table_applies_to_its_project() {
    let studio = Studio::new();
    let elsewhere = studio.localized("../elsewhere/bb");
    write(studio.path("other-python"), "");
    make_executable(&studio.path("other-python"));
    let text = "[projects.bigbuck]\nconfig = '../elsewhere/bb'\npython = '../other-python'\n\
                [projects.bigbuck.environment]\nset = { A = 'project' }\n\
                [environment]\nset = { A = 'general', B = 'general' }\n";
    let mut launcher = with_settings(&studio, text, &["--project", "bigbuck"]);
    let plan = explained(&mut launcher);
    assert!(plan["config"]["path"].as_str().unwrap().ends_with("bb"));
    assert!(plan["config"]["origin"].as_str().unwrap().contains("projects.bigbuck.config"));
    assert!(plan["interpreter"]["path"].as_str().unwrap().ends_with("other-python"));
    assert_eq!(change(&plan, "A").unwrap(), "project");
    assert_eq!(change(&plan, "B").unwrap(), "general");

    // The same project, chosen by its path.
    let text = text.replace("'../elsewhere/bb'", &toml(&elsewhere));
    let mut launcher = with_settings(&studio, &text, &["--config", elsewhere.to_str().unwrap()]);
    assert_eq!(change(&explained(&mut launcher), "A").unwrap(), "project");

    // A folder of that name elsewhere is not that project.
    let stranger = studio.localized("../strangers/bigbuck");
    let mut launcher = with_settings(&studio, &text, &["--config", stranger.to_str().unwrap()]);
    assert_eq!(change(&explained(&mut launcher), "A").unwrap(), "general");

    let mut launcher = with_settings(&studio, &text, &["--project", "bigbuk"]);
    failed(&mut launcher).is(121, &["bigbuk"]).hints("'bigbuck'");
}

#[test]
fn environment_table_changes_variables() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let text =
        "[environment]\nunset = ['LD_LIBRARY_PATH', 'MAYA_*']\nset = { PYTHONUNBUFFERED = '1' }\n";
    let mut launcher = with_settings(&studio, text, &["--project", "bigbuck", "--keep", "MAYA_A"]);
    launcher.env("LD_LIBRARY_PATH", "/x").env("MAYA_A", "a").env("MAYA_B", "b");
    let plan = explained(&mut launcher);
    assert!(change(&plan, "LD_LIBRARY_PATH").unwrap().is_null());
    assert!(change(&plan, "MAYA_B").unwrap().is_null());
    assert_eq!(change(&plan, "MAYA_A"), None);
    assert_eq!(change(&plan, "PYTHONUNBUFFERED").unwrap(), "1");
    let changes = plan["environment"].as_array().unwrap();
    let reason =
        changes.iter().find(|c| c["name"] == "PYTHONUNBUFFERED").unwrap()["reason"].as_str();
    assert!(reason.unwrap().contains("'environment' in "));
}

#[test]
fn user_settings_override_the_studios() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let user = if cfg!(windows) {
        "home/sgtk-python/settings.toml"
    } else {
        "home/.config/sgtk-python/settings.toml"
    };
    write(studio.path(user), "[environment]\nset = { A = 'user' }\n");
    let text = "[environment]\nset = { A = 'studio', B = 'studio' }\n";
    let mut launcher = with_settings(&studio, text, &["--project", "bigbuck"]);
    launcher.env("APPDATA", studio.path("home"));
    let plan = explained(&mut launcher);
    assert_eq!(change(&plan, "A").unwrap(), "user");
    assert_eq!(change(&plan, "B").unwrap(), "studio");

    write(studio.path("xdg/sgtk-python/settings.toml"), "[environment]\nset = { A = 'xdg' }\n");
    launcher.env("XDG_CONFIG_HOME", studio.path("xdg"));
    assert_eq!(change(&explained(&mut launcher), "A").unwrap(), "xdg");
    launcher.env("XDG_CONFIG_HOME", "relative");
    assert_eq!(change(&explained(&mut launcher), "A").unwrap(), "user");
    launcher.env_remove("HOME").env_remove("APPDATA").env_remove("XDG_CONFIG_HOME");
    assert_eq!(change(&explained(&mut launcher), "A").unwrap(), "studio");
}

#[test]
fn user_key_counts_before_the_studios() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    for name in ["general", "project", "user"] {
        write(studio.path(name), "");
        make_executable(&studio.path(name));
    }
    let python = |user: &str, text: &str| {
        write(studio.path("xdg/sgtk-python/settings.toml"), user);
        let mut launcher = with_settings(&studio, text, &["--project", "bigbuck"]);
        let plan = explained(launcher.env("XDG_CONFIG_HOME", studio.path("xdg")));
        let origin = plan["interpreter"]["origin"].as_str().unwrap();
        let (key, file) = origin.split_once(" in ").unwrap();
        (key.to_owned(), Path::new(file).file_name().unwrap().to_str().unwrap().to_owned())
    };
    let general = "python = '../general'\n";
    let project = "python = '../general'\n[projects.bigbuck]\npython = '../project'\n";
    let user = "python = '../../user'\n";
    assert_eq!(python("", general), ("'python'".into(), "s.toml".into()));
    assert_eq!(python(user, general), ("'python'".into(), "settings.toml".into()));
    // A project's key counts before a general one, whatever the files.
    assert_eq!(python(user, project), ("'projects.bigbuck.python'".into(), "s.toml".into()));
    let user = format!("[projects.bigbuck]\n{user}");
    assert_eq!(
        python(&user, project),
        ("'projects.bigbuck.python'".into(), "settings.toml".into())
    );
}

#[cfg(unix)]
#[test]
fn settings_beside_the_launcher_count() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let copy = studio.path("share/bin/sgtk-python");
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    crate::support::copy_program(crate::support::LAUNCHER, &copy);
    write(studio.path("share/bin/sgtk-python.toml"), "roots = ['../../configs']\n");
    std::os::unix::fs::symlink(&copy, studio.path("bin/sgtk-python")).unwrap();
    for program in [copy, studio.path("bin/sgtk-python")] {
        let mut launcher = std::process::Command::new(program);
        launcher.args(["--explain=json", "--project", "bigbuck"]).env_clear().succeeds();
    }
}

#[test]
fn relative_root_is_shown_without_dots() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let mut launcher = with_settings(&studio, "roots = ['./../configs']\n", &["--list=json"]);
    let list = launcher.env_remove("SHOTGUN_BASE").succeeds().json();
    let config = studio.path("configs").join("bigbuck");
    assert_eq!(list["projects"][0]["config"], config.to_str().unwrap());
}

#[test]
fn faults_name_file_line_and_key() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    for (text, parts) in [
        ("rots = []\n", &["s.toml:1:", "'rots'", "unknown key"][..]),
        (
            "studio = 'x'\n\nroots = '/x'\n",
            &["s.toml:3:", "'roots'", "expected a list in brackets, found text in quotes"],
        ),
        ("[environment]\nunset = ['A=B']\n", &["s.toml:2:", "'unset'", "'A=B'"]),
        ("[environment]\nset = { '' = 'x' }\n", &["s.toml:2:", "'set'"]),
        ("[environment]\nset = { A = \"\\u0000\" }\n", &["s.toml:2:", "'set'", "NUL"]),
        (
            "[environment]\nset = { A = 1 }\n",
            &["s.toml:2:", "'set'", "expected text in quotes, found a number"],
        ),
        (
            "[environment]\nset = 'A=hush'\n",
            &["s.toml:2:", "'set': expected a table, found text in quotes"],
        ),
        ("roots = ['']\n", &["s.toml:1:", "'roots'", "empty"]),
        ("[projects.a]\nconfg = 'x'\n", &["s.toml:2:", "'confg'"]),
        ("roots = [\n", &["s.toml:1: 'roots': ']' is missing"]),
        ("python = x\n", &["s.toml:1: 'python': text needs quotes"]),
        ("\nmax_jobs = 0\n", &["s.toml:2: 'max_jobs': expected a whole number above zero"]),
        ("[site\n", &["s.toml:1: ']' is missing"]),
        ("hello\n", &["s.toml:1: a key without '='"]),
        ("roots = ['a']\nroots = ['b']\n", &["s.toml:2:", "'roots'"]),
        ("\u{1b}[31m = 1", &["s.toml:1:"]),
        ("python = ''\n", &["s.toml:1:", "'python'", "empty"]),
        ("[projects.a]\nconfig = ' '\n", &["s.toml:2:", "'config'", "empty"]),
    ] {
        let mut launcher = with_settings(&studio, text, &["--project", "bigbuck"]);
        failed(&mut launcher).is(122, parts);
    }
    let mut launcher = with_settings(&studio, "rots = []\n", &["--project", "bigbuck"]);
    failed(&mut launcher).is(122, &["'rots'"]).hints("'roots'");
    let mut launcher = studio.launcher(["--project", "bigbuck"]);
    failed(launcher.env("SGTK_PYTHON_SETTINGS", "missing.toml"))
        .is(122, &["does not exist", "missing.toml"]);
    failed(launcher.env("SGTK_PYTHON_SETTINGS", studio.path("home"))).is(122, &["home"]);
    write(studio.path("binary.toml"), b"\xff\xfe\x00");
    failed(launcher.env("SGTK_PYTHON_SETTINGS", studio.path("binary.toml"))).is(122, &["UTF-8"]);
}

#[test]
fn byte_order_mark_and_crlf_are_accepted() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let text = "\u{feff}[environment]\r\nset = { A = '1' }\r\n";
    let mut launcher = with_settings(&studio, text, &["--project", "bigbuck"]);
    assert_eq!(change(&explained(&mut launcher), "A").unwrap(), "1");
}

#[test]
fn packaged_example_is_valid() {
    let studio = Studio::new();
    let bigbuck = studio.localized("bigbuck");
    let example = include_str!("../../packaging/sgtk-python.toml");
    assert!(example.lines().all(|line| line.is_empty() || line.starts_with('#')));
    let python = studio.python();
    let config = ["--config", bigbuck.to_str().unwrap(), "--python", python.to_str().unwrap()];
    assert_eq!(change(&explained(&mut with_settings(&studio, example, &config)), "A"), None);
    let uncommented = example.lines().filter_map(|line| line.strip_prefix('#'));
    let keys: Vec<&str> = uncommented.filter(|line| !line.starts_with(' ')).collect();
    let plan = explained(&mut with_settings(&studio, &keys.join("\n"), &config));
    assert_eq!(change(&plan, "PYTHONUNBUFFERED").unwrap(), "1");
}
