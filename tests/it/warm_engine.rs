//! Engines in workers, with the real core and a stand-in for a site: started for each job, or kept.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::distributed_support::Distributed;
use crate::scene::{Run, Runs};
use crate::support::{variables_of, write};
use crate::warm_support::{PRELUDE, is_ready, lives, stop_after_starts, wait_until};

/// A studio with a distributed project, whose jobs run in workers.
struct Engines(Distributed);

impl Engines {
    fn new(settings: &str) -> Self {
        let distributed = Distributed::new();
        distributed.settings("");
        let path = distributed.studio.path("site.toml");
        let text = fs::read_to_string(&path).unwrap();
        write(path, format!("{settings}\n{text}"));
        let run = distributed.studio.path("run");
        fs::create_dir(&run).unwrap();
        fs::set_permissions(run, fs::Permissions::from_mode(0o700)).unwrap();
        Engines(distributed)
    }

    /// The launcher without descriptors that the tests' caller left open.
    fn command(&self, arguments: &[&str]) -> Command {
        let launcher = self.0.launcher(arguments);
        let mut command = Command::new("bash");
        command.args(["-c", &format!("{PRELUDE}exec \"$@\""), "bash"]).arg(launcher.get_program());
        command.args(launcher.get_args()).env_clear();
        command.envs(variables_of(&launcher));
        command.env("XDG_RUNTIME_DIR", self.0.studio.path("run")).env("PATH", "/usr/bin:/bin");
        command
    }

    /// Runs a job; the caller checks its status.
    fn job(&self, words: &[&str]) -> Run {
        let launch = ["--project", "alpha", "--warm", "--engine", "tk-test"];
        self.command(&[&launch, words].concat()).run()
    }

    /// Returns the output of a job that has to succeed without a word on standard error.
    #[track_caller]
    fn says(&self, words: &[&str]) -> String {
        self.job(words).prints()
    }

    #[track_caller]
    fn workers(&self) -> Vec<Value> {
        let list = self.command(&["--workers=json"]).succeeds().json();
        list["workers"].as_array().unwrap().clone()
    }

    /// Starts a worker, and waits until it is ready.
    fn start(&self) {
        self.says(&["-c", "pass"]);
        wait_until(|| self.workers().iter().any(is_ready));
    }

    fn done(&self) -> i64 {
        self.workers().iter().filter_map(|worker| worker["done"].as_i64()).sum()
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        stop_after_starts(|word| self.command(&[word]));
    }
}

const SHOW: &str = "import os, sgtk, sys; engine = sgtk.platform.current_engine(); print(engine.instance_name, sgtk.get_authenticated_user(), sys.argv[1:], sorted(n for n, v in os.environ.items() if 'CREDENTIALS' in n or 'WORKER' in n)); sys.exit(engine.shotgun.find_one('Project', [['id', 'is', 101]])['id'] - 100)";

