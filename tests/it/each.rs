//! `--each`: a script once for each project.

#[cfg(target_os = "linux")]
use crate::scene::Running;
#[cfg(target_os = "linux")]
use std::io::{BufRead, BufReader};
use std::process::Command;
#[cfg(target_os = "linux")]
use std::process::{ChildStdout, Stdio};

use crate::scene::Runs;
use crate::support::{PYTHON, Studio, failed, interpreter, write};
#[cfg(target_os = "linux")]
use crate::warm_support::{lives, wait_until};

/// A studio with three projects, and a sandbox of the first.
fn studio() -> Studio {
    let studio = Studio::new();
    for name in ["bigbuck", "parent/child", "sintel"] {
        interpreter(&studio.localized(name), PYTHON.to_str().unwrap());
    }
    let dev = studio.localized("bigbuck_dev");
    interpreter(&dev, PYTHON.to_str().unwrap());
    let metadata = "pc_name: Dev\nproject_id: 42\nproject_name: bigbuck\n";
    write(dev.join("config/core/pipeline_configuration.yml"), metadata);
    studio
}

/// Runs the launcher; returns the exit code, the sorted lines of standard output, and standard error.
fn run(studio: &Studio, words: &[&str]) -> (i32, Vec<String>, String) {
    let run = studio.launcher(words).run();
    let mut lines: Vec<String> = run.text().lines().map(String::from).collect();
    lines.sort();
    (run.status.code().unwrap(), lines, run.error())
}

#[test]
fn each_project_runs_despite_a_failure() {
    let studio = studio();
    let program = "import os, sgtk, sys; print(os.path.basename(sgtk.origin), os.environ['A'], sys.argv[1:]); print('odd', file=sys.stderr); sys.exit(3 if 'child' in sgtk.origin else len(sys.stdin.read()))";
    let words = ["--each", "--env", "A=--each=2", "-c", program, "--match", "x"];
    let (code, lines, error) = run(&studio, &words);
    let expected = ["bigbuck      | bigbuck", "parent/child | child", "sintel       | sintel"];
    assert_eq!(lines, expected.map(|line| format!("{line} --each=2 ['--match', 'x']")));
    assert_eq!(code, 1);
    assert_eq!(error.matches(" | odd\n").count(), 3, "{error}");
    let table: Vec<&str> = error.lines().skip_while(|line| !line.starts_with("PROJECT")).collect();
    assert_eq!(table.len(), 5, "{error}");
    assert!(table[1].starts_with("bigbuck ") && table[1].ends_with(" s  ok"), "{error}");
    assert!(table[2].starts_with("parent/child ") && table[2].ends_with(" s  exit code 3"));
    assert_eq!(table[4], "2 of 3 succeeded, 1 failed");
    assert!(!error.contains("started"), "{error}");
    // Cron mails what is printed: without a failure that is what the scripts print.
    let words = ["--each=9", "--match", "*b?g*", "-c", "pass"];
    assert_eq!(studio.launcher(words).prints(), "");
}

#[test]
fn missing_root_is_warned_of_once() {
    let studio = studio();
    let share = studio.path("share");
    let roots = std::env::join_paths([studio.path("configs"), share.clone()]).unwrap();
    let missing = format!(
        "sgtk-python: warning: root does not exist: {} (variable SHOTGUN_BASE)\n",
        share.display()
    );
    for (words, code) in
        [(&["--each", "-c", "pass"][..], 0), (&["--each", "--match=no", "-c", "pass"], 121)]
    {
        let run = studio.launcher(words).env("SHOTGUN_BASE", &roots).fails_with(code);
        assert_eq!(run.error().matches(&missing).count(), 1, "{run}");
    }
}

#[test]
fn missing_lock_folder_is_said_once() {
    let studio = studio();
    let mut launcher = studio.launcher(["--each", "--exclusive", "-c", "print('runs')"]);
    let failure = failed(launcher.env_remove("HOME"));
    failure.is(125, &["lock of --exclusive"]).hints("SGTK_PYTHON_CACHE");
    launcher.env("SGTK_PYTHON_CACHE", studio.path("locks")).prints();
}

