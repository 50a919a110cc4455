//! `--exclusive`: one run at a time for a project and script.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::scene::{Running, Runs};
use crate::support::{PYTHON, Studio, failed, interpreter, variables_of, write};

/// Prints `runs`, and goes on until its standard input ends.
const JOB: &str =
    "import sys; print('runs', flush=True); sys.stdin.read(); print('done', flush=True)";

fn studio() -> Studio {
    let studio = Studio::new();
    for name in ["bigbuck", "sintel"] {
        interpreter(&studio.localized(name), PYTHON.to_str().unwrap());
    }
    write(studio.path("jobs/job.py"), JOB);
    write(studio.path("jobs/other.py"), JOB);
    studio
}

fn launcher(studio: &Studio, option: &str, project: &str, job: &str) -> Command {
    studio.launcher([option, "--project", project, job])
}

/// Starts a job, and returns when its script runs.
#[track_caller]
fn running(command: &mut Command) -> Running {
    let mut job = command.stdin(Stdio::piped()).stdout(Stdio::piped()).start();
    let mut line = String::new();
    BufReader::new(job.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "runs\n");
    job
}

/// Ends a job's standard input and waits for its success.
#[track_caller]
fn end(mut job: Running) {
    drop(job.stdin.take());
    job.ends().succeeds();
}

#[test]
fn second_run_of_a_script_is_refused() {
    let studio = studio();
    let first = running(&mut launcher(&studio, "--exclusive", "bigbuck", "jobs/job.py"));
    let again = || launcher(&studio, "--exclusive", "bigbuck", "jobs/job.py");
    let process = format!("process {}", first.id());
    failed(&mut again())
        .is(75, &["already running: jobs/job.py for ", "configs/bigbuck", &process])
        .hints("wait");
    // By other words, another way to the config, from another folder, and with other arguments.
    symlink(studio.path("configs/bigbuck"), studio.path("way")).unwrap();
    let way = studio.path("way");
    let words = ["--exclusive", "--config", way.to_str().unwrap(), "-u", "./job.py", "more"];
    failed(studio.launcher(words).current_dir(studio.path("jobs"))).is(75, &["job.py"]);
    // Other jobs run.
    let others = [
        launcher(&studio, "--exclusive", "sintel", "jobs/job.py"),
        launcher(&studio, "--exclusive", "bigbuck", "jobs/other.py"),
        studio.launcher(["--project", "bigbuck", "jobs/job.py"]),
        studio.launcher(["--exclusive", "--project", "bigbuck", "-c", JOB]),
        studio.launcher(["--exclusive", "--project", "bigbuck", "-m", "this"]),
    ];
    for mut other in others {
        other.succeeds();
    }
    end(first);
    end(running(&mut again()));
}

#[test]
fn waiting_run_comes_next() {
    let studio = studio();
    let mark = studio.path("mark");
    let program = format!(
        "import os, sys; sys.stdout.write('runs\\n'); sys.stdout.flush(); sys.stdin.read(); open({mark:?}, 'a').write(sys.argv[1])"
    );
    write(studio.path("jobs/job.py"), program);
    let words = |option| vec![option, "--project", "bigbuck", "jobs/job.py"];
    let first = running(&mut studio.launcher(words("--exclusive").into_iter().chain(["1"])));
    let mut second = studio.launcher(words("--exclusive=wait").into_iter().chain(["2"]));
    let second = second.stdout(Stdio::null()).start();
    end(first);
    end(second);
    assert_eq!(std::fs::read_to_string(mark).unwrap(), "12");
}

#[test]
fn killed_run_frees_its_lock() {
    let studio = studio();
    let first = running(&mut launcher(&studio, "--exclusive", "bigbuck", "jobs/job.py"));
    first.ends_killed().dies_by(9);
    end(running(&mut launcher(&studio, "--exclusive", "bigbuck", "jobs/job.py")));
}

#[test]
fn child_process_holds_no_lock() {
    let studio = studio();
    let program = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid)";
    write(studio.path("jobs/job.py"), program);
    for _ in 0..2 {
        let process = launcher(&studio, "--exclusive", "bigbuck", "jobs/job.py").prints();
        Command::new("kill").arg(process.trim()).succeeds();
    }
}

#[test]
fn missing_lock_folder_is_refused() {
    let studio = studio();
    let launch = || launcher(&studio, "--exclusive", "bigbuck", "jobs/job.py");
    failed(launch().env_remove("HOME")).is(125, &["--exclusive"]).hints("SGTK_PYTHON_CACHE");
    let mut elsewhere = launch();
    elsewhere.env_remove("HOME").env("SGTK_PYTHON_CACHE", studio.path("locks"));
    end(running(&mut elsewhere));
    assert_eq!(std::fs::read_dir(studio.path("locks")).unwrap().count(), 1);
    write(studio.path("file"), "");
    failed(launch().env("SGTK_PYTHON_CACHE", studio.path("file"))).is(125, &["file"]);
    studio.failure(["--exclusive=never", "--project", "bigbuck", "x.py"]).is(125, &["never"]);
}

/// A pipe keeps its reader waiting for a writer, and a device need not end.
#[test]
fn lock_that_is_no_file_is_refused() {
    let studio = studio();
    launcher(&studio, "--exclusive", "bigbuck", "jobs/job.py").succeeds();
    let folder = studio.path("home/.cache/sgtk-python");
    let lock = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let name = lock.file_name().unwrap().to_str().unwrap();
    for (program, words) in [
        ("mkfifo", &[][..]),
        ("mkdir", &[]),
        ("ln", &["-s", "/dev/zero"]),
        ("ln", &["-s", "elsewhere"]),
        ("python3", &["-c", "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])"]),
    ] {
        Command::new("rm").args(["-rf", name]).current_dir(lock.parent().unwrap()).succeeds();
        let mut make = Command::new(program);
        make.args(words).arg(name).current_dir(lock.parent().unwrap()).succeeds();
        for option in ["--exclusive", "--exclusive=wait"] {
            let launcher = launcher(&studio, option, "bigbuck", "jobs/job.py");
            let mut limited = Command::new("timeout");
            limited.arg("60").arg(launcher.get_program()).args(launcher.get_args());
            limited.env_clear().envs(variables_of(&launcher)).current_dir(studio.path(""));
            failed(&mut limited).is(125, &["cannot take the lock", name, "not a regular file"]);
        }
    }
}
