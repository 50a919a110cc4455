//! Realised configurations on this machine: how they are found and used without the site, and incomplete ones ignored.

use std::fs;
use std::path::Path;
use std::process::Command;
#[cfg(unix)]
use std::time::{Duration, SystemTime};

#[cfg(unix)]
use crate::scene::Run;
use crate::scene::Runs;
#[cfg(unix)]
use crate::support::{PYTHON, interpreter, variables_of};
use crate::support::{Studio, change, explained, failed, write};

/// A studio whose site cannot be asked: the settings name no core for that.
fn studio() -> Studio {
    let studio = Studio::new();
    write(studio.path("site.toml"), "[site]\nhost = 'studio.shotgrid.autodesk.com'\n");
    studio
}

fn launcher(studio: &Studio, arguments: &[&str]) -> Command {
    let mut launcher = studio.launcher(arguments);
    launcher
        .env("SGTK_PYTHON_SETTINGS", studio.path("site.toml"))
        .env("SHOTGUN_HOME", studio.path("toolkit"))
        // The index is there on Windows.
        .env("LOCALAPPDATA", studio.path("home"));
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
    date(config, SystemTime::now() - Duration::from_secs(25 * 60 * 60));
}

#[cfg(unix)]
fn make_later(config: &Path) {
    date(config, SystemTime::now());
}

#[cfg(unix)]
fn date(config: &Path, time: SystemTime) {
    fs::File::options()
        .write(true)
        .open(config.join("cache/update_end.txt"))
        .unwrap()
        .set_modified(time)
        .unwrap();
}

#[test]
fn realised_config_is_chosen_like_others() {
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
    let address = "config_descriptor: {type: git, path: 'https://me:hush-hush@host/x'}\n";
    write(alpha.join("cache/descriptor_info.yml"), address);
    for format in ["--explain", "--explain=json"] {
        let text = launcher(&studio, &[format, "--project", "alpha"]).prints();
        assert!(text.contains("path=https://me:***@host/x") && !text.contains("hush"), "{text}");
    }
    assert_eq!(plan["project"]["id"], 101);
    assert_eq!(plan["config"]["origin"], "site https://studio.shotgrid.autodesk.com");
    failed(&mut launcher(&studio, &["--project", "alpha", "--pipeline", "Dev", "--explain"]))
        .is(121, &["'alpha'", "has not been realised"])
        .hints("--refresh");
}

#[test]
fn realised_config_needs_a_site() {
    let studio = studio();
    studio.realised("studio/p101c7.basic.", 101, "alpha");
    write(studio.path("site.toml"), "");
    failed(&mut launcher(&studio, &["--project", "alpha"])).is(121, &["unknown project: 'alpha'"]);
    let mut by_variable = launcher(&studio, &["--project", "alpha", "--explain"]);
    by_variable.env("SGTK_SITE", "https://Studio.shotgunstudio.com/").succeeds();
    for address in ["https://", "https://..", "https://a\\b"] {
        let mut launcher = launcher(&studio, &["--project", "alpha"]);
        failed(launcher.env("SGTK_SITE", address)).is(125, &["invalid site address", "SGTK_SITE"]);
    }
}

#[test]
fn centralized_config_comes_first() {
    let studio = studio();
    studio.realised("studio/p42c7.basic.", 42, "bigbuck");
    let bigbuck = studio.localized("bigbuck");
    for choice in [["--project", "bigbuck"], ["--project-id", "42"]] {
        let plan = explained(&mut launcher(&studio, &choice));
        assert_eq!(plan["config"]["path"], bigbuck.to_str().unwrap());
        assert_eq!(plan["warnings"], serde_json::json!([]));
        let plan = explained(launcher(&studio, &choice).arg("--refresh"));
        let warning = format!(
            "nothing to refresh, the configuration does not come from the site: {}",
            bigbuck.display()
        );
        let warnings = plan["warnings"].as_array().unwrap();
        let [only] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(only.as_str().unwrap().starts_with(&warning), "{only}");
    }
}

