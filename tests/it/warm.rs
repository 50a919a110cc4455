//! Jobs in a worker against plain launches: each script runs both ways and must show no difference.

use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::Value;

use crate::scene::{Run, Runs};
use crate::support::write;
use crate::terminal::terminal;
use crate::warm_support::{WarmStudio, is_ready};

/// Prints what a job can see of itself.
const SHOW: &str = r"
import os, sys, signal, resource, time
main = sys.modules['__main__']
print(__name__, main.__dict__ is globals(), sorted(name for name in vars(main) if name[:2] == '__'))
print(sys.argv, sys.path, sys.flags, sys.executable, getattr(sys, 'orig_argv', None))
print(sorted(os.environb.items()), os.getcwd(), sys.gettrace(), sys.getrecursionlimit())
for stream in sys.stdin, sys.stdout, sys.stderr:
    print(stream.name, stream.mode, stream.encoding, stream.errors, stream.line_buffering,
          stream.write_through, stream.buffer, stream.isatty(), stream.newlines)
print(sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__)
print(oct(os.umask(0)), [signal.getsignal(number) for number in (1, 2, 13, 15, 17, 25)],
      signal.pthread_sigmask(signal.SIG_BLOCK, ()))
print([resource.getrlimit(number) for number in range(16)], time.tzname)
print([(number, os.get_inheritable(int(number))) for number in sorted(os.listdir('/proc/self/fd'), key=int)[:3]])
";

// Scripts, in which `$L` launches.

/// Words, variables, working directory, limits.
const CONTEXTS: &[&str] = &[
    r#"$L -c "$(cat show.py)" a 'b c' '' -u -- $'\xff\xfe' ä"#,
    r"A=$'\xff=\n' B= C=1=2 $L show.py x",
    "$L ./show.py; $L sub/../show.py; $L link.py; $L /dev/stdin < show.py",
    "$L -m show a; $L -m package b; $L -m package.inner c",
    "$L folder a; $L zipped.zip b; $L - c < show.py; $L < show.py",
    "$L -c 'import subprocess; subprocess.run([\"env\"])' | sort",
    "cd sub; $L -c 'import os; print(os.getcwd(), os.environ[\"PWD\"])'",
    "cd sub; $L beside.py; $L -m beside; $L ../sub/imports.py",
    "mkdir gone; cd gone; rmdir ../gone; $L -c 'import os; print(os.path.exists(\".\"), os.listdir(\".\"))'",
    "umask 027; $L show.py; umask 0; $L -c 'open(\"made\", \"w\")'; stat -c %a made; rm made",
    "ulimit -S -n 100 -c 0 -s 4096; $L show.py",
    "ulimit -S -n 64; $L -c 'import os; [os.dup(0) for _ in range(100)]'",
    "trap '' HUP INT USR1 PIPE; $L show.py",
    "$L -c 'import tempfile; print(tempfile.gettempdir())'; mkdir tmp; TMPDIR=$PWD/tmp $L -c 'import tempfile; print(tempfile.gettempdir())'; rmdir tmp",
    "$L -c 'import random, os; random.random(); print(len(os.urandom(3)))'",
    "$L -c 'import sgtk, tank; print(sgtk.origin, tank.__file__)'",
];

