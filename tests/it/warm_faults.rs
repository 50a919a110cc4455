//! Faults around a worker: nothing hangs, no job runs twice, nothing is left behind.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::pythons::PYTHONS;
use crate::scene::{Running, Runs};
use crate::support::{PYTHON, interpreter, skip, write};
use crate::warm_support::{LONGEST, WarmStudio, has_state, is_ready, lives, wait_until};

pub fn folder(warm: &WarmStudio) -> PathBuf {
    warm.studio.path("run/sgtk-python")
}

pub fn socket(warm: &WarmStudio) -> PathBuf {
    let entries = fs::read_dir(folder(warm)).unwrap().map(|entry| entry.unwrap().path());
    let mut sockets = entries.filter(|path| path.extension().is_some_and(|e| e == "sock"));
    sockets.next().unwrap()
}

/// Counts the files that workers have left; histories stay.
fn left_in(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_none_or(|end| end != "jobs")).count()
}

/// Uses a socket by a short path: a socket's path may have 108 bytes at most.
pub fn at_socket<T>(path: &Path, work: impl FnOnce(&Path) -> io::Result<T>) -> T {
    let folder = fs::File::open(path.parent().unwrap()).unwrap();
    let folder = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    work(&folder.join(path.file_name().unwrap())).unwrap()
}

/// Counts the processes of a studio's workers and jobs: their variables name the studio.
fn processes(warm: &WarmStudio) -> usize {
    let root = warm.studio.path("");
    let is_of_it = |entry: &fs::DirEntry| {
        let variables = fs::read(entry.path().join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&variables).contains(root.to_str().unwrap())
    };
    fs::read_dir("/proc").unwrap().flatten().filter(is_of_it).count()
}

pub fn kill(signal: &str, pid: i64) {
    Command::new("kill").args([signal, &pid.to_string()]).succeeds();
}

/// Waits for an unfit worker. The record of a start that ended without a reason counts for ten seconds; here it is always
/// new.
fn until_unfit(warm: &WarmStudio, why: &str) {
    warm.until(|workers| {
        warm.text("touch -c \"$XDG_RUNTIME_DIR\"/sgtk-python/*.start");
        workers.iter().any(|worker| has_state(worker, why))
    });
}

pub fn pid(worker: &serde_json::Value) -> i64 {
    worker["pid"].as_i64().unwrap()
}

/// Starts a job in the worker: it prints its process' number and runs the program. Returns its launcher, its output
/// after that number, and the number.
pub fn job(warm: &WarmStudio, program: &str) -> (Running, BufReader<ChildStdout>, i64) {
    let script = format!(
        "exec $W -c 'import os, sys, time, signal; print(os.getpid(), flush=True); {program}'"
    );
    let mut launcher = warm.shell(&script);
    launcher.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut launcher = launcher.start();
    let mut output = BufReader::new(launcher.stdout.take().unwrap());
    let line = line_of(&mut output);
    let Ok(number) = line.trim().parse() else { panic!("no job: {line:?}\n{}", launcher.ends()) };
    assert_ne!(number, i64::from(launcher.id()), "the job runs cold");
    (launcher, output, number)
}

fn line_of(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line
}

fn rest_of(mut output: impl Read) -> String {
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    rest
}

/// Returns the letter of a process' state, such as `T` for stopped.
fn state_of(pid: i64) -> char {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("State:\t")?.chars().next()).unwrap()
}

#[test]
fn killed_worker_loses_no_running_job() {
    let warm = WarmStudio::new();
    // Before a job.
    let first = pid(&warm.start());
    assert_ne!(processes(&warm), 0);
    kill("-KILL", first);
    // Its spares end too; for a moment after their fork they hold its socket.
    wait_until(|| processes(&warm) == 0);
    assert_eq!(warm.text("$W -c 'print(1)'"), "1");
    warm.until(|workers| workers.iter().any(is_ready));
    // During a job, which goes on.
    let second = pid(&warm.worker());
    let (mut launcher, output, _) = job(&warm, "sys.stdin.read(); print(2); sys.exit(3)");
    kill("-KILL", second);
    wait_until(|| !lives(second));
    drop(launcher.stdin.take());
    assert_eq!(rest_of(output), "2\n");
    launcher.ends().fails_with(3);
    wait_until(|| processes(&warm) == 0);
    // During a job that then dies: its exit status is lost.
    let third = pid(&warm.start());
    let (launcher, _output, job) = job(&warm, "signal.pause()");
    kill("-KILL", third);
    wait_until(|| !lives(third));
    kill("-KILL", job);
    let run = launcher.ends().fails_with(125);
    let error = run.error();
    assert!(error.starts_with("sgtk-python: error: the job's exit status is unknown"), "{run}");
    assert!(error.contains("\nhint: "), "{run}");
    wait_until(|| processes(&warm) == 0);
}