#[test]
fn incomplete_config_is_ignored() {
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
fn cache_folder_is_found_as_toolkit_does() {
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
        launcher.run()
    };
    explain(Some("$STUDIO/toolkit"), None).succeeds();
    explain(Some("~/toolkit"), Some(&folder)).succeeds();
    explain(None, Some(&folder)).fails_with(121);
    let usual = match std::env::consts::OS {
        "macos" => "Library/Caches/Shotgun",
        "windows" => "Shotgun",
        _ => ".shotgun",
    };
    let usual = folder.join(usual).join("studio");
    fs::create_dir_all(usual.parent().unwrap()).unwrap();
    fs::rename(alpha.parent().unwrap().parent().unwrap(), usual).unwrap();
    explain(None, Some(&folder)).succeeds();
    explain(None, None).fails_with(121);
}

#[test]
fn broken_cached_answer_is_ignored() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let launch = ["--project", "alpha", "-c", "pass"];
    launcher(&studio, &launch).succeeds();
    let own = studio.path("toolkit/studio/sgtk-python");
    let answers = || fs::read_dir(&own).unwrap().flatten().map(|entry| entry.path());
    let answers = || answers().filter(|path| path.extension().is_some_and(|e| e == "answer"));
    assert_eq!(answers().count(), 2, "by name and by id");
    for rubbish in ["", "{", "[]", "\0\u{1}", "{\"project_id\": 1}"] {
        for answer in answers() {
            write(answer, rubbish);
        }
        is_chosen(&studio, &["--project", "alpha"], &alpha);
    }
}

#[cfg(unix)]
#[test]
fn stale_config_stays_without_the_site() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let launch = || -> Run { launcher(&studio, &["--project", "alpha", "x.py"]).succeeds() };
    launch();
    launch().silently();
    fs::remove_dir_all(studio.path("toolkit/studio/sgtk-python")).unwrap();
    make_old(&alpha);
    launch().warns(&["'core' in [site] is not set", "stays in use"]);
    // The site is left alone for a while.
    launch().silently();
    failed(&mut launcher(&studio, &["--refresh", "--project", "alpha"])).is(122, &["is not set"]);
}

/// A second Primary of a project, which replaces the first on the site.
#[cfg(unix)]
fn replacement(studio: &Studio) -> std::path::PathBuf {
    let config = studio.realised("studio/p101c8.basic.", 101, "alpha");
    let text = "pc_id: 8\npc_name: Primary\nproject_id: 101\nproject_name: alpha\n";
    write(config.join("config/core/pipeline_configuration.yml"), text);
    config
}

#[cfg(unix)]
#[test]
fn config_option_launches_that_very_folder() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let launch = ["--project-id", "101", "-c", "pass"];
    launcher(&studio, &launch).succeeds();
    let other = replacement(&studio);
    for config in [&alpha, &other] {
        is_chosen(&studio, &["--config", config.to_str().unwrap()], config);
        let inside = config.join("config");
        is_chosen(&studio, &["--path", inside.to_str().unwrap()], config);
        // Even a stale one: the site cannot be asked.
        make_old(config);
        let launch = ["--config", config.to_str().unwrap(), "-c", "pass"];
        launcher(&studio, &launch).prints();
    }
    fs::remove_file(other.join("cache/update_end.txt")).unwrap();
    failed(&mut launcher(&studio, &["--config", other.to_str().unwrap(), "-c", "pass"]))
        .is(122, &[other.to_str().unwrap(), "is incomplete"]);
}