const STREAMS: &[&str] = &[
    "printf 'a\\r\\nb\\xff' | $L -c 'import sys; print(ascii(sys.stdin.buffer.read()), sys.stdin.read())'",
    "printf 'a\\r\\nb\\rc' | $L -c 'import sys; print(ascii(sys.stdin.read()), sys.stdin.newlines)'",
    "printf 'one\\ntwo\\nthree' > in; $L -c 'import sys; print(input(), sys.stdin.tell())' < in; rm in",
    "(head -c 2 >/dev/null; $L -c 'import sys; print(sys.stdin.read())') < show.py",
    "echo before > out; $L -c 'import sys; print(sys.stdout.tell()); print(1)' >> out; cat out; rm out",
    "$L -c 'import sys; print(1); print(2, file=sys.stderr); print(3)' 2>&1",
    "$L -c 'import os, sys; print(1); sys.stdout.flush(); os.write(1, b\"2\\n\"); print(3)' > out; cat out; rm out",
    "$L -c 'print(1)' >&-; echo $?; $L -c 'import sys; print(sys.stdin.read())' <&-; echo $?",
    "$L -c 'import sys; print(1, file=sys.stderr)' 2>&-; echo $?",
    "$L -c 'import sys; print(repr(sys.stdin.read()))' < /dev/null > /dev/null; echo $?",
    "$L -c 'print(1)' > /dev/full; echo $?",
    "$L -c 'import sys; sys.stdout.write(\"x\" * 9000)' > /dev/full; echo $?",
    "$L -c 'while 1: print(1)' 2>&1 | head -n 1; echo ${PIPESTATUS[0]}",
    "$L -c 'print(\"x\" * 7_000_000)' | md5sum",
    "head -c 7000000 /dev/zero | $L -c 'import sys; print(len(sys.stdin.buffer.read()))'",
    "head -c 3000000 /dev/urandom > big; $L -c 'import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)' < big | cmp - big && echo same; rm big",
    "$L -c 'import sys; sys.stderr.write(\"e\" * 300000)' 2>&1 | wc -c",
    "$L -c 'import sys; sys.stdout = None'; $L -c 'import sys; sys.stdout.close()'; echo $?",
    "$L -c 'import os; os.close(1)'; echo $?; $L -c 'import os; os.closerange(0, 200); os._exit(4)'; echo $?",
    "$L -c 'import os; os.closerange(3, 1024); raise SystemExit(5)'; echo $?",
    "$L -c 'import os; os.closerange(0, 1024); raise SystemExit(5)'; echo $?",
    r#"$L -c 'import os; os.closerange(3, 256); files = [open("show.py") for _ in range(10)]
if os.fork() == 0: [os.fstat(file.fileno()) for file in files]; os._exit(7)
print(os.waitstatus_to_exitcode(os.wait()[1]))'; echo $?"#,
];

const STATUSES: &[&str] = &[
    "for code in 0 1 2 3 77 120 121 125 126 127 128 200 254 255; do $L -c \"import sys; sys.exit($code)\"; echo $?; done",
    "$L -c 'import sys; sys.exit()'; $L -c 'import sys; sys.exit(True)'; echo $?; $L -c 'import sys; sys.exit(-1)'; echo $?",
    "$L -c 'import sys; sys.exit(\"why ä\")'; echo $?; $L -c 'import sys; sys.exit((1, 2.5))'; echo $?",
    "$L -c 'raise SystemExit(3)'; echo $?; $L -c 'import os; print(1); os._exit(9)'; echo $?",
    "{ $L -c 'import os; os.abort()'; echo $?; } 2>/dev/null",
    "{ for s in 1 2 3 6 7 8 9 10 11 12 13 14 15 31; do $L -c \"import os, signal; $s != 9 and signal.signal($s, signal.SIG_DFL); os.kill(os.getpid(), $s)\"; echo $?; done; } 2>/dev/null",
    "$L -c 'raise KeyboardInterrupt'; echo $?",
    "{ $L -c 'print(1); raise KeyboardInterrupt' > /dev/full; echo $?; } 2>/dev/null",
    "{ $L -c 'import ctypes; ctypes.string_at(0)'; echo $?; } 2>/dev/null",
    "$L raises.py; echo $?; $L wrong.py; echo $?; $L missing.py; echo $?; $L -m missing; echo $?; $L -m raises; echo $?",
    "$L -c '1/0'; $L -c 'x = ('; $L folder_that_raises; $L -c 'import raises'",
    "$L -c 'import sys; sys.excepthook = lambda *a: print(a[0], a[2].tb_frame.f_code.co_name); 1/0'; echo $?",
];