#[test]
fn killed_launcher_ends_its_job() {
    let warm = WarmStudio::new();
    warm.start();
    let (launcher, _output, job_pid) = job(&warm, "signal.pause()");
    launcher.ends_killed().dies_by(9);
    wait_until(|| !lives(job_pid));
    // A job that ignores SIGTERM is killed.
    let deaf = "signal.signal(15, signal.SIG_IGN); print(0, flush=True); time.sleep(600)";
    let (launcher, mut output, job_pid) = job(&warm, deaf);
    line_of(&mut output);
    launcher.ends_killed().dies_by(9);
    wait_until(|| !lives(job_pid));
    warm.until(|workers| workers[0]["running"] == 0);
    // A job that got SIGTERM before is killed at once.
    let deaf = "signal.signal(15, lambda *a: os.write(1, b\"heard\\n\")); os.write(1, b\"\\n\"); [time.sleep(1) for _ in range(600)]";
    let (launcher, mut output, _) = job(&warm, deaf);
    line_of(&mut output);
    kill("-TERM", launcher.id().into());
    assert_eq!(line_of(&mut output), "heard\n");
    launcher.ends_killed().dies_by(9);
    assert_eq!(rest_of(output), "");
}

#[test]
fn signals_reach_the_job() {
    let warm = WarmStudio::new();
    warm.start();
    // The tests' caller may ignore some (`nohup`): a process cannot die by those.
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    let ignored = u64::from_str_radix(ignored, 16).unwrap();
    for signal in [1, 2, 3, 10, 12, 15].into_iter().filter(|s| ignored >> (s - 1) & 1 == 0) {
        // The handler writes past Python's buffers, which keep handlers out while they are written. The signal
        // may come before or while the job reads the descriptor that wakes it.
        let program = format!(
            "woken, wake = os.pipe(); os.set_blocking(wake, False); signal.set_wakeup_fd(wake); signal.signal({signal}, lambda *a: os.write(1, b\"%d\\n\" % a[0]) and sys.exit(7)); os.write(1, b\"0\\n\"); os.read(woken, 1)"
        );
        let (launcher, mut output, _) = job(&warm, &program);
        line_of(&mut output);
        kill(&format!("-{signal}"), launcher.id().into());
        assert_eq!(rest_of(output), format!("{signal}\n"));
        launcher.ends().fails_with(7).silently();
        let default = format!(
            "signal.signal({signal}, signal.SIG_DFL); print(0, flush=True); signal.pause()"
        );
        let (launcher, mut output, _) = job(&warm, &default);
        line_of(&mut output);
        kill(&format!("-{signal}"), launcher.id().into());
        launcher.ends().dies_by(signal);
    }
}

#[test]
fn stopped_job_stops_its_launcher() {
    let warm = WarmStudio::new();
    warm.start();
    // The tests' caller may ignore it.
    let program = "signal.signal(20, signal.SIG_DFL); print(0, flush=True); signal.pause()";
    let (launcher, mut output, job_pid) = job(&warm, program);
    line_of(&mut output);
    let number = i64::from(launcher.id());
    kill("-TSTP", number);
    wait_until(|| state_of(job_pid) == 'T' && state_of(number) == 'T');
    kill("-CONT", number);
    wait_until(|| state_of(job_pid) == 'S' && state_of(number) == 'S');
    kill("-TERM", number);
    launcher.ends().dies_by(15);
}

#[test]
fn continued_job_continues_its_launcher() {
    let warm = WarmStudio::new();
    warm.start();
    let (mut launcher, _output, job_pid) = job(&warm, "sys.stdin.read(); sys.exit(3)");
    let number = i64::from(launcher.id());
    kill("-STOP", job_pid);
    wait_until(|| state_of(number) == 'T');
    kill("-CONT", job_pid);
    wait_until(|| state_of(number) == 'S');
    drop(launcher.stdin.take());
    launcher.ends().fails_with(3);
}

#[test]
fn descriptor_shortage_runs_cold() {
    let warm = WarmStudio::new();
    warm.start();
    // With each number the system refuses another descriptor.
    let script = "for most in 6 7 8 9 10 11 12 13 14; do (ulimit -S -n $most; $W -c 'import signal; print(signal.pthread_sigmask(0, ()))'); done";
    assert_eq!(warm.text(script), ["set()"; 9].join("\n"));
}

#[test]
fn killed_job_kills_its_launcher() {
    let warm = WarmStudio::new();
    warm.start();
    let (launcher, _output, job_pid) = job(&warm, "signal.pause()");
    kill("-KILL", job_pid);
    launcher.ends().dies_by(9);
}