#[cfg(unix)]
#[test]
fn newest_or_last_named_config_wins() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    make_old(&alpha);
    let other = replacement(&studio);
    for config in [&alpha, &other] {
        interpreter(config, PYTHON.to_str().unwrap());
    }
    let counts = |config: &Path| {
        is_chosen(&studio, &["--project", "alpha"], config);
        is_chosen(&studio, &["--project-id", "101"], config);
        let list = launcher(&studio, &["--list=json"]).succeeds().json();
        let listed: Vec<_> =
            list["projects"].as_array().unwrap().iter().map(|l| &l["config"]).collect();
        assert_eq!(listed, [config.to_str().unwrap()]);
        let program = "import os; print(os.environ['SGTK_PYTHON_CONFIG'])";
        let run = launcher(&studio, &["--each", "-c", program]).succeeds();
        assert_eq!(run.text(), format!("alpha | {}\n", config.display()), "{run}");
    };
    counts(&other);
    // As if the site had been asked when only the first existed.
    fs::remove_dir_all(studio.path("toolkit/studio/sgtk-python")).unwrap();
    let away = studio.path("away");
    fs::rename(other.parent().unwrap(), &away).unwrap();
    studio.realised("studio/p101c7.basic.", 101, "alpha");
    interpreter(&alpha, PYTHON.to_str().unwrap());
    launcher(&studio, &["--project", "alpha", "-c", "pass"]).succeeds();
    fs::rename(&away, other.parent().unwrap()).unwrap();
    make_later(&other);
    counts(&alpha);
}

#[test]
fn unnamed_project_uses_its_cached_name() {
    let studio = studio();
    let settings = "[site]\nhost = 'studio.shotgrid.autodesk.com'\n[projects.'Delta Show'.environment]\nset = { OURS = '1' }\n";
    write(studio.path("site.toml"), settings);
    let shows = [(105, "Delta Show"), (106, "Echo Show")];
    for (id, name) in shows {
        let config = studio.realised(&format!("studio/p{id}c7.basic."), id, "unnamed");
        let plan = explained(&mut launcher(&studio, &["--project-id", &id.to_string()]));
        assert_eq!(plan["project"]["name"], id.to_string(), "before an answer of the site");
        let answer = serde_json::json!({"project_id": id, "project": name, "config": config,
            "kind": "realised", "asked": milliseconds()});
        write(studio.path(format!("toolkit/studio/sgtk-python/{id}.answer")), answer.to_string());
    }
    for (id, name) in shows {
        let config = studio.realised(&format!("studio/p{id}c7.basic."), id, "unnamed");
        let (number, path) = (id.to_string(), config.to_str().unwrap());
        for choice in [["--project-id", &number], ["--project", name], ["--config", path]] {
            let plan = explained(&mut launcher(&studio, &choice));
            assert_eq!(plan["project"]["name"], name);
            assert_eq!(plan["config"]["path"], path);
            let is_ours = change(&plan, "OURS").is_some();
            assert_eq!(is_ours, name == "Delta Show", "{choice:?}");
        }
    }
    let list = launcher(&studio, &["--list=names"]).succeeds().text();
    assert_eq!(list, "Delta Show\nEcho Show\n");
    failed(&mut launcher(&studio, &["--project", "unnamed", "--explain"])).is(121, &["unnamed"]);
    let centralized = studio.localized("unnamed");
    let plan = explained(&mut launcher(&studio, &["--project", "unnamed"]));
    assert_eq!(plan["config"]["path"], centralized.to_str().unwrap());
    let doctor = launcher(&studio, &["--doctor"]).fails_with(122);
    assert!(!doctor.text().contains("several projects"), "{doctor}");
}

#[test]
fn unrealised_project_can_be_diagnosed() {
    let studio = studio();
    studio.realised("studio/p101c7.basic.", 101, "alpha");
    let report = launcher(&studio, &["--doctor=json", "--project", "beta"]).fails_with(122).json();
    let findings = |check: &str| {
        let all = report["checks"].as_array().unwrap();
        all.iter().find(|checked| checked["check"] == check).unwrap()["findings"].to_string()
    };
    let of_configs = findings("configs");
    assert!(of_configs.contains("not been realised on this machine: 'beta'"), "{of_configs}");
    assert!(!of_configs.contains("--explain"), "{of_configs}");
    assert!(findings("site").contains("no core is set"));
    let shown = launcher(&studio, &["--stop-workers", "--project", "beta"]).succeeds().text();
    assert_eq!(shown, "no workers\n");
}

