//! Realised configurations that are here: found, told from unfinished ones, and used without the site.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Studio, explained, failed, write};

/// A studio whose site answers nobody, for there is no core to ask it with.
fn studio() -> Studio {
    let studio = Studio::new();
    write(studio.path("site.toml"), "[site]\nhost = 'studio.shotgrid.autodesk.com'\n");
    studio
}

fn launcher(studio: &Studio, arguments: &[&str]) -> Command {
    let mut launcher = studio.launcher(arguments);
    launcher
        .env("SGTK_PYTHON_SETTINGS", studio.path("site.toml"))
        .env("SHOTGUN_HOME", studio.path("toolkit"));
    launcher
}

#[track_caller]
fn is_chosen(studio: &Studio, arguments: &[&str], config: &Path) {
    let plan = explained(&mut launcher(studio, arguments));
    assert_eq!(plan["config"]["path"], config.to_str().unwrap());
    assert_eq!(plan["core"]["kind"], "realised");
}

#[cfg(unix)]
fn make_old(config: &Path) {
    let day = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 60 * 60);
    fs::File::options()
        .write(true)
        .open(config.join("cache/update_end.txt"))
        .unwrap()
        .set_modified(day)
        .unwrap();
}

#[test]
fn a_realised_configuration_is_chosen_as_any_other() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    studio.realised("studio/p101c7.basic.maya", 101, "alpha");
    studio.realised("other/p101c7.basic.", 101, "alpha");
    studio.realised("studio/x101c7.basic.", 101, "alpha");
    let inside = alpha.join("config/env");
    let (path, inside) = (alpha.to_str().unwrap(), inside.to_str().unwrap());
    for choice in [
        ["--project", "alpha"],
        ["--project-id", "101"],
        ["--config", path],
        ["--path", inside],
        ["--project=alpha", "--pipeline=7"],
    ] {
        is_chosen(&studio, &choice, &alpha);
    }
    let plan = explained(&mut launcher(&studio, &["--project", "alpha"]));
    let descriptor = "sgtk:descriptor:git?path=x&version=v1.2.3";
    assert_eq!(plan["config"]["realised"]["descriptor"], descriptor);
    assert_eq!(plan["project"]["id"], 101);
    assert_eq!(plan["config"]["origin"], "site https://studio.shotgrid.autodesk.com");
    failed(&mut launcher(&studio, &["--project", "alpha", "--pipeline", "Dev", "--explain"]))
        .is(121, &["'alpha'", "has not been realised"])
        .hints("--refresh");
}

#[test]
fn without_a_site_there_is_none() {
    let studio = studio();
    studio.realised("studio/p101c7.basic.", 101, "alpha");
    write(studio.path("site.toml"), "");
    failed(&mut launcher(&studio, &["--project", "alpha"])).is(121, &["no project 'alpha'"]);
    let mut by_variable = launcher(&studio, &["--project", "alpha", "--explain"]);
    let output =
        by_variable.env("SGTK_SITE", "https://Studio.shotgunstudio.com/").output().unwrap();
    assert!(output.status.success());
    for address in ["https://", "https://..", "https://a\\b"] {
        let mut launcher = launcher(&studio, &["--project", "alpha"]);
        failed(launcher.env("SGTK_SITE", address)).is(125, &["is no site's address", "SGTK_SITE"]);
    }
}

#[test]
fn what_is_centralized_comes_first() {
    let studio = studio();
    studio.realised("studio/p42c7.basic.", 42, "bigbuck");
    let bigbuck = studio.localized("bigbuck");
    for choice in [["--project", "bigbuck"], ["--project-id", "42"]] {
        let plan = explained(&mut launcher(&studio, &choice));
        assert_eq!(plan["config"]["path"], bigbuck.to_str().unwrap());
        assert_eq!(plan["warnings"], serde_json::json!([]));
        let plan = explained(launcher(&studio, &choice).arg("--refresh"));
        let warning = format!("nothing to refresh: {} is no configuration", bigbuck.display());
        let warnings = plan["warnings"].as_array().unwrap();
        let [told] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(told.as_str().unwrap().starts_with(&warning), "{told}");
    }
}

#[test]
fn only_a_whole_one_counts() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let unfinished: [(&str, &[&str]); 5] = [
        ("no end", &["cache/update_end.txt"]),
        ("an end without a start", &["cache/update_start.txt"]),
        ("no descriptor", &["cache/descriptor_info.yml"]),
        ("no metadata", &["config/core/pipeline_configuration.yml"]),
        ("an empty folder", &["cache", "config", "install"]),
    ];
    for (what, missing) in unfinished {
        for path in missing.iter().map(|path| alpha.join(path)) {
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        let failure = failed(&mut launcher(&studio, &["--project", "alpha", "--explain"]));
        assert_eq!(failure.code, 121, "{what}: {failure:?}");
        let failure = failed(&mut launcher(&studio, &["--project-id", "101"]));
        failure.is(122, &["'101'", "'core' in [site] is not set"]).hints("'core' in [site]");
        studio.realised("studio/p101c7.basic.", 101, "alpha");
    }
    for mark in ["cache/update_start.txt", "cache/update_end.txt"] {
        fs::remove_file(alpha.join(mark)).unwrap();
    }
    is_chosen(&studio, &["--project", "alpha"], &alpha);
}