#[test]
fn replaced_socket_gets_a_new_worker() {
    let warm = WarmStudio::new();
    let mut last = pid(&warm.start());
    for replace in [
        &|_: &PathBuf| (),
        &|path: &PathBuf| write(path, "no socket"),
        &|path: &PathBuf| symlink("/nowhere", path).unwrap(),
        &|path: &PathBuf| fs::create_dir(path).unwrap(),
        &|path: &PathBuf| drop(at_socket(path, |short| UnixListener::bind(short))),
    ] as [&dyn Fn(&PathBuf); 5]
    {
        let path = socket(&warm);
        fs::remove_file(&path).unwrap();
        replace(&path);
        assert_eq!(warm.text("$W -c 'print(1)'"), "1");
        if path.is_dir() {
            // Nothing can be put in its place, and nothing is lost.
            until_unfit(&warm, "unfit: ");
            assert_eq!(warm.text("$W -c 'print(1)'"), "1");
            fs::remove_dir(&path).unwrap();
            warm.text("rm \"$XDG_RUNTIME_DIR\"/sgtk-python/*.start; $W -c pass");
        }
        // The worker that lost its place leaves, and another comes.
        wait_until(|| !lives(last));
        warm.until(|workers| workers.iter().any(is_ready));
        last = pid(&warm.worker());
    }
}

#[test]
fn shared_worker_folder_is_not_used() {
    let warm = WarmStudio::new();
    warm.start();
    let folder = folder(&warm);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
    let run = warm.run("$W -c 'print(1)'");
    assert_eq!(run.text(), "1\n", "{run}");
    run.warns(&[
        "warning: the job runs plainly",
        "folder of workers is open to other users",
        "700",
    ]);
    // `--workers` does not answer as if the folder were empty.
    for question in ["$S --workers", "$S --stop-workers"] {
        let run = warm.shell(question).fails_with(125);
        let error = run.error();
        assert!(error.contains("mode 700") && error.lines().count() == 1, "{run}");
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let moved = warm.studio.path("moved");
    fs::rename(&folder, &moved).unwrap();
    symlink(&moved, &folder).unwrap();
    let run = warm.run("$W -c 'print(2)'").warns(&["is not a folder"]);
    assert_eq!(run.text(), "2\n", "{run}");
    fs::remove_file(&folder).unwrap();
    fs::rename(&moved, &folder).unwrap();
}

#[test]
fn silent_worker_is_passed_by() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    let (mut launcher, output, _) = job(&warm, "sys.stdin.read(); print(2); sys.exit(3)");
    kill("-STOP", worker);
    // The running job goes on; the next job runs cold, and one after that gets a worker.
    drop(launcher.stdin.take());
    assert_eq!(rest_of(output), "2\n");
    launcher.ends().fails_with(3);
    assert_eq!(warm.text("$W -c 'print(1)'"), "1");
    assert_eq!(warm.text("$W -c 'print(1)'"), "1");
    warm.until(|workers| workers.iter().any(is_ready));
    // The stopped worker has lost its place, and is listed until it leaves.
    let states = || -> Vec<_> {
        let states = warm.workers().into_iter().map(|w| (pid(&w) == worker, w["state"].clone()));
        states.collect()
    };
    let [new, old] = [(false, "ready".into()), (true, "stuck".into())];
    assert!(states().contains(&new) && states().contains(&old), "{:?}", states());
    kill("-CONT", worker);
    wait_until(|| !lives(worker));
    assert_eq!(states(), [new]);
}

#[test]
fn stuck_worker_can_be_stopped() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    kill("-STOP", worker);
    assert_eq!(warm.worker()["state"], "stuck");
    assert!(warm.text("$S --stop-workers").contains(&worker.to_string()));
    wait_until(|| !lives(worker));
    assert_eq!(left_in(&folder(&warm)), 0);
}

#[test]
fn stop_leaves_other_projects_alone() {
    let warm = WarmStudio::new();
    let other = warm.studio.localized("sintel");
    interpreter(&other, PYTHON.to_str().unwrap());
    let worker = pid(&warm.start());
    kill("-STOP", worker);
    // Its project is known although it does not answer.
    let listed = warm.worker();
    assert_eq!((&listed["state"], &listed["project"]), (&"stuck".into(), &"bigbuck".into()));
    assert_eq!(warm.text("$S --project sintel --stop-workers"), "no workers");
    assert!(lives(worker));
    assert!(warm.text("$S --project bigbuck --stop-workers").contains(&worker.to_string()));
    wait_until(|| !lives(worker));
}

