//! Distributed configurations, with the real core and a stand-in for a site: how they are realised, kept,
//! refreshed and chosen.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use crate::distributed_support::{Distributed, IMPORT, WHERE};
use crate::real_core::PYTHON;
use crate::scene::{Run, Running, Runs};
use crate::standin::Behaviour;
use crate::support::{explained, failed, write};

#[test]
#[ignore = "needs the real core: run tests/run"]
fn realised_config_launches_without_the_site() {
    let distributed = Distributed::new();
    let alpha = distributed.alpha();
    assert_eq!(distributed.run(&["--project", "alpha", "-c", IMPORT]), alpha.to_str().unwrap());
    let calls = distributed.site.calls();
    assert!(calls > 0);
    distributed.site.behave(Behaviour::Hanging);
    for choice in
        [["--project", "alpha"], ["--project-id", "101"], ["--path", alpha.to_str().unwrap()]]
    {
        let [option, value] = choice;
        assert_eq!(distributed.run(&[option, value, "-c", IMPORT]), alpha.to_str().unwrap());
    }
    let inside = ["-c", "import os; print(os.environ['SGTK_PYTHON_CONFIG'])"];
    let shown = distributed.launcher(&inside).current_dir(alpha.join("config")).prints();
    assert_eq!(shown.trim_end(), alpha.to_str().unwrap());
    assert_eq!(distributed.site.calls(), calls);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn projects_share_no_environment() {
    let distributed = Distributed::new();
    let program = "import os, sgtk; print(sgtk.sgtk_from_path(os.environ['SGTK_PYTHON_CONFIG']).version, sorted(n for n in os.environ if n != 'LC_CTYPE'))";
    let mut shown = Vec::new();
    for (project, id) in [("alpha", "101"), ("The beta", "102"), ("alpha", "101")] {
        let mut launcher = distributed.launcher(&["--project", project, "-c", program]);
        launcher
            .env("TANK_CURRENT_PC", "/elsewhere")
            .env("PYTHONHOME", "/nowhere")
            .env("SHOTGUN_SITE", "x");
        let by_name = launcher.prints();
        let by_id = distributed.run(&["--project-id", id, "-c", program]);
        assert_eq!(by_id, by_name.trim_end());
        shown.push(by_id);
    }
    assert!(shown[0].starts_with("v0.21.7 ") && shown[1].starts_with("v0.21.8 "), "{shown:?}");
    assert_eq!(shown[0], shown[2]);
    let names = shown[0].split_once(' ').unwrap().1;
    assert_eq!(
        names,
        "['HOME', 'PYTHONPATH', 'SGTK_PYTHON_CONFIG', 'SGTK_PYTHON_SETTINGS', 'SHOTGUN_API_RETRY_INTERVAL', 'SHOTGUN_BASE', 'SHOTGUN_FARM_SCRIPT_KEY', 'SHOTGUN_FARM_SCRIPT_USER', 'SHOTGUN_HOME', 'TANK_CURRENT_PC']"
    );
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn centralized_config_uses_the_sites_path() {
    let distributed = Distributed::new();
    let gamma = distributed.studio.path("elsewhere/gamma");
    let plan = explained(&mut distributed.launcher(&["--refresh", "--project", "gamma"]));
    assert_eq!(plan["config"]["path"], gamma.to_str().unwrap());
    assert_eq!(plan["core"]["kind"], "localized");
    assert!(plan["config"].get("realised").is_none());
    let calls = distributed.site.calls();
    explained(&mut distributed.launcher(&["--project", "gamma"]));
    assert_eq!(distributed.site.calls(), calls);
    // Another project has the folder by now: the kept answer counts no more, nor does the same one of the site.
    let metadata = gamma.join("config/core/pipeline_configuration.yml");
    let own = fs::read_to_string(&metadata).unwrap();
    write(&metadata, own.replace("103", "42"));
    for choice in [["--project", "gamma"], ["--project-id", "103"]] {
        failed(&mut distributed.launcher(&[choice[0], choice[1], "-c", "pass"]))
            .is(122, &["belongs to another project", "42 instead of 103", gamma.to_str().unwrap()])
            .hints("project_id");
    }
    write(&metadata, own);
    distributed.run(&["--project-id", "103", "--explain"]);
    fs::remove_dir_all(&gamma).unwrap();
    failed(&mut distributed.launcher(&["--refresh", "--project", "gamma"]))
        .is(122, &[gamma.to_str().unwrap(), "does not exist", "site http"]);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn parallel_launches_realise_once() {
    let distributed = Distributed::new();
    let start = |arguments: &[&str]| {
        let mut launcher = distributed.launcher(arguments);
        launcher.stdout(Stdio::piped()).stderr(Stdio::piped()).start()
    };
    // By name and by id are two queries about one project.
    let choices = [["--project", "alpha"], ["--project-id", "101"]];
    let launch = |at: usize| {
        let [option, value] = choices[at % 2];
        start(&[option, value, "-c", if at < 10 { IMPORT } else { WHERE }])
    };
    let launches: Vec<Running> = (0..40).map(launch).collect();
    for launch in launches {
        let run = launch.ends().succeeds();
        let is_quiet = run.stderr.is_empty();
        assert!(is_quiet || run.error().starts_with("sgtk-python: warning: waiting"), "{run}");
        assert_eq!(run.text().trim_end(), distributed.alpha().to_str().unwrap(), "{run}");
    }
    assert_eq!(distributed.site.reads_of("LocalStorage"), 1, "as often as it was realised");
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn running_job_delays_refresh_unless_asked() {
    let distributed = Distributed::new();
    let mut job =
        distributed.launcher(&["--project", "alpha", "-c", "print('here', flush=True); input()"]);
    let mut job = job.stdin(Stdio::piped()).stdout(Stdio::piped()).start();
    let mut line = String::new();
    BufReader::new(job.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "here\n");
    let calls = distributed.site.calls();
    distributed.settings("refresh_after = '0s'");
    let launch = ["--project", "alpha", "-c", "print('launched')"];
    assert_eq!(distributed.run(&launch), "launched");
    assert_eq!(distributed.site.calls(), calls);
    let mut refresh = distributed.launcher(&[&["--refresh"], &launch[..]].concat());
    refresh.succeeds().warns(&["realised again while jobs ran"]);
    job.stdin.take().unwrap().write_all(b"\n").unwrap();
    job.ends().succeeds();
    let calls = distributed.site.calls();
    assert_eq!(distributed.run(&launch), "launched");
    assert!(distributed.site.calls() > calls);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn missing_python_falls_back_to_the_sites() {
    let distributed = Distributed::new();
    distributed.run(&["--project", "alpha", "-c", "pass"]);
    let file = distributed.alpha().join("config/core/interpreter_Linux.cfg");
    write(&file, "/opt/Shotgun/Python/bin/python");
    let run = distributed.launcher(&["--project", "alpha", "-c", "print('launched')"]).succeeds();
    assert_eq!(run.text(), "launched\n", "{run}");
    run.warns(&["/opt/Shotgun/Python/bin/python", PYTHON.to_str().unwrap()]);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn mixed_studio_lists_explains_and_diagnoses() {
    let distributed = Distributed::new();
    let bigbuck = distributed.studio.localized("bigbuck");
    distributed.run(&["--project", "alpha", "-c", "pass"]);
    let list = distributed.stranger(&["--list=json"]).succeeds().silently().json();
    let shown: Vec<(&str, &str)> = list["projects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (l["name"].as_str().unwrap(), l["core"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, [("alpha", "realised"), ("bigbuck", "localized")]);
    let plan = explained(&mut distributed.stranger(&["--project", "alpha", "--engine", "tk-test"]));
    assert_eq!(plan["core"]["kind"], "realised");
    assert_eq!(plan["session"]["engine"], "tk-test");
    let descriptor = format!(
        "sgtk:descriptor:path?path={}",
        distributed.studio.path("descriptors/alpha").display()
    );
    assert_eq!(plan["config"]["realised"]["descriptor"], descriptor);
    assert!(plan["config"]["realised"]["age"].as_u64().unwrap() < 600);
    fs::remove_dir_all(bigbuck).unwrap();
    let doctor = || -> Run { distributed.stranger(&["--doctor=json"]).run() };
    doctor().succeeds();
    distributed.settings("credentials_file = 'none.yml'");
    let missing = distributed.studio.path("none.yml");
    let missing = format!("file does not exist: {}", missing.display());
    doctor().fails_with(122).shows(&[&missing]);
    distributed.settings("");
    fs::remove_file(distributed.alpha().join("cache/update_end.txt")).unwrap();
    doctor().fails_with(122).shows(&["the last bootstrap was interrupted"]);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn working_directory_modules_are_not_imported() {
    let distributed = Distributed::new();
    for name in ["json.py", "sgtk.py", "socket.py"] {
        write(distributed.studio.path("evil").join(name), "raise SystemExit('evil')\n");
    }
    let script = distributed.studio.path("scripts/job.py");
    write(&script, "print('launched')\n");
    let words = ["--project", "alpha", "--engine", "tk-test", script.to_str().unwrap()];
    let mut launcher = distributed.launcher(&words);
    let shown = launcher.current_dir(distributed.studio.path("evil")).prints();
    assert!(shown.contains("\nlaunched\n"), "{shown}");
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn other_name_of_a_project_delays_refresh_too() {
    let distributed = Distributed::new();
    let job = ["--project", "alpha", "-c", "print('here', flush=True); input(); import sgtk"];
    let mut job = distributed.launcher(&job);
    let mut job = job.stdin(Stdio::piped()).stdout(Stdio::piped()).start();
    let mut line = String::new();
    BufReader::new(job.stdout.take().unwrap()).read_line(&mut line).unwrap();
    distributed.settings("refresh_after = '0s'");
    let by_display_name = ["--project", "The alpha", "-c", IMPORT];
    assert_eq!(distributed.run(&by_display_name), distributed.alpha().to_str().unwrap());
    job.stdin.take().unwrap().write_all(b"\n").unwrap();
    job.ends().succeeds();
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn relative_path_from_the_site_is_refused() {
    let distributed = Distributed::new();
    distributed.site.know(json!({"type": "Project", "id": 104, "name": "delta"}));
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 14, "code": "Primary",
        "project": {"type": "Project", "id": 104}, "users": [],
        "linux_path": "gamma", "mac_path": "gamma", "windows_path": "gamma"}));
    let mut launcher = distributed.launcher(&["--project", "delta", "-c", "pass"]);
    launcher.current_dir(distributed.studio.path("elsewhere"));
    failed(&mut launcher).is(122, &["not an absolute path", "'gamma'"]);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn refresh_holds_for_every_way_to_choose() {
    let distributed = Distributed::new();
    let own = distributed.studio.path("home/toolkit/127.0.0.1/sgtk-python");
    let chosen = |choice: [&str; 2]| distributed.run(&[choice[0], choice[1], "-c", WHERE]);
    let choices = [["--project", "alpha"], ["--project", "The alpha"], ["--project-id", "101"]];
    for choice in choices {
        assert_eq!(chosen(choice), distributed.alpha().to_str().unwrap());
    }
    // The site has another Primary now, and Toolkit leaves the old folder.
    distributed.site.forget("PipelineConfiguration", 11);
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 99, "code": "Primary",
        "project": {"type": "Project", "id": 101}, "users": [], "plugin_ids": "basic.*",
        "descriptor": format!("sgtk:descriptor:path?path={}", distributed.studio.path("descriptors/alpha").display())}));
    let other = distributed.studio.path("home/toolkit/127.0.0.1/p101c99.basic./cfg");
    distributed.run(&["--refresh", "--project", "The alpha", "-c", "pass"]);
    for _ in 0..2 {
        for choice in choices {
            assert_eq!(chosen(choice), other.to_str().unwrap(), "{choice:?}");
        }
        let each = distributed.launcher(&["--each", "-c", WHERE]).succeeds();
        assert_eq!(each.text(), format!("alpha | {}\n", other.display()), "{each}");
        // `--config` launches that very folder, though the site no longer has it.
        let old = distributed.alpha();
        assert_eq!(chosen(["--config", old.to_str().unwrap()]), old.to_str().unwrap());
        fs::remove_dir_all(&own).unwrap();
    }
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn project_without_tank_name_uses_its_site_name() {
    let distributed = Distributed::new();
    let descriptor = distributed.studio.path("descriptors/alpha");
    for (id, name) in [(105, "Delta Show"), (106, "Echo Show")] {
        distributed.site.know(json!({"type": "Project", "id": id, "name": name}));
        distributed.site.know(json!({"type": "PipelineConfiguration", "id": id, "code": "Primary",
            "project": {"type": "Project", "id": id}, "users": [], "plugin_ids": "basic.*",
            "descriptor": format!("sgtk:descriptor:path?path={}", descriptor.display())}));
    }
    distributed.settings("[projects.'Echo Show'.environment]\nset = { OURS = 'yes' }");
    let program = "import os; print(os.environ.get('OURS'), os.environ['SGTK_PYTHON_CONFIG'])";
    let own = distributed.studio.path("home/toolkit/127.0.0.1/sgtk-python");
    let mut calls = Vec::new();
    for _ in 0..2 {
        for (id, name, ours) in [(105, "Delta Show", "None"), (106, "Echo Show", "yes")] {
            let folder = format!("home/toolkit/127.0.0.1/p{id}c{id}.basic./cfg");
            let config = distributed.studio.path(folder);
            for choice in [["--project-id", &id.to_string()], ["--project", name]] {
                let shown = distributed.run(&[choice[0], choice[1], "-c", program]);
                assert_eq!(shown, format!("{ours} {}", config.display()), "{choice:?}");
            }
        }
        assert_eq!(distributed.run(&["--list=names"]), "Delta Show\nEcho Show");
        // Without cached answers the site is asked for the names, but nothing is realised.
        fs::remove_dir_all(&own).unwrap();
        calls.push(distributed.site.reads_of("LocalStorage"));
    }
    assert_eq!(calls, [2, 2]);
    // Another name on the site replaces the old one.
    let old_name = ["--project", "Delta Show", "-c", "pass"];
    distributed.run(&old_name);
    distributed.site.forget("Project", 105);
    distributed.site.know(json!({"type": "Project", "id": 105, "name": "Delta"}));
    distributed.run(&["--refresh", "--project-id", "105", "-c", "pass"]);
    failed(&mut distributed.launcher(&old_name)).is(121, &["Delta Show"]);
    distributed.run(&["--project", "Delta", "-c", "pass"]);
    failed(&mut distributed.launcher(&["--project", "unnamed"])).is(121, &["unnamed"]);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn base_configuration_stands_in_for_primary() {
    let distributed = Distributed::new();
    let descriptor = format!(
        "sgtk:descriptor:path?path={}",
        distributed.studio.path("descriptors/alpha").display()
    );
    distributed.site.know(json!({"type": "Project", "id": 107, "name": "Golf"}));
    distributed.settings(&format!("base_configuration = '{descriptor}'"));
    let base = distributed.studio.path("home/toolkit/127.0.0.1/p107.basic./cfg");
    let launch = ["--project-id", "107", "-c", WHERE];
    assert_eq!(distributed.run(&launch), base.to_str().unwrap());
    let each = |config: &Path| {
        let each = distributed.launcher(&["--each", "-c", WHERE]).succeeds();
        assert_eq!(each.text(), format!("Golf | {}\n", config.display()), "{each}");
    };
    each(&base);
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 17, "code": "Primary",
        "project": {"type": "Project", "id": 107}, "users": [], "plugin_ids": "basic.*",
        "descriptor": descriptor}));
    let by_folder = ["--refresh", "--config", base.to_str().unwrap(), "-c", WHERE];
    failed(&mut distributed.launcher(&by_folder))
        .is(121, &["'Golf' has no such configuration", base.to_str().unwrap()])
        .hints("--pipeline Primary");
    let primary = distributed.studio.path("home/toolkit/127.0.0.1/p107c17.basic./cfg");
    let refresh = ["--refresh", "--project", "Golf", "-c", WHERE];
    assert_eq!(distributed.run(&refresh), primary.to_str().unwrap());
    each(&primary);
    assert_eq!(distributed.run(&by_folder[1..]), base.to_str().unwrap());
}