/// Work that Python does before it ends.
const ENDS: &[&str] = &[
    "$L -c 'import atexit; atexit.register(print, 1); atexit.register(print, 2); print(0)'; echo $?",
    "$L -c 'import atexit; atexit.register(lambda: 1/0); print(0)' 2>&1 | grep -v Exception; echo ${PIPESTATUS[0]}",
    "$L -c 'import atexit, sys; atexit.register(sys.stdout.write, \"last\"); sys.exit(5)'; echo $?",
    "$L -c 'import threading, time; e = threading.Event(); threading.Thread(target=lambda: (e.wait(), time.sleep(.1), print(2))).start(); print(1); e.set()'",
    "$L -c 'import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); print(1)'",
    "$L -c 'from concurrent.futures import *; print(ThreadPoolExecutor(2).submit(int, 3).result())'",
    "$L -c 'f = open(\"left\", \"w\"); f.write(\"open\")'; cat left; rm left",
    "$L leaves.py; cat left; rm left",
    "$L -c 'import tempfile; f = tempfile.NamedTemporaryFile(dir=\".\"); d = tempfile.TemporaryDirectory(dir=\".\")' 2>/dev/null; ls",
    "$L -c 'class C:\n def __del__(self): print(\"deleted\")\nc = C()'",
    "$L -c 'import asyncio\nasync def f(): return 1\nprint(asyncio.run(f()))'",
];

/// Processes that a job starts.
const PROCESSES: &[&str] = &[
    "$L -c 'import subprocess; print(subprocess.run([\"cat\"], input=b\"x\", stdout=-1)); subprocess.run(\"exit 3\", shell=True)'",
    "$L -c 'import os\npid = os.fork()\nif not pid: raise SystemExit(3)\nprint(os.waitpid(pid, 0)[1])'; echo $?",
    "$L -c 'import os\nif os.fork(): os.wait()\nprint(1, flush=True)'",
    "$L -c 'import subprocess; subprocess.Popen([\"sh\", \"-c\", \"sleep .2; echo late\"])' | cat",
    "$L pool.py fork; $L pool.py spawn; $L -m pool fork",
    "$L -c 'import os; os.execvp(\"echo\", [\"echo\", \"x\"])'; echo $?",
    "$L -c 'import os, sys; os.execv(sys.executable, [sys.executable, \"-c\", \"raise SystemExit(6)\"])'; echo $?",
    "{ $L -c 'import signal, os; signal.signal(14, signal.SIG_DFL); signal.alarm(1); signal.pause()'; echo $?; } 2>/dev/null",
    "$L -c 'import pickle, sys, inspect\nclass C: pass\nprint(type(pickle.loads(pickle.dumps(C()))) is C)'",
    "$L -c 'import sys\ndef f(n): return n and f(n - 1)\nprint(f(900))'",
];

/// A studio with the programs that the scripts run, and a worker.
pub fn studio() -> WarmStudio {
    let warm = WarmStudio::new();
    let work = |name: &str, text: &str| write(warm.studio.path("work").join(name), text);
    work("show.py", SHOW);
    work("sub/beside.py", "import sys; print('beside', __file__, sys.path[0])");
    work("sub/imports.py", "import beside\nprint(beside.__file__)");
    work("package/__init__.py", "print('package', __name__)");
    work("package/__main__.py", SHOW);
    work("package/inner.py", SHOW);
    work("folder/__main__.py", SHOW);
    work("folder_that_raises/__main__.py", "def f():\n    1/0\nprint(1)\nf()");
    work("wrong.py", "a = 1\nb = = 2\n");
    work("raises.py", "import sys\nprint('out')\ndef f():\n    raise ValueError('x')\nf()\n");
    work("keeps.py", "f = open('left', 'w')\nf.write('by a module')\n");
    work(
        "leaves.py",
        "import keeps\nclass C: pass\nc = C(); c.c = c; c.f = keeps.f; del keeps.f\n",
    );
    work(
        "pool.py",
        "import multiprocessing, sys\ndef twice(x): return 2 * x\nif __name__ == '__main__':\n    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool: print(pool.map(twice, range(9)))\n",
    );
    symlink("sub/imports.py", warm.studio.path("work/link.py")).unwrap();
    let zip = "import zipfile; zipfile.ZipFile('zipped.zip', 'w').write('show.py', '__main__.py')";
    warm.text(&format!("$L -c \"{zip}\""));
    warm.start();
    warm
}

/// Runs each script both ways and compares statuses and streams.
pub fn jobs_match_plain_launches(warm: &WarmStudio, scripts: &[impl AsRef<str>]) {
    jobs_match_in(warm, scripts, |script| warm.shell(script));
}