#[test]
fn stuck_worker_gives_its_place_away() {
    let warm = WarmStudio::new();
    write(warm.studio.path("no-settings.toml"), "max_workers = 1\n");
    let worker = pid(&warm.start());
    kill("-STOP", worker);
    // Another context needs a worker and gets it.
    assert_eq!(warm.text("TZ=UTC $W -c 'print(1)'"), "1");
    warm.until(|workers| workers.iter().any(|w| is_ready(w) && pid(w) != worker));
    kill("-CONT", worker);
    wait_until(|| !lives(worker));
}

/// Returns the record of the only start, or nothing if there is none.
fn start_record(warm: &WarmStudio) -> String {
    let entries = fs::read_dir(folder(warm)).unwrap().map(|entry| entry.unwrap().path());
    let mut records = entries.filter(|path| path.extension().is_some_and(|e| e == "start"));
    records.next().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default()
}

#[test]
fn dying_spares_make_a_worker_unfit() {
    let warm = WarmStudio::new();
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    write(package, "import os; os.register_at_fork(after_in_child=lambda: os._exit(3))");
    assert_eq!(warm.text("$W -c 'print(1)'"), "1");
    let why = "3 children in a row ended before they had a job";
    // The worker writes the reason first, and then leaves.
    warm.until(|workers| matches!(workers, [worker] if has_state(worker, why)));
    assert_eq!(warm.worker()["project"], "bigbuck");
    assert!(warm.text("$W --explain -c pass").contains(why));
    assert_eq!(warm.text("$W -c 'print(2)'"), "2");
}

#[test]
fn unfinished_record_is_not_seen() {
    for is_restarted in [false, true] {
        let warm = WarmStudio::new();
        let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
        let (writing, go) = (warm.studio.path("work/writing"), warm.studio.path("work/go"));
        let program = format!(
            "import os, time\nwrite = os.pwrite\ndef pwrite(*words):\n    open({writing:?}, 'w').close()\n    while not os.path.exists({go:?}): time.sleep(0.01)\n    return write(*words)\nos.pwrite = pwrite\nos.register_at_fork(after_in_child=lambda: os._exit(3))"
        );
        write(package, program);
        assert_eq!(warm.text("$W -c 'print(1)'"), "1");
        wait_until(|| writing.exists());
        let worker = socket(&warm);
        let newer = "bigbuck\tof a newer start";
        if is_restarted {
            write(worker.with_extension("start"), newer);
        }
        warm.text("$S --workers");
        write(&go, "");
        let why = if is_restarted { newer } else { "3 children in a row ended" };
        wait_until(|| !worker.exists() && start_record(&warm).contains(why));
        wait_until(|| left_in(&folder(&warm)) == 1);
    }
}

#[test]
fn failing_fork_runs_jobs_cold() {
    let warm = WarmStudio::new();
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    let full = warm.studio.path("work/full");
    let fork = format!(
        "import os\nworks = os.fork\ndef fork():\n    if os.path.exists({full:?}):\n        raise BlockingIOError(11, 'Resource temporarily unavailable')\n    return works()\nos.fork = fork\n"
    );
    write(package, fork);
    write(&full, "");
    let worker = pid(&warm.start());
    let parent = "$W -c 'import os; print(os.getppid())'";
    assert_ne!(warm.text(parent), worker.to_string());
    fs::remove_file(&full).unwrap();
    assert_eq!(warm.text(parent), worker.to_string());
}

#[test]
fn spare_exits_without_atexit() {
    let warm = WarmStudio::new();
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    let left = warm.studio.path("work/left");
    write(package, format!("import atexit; atexit.register(lambda: open({left:?}, 'w').close())"));
    let worker = pid(&warm.start());
    // A variable without a name can be sent; only an old Python can set it.
    let mut sets_it = Command::new(&*PYTHON);
    sets_it.args(["-c", "import os; os.putenv(b'', b'1')"]);
    if sets_it.run().status.success() {
        return skip("this Python sets a variable without a name");
    }
    let fields = ["code", "pass", "077", "0", "0", "", "", "0", "0", "=1"].join("\0");
    let mut stream = at_socket(&socket(&warm), |short| UnixStream::connect(short));
    stream.write_all(b"J").unwrap();
    stream.write_all(&u32::try_from(fields.len()).unwrap().to_le_bytes()).unwrap();
    stream.write_all(fields.as_bytes()).unwrap();
    let mut replies = Vec::new();
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    stream.read_to_end(&mut replies).unwrap();
    // The worker may have asked for patience before.
    let replies: Vec<_> = replies.chunks(5).filter(|reply| *reply != b"W\0\0\0\0").collect();
    assert_eq!(replies, [b"D\0\x01\0\0"]);
    assert!(!left.exists());
    assert_eq!(warm.text("$W -c 'import os; print(os.getppid())'"), worker.to_string());
}