#[cfg(target_os = "linux")]
#[test]
fn lost_output_is_a_failure() {
    let studio = studio();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut launcher = studio.launcher(["--each", "--match", "sintel", "-c", "print(1)"]);
    let run = launcher.stdout(full).run();
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.error().contains("s  cannot write its output: No space left on device\n"), "{run}");
}

#[test]
fn three_jobs_run_in_parallel() {
    let studio = studio();
    // Each waits for the others, in a folder where only they leave files.
    std::fs::create_dir(studio.path("meeting")).unwrap();
    let program = format!(
        "import os, time\nfolder = {:?}\nopen(os.path.join(folder, str(os.getpid())), 'w').close()\nend = time.time() + 60\nwhile len(os.listdir(folder)) < 3 and time.time() < end: time.sleep(0.01)\nassert time.time() < end",
        studio.path("meeting").to_str().unwrap()
    );
    let (code, _, error) = run(&studio, &["--each=3", "-c", &program]);
    assert_eq!(code, 0, "{error}");
}

#[test]
fn pipeline_option_picks_the_dev_config() {
    let studio = studio();
    let program = "import os, sgtk; print(os.path.basename(sgtk.origin))";
    let (code, lines, error) = run(&studio, &["--each", "--pipeline", "Dev", "-c", program]);
    assert_eq!((code, lines), (0, vec!["bigbuck_dev | bigbuck_dev".into()]), "{error}");
}

#[test]
fn broken_project_counts_as_failed() {
    let studio = studio();
    let other = studio.localized("sintel2");
    let metadata = "pc_name: Primary\nproject_id: 42\nproject_name: sintel\n";
    write(other.join("config/core/pipeline_configuration.yml"), metadata);
    studio.linked("broken", "/no/such/core");
    std::fs::remove_file(studio.localized("lost").join("config/core/roots.yml")).unwrap();
    let unreadable = studio.localized("unreadable");
    write(unreadable.join("config/core/pipeline_configuration.yml"), "{");
    let (code, lines, error) = run(&studio, &["--each", "-c", "print(1)"]);
    assert_eq!(code, 1);
    assert_eq!(lines.len(), 2, "{lines:?}: of two configs of one project neither runs");
    let row = |name: &str| {
        let table = error.lines().skip_while(|line| !line.starts_with("PROJECT"));
        table.filter(|line| line.split(' ').next() == Some(name)).collect::<String>()
    };
    assert!(row("broken").ends_with("exit code 122"), "{error}");
    assert!(row("lost").ends_with("has lost config/core/roots.yml"), "{error}");
    assert!(
        error.contains("broken       | sgtk-python: error: core does not exist: /no/such/core"),
        "{error}"
    );
    for (name, other) in [("sintel", "sintel2"), ("sintel2", "sintel")] {
        let other = studio.path("configs").join(other);
        let result = format!("same project as {}", other.display());
        assert!(row(name).ends_with(&result), "{error}");
    }
    assert!(error.ends_with("\n3 of 7 succeeded, 4 failed\n"), "{error}");
    // Unreadable metadata may be of the config that is asked for: the project counts as failed.
    let (code, _, error) = run(&studio, &["--each", "--pipeline=Dev", "-c", "print(1)"]);
    let is_reported = |line: &str| line.starts_with("unreadable ") && line.contains(" -  ");
    assert!(code == 1 && error.lines().any(is_reported), "{error}");
}

#[test]
fn long_lines_and_bytes_pass_unchanged() {
    let studio = studio();
    let program = "import sys; sys.stdout.buffer.write(b'x' * 200000 + b'\\xff')";
    let run = studio.launcher(["--each", "--match=sintel", "-c", program]).succeeds();
    assert_eq!(run.text().matches('x').count(), 200_000, "{run}");
    assert!(run.stdout.ends_with(b"\xff\n"), "{run}");
}