#[test]
#[ignore = "needs the real core: run tests/run"]
fn engine_starts_in_the_job() {
    let engines = Engines::new("");
    // The first launch with an engine realises the configuration, which gets another worker.
    let none = ["--project", "alpha", "--engine", "tk-none", "-c", "pass"];
    engines.command(&none).fails_with(122);
    engines.start();
    let words = ["--project", "alpha", "--engine", "tk-test", "-c", SHOW, "a"];
    let plain = engines.0.launcher(&words).fails_with(1);
    let warm = engines.job(&["-c", SHOW, "a"]).fails_with(1);
    assert_eq!(*warm, *plain);
    assert!(warm.text().starts_with("up "), "{warm}");
    wait_until(|| engines.done() == 1);
    engines.command(&[&["--warm"], &none[..]].concat()).fails_with(122);
    wait_until(|| engines.done() == 2);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn kept_engine_serves_jobs_separately() {
    let engines = Engines::new("keep_engine = true");
    engines.start();
    let run = engines.job(&["-c", SHOW, "a"]).fails_with(1);
    assert_eq!(run.text(), "tk-test robot ['a'] []\ndown\n", "{run}");
    let connections = engines.0.site.connections();
    // Each job waits for the other while its connection is open.
    let folder = engines.0.studio.path("meeting");
    fs::create_dir(&folder).unwrap();
    let program = "import os, sgtk, sys, time
sg = sgtk.platform.current_engine().shotgun
sg.find_one('Project', [['id', 'is', 101]])
open(os.path.join(sys.argv[1], sys.argv[2]), 'w').close()
latest = time.monotonic() + 60
while len(os.listdir(sys.argv[1])) < 2:
    assert time.monotonic() < latest, 'the other job does not come'
    time.sleep(0.01)
print(sg.find_one('Project', [['id', 'is', 101]])['id'])
";
    let launch = ["--project", "alpha", "--warm", "--engine", "tk-test", "-c", program];
    let jobs = ["one", "other"].map(|name| {
        let mut command = engines.command(&launch);
        command.arg(&folder).arg(name).stdout(Stdio::piped()).start()
    });
    for job in jobs {
        let run = job.ends().succeeds();
        assert_eq!(run.text(), "101\ndown\n", "{run}");
    }
    assert!(engines.0.site.connections() >= connections + 2);
    wait_until(|| engines.done() == 3);
    let shot = serde_json::json!({"type": "Shot", "id": 7, "code": "010",
        "project": {"type": "Project", "id": 101, "name": "The alpha"}});
    engines.0.site.know(shot);
    let program = "import sgtk; print(sgtk.platform.current_engine().context.entity['id'])";
    let shown = engines.says(&["--entity", "Shot:7", "-c", program]);
    // The engine was restarted for the entity, and ends with the job like the kept one.
    assert!(shown.ends_with("\n7\ndown\n"), "{shown}");
    wait_until(|| engines.done() == 4);
    // Another environment is another engine.
    let first = engines.workers()[0]["pid"].as_i64().unwrap();
    let environment = engines.0.alpha().join("config/env/project.yml");
    let text = fs::read_to_string(&environment).unwrap();
    write(&environment, format!("{text}\n"));
    wait_until(|| !lives(first));
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn kept_engine_ends_with_its_environment() {
    let engines = Engines::new("keep_engine = true");
    // Toolkit reads the files of the descriptor; the worker watches those of the realised configuration too.
    let used = engines.0.studio.path("descriptors/alpha/env/settings/apps/deep.yml");
    let own = engines.0.alpha().join("config/env/settings/apps/deep.yml");
    for file in [&used, &own] {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        write(file, "");
    }
    engines.start();
    let first = engines.workers()[0]["pid"].as_i64().unwrap();
    write(&used, "frameworks: {}\n");
    wait_until(|| !lives(first));
    engines.start();
    let second = engines.workers()[0]["pid"].as_i64().unwrap();
    write(&own, "frameworks: {}\n");
    wait_until(|| !lives(second));
}

/// Lines before the test engine's own, and why the worker does not keep an engine with them.
const NOT_KEPT: [(&str, &str); 3] = [
    ("import socket\nopen_one = socket.socketpair()\n", "the imports left socket:["),
    // As with a core whose threads for metrics cannot be stopped.
    (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
        "a thread still runs after the imports: Thread-",
    ),
    // As with a core that lacks a public interface.
    (
        "import sgtk\ndel sgtk.Sgtk.configuration_descriptor\n",
        "cannot keep the engine 'tk-test' with this core: ",
    ),
];

#[test]
#[ignore = "needs the real core: run tests/run"]
fn engine_that_cannot_be_kept_runs_plainly() {
    for (lines, why) in NOT_KEPT {
        let engines = Engines::new("keep_engine = true");
        let engine = engines.0.studio.path("engine/engine.py");
        let text = fs::read_to_string(&engine).unwrap();
        write(&engine, format!("{lines}{text}"));
        engines.says(&["-c", "pass"]);
        wait_until(|| engines.workers().iter().all(|worker| worker["state"] != "starting"));
        let plan = ["--project", "alpha", "--warm", "--engine", "tk-test", "--explain"];
        engines.command(&[&plan[..], &["-c", "pass"]].concat()).succeeds().shows(&[why]);
        assert!(engines.says(&["-c", "print('launched')"]).contains("launched"));
    }
}