/// Starts a job that starts one program in its group and one in its own session; returns the launcher and both.
fn job_with_programs(warm: &WarmStudio) -> (Running, [i64; 2]) {
    let program = "import subprocess; ignore = lambda: signal.signal(15, signal.SIG_IGN); start = lambda **how: subprocess.Popen([\"sleep\", \"600\"], stdin=-3, stdout=-3, stderr=-3, **how).pid; print(start(preexec_fn=ignore), start(start_new_session=True), flush=True); signal.pause()";
    let (launcher, mut output, _) = job(warm, program);
    let line = line_of(&mut output);
    let mut numbers = line.split_whitespace().map(|number| number.parse().unwrap());
    (launcher, [numbers.next().unwrap(), numbers.next().unwrap()])
}

#[test]
fn ended_launcher_ends_the_jobs_group() {
    let warm = WarmStudio::new();
    warm.start();
    for signals in [&["-TERM"][..], &["-KILL"], &["-TERM", "-KILL"]] {
        let (launcher, [grouped, daemon]) = job_with_programs(&warm);
        for signal in signals {
            kill(signal, launcher.id().into());
        }
        let run = launcher.ends();
        assert!(matches!(run.status.signal(), Some(9 | 15)), "{run}");
        wait_until(|| !lives(grouped));
        assert!(lives(daemon), "{signals:?}");
        kill("-KILL", daemon);
    }
    // A job that ends by itself may leave programs behind.
    let (launcher, mut output, _) = job(
        &warm,
        "import subprocess; print(subprocess.Popen([\"sleep\", \"600\"], stdin=-3, stdout=-3, stderr=-3).pid)",
    );
    let line = line_of(&mut output);
    launcher.ends().succeeds();
    warm.until(|workers| workers[0]["running"] == 0);
    let left = line.trim().parse().unwrap();
    assert!(lives(left));
    kill("-KILL", left);
}

#[test]
fn hostile_bytes_end_their_connection_alone() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    let path = socket(&warm);
    for words in [
        b"".as_slice(),
        b"?",
        b"J",
        b"J\xff\xff\xff\xff",
        b"N",
        b"J\x05\0\0\0abcde",
        b"J\x10\0\0\0ab",
        b"JJJJJJJJ",
    ] {
        let mut stream = at_socket(&path, |short| UnixStream::connect(short));
        stream.write_all(words).unwrap();
    }
    let _silent = at_socket(&path, |short| UnixStream::connect(short));
    assert_eq!(warm.text("$W -c 'import os; print(os.getppid())'"), worker.to_string());
    assert_eq!(pid(&warm.worker()), worker);
}

#[test]
fn parallel_cold_starts_run_every_job_once() {
    let warm = WarmStudio::new();
    let next = AtomicUsize::new(0);
    let file = warm.studio.path("work/ran");
    fs::write(&file, "").unwrap();
    let rounds = 200;
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < rounds {
                    assert_eq!(
                        warm.text("$W -c 'open(\"ran\", \"a\").write(\"x\"); print(1)'"),
                        "1"
                    );
                }
            });
        }
    });
    assert_eq!(fs::read(&file).unwrap().len(), rounds);
    // On a busy machine the last launch may have passed its worker by; then the place is free.
    warm.run("$W -c pass");
    warm.until(|workers| workers.iter().any(is_ready));
}

#[test]
fn swapped_core_gets_a_new_worker() {
    let warm = WarmStudio::new();
    let first = pid(&warm.start());
    let (mut launcher, output, _) =
        job(&warm, "sys.stdin.read(); import sgtk.late; print(sgtk.late.x)");
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk");
    write(package.join("late.py"), "x = 1");
    drop(launcher.stdin.take());
    assert_eq!(rest_of(output), "1\n");
    launcher.ends().succeeds();
    write(package.join("__init__.py"), "origin = 'new'");
    let program = "$W -c 'import sgtk; print(sgtk.origin)'";
    assert_eq!(warm.text(program), "new");
    warm.until(|workers| workers.iter().any(|w| is_ready(w) && pid(w) != first));
    assert_eq!(warm.text(program), "new");
    wait_until(|| !lives(first));
}

#[test]
fn bytecode_of_a_fresh_core_changes_no_key() {
    let warm = WarmStudio::new();
    let hook = warm.studio.path("configs/bigbuck/config/core/hooks/hook.py");
    write(&hook, "");
    let compile = "import py_compile, sys, sgtk, tank; py_compile.compile(sys.argv[1])";
    warm.run(&format!(
        "unset PYTHONDONTWRITEBYTECODE; $W -c '{compile}' {}",
        hook.to_str().unwrap()
    ));
    warm.until(|workers| workers.iter().any(is_ready));
    let bytecode = warm.studio.path("configs/bigbuck/install/core/python/tank/__pycache__");
    assert!(bytecode.exists() && hook.with_file_name("__pycache__").exists());
    let worker = pid(&warm.worker());
    let parent = "unset PYTHONDONTWRITEBYTECODE; $W -c 'import os; print(os.getppid())'";
    assert_eq!(warm.text(parent), worker.to_string());
    // A new module is no bytecode.
    write(warm.studio.path("configs/bigbuck/install/core/python/tank/new.py"), "");
    wait_until(|| warm.text(parent) != worker.to_string());
}