#[test]
fn background_process_is_not_awaited() {
    let studio = studio();
    let program = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)";
    // Into files: a reader of a pipe waits for all processes that hold it.
    let (output, error) = (studio.path("output"), studio.path("error"));
    let mut launcher = studio.launcher(["--each", "--match=sintel", "-c", program]);
    launcher.stdout(std::fs::File::create(&output).unwrap());
    launcher.stderr(std::fs::File::create(error).unwrap()).start().ends().succeeds();
    let text = std::fs::read_to_string(output).unwrap();
    let process = text.trim_end().rsplit(' ').next().unwrap();
    // It still runs.
    Command::new("kill").arg(process).succeeds();
}

/// Starts a script that prints its process' number and waits; returns the launcher, its output and the number.
#[cfg(target_os = "linux")]
fn waiting_script(studio: &Studio) -> (Running, BufReader<ChildStdout>, i64) {
    let program = "import os, signal; print(os.getpid()); signal.pause()";
    let mut launcher = studio.launcher(["--each", "--match=sintel", "-c", program]);
    let mut running = launcher.stdout(Stdio::piped()).start();
    let mut output = BufReader::new(running.stdout.take().unwrap());
    let mut line = String::new();
    // The script does not flush: with `--each` Python writes at once.
    output.read_line(&mut line).unwrap();
    (running, output, line.trim_end().rsplit(' ').next().unwrap().parse().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn runs_end_with_the_launcher() {
    let studio = studio();
    for signal in ["-TERM", "-KILL"] {
        let (running, _output, job) = waiting_script(&studio);
        Command::new("kill").args([signal, &running.id().to_string()]).succeeds();
        let run = running.ends();
        assert!(!run.status.success(), "{run}");
        wait_until(|| !lives(job));
    }
    // A launcher that a script starts does not end with this one: no variable names this one.
    let program = "import os; print([name for name in os.environ if 'PARENT' in name])";
    let words = ["--each", "--match=sintel", "--keep=SGTK_*", "-c", program];
    let (code, lines, _) = run(&studio, &words);
    assert_eq!((code, lines), (0, vec!["sintel | []".into()]));
}

#[test]
fn unbuffered_output_can_be_overridden() {
    let studio = studio();
    let program = "import os; print(os.environ.get('PYTHONUNBUFFERED'))";
    let words = ["--each", "--match=sintel", "-c", program];
    assert_eq!(run(&studio, &words).1, ["sintel | 1"]);
    let unset = [&["--unset=PYTHONUNBUFFERED"], &words[..]].concat();
    assert_eq!(run(&studio, &unset).1, ["sintel | None"]);
    let run = studio.launcher(words).env("PYTHONUNBUFFERED", "").succeeds();
    assert_eq!(run.text(), "sintel | \n", "{run}");
}

#[test]
fn misuse_of_each_is_refused() {
    let studio = studio();
    studio.failure(["--each", "--match", "no*", "x.py"]).is(121, &["no*"]).hints("--list");
    studio.failure(["--each", "--pipeline=No", "x.py"]).is(121, &["configuration 'No'"]);
    studio.failure(["--each", "4", "x.py"]).is(125, &["'4'"]).hints("--each=4");
    studio.failure(["--each"]).is(125, &["--each"]);
    studio.failure(["--list", "json"]).is(125, &["--list"]).hints("use --list=json");
    studio.failure(["--workers", "json"]).is(125, &["--workers"]).hints("use --workers=json");
    studio.failure(["--each=0", "x.py"]).is(125, &["--each"]);
    studio.failure(["--match", "x", "x.py"]).is(125, &["--each"]);
    for other in ["--explain", "--list", "--project=x", "--project-id=1", "--config=x", "--path=x"]
    {
        studio.failure(["--each", other, "x.py"]).is(125, &["--each"]);
    }
}
