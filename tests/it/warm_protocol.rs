//! The begin of a job: it has begun if its child has said so, and else the launcher says that it has not.

use std::fs;
use std::io::{BufRead, Write};

use serde_json::{Value, json};

use crate::scene::{Run, Runs};
use crate::support::{words_for, write};
use crate::warm_faults::{job, kill, pid};
use crate::warm_support::WarmStudio;

/// A core whose jobs run the text of their variable `BREAK` before they take their launcher's place.
const BREAKABLE: &str = r#"
import os, resource, socket
def fail(*words): raise OSError(16, "busy")
def putenv(name, value, first=os.putenv):
    first(name, value)
    if name == b"BREAK": exec(value, globals())
os.putenv = putenv
"#;

/// A studio with a worker of that core.
fn breakable_studio() -> WarmStudio {
    let warm = WarmStudio::new();
    write(warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py"), BREAKABLE);
    warm.start();
    warm
}

/// Runs a job that notes that it ran, with a fault. Returns its end, its status lines, and whether it ran.
fn run_with_fault(warm: &WarmStudio, fault: &str) -> (Run, Vec<Value>, bool) {
    let [lines, ran] = ["lines", "ran"].map(|name| warm.studio.path("work").join(name));
    let _ = fs::remove_file(&ran);
    // The tests may have been started with SIGINT ignored, as a shell's background jobs are.
    let script = "exec env --default-signal=INT $W --status-fd 3 -c 'import signal; open(\"ran\", \"w\"); signal.pthread_sigmask(0, ())' 3>lines";
    let run = warm.shell(script).env("BREAK", fault).run();
    let text = fs::read_to_string(lines).unwrap();
    (run, text.lines().map(|line| serde_json::from_str(line).expect(&text)).collect(), ran.exists())
}

#[test]
fn job_that_does_not_begin_is_an_error() {
    let warm = breakable_studio();
    let not_passed = format!(
        "cannot pass the launcher's streams and working directory: {}",
        words_for(nix::Error::EBUSY)
    );
    for (fault, why) in [
        ("os.dup2 = fail", not_passed.as_str()),
        ("os.fchdir = fail", &not_passed),
        (
            "socket.socket.recvmsg = lambda end, *words: fail(end.recv(1, socket.MSG_PEEK))",
            &not_passed,
        ),
        ("os.dup2 = 1", "working directory: Invalid argument"),
        ("os.dup2 = lambda *words: os._exit(0)", "lost the job's process, which left with code 0"),
        (
            "os.dup2 = lambda *words: os.kill(os.getpid(), 9)",
            "lost the job's process, which signal 9 killed",
        ),
    ] {
        let (run, lines, ran) = run_with_fault(&warm, fault);
        let run = run.fails_with(125);
        let error = run.error();
        assert!(error.starts_with("sgtk-python: error: the job did not begin: worker"), "{run}");
        assert!(error.contains(why) && error.lines().count() == 2 && !ran, "{fault}: {run}");
        let [line] = lines.as_slice() else { panic!("{fault}: {lines:?}") };
        assert_eq!((&line["status"], &line["kind"]), (&json!("error"), &json!("job-not-begun")));
    }
    warm.until(|workers| workers[0]["running"] == 0);
    // None of them counts.
    assert_eq!(warm.worker()["done"], 0);
    // The child dies with its worker.
    let fault = "os.dup2 = lambda *words: (os.kill(os.getppid(), 9), os.kill(os.getpid(), 9))";
    let (run, lines, ran) = run_with_fault(&warm, fault);
    run.fails_with(125).warns(&["error: the job did not begin"]);
    assert!(lines.len() == 1 && !ran, "{lines:?}");
}

#[test]
fn lost_descriptors_are_noticed() {
    let warm = breakable_studio();
    let (mut done, mut lost) = (0, 0);
    // With each number the system drops another descriptor.
    for most in 0..16 {
        let fault = format!("resource.setrlimit(7, ({most}, resource.getrlimit(7)[1]))");
        let (run, lines, ran) = run_with_fault(&warm, &fault);
        if run.status.success() {
            assert!(ran, "{most}: {run}");
            done += 1;
        } else if !ran {
            let run = run.fails_with(125);
            assert_eq!(lines.last().unwrap()["kind"], "job-not-begun", "{most}: {run}");
            lost += usize::from(run.error().contains("lost a descriptor"));
        }
    }
    assert!(done > 0 && lost > 2, "{done} {lost}");
}

#[test]
fn early_signal_reaches_the_job() {
    let warm = breakable_studio();
    for signal in [2, 15] {
        // It comes after GO, and the child has not begun.
        let fault = format!(
            "os.fchdir = lambda number, first=os.fchdir: (os.kill(os.getpid(), {signal}), first(number))"
        );
        let (run, lines, ran) = run_with_fault(&warm, &fault);
        run.dies_by(signal);
        let [started, ended] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((&started["how"], &ended["signal"]), (&json!("worker"), &json!(signal)));
        assert!(!ran, "{signal}");
    }
}

/// Fills the connection of the job to its launcher: the socket with a name. The launcher ignores this reply.
const FILL: &str = r#"
import os, socket
def filled(number):
    end = socket.socket(fileno=number)
    try:
        while end.getsockname():
            end.send(b"W\0\0\0\0", socket.MSG_DONTWAIT)
    except BlockingIOError:
        return True
    finally:
        end.detach()
def is_socket(number):
    try:
        return os.readlink("/proc/self/fd/%d" % number).startswith("socket:")
    except OSError:
        return False
print(any([filled(number) for number in range(3, 64) if is_socket(number)]), flush=True)
"#;

#[test]
fn full_connection_does_not_block_the_worker() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    write(warm.studio.path("work/fill.py"), FILL);
    let (mut launcher, mut output, job) =
        job(&warm, "sys.stdin.readline(); import fill; sys.stdin.read()");
    let number = i64::from(launcher.id());
    kill("-STOP", number);
    let mut input = launcher.stdin.take().unwrap();
    input.write_all(b"\n").unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "True\n");
    // The worker reports that to the launcher.
    kill("-STOP", job);
    let listed = warm.worker();
    assert_eq!((pid(&listed), &listed["state"]), (worker, &json!("ready")));
    kill("-CONT", job);
    kill("-CONT", number);
    drop(input);
    launcher.ends().succeeds();
}