#[test]
fn changed_submodule_retires_the_worker() {
    let warm = WarmStudio::new();
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk");
    fs::create_dir(package.join("deep")).unwrap();
    write(package.join("deep/__init__.py"), "");
    write(package.join("deep/down.py"), "x = 1");
    write(package.join("__init__.py"), "from sgtk.deep import down");
    let first = pid(&warm.start());
    write(package.join("deep/down.py"), "x = 'other'");
    wait_until(|| !lives(first));
    assert_eq!(warm.text("$W -c 'import sgtk; print(sgtk.down.x)'"), "other");
}

#[test]
fn unfit_worker_says_why() {
    let warm = WarmStudio::new();
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    for (source, why) in [
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(9,), name='metrics', daemon=True).start()",
            "metrics",
        ),
        ("import socket; kept = socket.socket()", "socket:"),
        ("import os; kept = open(os.environ['HOME'] + '/kept.log', 'w')", "kept.log"),
        ("import sqlite3, os; kept = sqlite3.connect(os.environ['HOME'] + '/kept.db')", "kept.db"),
        ("import os; os._exit(3)", "gave no reason"),
    ] {
        write(&package, source);
        warm.run("$W -c pass");
        until_unfit(&warm, why);
        // The next launches do not try again, and say so.
        let explained = warm.text("$W --explain -c pass");
        assert!(explained.contains(why) && explained.contains("--stop-workers"), "{explained}");
        fs::remove_dir_all(folder(&warm)).unwrap();
    }
}

#[test]
fn imported_site_connections_are_closed() {
    let warm = WarmStudio::new();
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    let opens = "import socket\nclass Shotgun:\n    def __init__(self): self.connection = socket.socket()\n    def close(self): self.connection.close()\nclass Site(Shotgun): pass\nsite = Site()\n";
    write(package, opens);
    let worker = pid(&warm.start());
    let program = "import os, sgtk; print(os.getppid(), sgtk.site.connection.fileno())";
    assert_eq!(warm.text(&format!("$W -c '{program}'")), format!("{worker} -1"));
}

#[test]
fn too_old_python_says_so() {
    let warm = WarmStudio::new();
    if PYTHONS.range(..(3, 7)).next().is_none() {
        return skip("no Python before 3.7 on this machine");
    }
    for (_, python) in PYTHONS.range(..(3, 7)) {
        let words = format!("$W --python {}", python.display());
        assert_eq!(warm.text(&format!("{words} -c 'print(1)'")), "1");
        let why = "its Python is older than 3.7";
        warm.until(|workers| workers.iter().any(|worker| has_state(worker, why)));
        assert!(warm.text(&format!("{words} --explain -c pass")).contains(why));
        warm.text("$S --stop-workers");
    }
}

#[test]
fn max_jobs_runs_jobs_in_turn() {
    let warm = WarmStudio::new();
    // The setting `warm` replaces the option, too.
    write(warm.studio.path("no-settings.toml"), "warm = true\nmax_jobs = 1\n");
    warm.start();
    let script = "for i in 1 2 3 4; do $L -c 'import time; print(\"a\", flush=True); time.sleep(.1); print(\"b\")' & done; wait";
    assert_eq!(warm.text(script).replace('\n', ""), "abababab");
    warm.until(|workers| workers[0]["done"] == 4);
}

#[test]
fn idle_worker_leaves() {
    let warm = WarmStudio::new();
    // The worker may leave before a list shows it, so it writes its number.
    let settings = "preload = ['notes']\nidle_after = '1s'\n";
    write(warm.studio.path("no-settings.toml"), settings);
    let written = warm.studio.path("work/noted");
    let notes = "import os\nwith open('WORK/noted~', 'w') as file: file.write(str(os.getpid()))\nos.rename('WORK/noted~', 'WORK/noted')\n";
    let work = warm.studio.path("work");
    write(work.join("notes.py"), notes.replace("WORK", work.to_str().unwrap()));
    warm.text("PYTHONPATH=$PWD $W -c pass");
    wait_until(|| written.exists());
    let worker = fs::read_to_string(written).unwrap().parse().unwrap();
    wait_until(|| !lives(worker));
    assert_eq!(left_in(&folder(&warm)), 0);
}

