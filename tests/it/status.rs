//! `--status-fd`: one line of JSON for each step of a launch.

use std::fs;

use serde_json::{Value, json};

use crate::scene::Runs;
use crate::support::{failed, interpreter, make_executable, write};
use crate::warm_support::WarmStudio;

/// The exit code of a script, and the lines on its descriptor 3.
#[track_caller]
fn status_of(warm: &WarmStudio, script: &str) -> (Option<i32>, Vec<Value>) {
    let file = warm.studio.path("status");
    let run = warm.shell(&format!("exec 3>'{}'\n{script}", file.display())).run();
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).expect(&text)).collect();
    (run.status.code(), lines)
}

/// The code and kind of the only line, which has to be an error with a message.
#[track_caller]
fn error_of(warm: &WarmStudio, script: &str) -> (i64, String) {
    let (code, lines) = status_of(warm, script);
    let [error] = lines.as_slice() else { panic!("{script}: {lines:?}") };
    assert_eq!((&error["status"], &error["code"]), (&json!("error"), &json!(code)), "{error}");
    assert!(!error["message"].as_str().unwrap().is_empty(), "{error}");
    assert!(error["hint"].is_string() || error["hint"].is_null(), "{error}");
    (error["code"].as_i64().unwrap(), error["kind"].as_str().unwrap().to_owned())
}

#[test]
fn plain_launch_reports_its_start() {
    let warm = WarmStudio::new();
    let file = warm.studio.path("status");
    let script = "$L --status-fd 3 -c 'raise SystemExit(3)' 3>\"$HOME\"/../status";
    assert_eq!(warm.shell(script).run().status.code(), Some(3));
    assert_eq!(fs::read_to_string(file).unwrap(), "{\"status\":\"started\",\"how\":\"plain\"}\n");
    let started = vec![json!({"status": "started", "how": "plain"})];
    assert_eq!(status_of(&warm, "$L --status-fd=3 -c pass"), (Some(0), started));
}

#[test]
fn python_does_not_inherit_the_descriptor() {
    let warm = WarmStudio::new();
    let program = "import os; print(sorted(int(n) for n in os.listdir(\"/proc/self/fd\"))[:-1])";
    let script = format!("$L --status-fd 7 -c '{program}' 7>/dev/null");
    assert_eq!(warm.text(&script), "[0, 1, 2]");
    // The pipe ends while Python runs: the reader gets all of it at once.
    let script =
        "mkfifo wait; { exec $L --status-fd 3 -c 'open(\"wait\").read()' 3>&1 >/dev/null; } |
        { cat; echo ended; : >wait; }";
    assert_eq!(warm.text(script), "{\"status\":\"started\",\"how\":\"plain\"}\nended");
}

#[test]
fn job_in_a_worker_reports_start_and_end() {
    let warm = WarmStudio::new();
    warm.start();
    let program = "import os; print(os.getpid(), flush=True); os._exit(7)";
    let (code, lines) = status_of(&warm, &format!("$W --status-fd 3 -c '{program}' >pid"));
    let pid = fs::read_to_string(warm.studio.path("work/pid")).unwrap();
    let pid: i64 = pid.trim().parse().unwrap();
    let started = json!({"status": "started", "how": "worker", "pid": pid});
    let ended = json!({"status": "ended", "code": 7});
    assert_eq!((code, lines), (Some(7), vec![started, ended]));
}

#[test]
fn job_killed_by_a_signal_reports_it() {
    let warm = WarmStudio::new();
    warm.start();
    let program = "import os; os.kill(os.getpid(), 9)";
    let (code, lines) = status_of(&warm, &format!("$W --status-fd 3 -c '{program}'; exit 5"));
    assert_eq!(code, Some(5));
    assert_eq!(lines.last().unwrap(), &json!({"status": "ended", "code": 137, "signal": 9}));
    assert_eq!(lines.len(), 2);
}

#[test]
fn job_of_a_lost_worker_is_lost() {
    let warm = WarmStudio::new();
    warm.start();
    let program = "import os; os.kill(os.getppid(), 9); os.kill(os.getpid(), 9)";
    let (code, lines) = status_of(&warm, &format!("$W --status-fd 3 -c '{program}'"));
    assert_eq!(code, Some(125));
    let [started, lost, error] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(started["how"], "worker");
    assert_eq!(lost["status"], "lost");
    assert!(lost["why"].as_str().unwrap().starts_with("worker process "), "{lost}");
    assert_eq!((&error["status"], &error["kind"]), (&json!("error"), &json!("worker-lost")));
}

#[test]
fn cold_job_reports_why() {
    let warm = WarmStudio::new();
    let (code, lines) = status_of(&warm, "$W --status-fd 3 -i -c pass");
    assert_eq!(code, Some(0));
    let [cold, started] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(cold["status"], "cold");
    assert!(cold["why"].as_str().unwrap().contains("-i"), "{cold}");
    assert_eq!(started, &json!({"status": "started", "how": "plain"}));
    // The descriptor is no reason to run cold, and the worker that is started does not hold it.
    let script = "$W --status-fd 3 -c pass 3>&1 | cat; $S --workers=json >/dev/null";
    assert!(warm.text(script).contains("worker"), "{}", warm.text(script));
}

