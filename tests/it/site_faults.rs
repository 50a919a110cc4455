//! A site that fails, hangs or knows nothing, and launches that are killed meanwhile: one clear line, and
//! realised configurations stay in use.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::distributed_support::{Distributed, IMPORT, WHERE, wait_for};
use crate::real_core::PYTHON;
use crate::scene::{Running, Runs};
use crate::standin::Behaviour;
use crate::support::{failed, failure_of, make_executable, write};

/// Ways in which a site fails, and a part of each message.
const FAILURES: [(Behaviour, &str); 5] = [
    (Behaviour::Status(500), "500"),
    (Behaviour::Babbling, "no valid answer"),
    (Behaviour::Hanging, "timed out"),
    (Behaviour::DyingAfter(0), "no valid answer"),
    (Behaviour::DyingAfter(4), "no valid answer"),
];

/// The settings for a site that behaves so: a short timeout only where no answer comes.
fn timeout_for(behaviour: Behaviour) -> &'static str {
    if behaviour == Behaviour::Hanging { "timeout = '1s'" } else { "" }
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn site_failure_is_one_line() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", "print('launched')"];
    for (behaviour, part) in FAILURES {
        distributed.settings(timeout_for(behaviour));
        distributed.site.behave(behaviour);
        failed(&mut distributed.launcher(&launch))
            .is(122, &["'alpha'", &distributed.site.address, part])
            .hints(".log");
    }
    distributed.settings("");
    distributed.site.behave(Behaviour::Proper);
    let mut wrong_key = distributed.launcher(&launch);
    failed(wrong_key.env("SHOTGUN_FARM_SCRIPT_KEY", "wrong")).is(122, &["login refused"]);
    let unknown = ["--project", "delta", "-c", "pass"];
    failed(&mut distributed.launcher(&unknown))
        .is(121, &["unknown project: 'delta'", "not on the site http"]);
    failed(&mut distributed.launcher(&["--project-id", "7", "-c", "pass"]))
        .is(121, &["not on the site http"]);
    for pipeline in ["Dev", "99"] {
        let other = ["--project", "alpha", "--pipeline", pipeline, "-c", "pass"];
        failed(&mut distributed.launcher(&other))
            .is(
                121,
                &[
                    "'alpha'",
                    &format!("the project has no configuration '{pipeline}', but 'Primary' (11)"),
                ],
            )
            .hints("--pipeline");
    }
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 14, "code": "Other",
        "project": {"type": "Project", "id": 101}, "users": [], "plugin_ids": "rv.*",
        "descriptor": "sgtk:descriptor:path?path=/nowhere"}));
    failed(&mut distributed.launcher(&["--project", "alpha", "--pipeline", "Other", "-c", "pass"]))
        .is(121, &["alpha", "the project has no configuration for the plugin"])
        .hints("base_configuration");
    let mut refused = distributed.launcher(&launch);
    // The port of a connection: nothing listens there, and nothing else can take it.
    let taken = TcpStream::connect(distributed.site.address.trim_start_matches("http://")).unwrap();
    let nowhere = format!("http://{}", taken.local_addr().unwrap());
    refused.env("SGTK_SITE", &nowhere);
    failed(&mut refused).is(122, &[&nowhere, "efused"]);
    assert_eq!(distributed.run(&launch), "launched");
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn realised_config_survives_site_failure() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", WHERE];
    let alpha = distributed.run(&launch);
    for (behaviour, part) in FAILURES {
        distributed.settings(&format!("refresh_after = '0s'\n{}", timeout_for(behaviour)));
        distributed.site.behave(behaviour);
        let run = distributed.launcher(&launch).succeeds();
        let warning = run.error();
        assert!(warning.starts_with("sgtk-python: warning: "), "{behaviour:?}\n{run}");
        assert!(warning.contains(part) && warning.lines().count() == 1, "{behaviour:?}\n{run}");
        assert_eq!(run.text().trim_end(), alpha, "{run}");
    }
    let asked = ["--refresh", "--project", "alpha", "-c", WHERE];
    distributed.settings("refresh_after = '0s'");
    failed(&mut distributed.launcher(&asked)).is(122, &["no valid answer"]);
    distributed.settings("refresh_after = '1h'");
    assert_eq!(distributed.run(&launch), alpha);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn unfinished_config_is_never_launched() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", IMPORT];
    let alpha = distributed.run(&launch);
    fs::remove_file(distributed.alpha().join("cache/update_end.txt")).unwrap();
    distributed.site.behave(Behaviour::Status(500));
    failed(&mut distributed.launcher(&launch)).is(122, &["500"]);
    failed(&mut distributed.launcher(&["--project", "alpha", "--explain"]))
        .is(121, &["not been realised"]);
    for option in ["--path", "--config"] {
        failed(&mut distributed.launcher(&[option, &alpha, "-c", WHERE]))
            .is(122, &[&alpha, "is incomplete"]);
    }
    distributed.site.behave(Behaviour::Proper);
    assert_eq!(distributed.run(&launch), alpha);
}