#[test]
fn max_workers_stops_an_idle_worker_only() {
    let warm = WarmStudio::new();
    write(warm.studio.path("no-settings.toml"), "max_workers = 1\n");
    let first = pid(&warm.start());
    warm.run("TZ=UTC $W -c pass");
    warm.until(|workers| workers.iter().any(|w| is_ready(w) && pid(w) != first));
    wait_until(|| !lives(first));
    let script = "TZ=UTC exec $W -c 'import os; print(os.getpid(), flush=True); import signal; signal.pause()'";
    let mut busy = warm.shell(script).stdin(Stdio::null()).stdout(Stdio::piped()).start();
    line_of(&mut BufReader::new(busy.stdout.take().unwrap()));
    warm.until(|workers| workers[0]["running"] == 1);
    let explained = warm.text("$W --explain -c pass");
    assert!(explained.contains("no: max_workers (1) reached and none is idle"), "{explained}");
    assert_eq!(warm.text("$W -c 'print(1)'"), "1");
    assert_eq!(warm.workers().len(), 1);
    kill("-TERM", busy.id().into());
    busy.ends().dies_by(15);
}

#[test]
fn warm_settings_are_checked() {
    let warm = WarmStudio::new();
    let settings = warm.studio.path("no-settings.toml");
    for (text, part) in [
        ("warm = 1", "'warm'"),
        ("preload = ['os; import x']", "module"),
        ("idle_after = 'soon'", "'idle_after'"),
        ("max_jobs = 0", "'max_jobs'"),
        ("worker_variables = ['A=B']", "variable"),
    ] {
        write(&settings, text);
        warm.studio.failure(["--project", "bigbuck"]).is(122, &[part]);
    }
    write(&settings, "");
    for value in ["no", "false", "off", "true", "2"] {
        let run = warm.shell(&format!("SGTK_PYTHON_WARM={value} $L -c pass")).fails_with(125);
        let expected = format!("sgtk-python: error: SGTK_PYTHON_WARM must be 1 or 0: '{value}'\n");
        assert_eq!(run.error(), expected);
    }
    let explained = warm.text("SGTK_PYTHON_WARM= $L --explain -c pass");
    assert!(!explained.contains("\nwarm "), "{explained}");
    write(&settings, "[projects.bigbuck]\nwarm = true\npreload = ['json', 'xml.dom']\n");
    warm.text("$L -c pass");
    warm.until(|workers| workers.iter().any(is_ready));
    assert_eq!(warm.text("$L -c 'import sys; print(\"xml.dom\" in sys.modules)'"), "True");
    assert_eq!(
        warm.text("SGTK_PYTHON_WARM=0 $L -c 'import sys; print(\"xml.dom\" in sys.modules)'"),
        "False"
    );
}

#[test]
fn impossible_worker_folder_runs_cold() {
    let warm = WarmStudio::new();
    // A file is where the folder should be.
    write(warm.studio.path("work/file"), "");
    let place = "unset XDG_RUNTIME_DIR; export TMPDIR=$PWD/file";
    assert_eq!(warm.text(&format!("{place}; $W -c 'print(1)'")), "1");
    let mut list = warm.shell(&format!("{place}; $S --workers"));
    list.fails_with(125).warns(&["is not a folder"]);
    // Without the runtime folder, the folder for temporary files is used.
    let place = "export XDG_RUNTIME_DIR=$PWD/gone TMPDIR=$PWD/tmp; mkdir -p tmp";
    let explained = warm.text(&format!("{place}; $W --explain=json -c pass"));
    assert!(explained.contains("\"cold\": \"no worker was running\""), "{explained}");
    warm.text(&format!("{place}; $W -c pass; $S --stop-workers; [ -d tmp/sgtk-python-* ]"));
    // A runtime folder in which nothing can be made is the reason to run cold.
    let place = "export XDG_RUNTIME_DIR=/proc/self";
    let explained = warm.text(&format!("{place}; $W --explain -c pass"));
    assert!(explained.contains("cannot be created"), "{explained}");
}

#[test]
fn folder_of_another_user_is_reported() {
    let warm = WarmStudio::new();
    if !nix::unistd::Uid::effective().is_root() {
        return skip("only root can become another user");
    }
    let place = warm.studio.path("work/others");
    fs::create_dir_all(place.join("sgtk-python")).unwrap();
    fs::set_permissions(place.join("sgtk-python"), fs::Permissions::from_mode(0o700)).unwrap();
    let python =
        "import os, sys; os.setgid(65534); os.setuid(65534); os.execv(sys.argv[1], sys.argv[1:])";
    let open = "chmod 755 .. . others; export XDG_RUNTIME_DIR=$PWD/others HOME=/ SGTK_PYTHON_CACHE=/nowhere";
    let launch = |words: &str| warm.run(&format!("{open}; /usr/bin/python3 -c '{python}' {words}"));
    let run = launch("$W --python /usr/bin/python3 -c 'print(1)'");
    assert_eq!(run.text(), "1\n", "{run}");
    run.warns(&["warning: the job runs plainly", "folder of workers belongs to another user"]);
    launch("$W --python /usr/bin/python3 --explain -c 'print(1)'")
        .shows(&["belongs to another user"]);
}

