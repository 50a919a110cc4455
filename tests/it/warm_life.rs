//! A worker's life: which jobs it takes, when it leaves, and that it can be listed and stopped until then.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use crate::scene::Runs;
use crate::support::{PYTHON, interpreter, skip, write};
use crate::warm_faults::{at_socket, job, kill, pid, socket};
use crate::warm_support::{WarmStudio, is_ready, lives, wait_until};

#[test]
fn retiring_worker_stays_for_its_jobs() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    let (mut launcher, _output, _) = job(&warm, "sys.stdin.read(); os._exit(3)");
    let path = socket(&warm);
    // The worker finds both requests at once.
    kill("-STOP", worker);
    let _asked = [b"Q", b"S"].map(|word| {
        let mut stream = at_socket(&path, |short| UnixStream::connect(short));
        stream.write_all(word).unwrap();
        stream
    });
    kill("-CONT", worker);
    wait_until(|| !path.exists());
    drop(launcher.stdin.take());
    // Only the worker sees this exit status.
    launcher.ends().fails_with(3);
    wait_until(|| !lives(worker));
}

#[test]
fn nested_job_does_not_wait_for_itself() {
    let warm = WarmStudio::new();
    write(warm.studio.path("no-settings.toml"), "max_jobs = 1\n");
    let worker = pid(&warm.start());
    let nested = "import os, subprocess, sys; print(os.getppid(), flush=True); subprocess.run(sys.argv[1], shell=True, stdin=-3, timeout=50)";
    let shown = warm.text(&format!(
        "$W -c '{nested}' \"exec $W -c 'import os; print(os.getppid())'\"; $W -c 'import os; print(os.getppid())'"
    ));
    let parents: Vec<_> = shown.lines().collect();
    // The last is not nested, and waits for its turn.
    assert_eq!((parents[0], parents[2]), (&*worker.to_string(), &*worker.to_string()));
    assert_ne!(parents[1], worker.to_string());
}

/// Prints its parent, runs its arguments, and waits until all that they started has closed its output.
const HOP: &str = r"
import os, subprocess, sys
print(os.getppid(), flush=True)
if sys.argv[1:]:
    run = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    sys.stdout.buffer.write(run.stdout)
    sys.exit(run.returncode)
";

#[test]
fn chain_of_workers_does_not_wait_for_itself() {
    let warm = WarmStudio::new();
    write(warm.studio.path("work/hop.py"), HOP);
    let settings = warm.studio.path("no-settings.toml");
    write(&settings, "max_jobs = 1\n");
    let [a, b, c] = ["bigbuck", "sintel", "agent"].map(|project| {
        interpreter(&warm.studio.localized(project), PYTHON.to_str().unwrap());
        format!("$S --project {project} --warm hop.py")
    });
    let start = || {
        warm.run(&format!("{a}; {b}; {c}"));
        warm.until(|workers| workers.len() == 3 && workers.iter().all(is_ready));
    };
    start();
    let unset = "env -u SGTK_PYTHON_IN_A_JOB";
    // Only with this variable the next launch finds the same worker.
    let plain = "$S --project agent --clean --keep PYTHONDONTWRITEBYTECODE hop.py";
    for chain in [
        format!("{a} {b} {a}"),
        format!("{a} {b} {c} {a}"),
        format!("{a} {unset} {b} {unset} {a}"),
        format!("{a} {b} {plain} {unset} {a}"),
        format!("{a} setsid -f {b} setsid -f {a}"),
        format!("{a} {b} setsid -f {plain} {a}"),
        format!("{a} sh -c '\"$@\" &' sh {unset} {b} {unset} {a}"),
    ] {
        // An ended job has its place until the worker has seen its end.
        warm.until(|workers| workers.iter().all(|worker| worker["running"] == 0));
        // Jobs that wait for each other end by the limit, with another code.
        let shown = warm.text(&format!("timeout -k 1 60 {chain}"));
        let workers: Vec<_> = warm.workers().iter().map(|worker| pid(worker).to_string()).collect();
        let parents: Vec<_> = shown.lines().collect();
        let [first, second, .., last] = parents.as_slice() else { panic!("{chain}: {shown}") };
        assert!(workers.iter().any(|worker| worker == first), "{chain}: {shown}");
        assert!(workers.iter().any(|worker| worker == second), "{chain}: {shown}");
        assert!(workers.iter().all(|worker| worker != last), "{chain}: {shown}");
    }
    warm.until(|workers| workers.iter().all(|worker| worker["running"] == 0));
    let run = warm.run(&format!("SGTK_PYTHON_DEBUG=1 timeout -k 1 60 {a} {a}"));
    run.warns(&["plainly: the worker has no place at once for a job of another job"]);
    // Each job is more than that.
    write(&settings, "max_memory = 1\n");
    warm.run("$S --stop-workers");
    start();
    warm.run(&format!("timeout -k 1 60 {a} {b} {a}"));
}

#[test]
fn oversized_plan_waits_like_others() {
    let warm = WarmStudio::new();
    write(warm.studio.path("no-settings.toml"), "max_jobs = 1\n");
    let worker = pid(&warm.start());
    let (mut launcher, _output, _) = job(&warm, "sys.stdin.read()");
    let script = "word=$(head -c 100000 /dev/zero | tr '\\0' x); $W -c 'import os, sys; print(os.getppid(), len(sys.argv))' $word $word $word $word $word $word $word $word";
    let mut long = warm.shell(script);
    let long = long.stdin(Stdio::null()).stdout(Stdio::piped()).start();
    warm.until(|workers| workers[0]["waiting"] == 1);
    // Longer than the launcher accepts silence, both after the first part of the plan and after that.
    std::thread::sleep(std::time::Duration::from_millis(4500));
    drop(launcher.stdin.take());
    launcher.ends().succeeds();
    let run = long.ends().succeeds();
    assert_eq!(run.text(), format!("{worker} 9\n"), "{run}");
    assert_eq!(pid(&warm.worker()), worker);
}

