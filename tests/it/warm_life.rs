//! A worker's life: who gets its places, when it leaves, and that it can be seen and stopped until it has.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use crate::support::{PYTHON, write};
use crate::warm_faults::{at_socket, job, kill, pid, socket};
use crate::warm_support::{WarmStudio, lives, wait_until};

#[test]
fn retiring_worker_stays_for_its_jobs() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    let (mut child, _output, _) = job(&warm, "sys.stdin.read(); os._exit(3)");
    let path = socket(&warm);
    // It finds both at once.
    kill("-STOP", worker);
    let _asked = [b"Q", b"S"].map(|word| {
        let mut stream = at_socket(&path, |short| UnixStream::connect(short));
        stream.write_all(word).unwrap();
        stream
    });
    kill("-CONT", worker);
    wait_until(|| !path.exists());
    drop(child.stdin.take());
    // Only the worker can tell how it ended.
    assert_eq!(child.wait().unwrap().code(), Some(3));
    wait_until(|| !lives(worker));
}

#[test]
fn nested_job_does_not_wait_for_itself() {
    let warm = WarmStudio::new();
    write(warm.studio.path("no-settings.toml"), "max_jobs = 1\n");
    let worker = pid(&warm.start());
    let nested = "import os, subprocess, sys; print(os.getppid(), flush=True); subprocess.run(sys.argv[1], shell=True, stdin=-3, timeout=50)";
    let told = warm.text(&format!(
        "$W -c '{nested}' \"exec $W -c 'import os; print(os.getppid())'\"; $W -c 'import os; print(os.getppid())'"
    ));
    let told: Vec<_> = told.lines().collect();
    // The last is no job's, and has its turn.
    assert_eq!((told[0], told[2]), (&*worker.to_string(), &*worker.to_string()));
    assert_ne!(told[1], worker.to_string());
}

#[test]
fn oversized_plan_waits_like_others() {
    let warm = WarmStudio::new();
    write(warm.studio.path("no-settings.toml"), "max_jobs = 1\n");
    let worker = pid(&warm.start());
    let (mut child, _output, _) = job(&warm, "sys.stdin.read()");
    let script = "word=$(head -c 100000 /dev/zero | tr '\\0' x); $W -c 'import os, sys; print(os.getppid(), len(sys.argv))' $word $word $word $word $word $word $word $word";
    let mut long = warm.shell(script);
    let long = long.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    warm.until(|workers| workers[0]["waiting"] == 1);
    // Longer than a launcher bears silence, after it has written a first part and after that.
    std::thread::sleep(std::time::Duration::from_millis(4500));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    let told = long.wait_with_output().unwrap().stdout;
    assert_eq!(String::from_utf8_lossy(&told), format!("{worker} 9\n"));
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
    warm.until(|workers| workers.iter().all(|worker| worker["state"] == "ready"));
    assert_eq!(warm.workers().len(), count);
}

#[test]
fn displaced_workers_can_be_stopped() {
    let warm = WarmStudio::new();
    let busy = pid(&warm.start());
    let (mut child, _output, _) = job(&warm, "sys.stdin.read()");
    // One that retires.
    let core = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    write(core, "origin = 'another'");
    warm.until(|workers| workers[0]["state"] == "retiring");
    // And one that is passed by.
    warm.run("$W -c pass");
    let next = || warm.workers().into_iter().find(|worker| worker["state"] == "ready");
    wait_until(|| next().is_some());
    let silent = pid(&next().unwrap());
    kill("-STOP", silent);
    warm.run("$W -c pass");
    let told = warm.text("$S --workers");
    assert!(told.contains("retiring") && told.contains("stuck"), "{told}");
    // They count.
    write(warm.studio.path("no-settings.toml"), "max_workers = 2\n");
    warm.run("$W -c pass");
    assert_eq!(warm.workers().len(), 2);
    let told = warm.text("$S --stop-workers");
    assert!(told.contains(&busy.to_string()) && told.contains(&silent.to_string()), "{told}");
    wait_until(|| !lives(silent));
    assert_eq!(pid(&warm.worker()), busy);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    wait_until(|| warm.workers().is_empty());
}

/// Runs a program on a system without handles for processes (before Linux 5.3), which a filter makes of this one.
const WITHOUT_HANDLES: &str = r#"
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
    write(warm.studio.path("work/older.py"), WITHOUT_HANDLES);
    let python = PYTHON.to_str().unwrap();
    let output = warm.run(&format!("{python} older.py $S --stop-workers"));
    if output.status.code() == Some(99) {
        println!("this system takes no filter");
        return;
    }
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains(&worker.to_string()), "{output:?}");
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
        // It has taken so long.
        warm.text("touch -d '2 minutes ago' \"$XDG_RUNTIME_DIR\"/sgtk-python/*.start");
        assert_eq!(
            (&warm.worker()["state"], &warm.worker()["project"]),
            (&"stuck".into(), &"bigbuck".into())
        );
        let told = warm.text(stop);
        assert!(told.contains(&start.to_string()), "{told}");
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
    wait_until(|| {
        warm.text("$W -c pass");
        warm.workers().iter().any(|worker| worker["state"] == "ready")
    });
    let worker = pid(&warm.worker());
    let program = "import os, sgtk; print(os.getppid(), sgtk.deep.version)";
    assert_eq!(warm.text(&format!("$W -c '{program}'")), format!("{worker} 2"));
}