/// Starts a launch that the site leaves without an answer after so many, and waits until it is so far.
fn stuck(distributed: &Distributed, arguments: &[&str], after: usize) -> Running {
    let calls = distributed.site.calls();
    distributed.site.behave(Behaviour::HangingAfter(calls + after));
    let mut launcher = distributed.launcher(arguments);
    let running = launcher.stdout(Stdio::null()).stderr(Stdio::null()).start();
    wait_for("the launch's requests", || distributed.site.calls() >= calls + after);
    running
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn killed_launch_leaves_the_next_working() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", IMPORT];
    for after in [0, 2, 5, 7] {
        stuck(&distributed, &launch, after).ends_killed().dies_by(9);
    }
    distributed.site.behave(Behaviour::Proper);
    let alpha = distributed.run(&launch);
    let refresh = ["--refresh", "--project", "alpha", "-c", WHERE];
    for after in [2, 5, 7] {
        stuck(&distributed, &refresh, after).ends_killed().dies_by(9);
        distributed.site.behave(Behaviour::Proper);
        assert_eq!(distributed.run(&launch), alpha);
    }
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn hanging_site_delays_no_other_launch() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", WHERE];
    let alpha = distributed.run(&launch);
    distributed.settings("refresh_after = '0s'");
    distributed.set("timeout", "10m");
    let mut first = stuck(&distributed, &launch, 1);
    assert_eq!(distributed.run(&launch), alpha);
    assert!(first.try_wait().unwrap().is_none(), "the second launch waited for the first");
    first.ends_killed().dies_by(9);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn job_started_during_a_query_delays_refresh() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", "pass"];
    distributed.run(&launch);
    distributed.settings("refresh_after = '0s'");
    distributed.set("timeout", "5s");
    let first = stuck(&distributed, &launch, 1);
    let job = ["--project", "alpha", "-c", "print('here', flush=True); input(); import sgtk"];
    let mut job = distributed.launcher(&job);
    let mut job = job.stdin(Stdio::piped()).stdout(Stdio::piped()).start();
    let mut line = String::new();
    BufReader::new(job.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "here\n");
    // Toolkit tries a second time.
    distributed.site.behave(Behaviour::Proper);
    first.ends().succeeds();
    assert!(distributed.site.reads_of("Project") > 1, "it was asked");
    assert_eq!(distributed.site.reads_of("LocalStorage"), 1, "it was realised once");
    job.stdin.take().unwrap().write_all(b"\n").unwrap();
    job.ends().succeeds();
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn hanging_bootstrap_ends_with_its_children() {
    let distributed = Distributed::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let git = distributed.studio.path("bin/git");
    let port = server.local_addr().unwrap().port();
    let text = format!(
        "#!{}\nimport socket\nsocket.create_connection(('127.0.0.1', {port})).recv(1)\n",
        PYTHON.display()
    );
    write(&git, text);
    make_executable(&git);
    distributed.site.know(json!({"type": "Project", "id": 104, "name": "delta"}));
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 14, "code": "Primary",
        "project": {"type": "Project", "id": 104}, "users": [], "plugin_ids": "basic.*",
        "descriptor": "sgtk:descriptor:git?path=git://nowhere/x.git&version=v1"}));
    distributed.settings("realise_timeout = '2s'");
    let launch = || {
        let mut launcher = distributed.launcher(&["--project", "delta", "-c", "pass"]);
        launcher.env("PATH", git.parent().unwrap()).stderr(Stdio::piped());
        launcher.start()
    };
    let first = launch();
    let (mut connection, _) = server.accept().unwrap();
    failure_of(&first.ends()).is(122, &["'delta'", "no progress within 2 s"]);
    // The connection closes when the last of the processes has ended.
    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(connection.read(&mut [0]).unwrap(), 0);
    distributed.set("realise_timeout", "10m");
    let first = launch();
    let _connection = server.accept().unwrap();
    let mut second = launch();
    let mut line = String::new();
    BufReader::new(second.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("sgtk-python: warning: waiting for another launch"), "{line}");
    for launch in [second, first] {
        launch.ends_killed().dies_by(9);
    }
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn failed_query_leaves_realised_configs_alone() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", WHERE];
    let alpha = distributed.run(&launch);
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 14, "code": "Dev",
        "project": {"type": "Project", "id": 101}, "users": [], "plugin_ids": "rv.*",
        "descriptor": "sgtk:descriptor:path?path=/nowhere"}));
    let dev = ["--project", "alpha", "--pipeline", "Dev", "-c", "pass"];
    failed(&mut distributed.launcher(&dev))
        .is(121, &["alpha", "the project has no configuration for the plugin"]);
    let calls = distributed.site.calls();
    distributed.site.behave(Behaviour::DyingAfter(calls + 4));
    failed(&mut distributed.launcher(&["--refresh", "--project", "alpha"])).is(122, &["alpha"]);
    let calls = distributed.site.calls();
    assert_eq!(distributed.run(&launch), alpha);
    assert_eq!(distributed.site.calls(), calls);
}