#[test]
fn settings_table_may_name_a_site_project() {
    let studio = studio();
    studio.localized("bigbuck");
    let tables = "[projects.alpha.environment]\nset = { OURS = '1' }\n";
    let unused = |site: &str| {
        write(studio.path("site.toml"), format!("{site}{tables}"));
        launcher(&studio, &["--doctor=json"])
            .run()
            .text()
            .contains("table is not used, there is no such project here: 'alpha'")
    };
    assert!(unused(""));
    assert!(!unused("[site]\nhost = 'studio.shotgrid.autodesk.com'\n"));
}

/// Writes an answer in place of those that a launch of project 101 has kept.
fn plant_answers(studio: &Studio, id: i64, config: &Path, kind: &str) {
    let answer = serde_json::json!({"project_id": id, "project": "alpha", "config": config,
        "kind": kind, "asked": milliseconds()});
    let own = studio.path("toolkit/studio/sgtk-python");
    let answers = fs::read_dir(own).unwrap().map(|entry| entry.unwrap().path());
    for file in answers.filter(|path| path.extension().is_some_and(|e| e == "answer")) {
        write(file, answer.to_string());
    }
}

#[test]
fn answer_must_name_the_projects_config() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let choices = [["--project", "alpha"], ["--project-id", "101"]];
    launcher(&studio, &["--project", "alpha", "-c", "pass"]).succeeds();
    studio.localized("../elsewhere/other");
    let other = studio.path("elsewhere/other");
    let beta = studio.realised("studio/p102c7.basic.", 102, "beta");
    let dots = studio.path("toolkit/studio/../../planted/cfg");
    fs::create_dir_all(studio.path("planted")).unwrap();
    let planted = studio.realised("x/p101c7.basic.", 101, "alpha");
    fs::rename(&planted, studio.path("planted/cfg")).unwrap();
    for (config, kind) in [
        (&other, "centralized"),
        (&beta, "realised"),
        (&beta, "centralized"),
        (&dots, "realised"),
        (&dots, "centralized"),
    ] {
        plant_answers(&studio, 101, config, kind);
        for choice in choices {
            is_chosen(&studio, &choice, &alpha);
        }
    }
    plant_answers(&studio, 102, &beta, "realised");
    is_chosen(&studio, &["--project-id", "101"], &alpha);
    // The folder is another project's by now.
    let text = "pc_id: 7\npc_name: Primary\nproject_id: 102\nproject_name: beta\n";
    write(other.join("config/core/pipeline_configuration.yml"), text);
    fs::remove_dir_all(alpha).unwrap();
    plant_answers(&studio, 101, &other, "centralized");
    for [option, value] in choices {
        failed(&mut launcher(&studio, &[option, value, "-c", "pass"]))
            .is(122, &["'core' in [site]"]);
    }
}

#[test]
fn damaged_realised_config_is_never_launched() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let metadata = alpha.join("config/core/pipeline_configuration.yml");
    let inside = alpha.join("config");
    let choices = [
        ["--project", "alpha"],
        ["--project-id", "101"],
        ["--config", alpha.to_str().unwrap()],
        ["--path", inside.to_str().unwrap()],
    ];
    for cut in [
        "",
        "{",
        "\0",
        "pc_id: 7\n",
        "pc_id: 7\npc_name: Primary\nproject_id: 102\nproject_name: alpha\n",
    ] {
        // Once without and once with an answer of the time before.
        for _ in 0..2 {
            write(&metadata, cut);
            for [option, value] in choices {
                let run = launcher(&studio, &[option, value, "-c", "pass"]).fails_with(122);
                assert!(run.error().starts_with("sgtk-python: error: "), "{cut:?} {run}");
            }
            studio.realised("studio/p101c7.basic.", 101, "alpha");
            launcher(&studio, &["--project", "alpha", "-c", "pass"]).succeeds();
        }
        fs::remove_dir_all(studio.path("toolkit/studio/sgtk-python")).unwrap();
    }
}

