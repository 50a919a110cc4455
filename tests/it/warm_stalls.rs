//! Launchers that stall, and a system without descriptors: no other job waits for them, and no worker spins.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::scene::Runs;
use crate::support::write;
use crate::warm_faults::{at_socket, job, kill, pid, socket};
use crate::warm_support::{LONGEST, WarmStudio, lives, wait_until};

/// Prints the process that a job was forked from; never waits for longer than a test may.
const PARENT: &str = "timeout 50 $W -c 'import os; print(os.getppid())'";

/// Connects to the only worker.
fn connection(warm: &WarmStudio) -> UnixStream {
    at_socket(&socket(warm), |short| UnixStream::connect(short))
}

/// Sends the only worker the head of a plan and a part of the plan.
fn begun_plan(warm: &WarmStudio, size: u32, part: &[u8]) -> UnixStream {
    let mut stream = connection(warm);
    stream.write_all(b"J").unwrap();
    stream.write_all(&size.to_le_bytes()).unwrap();
    stream.write_all(part).unwrap();
    stream
}

#[test]
fn unfinished_plan_takes_no_place() {
    let warm = WarmStudio::new();
    write(warm.studio.path("no-settings.toml"), "max_jobs = 1\n");
    let worker = pid(&warm.start());
    let mut silent = connection(&warm);
    silent.write_all(b"J").unwrap();
    let _slow = begun_plan(&warm, 100, b"code");
    let listed = warm.worker();
    assert_eq!((&listed["running"], &listed["waiting"]), (&0.into(), &0.into()));
    assert_eq!(warm.text(PARENT), worker.to_string());
}

#[test]
fn trickling_plan_is_cut_off() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    // The worker waits for the first plan, and a child for the rest of the second.
    for part in [0, 150_000] {
        let mut stream = begun_plan(&warm, 1 << 20, &vec![b'x'; part]);
        let deadline = Instant::now() + LONGEST;
        while stream.write_all(b"x").is_ok() {
            assert!(Instant::now() < deadline, "a plan that begins with {part} bytes goes on");
            thread::sleep(Duration::from_millis(100));
        }
    }
    assert_eq!(warm.text(PARENT), worker.to_string());
}

#[test]
fn stopped_launcher_loses_its_place() {
    let warm = WarmStudio::new();
    write(warm.studio.path("no-settings.toml"), "max_jobs = 1\n");
    let worker = pid(&warm.start());
    let (mut first, _output, _) = job(&warm, "sys.stdin.read()");
    let mut stopped = warm.shell("exec $W -c 'import os; print(os.getppid())'");
    let stopped = stopped.stdin(Stdio::null()).stdout(Stdio::piped()).start();
    warm.until(|workers| workers[0]["waiting"] == 1);
    let number = i64::from(stopped.id());
    kill("-STOP", number);
    drop(first.stdin.take());
    first.ends().succeeds();
    assert_eq!(warm.text(PARENT), worker.to_string());
    // The launcher runs its job plainly.
    kill("-CONT", number);
    assert_eq!(stopped.ends().succeeds().text(), format!("{}\n", std::process::id()));
}

#[test]
fn full_worker_refuses_launchers() {
    let warm = WarmStudio::new();
    write(warm.studio.path("no-settings.toml"), "max_jobs = 1\n");
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    let limit = "import resource as r\nr.setrlimit(r.RLIMIT_NOFILE, (40, r.getrlimit(r.RLIMIT_NOFILE)[1]))\n";
    write(package, limit);
    let worker = pid(&warm.start());
    let (mut launcher, _output, _) = job(&warm, "sys.stdin.read()");
    // Each waits for the job's end and takes a descriptor. The worker hangs up on those that it refuses.
    let plan_of = |mut stream: UnixStream| stream.write_all(b"J\0\0\0\0").is_ok().then_some(stream);
    let waiting: Vec<_> = (0..60).map(|_| plan_of(connection(&warm))).collect();
    assert_ne!(warm.text(PARENT), worker.to_string());
    drop(waiting);
    drop(launcher.stdin.take());
    launcher.ends().succeeds();
    // The worker has kept its place.
    assert_eq!(warm.text(PARENT), worker.to_string());
}

#[test]
fn failing_accept_does_not_spin() {
    let warm = WarmStudio::new();
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    let full = warm.studio.path("work/full");
    let accept = format!(
        "import os, socket\nworks = socket.socket.accept\ndef accept(self):\n    if os.path.exists({full:?}):\n        with open({full:?}, 'a') as file: file.write('x')\n        raise OSError(23, 'Too many open files in system')\n    return works(self)\nsocket.socket.accept = accept\n"
    );
    write(package, accept);
    let worker = pid(&warm.start());
    write(&full, "");
    assert_eq!(warm.text("$W -c 'print(1)'"), "1");
    let calls = fs::read(&full).unwrap().len();
    fs::remove_file(&full).unwrap();
    assert!((1..100).contains(&calls), "{calls}");
    // It did not answer, and lost its place.
    wait_until(|| !lives(worker));
}