/// Checks whether a launch waits for another one's answer, or has it; true on a system that does not show it.
fn has_a_lock_open(launch: &Child) -> bool {
    let open = fs::read_dir(format!("/proc/{}/fd", launch.id())).into_iter().flatten().flatten();
    let mut paths = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    !cfg!(target_os = "linux") || paths.any(|path| path.extension().is_some_and(|e| e == "lock"))
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn refusal_of_the_site_is_cached() {
    let distributed = Distributed::new();
    distributed.site.know(json!({"type": "Project", "id": 104, "name": "delta"}));
    let own = distributed.studio.path("home/toolkit/127.0.0.1/sgtk-python");
    let two_days = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    for name in ["old.log", "old.refusal", "old.answer"] {
        write(own.join(name), "");
        let file = fs::File::options().write(true).open(own.join(name)).unwrap();
        file.set_modified(two_days).unwrap();
    }
    for (id, part) in
        [("7", "not on the site http"), ("104", "has no configuration for the plugin")]
    {
        let launch = ["--project-id", id, "-c", "pass"];
        let refused = || {
            let failure = failed(&mut distributed.launcher(&launch));
            failure.is(121, &[part]).hints("--refresh");
            distributed.site.calls()
        };
        let calls = refused();
        assert_eq!(refused(), calls);
        let refresh = [&["--refresh"], &launch[..]].concat();
        failed(&mut distributed.launcher(&refresh)).is(121, &[part]);
        assert!(distributed.site.calls() > calls);
        // As if the clock was set back since.
        for file in fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "refusal") {
                let file = fs::File::options().write(true).open(file).unwrap();
                file.set_modified(SystemTime::now() + Duration::from_secs(60 * 60)).unwrap();
            }
        }
        let calls = distributed.site.calls();
        assert!(refused() > calls);
    }
    let is_there = |name| own.join(name).exists();
    assert!(!is_there("old.log") && !is_there("old.refusal") && is_there("old.answer"));
    let alpha = json!({"type": "Project", "id": 7, "name": "The seventh"});
    distributed.site.know(alpha);
    distributed.settings("refresh_after = '0s'");
    failed(&mut distributed.launcher(&["--project-id", "7", "-c", "pass"]))
        .is(121, &["has no configuration for the plugin"]);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn waiting_launches_share_a_failure() {
    let distributed = Distributed::new();
    distributed.site.behave(Behaviour::Status(500));
    let launch = ["--project", "alpha", "-c", "pass"];
    failed(&mut distributed.launcher(&launch)).is(122, &["500"]);
    let alone = distributed.site.calls();
    let first = stuck(&distributed, &launch, 1);
    let start = || distributed.launcher(&launch).stderr(Stdio::piped()).start();
    let waiting: Vec<Running> = (0..5).map(|_| start()).collect();
    wait_for("all to wait", || waiting.iter().all(|launch| has_a_lock_open(launch)));
    distributed.site.behave(Behaviour::Status(500));
    for launch in waiting.into_iter().chain([first]) {
        launch.ends().fails_with(122);
    }
    let calls = distributed.site.calls();
    assert!(calls <= alone + 3, "{alone} {calls}: more than one answer, none, and a failure");
}