#[test]
fn local_config_wins_over_an_answer() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    for choice in [["--project", "alpha"], ["--project-id", "101"]] {
        launcher(&studio, &[choice[0], choice[1], "-c", "pass"]).succeeds();
    }
    let here = studio.localized("show");
    let text = "pc_id: 7\npc_name: Primary\nproject_id: 101\nproject_name: show\n";
    write(here.join("config/core/pipeline_configuration.yml"), text);
    let settings = fs::read_to_string(studio.path("site.toml")).unwrap();
    let count = |way: &str| {
        for choice in [["--project", "alpha"], ["--project-id", "101"]] {
            let plan = explained(&mut launcher(&studio, &choice));
            assert_eq!(plan["config"]["path"], here.to_str().unwrap(), "{way}");
        }
    };
    // The scan drops the answers; another launch may keep one meanwhile.
    let own = studio.path("toolkit/studio/sgtk-python");
    let answers: Vec<_> = fs::read_dir(&own).unwrap().map(|e| e.unwrap().path()).collect();
    let kept: Vec<_> = answers.iter().map(|file| fs::read(file).unwrap()).collect();
    launcher(&studio, &["--list"]).succeeds();
    for (file, text) in answers.iter().zip(&kept) {
        write(file, text);
    }
    count("below a root");
    // A configuration that the settings name counts from the first launch on.
    write(
        studio.path("site.toml"),
        format!("{settings}[projects.show]\nconfig = '{}'\n", here.display()),
    );
    for (file, text) in answers.iter().zip(&kept) {
        write(file, text);
    }
    count("in the settings");
    fs::remove_dir_all(here).unwrap();
    write(studio.path("site.toml"), settings);
    is_chosen(&studio, &["--project-id", "101"], &alpha);
}

#[test]
fn new_local_config_counts_after_a_scan() {
    for (scanning, code) in [
        (&["--list"][..], 0),
        (&["--project", "alpha-no", "--explain"], 121),
        (&["--path", "."], 121),
    ] {
        let studio = studio();
        let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
        let choices = [["--project", "alpha"], ["--project-id", "101"]];
        for [option, value] in choices {
            let launch = [option, value, "-c", "pass"];
            launcher(&studio, &launch).succeeds();
        }
        let here = studio.localized("show");
        let text = "pc_id: 7\npc_name: Primary\nproject_id: 101\nproject_name: alpha\n";
        write(here.join("config/core/pipeline_configuration.yml"), text);
        is_chosen(&studio, &choices[1], &alpha);
        launcher(&studio, scanning).fails_with(code);
        for choice in choices {
            let plan = explained(&mut launcher(&studio, &choice));
            assert_eq!(plan["config"]["path"], here.to_str().unwrap(), "{scanning:?}");
        }
    }
}