#[test]
fn failures_report_code_and_kind() {
    let warm = WarmStudio::new();
    warm.studio.localized("sintel");
    interpreter(&warm.studio.path("configs/sintel"), "/nowhere/python");
    write(warm.studio.path("broken.toml"), "warm = 3\n");
    let broken = warm.studio.path("broken.toml");
    for (script, code, kind) in [
        ("$S --status-fd 3 --project nothing -c 1", 121, "unknown-project"),
        ("$S --status-fd 3 -c 1", 121, "no-project"),
        // A missing root changes the hint alone.
        ("SHOTGUN_BASE=$SHOTGUN_BASE:/no $S --status-fd 3 --project-id 9 -c 1", 121, "unknown-id"),
        ("$S --status-fd 3 --project sintel -c 1", 127, "python-missing"),
        ("$S --project bigbuck --status-fd 3 -I -c 1", 125, "isolated-python"),
        // Before the command line is understood.
        ("$S --project-id x --status-fd=3 -c 1", 125, "wrong-use"),
        ("$S --status-fd 3 --project-id 1 --projct -c 1", 125, "unknown-option"),
        ("$S --env A=B --explain --status-fd 3 -c 1", 125, "wrong-use"),
        ("SGTK_PYTHON_DEBUG=x $L --status-fd 3 -c 1", 125, "bad-switch"),
    ] {
        assert_eq!(error_of(&warm, script), (code, kind.to_owned()), "{script}");
    }
    let script = format!("SGTK_PYTHON_SETTINGS='{}' $L --status-fd 3 -c 1", broken.display());
    assert_eq!(error_of(&warm, &script), (122, "bad-settings".into()));
}

#[test]
fn words_of_python_are_no_option() {
    let warm = WarmStudio::new();
    for script in [
        "$L -c pass --status-fd 3",
        "$L -- -c pass --status-fd 3",
        "$L --env --status-fd=3 -c pass",
        "ln -s $S bigbuck-python; ./bigbuck-python -c pass --status-fd 3",
    ] {
        assert_eq!(status_of(&warm, script).1, Vec::<Value>::new(), "{script}");
    }
}

#[test]
fn failed_exec_reports_start_and_error() {
    let warm = WarmStudio::new();
    let python = warm.studio.path("no-program");
    write(&python, "#!/nowhere/interpreter\n");
    make_executable(&python);
    let script = format!("$L --status-fd 3 --python '{}' -c 1", python.display());
    let (code, lines) = status_of(&warm, &script);
    let [started, error] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((code, &started["status"]), (Some(126), &json!("started")));
    assert_eq!((&error["code"], &error["kind"]), (&json!(126), &json!("exec-failed")));
}

#[test]
fn descriptor_that_cannot_be_written_is_refused() {
    let warm = WarmStudio::new();
    for script in [
        "$L --status-fd 3 -c 'print(1)'",
        "$L --status-fd 9 -c 'print(1)'",
        "$L --status-fd 3 -c 'print(1)' 3</dev/null",
        "$L --status-fd 99999999999 -c 'print(1)'",
        "$L --status-fd 2 -c 'print(1)'",
        "$L --status-fd x -c 'print(1)'",
    ] {
        let output = warm.shell(script).run();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*output.stdout), (Some(125), &b""[..]), "{script}");
        assert!(error.starts_with("sgtk-python: error: "), "{script}: {error}");
        assert!(error.contains("--status-fd"), "{script}: {error}");
    }
}

#[test]
fn closed_reader_does_not_stop_the_launch() {
    let warm = WarmStudio::new();
    let script = "mkfifo pipe; { : <pipe & } ; exec 3>pipe; wait; $L --status-fd 3 -c 'print(1)'";
    assert_eq!(warm.text(script), "1");
}

#[test]
fn other_commands_refuse_the_option() {
    let warm = WarmStudio::new();
    for command in [
        "--list",
        "--doctor",
        "--workers",
        "--stop-workers",
        "--explain --project bigbuck",
        "--each x.py",
        "--make-shim bigbuck",
        "--make-venv bigbuck",
    ] {
        let option = command.split(' ').next().unwrap();
        let named = format!("'--status-fd <N>' cannot be used with '{option}");
        let mut shell = warm.shell(&format!("$S --status-fd 3 {command} 3>/dev/null"));
        failed(&mut shell).is(125, &[&named]);
    }
}

#[test]
fn narration_names_choices_files_and_reasons() {
    let warm = WarmStudio::new();
    let text = warm.text("SGTK_PYTHON_DEBUG=1 $W -i -c pass 2>&1");
    for part in
        ["choice: Project(\"bigbuck\") (option --project)", "core: /", "python: /", "becomes /"]
    {
        assert!(text.contains(&format!("sgtk-python: debug: {part}")), "{part}: {text}");
    }
    assert!(
        text.contains("_core_upgrader.py") && text.contains("plainly: a worker does not"),
        "{text}"
    );
    assert!(!warm.text("SGTK_PYTHON_DEBUG=0 $L -c pass 2>&1").contains("debug"));
}