#[test]
fn parallel_starts_respect_max_workers() {
    let warm = WarmStudio::new();
    write(warm.studio.path("no-settings.toml"), "max_workers = 2\n");
    let go = warm.studio.path("work/go");
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    write(
        package,
        format!("import os, time\nwhile not os.path.exists({go:?}): time.sleep(0.01)\n"),
    );
    warm.text("for i in 1 2 3 4 5 6; do TZ=Y$i $W -c 1 & done; wait");
    let count = warm.workers().len();
    write(&go, "");
    assert!((1..=2).contains(&count), "{count}");
    warm.until(|workers| workers.iter().all(is_ready));
    assert_eq!(warm.workers().len(), count);
}

#[test]
fn displaced_workers_can_be_stopped() {
    let warm = WarmStudio::new();
    let busy = pid(&warm.start());
    let (mut launcher, _output, _) = job(&warm, "sys.stdin.read()");
    // A worker that retires.
    let core = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    write(core, "origin = 'another'");
    warm.until(|workers| workers[0]["state"] == "retiring");
    // And a worker that is passed by.
    warm.run("$W -c pass");
    warm.until(|workers| workers.iter().any(is_ready));
    let silent = pid(warm.workers().iter().find(|worker| is_ready(worker)).unwrap());
    kill("-STOP", silent);
    warm.run("$W -c pass");
    warm.run("$S --workers").shows(&["retiring", "stuck"]);
    // Both count.
    write(warm.studio.path("no-settings.toml"), "max_workers = 2\n");
    warm.run("$W -c pass");
    assert_eq!(warm.workers().len(), 2);
    warm.run("$S --stop-workers").shows(&[&busy.to_string(), &silent.to_string()]);
    wait_until(|| !lives(silent));
    assert_eq!(pid(&warm.worker()), busy);
    drop(launcher.stdin.take());
    launcher.ends().succeeds();
    warm.until(<[_]>::is_empty);
}

/// Runs a program without pidfds, as before Linux 5.3: a filter refuses their system calls.
const WITHOUT_PIDFDS: &str = r#"
import ctypes, os, struct, sys
rule = lambda code, jump, number: struct.pack("HBBI", code, jump, 0, number)
rules = [rule(0x20, 0, 0), rule(0x15, 2, 434), rule(0x15, 1, 424), rule(0x06, 0, 0x7FFF0000), rule(0x06, 0, 0x50000 | 38)]
text = ctypes.create_string_buffer(b"".join(rules))
class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("rules", ctypes.c_void_p)]
libc = ctypes.CDLL(None)
program = Program(len(rules), ctypes.addressof(text))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program)):
    sys.exit(99)
os.execv(sys.argv[1], sys.argv[1:])
"#;

#[test]
fn stuck_worker_is_stopped_without_pidfds() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    kill("-STOP", worker);
    write(warm.studio.path("work/older.py"), WITHOUT_PIDFDS);
    let python = PYTHON.to_str().unwrap();
    let run = warm.shell(&format!("{python} older.py $S --stop-workers")).run();
    if run.status.code() == Some(99) {
        return skip("this system accepts no filter");
    }
    run.succeeds().shows(&[&worker.to_string()]);
    wait_until(|| !lives(worker));
    assert_eq!(warm.workers().len(), 0);
}

#[test]
fn hanging_start_can_be_stopped() {
    let warm = WarmStudio::new();
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    write(package, "import time\ntime.sleep(600)");
    let stop = ["$S --stop-workers", "$S --project bigbuck --stop-workers"];
    for stop in stop {
        warm.text("$W -c pass");
        warm.until(|workers| workers.iter().any(|w| w["state"] == "starting" && w["pid"].is_i64()));
        let start = pid(&warm.worker());
        // As if the start took that long.
        warm.text("touch -d '2 minutes ago' \"$XDG_RUNTIME_DIR\"/sgtk-python/*.start");
        assert_eq!(
            (&warm.worker()["state"], &warm.worker()["project"]),
            (&"stuck".into(), &"bigbuck".into())
        );
        warm.run(stop).shows(&[&start.to_string()]);
        wait_until(|| !lives(start));
        assert!(warm.workers().is_empty());
    }
}

#[test]
fn change_during_start_is_noticed() {
    let warm = WarmStudio::new();
    let [begun, go] = ["work/begun", "work/go"].map(|name| warm.studio.path(name));
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk");
    let waits = format!(
        "import os, time\nfrom sgtk import deep\nopen({begun:?}, 'w').close()\nwhile not os.path.exists({go:?}): time.sleep(0.01)\n"
    );
    write(package.join("__init__.py"), waits);
    write(package.join("deep.py"), "version = 1");
    warm.text("$W -c pass");
    wait_until(|| begun.exists());
    write(package.join("deep.py"), "version = 2");
    write(&go, "");
    warm.until(|workers| {
        warm.text("$W -c pass");
        workers.iter().any(is_ready)
    });
    let worker = pid(&warm.worker());
    let program = "import os, sgtk; print(os.getppid(), sgtk.deep.version)";
    assert_eq!(warm.text(&format!("$W -c '{program}'")), format!("{worker} 2"));
}