#[test]
fn exclusive_lock_lasts_as_long_as_the_job() {
    let warm = WarmStudio::new();
    warm.start();
    let script = r#"
        job="import sys; print('runs', flush=True); sys.stdin.read()"
        mkfifo pipe
        $W --exclusive -c "$job" < pipe > shown &
        exec 9> pipe
        while [ ! -s shown ] && kill -0 $!; do sleep 0.01; done
        $W --exclusive -c "$job" < /dev/null 9>&-; echo $?
        exec 9>&-
        wait
        for run in 1 2 3 4 5 6 7 8 9; do $W --exclusive -c "$job" < /dev/null; echo $?; done
    "#;
    let run = warm.run(script).warns(&["already running"]);
    assert_eq!(run.text(), format!("75\n{}", "runs\n0\n".repeat(9)), "{run}");
    warm.until(|workers| workers[0]["done"] == 10);
}

#[test]
fn launcher_ends_after_the_jobs_locks() {
    let warm = WarmStudio::new();
    warm.start();
    // Stands for a job with much memory, which takes long to end.
    let script = r#"
        job="import fcntl, os, socket, time
os._exit = lambda code, end=os._exit, wait=time.sleep: wait(1) or end(code)
file = os.open('held', os.O_RDWR | os.O_CREAT); fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
port = socket.socket(socket.AF_UNIX); port.bind('\\0' + os.getcwd()); port.listen(); port.detach()"
        $W -c "$job"; echo $?; $W -c "$job"; echo $?
    "#;
    assert_eq!(warm.text(script), "0\n0");
    warm.until(|workers| workers[0]["done"] == 2);
}

#[test]
fn stop_covers_starting_and_unfit_workers() {
    let warm = WarmStudio::new();
    warm.run("$W -c pass");
    warm.run("$S --stop-workers");
    assert!(warm.workers().is_empty(), "{:?}", warm.workers());
    warm.run("SGTK_PYTHON_SETTINGS=$PWD/s.toml; export SGTK_PYTHON_SETTINGS; echo 'preload = [\"no_such_module\"]' > s.toml; $W -c pass");
    warm.until(|workers| workers.iter().any(|worker| has_state(worker, "unfit: ")));
    warm.run("$S --project bigbuck --stop-workers");
    assert!(warm.workers().is_empty(), "{:?}", warm.workers());
}

#[test]
fn temporary_files_of_killed_workers_go() {
    let warm = WarmStudio::new();
    warm.start();
    let worker = socket(&warm);
    let left = ["sock.17", "start.new"].map(|end| worker.with_extension(end));
    // One that another worker makes at this moment.
    let new = worker.with_extension("sock.18");
    write(&new, "");
    for removing in ["$S --workers", "TZ=UTC $W -c pass"] {
        for file in &left {
            write(file, "");
            warm.text(&format!("touch -d '2 hours ago' {}", file.display()));
        }
        warm.run(removing);
        assert!(!left.iter().any(|file| file.exists()), "{removing}");
    }
    assert!(new.exists());
}

#[test]
fn start_record_from_the_future_expires() {
    let warm = WarmStudio::new();
    let package = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    let dies = warm.studio.path("work/dies");
    write(package, format!("import os; os.path.exists({dies:?}) and os._exit(3)"));
    write(&dies, "");
    warm.run("$W -c pass");
    until_unfit(&warm, "gave no reason");
    fs::remove_file(&dies).unwrap();
    // As if the clock was set back since.
    warm.text("touch -d '1 hour' \"$XDG_RUNTIME_DIR\"/sgtk-python/*.start");
    warm.start();
}

#[test]
fn tab_in_a_project_name_is_no_reason() {
    let warm = WarmStudio::new();
    let config = warm.studio.localized("big\tbuck");
    interpreter(&config, PYTHON.to_str().unwrap());
    write(config.join("install/core/python/sgtk/__init__.py"), "import os; os._exit(3)");
    warm.run("$S --config \"$SHOTGUN_BASE/big\tbuck\" --warm -c pass");
    until_unfit(&warm, "gave no reason");
    assert_eq!(warm.worker()["project"], "big buck");
}