#[test]
fn data_path_finds_a_realised_project() {
    let studio = studio();
    let data = studio.path("data");
    let storage = serde_json::json!({"primary":
        {"linux_path": data, "mac_path": data, "windows_path": data}});
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let part = studio.realised("studio/p102c7.basic.", 102, "alpha/part");
    let unnamed = studio.realised("studio/p103c7.basic.", 103, "unnamed");
    for config in [&alpha, &part, &unnamed] {
        write(config.join("config/core/roots.yml"), storage.to_string());
    }
    for (below, config) in [("alpha/seq/010", &alpha), ("alpha", &alpha), ("alpha/part/x", &part)] {
        is_chosen(&studio, &["--path", data.join(below).to_str().unwrap()], config);
    }
    for below in ["alphabet", "unnamed", ""] {
        let path = data.join(below);
        failed(&mut launcher(&studio, &["--path", path.to_str().unwrap(), "--explain"]))
            .is(121, &["in no project"]);
    }
    fs::create_dir_all(data.join("alpha/seq")).unwrap();
    let mut there = launcher(&studio, &[] as &[&str]);
    let plan = explained(there.current_dir(data.join("alpha/seq")));
    assert_eq!(plan["config"]["path"], alpha.to_str().unwrap());
    assert_eq!(plan["project"]["name"], "alpha");
    // A local configuration comes first, though its project is another.
    let here = studio.localized("alpha");
    write(here.join("config/core/roots.yml"), storage.to_string());
    let plan =
        explained(&mut launcher(&studio, &["--path", data.join("alpha/part").to_str().unwrap()]));
    assert_eq!(plan["config"]["path"], here.to_str().unwrap());
}

fn milliseconds() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    since.as_millis().try_into().unwrap()
}

#[cfg(unix)]
#[test]
fn site_without_a_folder_is_reported() {
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
        shell.envs(variables_of(&launcher));
        shell
    };
    for choice in [["--project", "alpha"], ["--project-id", "101"]] {
        failed(&mut nowhere(&choice)).is(121, &[choice[1], "was not asked"]).hints("SHOTGUN_HOME");
    }
    nowhere(&["--doctor"]).fails_with(122).shows(&["no folder for the"]);
}

#[test]
fn malformed_site_settings_are_refused() {
    let studio = studio();
    for (line, part) in [
        ("refresh_after = 'soon'", "expected a duration"),
        ("refresh_after = 5", "expected text in quotes, found a number"),
        ("hots = 'x'", "unknown key"),
        ("host = ''", "is empty"),
    ] {
        write(studio.path("site.toml"), format!("[site]\n{line}\n"));
        failed(&mut launcher(&studio, &["--list"])).is(122, &["site.toml:2", part]);
    }
}

#[cfg(unix)]
#[test]
fn interrupted_config_must_prove_complete() {
    let studio = studio();
    let alpha = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let launch = || -> Run { launcher(&studio, &["--project", "alpha", "x.py"]).succeeds() };
    launch();
    write(studio.path("toolkit/studio/sgtk-python/p101.lock"), "begun\n");
    launch().warns(&["stays in use"]);
    for mark in ["cache/update_start.txt", "cache/update_end.txt"] {
        fs::remove_file(alpha.join(mark)).unwrap();
    }
    fs::remove_dir_all(studio.path("toolkit/studio/sgtk-python")).unwrap();
    launch();
    write(studio.path("toolkit/studio/sgtk-python/p101.lock"), "begun\n");
    failed(&mut launcher(&studio, &["--project", "alpha", "x.py"])).is(122, &["is not set"]);
}

/// The lock of a running job is best effort: the cache may be read-only. The lock of a query is not.
#[cfg(unix)]
#[test]
fn site_lock_that_is_a_pipe_never_hangs() {
    let studio = studio();
    studio.realised("studio/p101c7.basic.", 101, "alpha");
    let own = studio.path("toolkit/studio/sgtk-python");
    fs::create_dir(&own).unwrap();
    let asks = ["--project", "beta", "x.py"];
    failed(&mut launcher(&studio, &asks)).is(122, &["'core' in [site] is not set"]);
    let locks = fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().path());
    let lock =
        locks.into_iter().find(|path| path.extension().is_some_and(|e| e == "lock")).unwrap();
    fs::remove_file(&lock).unwrap();
    Command::new("mkfifo").args([&lock, &own.join("p101.lock")]).succeeds();
    let name = lock.file_name().unwrap().to_str().unwrap();
    failed(&mut launcher(&studio, &asks)).is(122, &[name, "not a regular file"]);
    launcher(&studio, &["--project", "alpha", "x.py"]).succeeds().silently();
}