/// Does the same with scripts in another surrounding.
fn jobs_match_in(warm: &WarmStudio, scripts: &[impl AsRef<str>], shell: impl Fn(&str) -> Command) {
    let result = |run: &Run| format!("{}\n{}{}", run.status, run.text(), run.error());
    let mut differences = Vec::new();
    for script in scripts.iter().map(AsRef::as_ref) {
        let before = warm.worker()["done"].as_u64().unwrap();
        // Jobs in a worker have this variable.
        let plain = result(&shell(script).env("SGTK_PYTHON_IN_A_JOB", "1").run());
        let in_worker = result(&shell(&script.replace("$L", "$W")).run());
        if plain != in_worker.replace("--warm ", "") {
            let only_plain = lines_without(&plain, &in_worker);
            let only_warm = lines_without(&in_worker, &plain);
            differences.push(format!("{script}\nplain: {only_plain}\nwarm:  {only_warm}"));
        }
        // The worker counts a job when its process has gone, perhaps after its launcher.
        warm.until(|workers| workers[0]["done"].as_u64() > Some(before));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

fn lines_without(one: &str, other: &str) -> String {
    let lines = one.lines().filter(|line| !other.contains(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn job_contexts_match_plain_python() {
    jobs_match_plain_launches(&studio(), CONTEXTS);
}

#[test]
fn job_streams_match_plain_python() {
    jobs_match_plain_launches(&studio(), STREAMS);
}

#[test]
fn job_statuses_match_plain_python() {
    jobs_match_plain_launches(&studio(), STATUSES);
}

#[test]
fn job_ends_match_plain_python() {
    jobs_match_plain_launches(&studio(), ENDS);
}

#[test]
fn job_processes_match_plain_python() {
    jobs_match_plain_launches(&studio(), PROCESSES);
}

const ALL: [&[&str]; 5] = [CONTEXTS, STREAMS, STATUSES, ENDS, PROCESSES];

#[test]
fn jobs_at_a_terminal_match_plain_python() {
    let warm = studio();
    let shell = |script: &str| {
        let mut shell = terminal(&warm.shell(script), 80);
        shell.current_dir(warm.studio.path("work"));
        shell
    };
    jobs_match_in(&warm, &ALL.concat(), shell);
}

#[test]
fn jobs_with_descriptors_match_plain_python() {
    let warm = studio();
    // With as many descriptors as its limit allows a launcher opens no file.
    let mut scripts = ALL.concat();
    scripts.retain(|script| !script.contains("ulimit -S -n"));
    let open = "for n in {3..250}; do eval \"exec $n<show.py\"; done";
    jobs_match_in(&warm, &scripts, |script| warm.shell(&format!("{open}\n{script}")));
}

#[test]
fn job_variables_match_plain_python() {
    let warm = WarmStudio::new();
    let program = "-c 'import os; print(os.environ.get(\"LC_CTYPE\"), os.getppid())'";
    warm.run(&format!("unset LANG; $W {program}"));
    warm.until(|workers| workers.iter().any(is_ready));
    let shown = warm.text(&format!("unset LANG; $W {program}"));
    assert_eq!(shown, format!("C.UTF-8 {}", warm.worker()["pid"]));
}

#[test]
fn all_exit_codes_pass_through() {
    let warm = WarmStudio::new();
    warm.start();
    let codes =
        warm.text("for i in $(seq 0 255); do $W -c \"import sys; sys.exit($i)\"; echo $?; done");
    let expected: Vec<String> = (0..256).map(|code| code.to_string()).collect();
    assert_eq!(codes.lines().collect::<Vec<_>>(), expected);
    warm.until(|workers| workers[0]["done"] == 256);
}

#[test]
fn job_leaves_nothing_for_the_next() {
    let warm = WarmStudio::new();
    warm.start();
    let first = "import sys, os, sgtk, json, builtins; sys.modules['mine'] = 1; os.environ['MINE'] = '1'; sgtk.mine = builtins.mine = 1; sys.path.append('mine'); os.chdir('/'); os.umask(0); f = open('/dev/null')";
    let second = "import sys, os, sgtk, builtins; print('mine' in sys.modules, 'MINE' in os.environ, hasattr(sgtk, 'mine'), hasattr(builtins, 'mine'), 'mine' in sys.path, os.getcwd() != '/', sorted(os.listdir('/proc/self/fd'), key=int)[:3])";
    let plain = warm.text(&format!("$L -c \"{second}\""));
    for _ in 0..3 {
        assert_eq!(warm.text(&format!("$W -c \"{first}\"; $W -c \"{second}\"")), plain);
    }
    let numbers =
        warm.text("for i in 1 2 3 4; do $W -c 'import random; print(random.random())'; done");
    let numbers: std::collections::BTreeSet<&str> = numbers.lines().collect();
    assert_eq!(numbers.len(), 4);
}

#[test]
fn unsupported_job_runs_cold() {
    let warm = WarmStudio::new();
    warm.start();
    for (script, text, why) in [
        ("$W {} -i -c 'print(1)' </dev/null 2>/dev/null", "1", "'-i'"),
        ("$W {} -X importtime -c 'print(1)' 2>/dev/null", "1", "'-X'"),
        ("PYTHONPATH=lib $W {} -c 'print(1)'", "1", "relative path"),
        ("SLURM_JOB_ID=7 SGTK_PYTHON_WARM=1 $L {} -c 'print(1)'", "1", "SLURM_JOB_ID"),
        ("PBS_JOBID=7.host $W {} -c 'print(1)'", "1", "PBS_JOBID"),
        ("LSB_JOBID=7 $W {} -c 'print(1)'", "1", "LSB_JOBID"),
        ("JOB_ID=7 SGE_TASK_ID=undefined $W {} -c 'print(1)'", "1", "JOB_ID"),
        ("_CONDOR_JOB_AD=/x/.job.ad $W {} -c 'print(1)'", "1", "_CONDOR_JOB_AD"),
    ] {
        assert_eq!(warm.text(&script.replace("{}", "")), text, "{script}");
        let explained = warm.text(&script.replace("{}", "--explain"));
        let line = explained.lines().find(|line| line.starts_with("warm ")).unwrap();
        assert!(line.contains(why), "{line}");
    }
    let worker = warm.worker();
    assert_eq!(worker["done"], 0);
    for field in ["age_s", "idle_s", "memory_kib"] {
        assert!(worker[field].is_u64(), "{field}: {worker}");
    }
    let explained = warm.text("$W --explain=json -c pass");
    assert!(explained.contains("\"cold\": null"), "{explained}");
}

#[test]
fn job_in_a_closed_folder_runs_cold() {
    let warm = WarmStudio::new();
    let without_rights = "setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search";
    let script = format!(
        "mkdir closed; cd closed; chmod 0 .; {without_rights} $W --status-fd 3 -c 'print(1)' 3>&1"
    );
    let text = warm.text(&script);
    assert!(text.contains("\"cold\"") && text.contains("working directory"), "{text}");
    assert!(text.ends_with("\n1"), "{text}");
}

#[test]
fn changed_context_gets_its_own_worker() {
    let warm = WarmStudio::new();
    let first = warm.start()["pid"].clone();
    let own = |script: &str| warm.text(script).lines().last().unwrap_or_default().to_owned();
    let parent = "-c 'import os; print(os.getppid())'";
    for same in [
        "FOO=1 $W",
        "JOB_ID=7 $W",
        "SHOTGUN_ENTITY_ID=3 $W",
        "cd sub; $W",
        "umask 0; $W",
        "TMPDIR=/ $W",
    ] {
        warm.text("mkdir -p sub");
        assert_eq!(own(&format!("{same} {parent}")), first.to_string(), "{same}");
    }
    let config = warm.studio.path("configs/bigbuck/config/core");
    for (number, other) in [
        "PYTHONWARNINGS=ignore $W",
        "TZ=UTC $W",
        "SHOTGUN_HOME=/x $W",
        "ulimit -n $(($(ulimit -n) - 1)); $W",
        "nice -n 3 $W",
        "echo 77 > /proc/$BASHPID/oom_score_adj; $W",
    ]
    .into_iter()
    .enumerate()
    {
        let script = format!("{other} {parent}");
        assert_ne!(own(&script), first.to_string(), "{other}");
        // The launch started another worker.
        let expected = number + 2;
        warm.until(|workers| workers.iter().filter(|worker| is_ready(worker)).count() == expected);
        assert_ne!(own(&script), first.to_string(), "{other}");
    }
    // Another file replaces the workers; the one that had the latest job stays.
    let touched = own(&format!("touch '{}/new.yml'; $W {parent}", config.display()));
    assert_ne!(touched, first.to_string());
    warm.until(|workers| workers.len() == 2 && workers.iter().any(is_ready));
}

#[test]
fn worker_has_no_variables_of_a_run() {
    let warm = WarmStudio::new();
    write(warm.studio.path("no-settings.toml"), "worker_variables = [\"SGTK_PYTHON_*\"]\n");
    let start = "SGTK_PYTHON_RUN=0123456789abcdef SGTK_PYTHON_AGAIN=1 $W -c pass";
    warm.text(start);
    warm.until(|workers| workers.iter().any(is_ready));
    let program =
        "import os; own = os.environ; print(own['SGTK_PYTHON_RUN'], own['SGTK_PYTHON_AGAIN'],
        os.getppid(), '0123456789abcdef' in open('/proc/%d/environ' % os.getppid()).read())";
    let mark = "fedcba9876543210";
    let shown =
        warm.text(&format!("SGTK_PYTHON_RUN={mark} SGTK_PYTHON_AGAIN=1 $W -c \"{program}\""));
    assert_eq!(shown, format!("{mark} 1 {} False", warm.worker()["pid"]));
}

#[test]
fn next_job_sees_no_earlier_credentials() {
    let warm = WarmStudio::new();
    warm.text("export SHOTGUN_FARM_SCRIPT_KEY=k STUDIO_TOKEN=t MINE=m; $W -c pass");
    warm.until(|workers| workers.iter().any(is_ready));
    let parents =
        "print(open('/proc/%d/environ' % os.getppid()).read() + open('/proc/self/environ').read())";
    let shown = warm.text(&format!(
        "export SHOTGUN_FARM_SCRIPT_KEY=k; $W -c \"import os; {parents}; print(os.environ['SHOTGUN_FARM_SCRIPT_KEY'], os.environ.get('MINE'))\""
    ));
    assert!(shown.ends_with("k None"), "{shown}");
    for part in ["SHOTGUN_FARM_SCRIPT_KEY=", "STUDIO_TOKEN=", "MINE="] {
        assert!(!shown.contains(part), "{part} in {shown}");
    }
    warm.until(|workers| workers[0]["done"] == 1);
}

#[test]
fn worker_knows_no_password_of_a_proxy() {
    let warm = WarmStudio::new();
    let parent = "print(open('/proc/%d/environ' % os.getppid()).read())";
    for (number, (name, address)) in [
        ("http_proxy", "http://me:hush@proxy:8080"),
        ("https_proxy", "http://me:hush/2@proxy:8080"),
        ("HTTPS_PROXY", "me:hush@proxy:8080"),
        ("SHOTGUN_SITE_URL", "https://me:hush@site"),
    ]
    .into_iter()
    .enumerate()
    {
        // Another password leads to another worker.
        let launch = |words: &str| format!("export {name}={address}; $W -c {words}");
        warm.text(&launch("pass"));
        let is_next = |workers: &[Value]| workers.iter().filter(|w| is_ready(w)).count() > number;
        warm.until(is_next);
        let shown = warm.text(&launch(&format!(
            "\"import os; {parent}; print(os.getppid(), os.environ['{name}'])\""
        )));
        assert!(!shown.replace(&format!(" {address}"), "").contains("hush"), "{shown}");
        let (_, own) = shown.rsplit_once('\n').unwrap();
        let (worker, value) = own.split_once(' ').unwrap();
        let workers = warm.workers();
        let worker: i64 = worker.parse().unwrap();
        assert!(workers.iter().any(|other| other["pid"] == worker), "{workers:#?}");
        assert_eq!(value, address);
    }
    // An address without a password is common.
    let given = "export http_proxy=http://proxy:8080 SHOTGUN_SITE_URL=https://site; $W -c";
    warm.text(&format!("{given} pass"));
    warm.until(|workers| workers.iter().filter(|worker| is_ready(worker)).count() == 5);
    let shown = warm.text(&format!("{given} \"import os; {parent}\""));
    assert!(shown.contains("http_proxy=http://proxy:8080"), "{shown}");
    assert!(shown.contains("SHOTGUN_SITE_URL=https://site"), "{shown}");
}
