//! Engines in workers, with the real core and a site that stands in: started for each job, or kept.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use serde_json::Value;

use crate::distributed_support::Distributed;
use crate::support::write;
use crate::warm_support::{PRELUDE, lives, stop_after_starts, wait_until};

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

    /// The launcher without descriptors that whoever runs the tests left open.
    fn command(&self, arguments: &[&str]) -> Command {
        let launcher = self.0.launcher(arguments);
        let mut command = Command::new("bash");
        command.args(["-c", &format!("{PRELUDE}exec \"$@\""), "bash"]).arg(launcher.get_program());
        command.args(launcher.get_args()).env_clear();
        command.envs(launcher.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("XDG_RUNTIME_DIR", self.0.studio.path("run")).env("PATH", "/usr/bin:/bin");
        command
    }

    fn job(&self, words: &[&str]) -> Output {
        let launch = ["--project", "alpha", "--warm", "--engine", "tk-test"];
        self.command(&[&launch, words].concat()).output().unwrap()
    }

    #[track_caller]
    fn says(&self, words: &[&str]) -> String {
        let output = self.job(words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && error.is_empty(), "{:?} {error}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    fn workers(&self) -> Vec<Value> {
        let output = self.command(&["--workers=json"]).output().unwrap();
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        list["workers"].as_array().unwrap().clone()
    }

    /// Starts a worker, and waits until it is ready.
    fn start(&self) {
        self.says(&["-c", "pass"]);
        wait_until(|| self.workers().iter().any(|worker| worker["state"] == "ready"));
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

const TELL: &str = "import os, sgtk, sys; engine = sgtk.platform.current_engine(); print(engine.instance_name, sgtk.get_authenticated_user(), sys.argv[1:], sorted(n for n, v in os.environ.items() if 'CREDENTIALS' in n or 'WORKER' in n)); sys.exit(engine.shotgun.find_one('Project', [['id', 'is', 101]])['id'] - 100)";

#[test]
#[ignore = "needs the real core: run tests/run"]
fn engine_starts_in_the_job() {
    let engines = Engines::new("");
    // The first launch with an engine realises the configuration, for which a worker of its own comes.
    let none = ["--project", "alpha", "--engine", "tk-none", "-c", "pass"];
    assert_eq!(engines.command(&none).output().unwrap().status.code(), Some(122));
    engines.start();
    let plain = engines.0.launcher(&["--project", "alpha", "--engine", "tk-test", "-c", TELL, "a"]);
    let plain = { plain }.output().unwrap();
    let warm = engines.job(&["-c", TELL, "a"]);
    assert_eq!(warm, plain);
    assert_eq!(warm.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&warm.stdout).starts_with("up "));
    wait_until(|| engines.done() == 1);
    let output = engines.command(&[&["--warm"], &none[..]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(122));
    wait_until(|| engines.done() == 2);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn kept_engine_serves_jobs_separately() {
    let engines = Engines::new("keep_engine = true");
    engines.start();
    let output = engines.job(&["-c", TELL, "a"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "tk-test robot ['a'] []\ndown\n");
    assert_eq!(output.status.code(), Some(1));
    let connections = engines.0.site.connections();
    // Each waits for the other one while its connection is open.
    let folder = engines.0.studio.path("meeting");
    fs::create_dir(&folder).unwrap();
    let program = "import os, sgtk, sys, time
sg = sgtk.platform.current_engine().shotgun
sg.find_one('Project', [['id', 'is', 101]])
open(os.path.join(sys.argv[1], sys.argv[2]), 'w').close()
latest = time.monotonic() + 60
while len(os.listdir(sys.argv[1])) < 2:
    assert time.monotonic() < latest, 'the other one does not come'
    time.sleep(0.01)
print(sg.find_one('Project', [['id', 'is', 101]])['id'])
";
    let launch = ["--project", "alpha", "--warm", "--engine", "tk-test", "-c", program];
    let jobs = ["one", "other"].map(|name| {
        let mut command = engines.command(&launch);
        command.arg(&folder).arg(name).stdout(std::process::Stdio::piped()).spawn().unwrap()
    });
    for job in jobs {
        let output = job.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "101\ndown\n");
    }
    assert!(engines.0.site.connections() >= connections + 2);
    wait_until(|| engines.done() == 3);
    let shot = serde_json::json!({"type": "Shot", "id": 7, "code": "010",
        "project": {"type": "Project", "id": 101, "name": "The alpha"}});
    engines.0.site.know(shot);
    let program = "import sgtk; print(sgtk.platform.current_engine().context.entity['id'])";
    let told = engines.says(&["--entity", "Shot:7", "-c", program]);
    // It was started anew for that, and ends with the job as the first one does.
    assert!(told.ends_with("\n7\ndown\n"), "{told}");
    wait_until(|| engines.done() == 4);
    // Another environment is another engine.
    let environment = engines.0.alpha().join("config/env/project.yml");
    let text = fs::read_to_string(&environment).unwrap();
    write(&environment, format!("{text}\n"));
    engines.says(&["-c", "pass"]);
    wait_until(|| engines.workers().len() == 2);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn kept_engine_ends_with_its_environment() {
    let engines = Engines::new("keep_engine = true");
    // Toolkit uses what the descriptor names, and the launcher knows the configuration's own.
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
    write(&own, "frameworks: {}\n");
    engines.says(&["-c", "pass"]);
    wait_until(|| engines.workers().len() == 2);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn engine_with_open_files_is_not_kept() {
    let engines = Engines::new("keep_engine = true");
    let engine = engines.0.studio.path("engine/engine.py");
    let text = fs::read_to_string(&engine).unwrap();
    let open = "import socket, tempfile\nkept = socket.socketpair()\n";
    write(&engine, format!("{open}{text}"));
    engines.says(&["-c", "pass"]);
    wait_until(|| engines.workers().iter().all(|worker| worker["state"] != "starting"));
    let plan = ["--project", "alpha", "--warm", "--engine", "tk-test", "--explain"];
    let output = engines.command(&[&plan[..], &["-c", "pass"]].concat()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("leaves socket:["), "{told}");
    assert!(engines.says(&["-c", "print('launched')"]).contains("launched"));
}
