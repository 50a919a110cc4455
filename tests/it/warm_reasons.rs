//! Warm jobs that run plainly are never silent: the reason is a warning or counted, and `--explain` foresees it.

use std::fs;

use serde_json::json;

use crate::support::write;
use crate::warm_faults::pid;
use crate::warm_support::{WarmStudio, is_ready};

const WARNING: &str = "warning: the job runs plainly, not in a worker:";

#[test]
fn typed_option_warns_once_with_a_hint() {
    let warm = WarmStudio::new();
    for (script, why, hint) in [
        ("$W -c 'print(1)'", "no worker was running", "starts one"),
        ("PYTHONPATH=lib $W -c 'print(1)'", "PYTHONPATH contains a relative path", "absolute"),
        ("PBS_JOBID=7 $W -c 'print(1)'", "PBS_JOBID is set", "in batch jobs"),
    ] {
        let run = warm.run(script);
        assert_eq!(run.text(), "1\n", "{run}");
        let error = run.error();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), 2, "{run}");
        assert!(lines[0].contains(WARNING) && lines[0].contains(why), "{run}");
        assert!(lines[1].starts_with("hint: ") && lines[1].contains(hint), "{run}");
    }
    // A caller that asks for the status reads it there.
    let run = warm.run("PYTHONPATH=lib $W --status-fd 3 -c pass 3>&1");
    assert_eq!(run.error(), "", "{run}");
    assert!(run.text().contains(r#"{"status":"cold","why":"PYTHONPATH"#), "{run}");
}

#[test]
fn plain_runs_are_counted_by_reason() {
    let warm = WarmStudio::new();
    let job = "SGTK_PYTHON_WARM=1 $L -c 'print(1)'";
    for _ in 0..2 {
        let run = warm.run(&format!("PYTHONPATH=lib {job}"));
        assert_eq!((run.text(), run.error()), ("1\n".into(), String::new()));
    }
    warm.run(job);
    warm.until(|workers| workers.iter().any(is_ready));
    for _ in 0..3 {
        warm.run(job);
    }
    let text = warm.text("$S --workers");
    let counts = "bigbuck: of the last 6 warm jobs, 3 ran plainly\n    2  PYTHONPATH contains a relative path\n    1  no worker was running";
    assert!(text.ends_with(counts), "{text}");
    let listed = warm.run("$S --workers=json").json();
    let config = warm.studio.path("configs/bigbuck");
    let expected = json!([{
        "project": "bigbuck", "config": config, "jobs": 6, "plain": 3,
        "reasons": [
            {"jobs": 2, "why": "PYTHONPATH contains a relative path"},
            {"jobs": 1, "why": "no worker was running"},
        ],
    }]);
    assert_eq!(listed["last_jobs"], expected);
}

#[test]
fn counts_of_namesakes_name_the_configuration() {
    let warm = WarmStudio::new();
    warm.studio.localized("../elsewhere/bigbuck");
    let other = warm.studio.path("elsewhere/bigbuck");
    warm.run("PYTHONPATH=lib $W -c pass");
    warm.run(&format!("PYTHONPATH=lib $S --warm --config {} -c pass", other.display()));
    let text = warm.text("$S --workers");
    for config in [warm.studio.path("configs/bigbuck"), other] {
        let line = format!("bigbuck ({}): of the last 1 warm jobs", config.display());
        assert!(text.contains(&line), "{text}");
    }
}

#[test]
fn history_is_cut_to_the_last_jobs() {
    let warm = WarmStudio::new();
    warm.run("PYTHONPATH=lib $W -c pass");
    let folder = warm.studio.path("run/sgtk-python");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    write(&file, "1\n".repeat(40_000));
    warm.run("PYTHONPATH=lib $W -c pass");
    assert!(fs::metadata(&file).unwrap().len() < 1000);
    warm.run("PYTHONPATH=lib $W -c pass");
    let text = warm.text("$S --workers");
    assert!(text.contains("bigbuck: of the last 100 warm jobs, 2 ran plainly"), "{text}");
    // A history that is no text is dropped.
    fs::write(&file, vec![0xff; 2 << 20]).unwrap();
    warm.run("PYTHONPATH=lib $W -c pass");
    let text = warm.text("$S --workers");
    assert!(text.contains("bigbuck: of the last 1 warm jobs, 1 ran plainly"), "{text}");
}

#[test]
fn explain_foresees_where_a_job_runs() {
    let warm = WarmStudio::new();
    let explained = || warm.text("$W --explain -c pass");
    let text = explained();
    assert!(text.contains("no: no worker was running\n") && text.contains("starts one"), "{text}");
    warm.start();
    assert!(explained().contains("in the project's worker"));
    let info = warm.studio.path("configs/bigbuck/install/core/info.yml");
    write(info, "version: v2\n");
    assert!(explained().contains("no: the core, the configuration or the Python had changed"));
    warm.run("$S --stop-workers");
    assert!(explained().contains("no: no worker was running"));
}

#[test]
fn roll_outs_leave_one_old_worker() {
    let warm = WarmStudio::new();
    let mut workers = vec![pid(&warm.start())];
    let info = warm.studio.path("configs/bigbuck/install/core/info.yml");
    for version in ["v2", "v33", "v444"] {
        write(&info, format!("version: {version}\n"));
        let run = warm.run("$W -c pass");
        run.warns(&["had changed since the worker's start", "starts one"]);
        warm.until(|list| list.iter().any(|w| is_ready(w) && !workers.contains(&pid(w))));
        let new = warm.workers().iter().find(|w| is_ready(w)).map(pid).unwrap();
        let old = *workers.last().unwrap();
        warm.until(|list| {
            let mut states: Vec<_> = list.iter().map(|w| (pid(w), w["state"].as_str())).collect();
            states.sort_unstable_by_key(|(pid, _)| *pid == new);
            states == [(old, Some("replaced")), (new, Some("ready"))]
        });
        workers.push(new);
    }
}

#[test]
fn first_job_after_an_edit_starts_the_next_worker() {
    let warm = WarmStudio::new();
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk");
    write(package.join("down.py"), "x = 1");
    write(package.join("__init__.py"), "from sgtk import down");
    let first = pid(&warm.start());
    write(package.join("down.py"), "x = 'other'");
    // Jobs come until the worker looks at its files.
    let error = loop {
        let run = warm.run("$W -c pass");
        if !run.error().is_empty() {
            break run.error();
        }
    };
    assert!(error.contains("had changed since the worker's start"), "{error}");
    warm.until(|list| list.iter().any(|w| is_ready(w) && pid(w) != first));
    assert_eq!(warm.text("$W -c 'import sgtk; print(sgtk.down.x)'"), "other");
}