#[test]
fn toolkits_own_folder_is_found_as_toolkit_finds_it() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let folder = studio.path("");
    let explain = |home: Option<&str>, user: Option<&Path>| {
        let mut launcher = launcher(&studio, &["--project", "alpha", "--explain"]);
        launcher.env_remove("SHOTGUN_HOME").env_remove("HOME").env("STUDIO", &folder);
        launcher.envs(home.map(|home| ("SHOTGUN_HOME", home)));
        for name in ["HOME", "USERPROFILE", "APPDATA"] {
            launcher.envs(user.map(|user| (name, user)));
        }
        launcher.output().unwrap().status.success()
    };
    assert!(explain(Some("$STUDIO/toolkit"), None));
    assert!(explain(Some("~/toolkit"), Some(&folder)));
    assert!(!explain(None, Some(&folder)));
    let usual = match std::env::consts::OS {
        "macos" => "Library/Caches/Shotgun",
        "windows" => "Shotgun",
        _ => ".shotgun",
    };
    let usual = folder.join(usual).join("studio");
    fs::create_dir_all(usual.parent().unwrap()).unwrap();
    fs::rename(alpha.parent().unwrap().parent().unwrap(), usual).unwrap();
    assert!(explain(None, Some(&folder)));
    assert!(!explain(None, None));
}

#[test]
fn what_was_kept_is_only_a_hint() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let launch = ["--project", "alpha", "-c", "pass"];
    assert!(launcher(&studio, &launch).status().is_ok());
    let own = studio.path("toolkit/studio/sgtk-python");
    let answers = || fs::read_dir(&own).unwrap().flatten().map(|entry| entry.path());
    let answers = || answers().filter(|path| path.extension().is_some_and(|e| e == "answer"));
    assert_eq!(answers().count(), 1);
    for rubbish in ["", "{", "[]", "\0\u{1}", "{\"project_id\": 1}"] {
        for answer in answers() {
            write(answer, rubbish);
        }
        is_chosen(&studio, &["--project", "alpha"], &alpha);
    }
}

#[cfg(unix)]
#[test]
fn what_is_old_stays_in_use_where_the_site_cannot_be_asked() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let launch = || launcher(&studio, &["--project", "alpha", "x.py"]).output().unwrap();
    assert!(launch().status.success() && launch().stderr.is_empty());
    fs::remove_dir_all(studio.path("toolkit/studio/sgtk-python")).unwrap();
    make_old(&alpha);
    let output = launch();
    let warning = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{warning}");
    assert!(
        warning.contains("'core' in [site] is not set") && warning.contains("stays as it is"),
        "{warning}"
    );
    // The site is left alone for a while.
    assert!(launch().stderr.is_empty());
    failed(&mut launcher(&studio, &["--refresh", "--project", "alpha"])).is(122, &["is not set"]);
}

#[cfg(unix)]
#[test]
fn a_site_without_a_folder_here_is_told() {
    let studio = studio();
    studio.localized("bigbuck");
    let nowhere = |arguments: &[&str]| {
        let mut launcher = launcher(&studio, arguments);
        launcher.env("SHOTGUN_HOME", "toolkit");
        let folder = studio.path("gone");
        fs::create_dir(&folder).unwrap();
        let mut shell = Command::new("sh");
        let script = "cd \"$0\" && rmdir \"$0\" && exec \"$@\"";
        shell.args(["-c", script]).arg(folder).arg(launcher.get_program());
        shell.args(launcher.get_args()).env_clear().env("PATH", "/usr/bin:/bin");
        shell.envs(launcher.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell
    };
    for choice in [["--project", "alpha"], ["--project-id", "101"]] {
        failed(&mut nowhere(&choice)).is(121, &[choice[1]]).hints("was not asked");
    }
    let output = nowhere(&["--doctor"]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(122) && shown.contains("no folder for the"), "{shown}");
}

#[test]
fn settings_of_the_site_are_checked() {
    let studio = studio();
    for (line, part) in [
        ("refresh_after = 'soon'", "is no duration"),
        ("refresh_after = 5", "expected a string"),
        ("hots = 'x'", "unknown field"),
        ("host = ''", "is empty"),
    ] {
        write(studio.path("site.toml"), format!("[site]\n{line}\n"));
        failed(&mut launcher(&studio, &["--list"])).is(122, &["site.toml:2", part]);
    }
}

#[cfg(unix)]
#[test]
fn what_somebody_was_killed_in_is_used_only_if_it_shows_that_it_is_whole() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let launch = || launcher(&studio, &["--project", "alpha", "x.py"]).output().unwrap();
    assert!(launch().status.success());
    write(studio.path("toolkit/studio/sgtk-python/p101.lock"), "begun\n");
    let output = launch();
    let warning = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && warning.contains("stays as it is"), "{warning}");
    for mark in ["cache/update_start.txt", "cache/update_end.txt"] {
        fs::remove_file(alpha.join(mark)).unwrap();
    }
    fs::remove_dir_all(studio.path("toolkit/studio/sgtk-python")).unwrap();
    assert!(launch().status.success());
    write(studio.path("toolkit/studio/sgtk-python/p101.lock"), "begun\n");
    failed(&mut launcher(&studio, &["--project", "alpha", "x.py"])).is(122, &["is not set"]);
}
