//! Jobs at a terminal, in a worker and plainly: each session is typed both ways and must show no difference.

use std::process::Command;

use crate::scene::Runs;
use crate::support::{PYTHON, write};
use crate::warm_support::{LONGEST, WarmStudio, wait_until};

/// Runs a command on a terminal of its own, does the steps, and prints what the terminal showed and the end.
const TYPIST: &str = r#"
import fcntl, json, os, pty, select, struct, sys, termios, time
steps, longest, words = json.loads(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
def resize(terminal, size):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *map(int, size.split()), 0, 0))
child, terminal = pty.fork()
if child == 0:
    resize(0, "24 80")
    os.closerange(3, 256)
    os.execvp(words[0], words)
shown, seen, until = b"", 0, time.monotonic() + longest
def read():
    global shown
    ready, _, _ = select.select([terminal], [], [], max(0, until - time.monotonic()))
    try:
        data = os.read(terminal, 65536) if ready else None
    except OSError:
        data = b""
    if data is None:
        sys.exit("waited in vain: %r" % shown.decode(errors="replace"))
    shown += data
    return data
for step, text in steps:
    if step == "sees":
        while text.encode() not in shown[seen:]:
            if not read():
                sys.exit("no %r in %r" % (text, shown.decode(errors="replace")))
        seen = shown.index(text.encode(), seen) + len(text.encode())
    elif step == "types":
        os.write(terminal, text.encode())
    elif step == "resizes":
        resize(terminal, text)
if ("closes", "") in map(tuple, steps):
    os.close(terminal)
else:
    while read():
        pass
print(shown.decode(errors="replace").replace("\r\n", "\n"))
print("end", os.waitpid(child, 0)[1])
"#;

/// Prints each line, size and signal that it gets, also a signal that comes just before it waits.
const TALKS: &str = r#"
import os, select, shutil, signal, sys
sys.excepthook = lambda kind, *_: print(kind.__name__)
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
signal.signal(signal.SIGWINCH, lambda *_: os.write(1, b"size %d %d\n" % shutil.get_terminal_size()))
signal.signal(signal.SIGCONT, lambda *_: os.write(1, b"continued\n"))
print("ready", flush=True)
line = b"first"
while line:
    ready, _, _ = select.select([0, reader], [], [])
    if reader in ready:
        os.read(reader, 99)
    if 0 in ready:
        line = os.read(0, 99)
        print("read", line.strip().decode(), flush=True)
"#;

/// Shows keys as they are typed, from the terminal that controls it, until `q`.
const PAGER: &str = r#"
import os, sys, termios, tty
text = sys.stdin.read()
keys = os.open("/dev/tty", os.O_RDWR)
before = termios.tcgetattr(keys)
tty.setraw(keys)
print(len(text), end="\r\n", flush=True)
key = b""
while key != b"q":
    key = os.read(keys, 1)
    os.write(keys, b"<%x>" % ord(key))
termios.tcsetattr(keys, termios.TCSADRAIN, before)
print("paged")
"#;

/// Asks in each way that a program can.
const ASKS: &str = r#"
import getpass, os, sys
print([stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)], sys.stdout.line_buffering)
print(os.get_terminal_size(), os.ttyname(0) == os.ttyname(1), os.tcgetpgrp(0) == os.getpgrp(), os.ctermid())
print("to", input("name? "), getpass.getpass())
open("/dev/tty", "w").write("by its name\n")
try:
    os.wait()
except ChildProcessError:
    print("no child")
sys.exit(3)
"#;

/// Notes in a file what the end of its terminal shows it.
const CLOSES: &str = r#"
import os, signal, sys
seen = set()
signal.signal(signal.SIGHUP, lambda *_: None)
print("ready", flush=True)
for attempt in lambda: os.read(0, 1) or None, lambda: os.write(1, b"out"):
    try:
        while attempt():
            pass
        seen.add("no input")
    except OSError as error:
        seen.add("no input" if attempt.__code__.co_names == ("os", "read") else str(error))
open("log", "w").write("%s\nend\n" % sorted(seen))
"#;

type Steps<'a> = &'a [(&'a str, &'a str)];

/// Commands in which `$L` launches, with the steps.
const SESSIONS: &[(&str, Steps)] = &[
    (
        "$L asks.py; echo $?",
        &[("sees", "name? "), ("types", "Ann\r"), ("sees", "Password: "), ("types", "secret\r")],
    ),
    (
        "$L talks.py",
        &[
            ("sees", "ready"),
            ("types", "o\x7fone\r"),
            ("sees", "read one"),
            ("resizes", "33 99"),
            ("sees", "size 99 33"),
            ("types", "\x16"),
            ("sees", "^"),
            ("types", "\x03\r"),
            ("sees", "read"),
            ("types", "\x04"),
        ],
    ),
    ("$L talks.py 2>/dev/null; echo $?", &[("sees", "ready\r\n"), ("types", "\x03")]),
    ("{ $L talks.py; echo $?; } 2>/dev/null", &[("sees", "ready\r\n"), ("types", "\x1c")]),
    (
        "$L -c 'import subprocess as s, sys; s.run([sys.executable, \"pager.py\"], input=b\"text\"); print(input())'",
        &[
            ("sees", "4\r\n"),
            ("types", "\x03\x1a\x1c\x13\x11\r\n"),
            ("sees", "<11><d><a>"),
            ("types", "q"),
            ("sees", "paged"),
            ("types", "still\r"),
        ],
    ),
    ("$L talks.py > out; cat out; rm out", &[("types", "x\r"), ("sees", "x"), ("types", "\x04")]),
    (
        "$L talks.py | cat",
        &[("sees", "ready"), ("types", "x\r"), ("sees", "read x"), ("types", "\x04")],
    ),
    ("$L -c 'print(input())' </dev/tty 2>&1 >out; cat out; rm out", &[("types", "x\r")]),
    (
        "$L -c 'import os; print(os.write(3, b\"x\\n\"), os.get_terminal_size(3))' 3>&1 >out; cat out; rm out",
        &[],
    ),
    ("$L -c 'for n in range(100000): print(n)' | md5sum", &[]),
    ("$L -c 'for n in range(30000): print(n, end=\"\\r\\n\\r\")'", &[]),
    ("$L -c 'import os; os.system(\"stty -echo; stty size\")'; stty -a | grep -o '.echo '", &[]),
    (
        "stty -onlcr; $L -c 'print(1); print(2)'; stty intr ^X; $L talks.py",
        &[("sees", "ready\n"), ("types", "\x18")],
    ),
    // For a while no process has the terminal open.
    (
        "$L -c 'import getpass, os, time; [os.dup2(os.open(os.devnull, os.O_RDWR), n) for n in range(3)]; time.sleep(.3); open(\"/dev/tty\", \"w\").write(getpass.getpass() + \"\\n\")'; echo $?",
        &[("sees", "Password: "), ("types", "secret\r")],
    ),
    (
        "$L -c 'import os; os.system(\"stty ocrnl\"); print(\"a\", end=\"\\r\"); print(\"b\")'; echo $?",
        &[],
    ),
    // No shell continues a job that the terminal stops, so it does not.
    (
        "exec $L talks.py",
        &[
            ("sees", "ready\r\n"),
            ("types", "\x1a"),
            ("sees", "^Z"),
            ("types", "x\r"),
            ("sees", "read x"),
            ("types", "\x04"),
        ],
    ),
    ("$L -c 'import os; os.system(\"$L talks.py\")'", &[("sees", "ready\r\n"), ("types", "\x03")]),
    ("trap '' HUP; $L talks.py; echo $?", &[("sees", "ready"), ("types", "\x04")]),
];

const BASH: [&str; 4] = ["bash", "--norc", "--noprofile", "-i"];

const PROMPT: (&str, &str) = ("sees", "P> ");

/// A session in a shell, which continues the jobs that it stops.
const SHELL: Steps = &[
    PROMPT,
    ("types", "$L talks.py\r"),
    ("sees", "ready\r\n"),
    ("types", "\x1a"),
    ("sees", "Stopped"),
    PROMPT,
    ("types", "jobs; stty -a | grep -o '.echo '; fg\r"),
    ("sees", "continued\r\n"),
    ("types", "x\r"),
    ("sees", "read x\r\n"),
    ("types", "\x1a"),
    ("sees", "Stopped"),
    PROMPT,
    ("types", "fg\r"),
    ("sees", "continued\r\n"),
    ("types", "\x04"),
    ("sees", "read \r\n"),
    PROMPT,
    ("types", "$L -c 'import os, signal; os.kill(0, signal.SIGTSTP); print(\"went on\")'\r"),
    ("sees", "Stopped"),
    PROMPT,
    ("types", "fg\r"),
    ("sees", "went on"),
    PROMPT,
    ("types", "exit\r"),
];

/// The same for the group of a script. The shell sees the stop before the launcher does.
const SCRIPT: Steps = &[
    PROMPT,
    ("types", "bash -c '$L talks.py; echo un''seen'\r"),
    ("sees", "ready\r\n"),
    ("types", "\x1a"),
    ("sees", "Stopped"),
    PROMPT,
    ("types", "fg\r"),
    ("sees", "continued\r\n"),
    ("types", "\x03"),
    ("sees", "KeyboardInterrupt"),
    PROMPT,
    ("types", "exit\r"),
];

fn studio() -> WarmStudio {
    let warm = WarmStudio::new();
    for (name, text) in
        [("talks.py", TALKS), ("pager.py", PAGER), ("asks.py", ASKS), ("closes.py", CLOSES)]
    {
        write(warm.studio.path("work").join(name), text);
    }
    warm.start();
    warm
}

/// Returns a command that does the steps on a terminal on which another command runs. `$L` launches in a worker, or plainly.
fn typist(warm: &WarmStudio, is_warm: bool, command: &[&str], steps: Steps) -> Command {
    let definition = if is_warm { "L=$W" } else { "L=$L" };
    let mut typist = warm.shell(&format!("export {definition} TERM=dumb PS1='P> '; exec \"$@\""));
    typist.arg("bash").arg(&*PYTHON).args(["-I", "-c", TYPIST]);
    typist.arg(serde_json::to_string(steps).unwrap()).arg(LONGEST.as_secs().to_string());
    typist.args(command);
    typist
}

/// Does the steps both ways, and compares what the terminal shows.
fn sessions_match(warm: &WarmStudio, command: &[&str], steps: Steps) {
    let done = || warm.worker()["done"].as_u64().unwrap();
    let before = done();
    let plain = typist(warm, false, command, steps).prints();
    assert_eq!(done(), before);
    let in_worker = typist(warm, true, command, steps).prints();
    assert_eq!(in_worker, plain, "{command:?}");
    warm.until(|workers| workers[0]["done"].as_u64() > Some(before));
}

#[test]
fn sessions_at_a_terminal_match_plain_python() {
    let warm = studio();
    for (command, steps) in SESSIONS {
        sessions_match(&warm, &["bash", "-c", command], steps);
    }
}

#[test]
fn shells_stop_and_continue_jobs() {
    sessions_match(&studio(), &BASH, SHELL);
}

#[test]
fn shell_stops_and_interrupts_a_script() {
    let warm = studio();
    for is_warm in [false, true] {
        let shown = typist(&warm, is_warm, &BASH, SCRIPT).prints();
        assert!(!shown.contains("unseen"), "{shown}");
    }
    warm.until(|workers| workers[0]["done"] == 1);
}

#[test]
fn terminal_gets_its_modes_back() {
    let warm = studio();
    let raw = "import os, signal, sys, time, tty\ntty.setraw(0)\nlauncher = int(open('pid').read())\nexec(sys.argv[1])\ntime.sleep(60)\n";
    write(warm.studio.path("work/raw.py"), raw);
    for end in [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(launcher, signal.SIGALRM)",
        "os.kill(launcher, signal.SIGHUP)",
        "os.kill(launcher, signal.SIGTERM)",
        "os.kill(launcher, signal.SIGINT)",
        "os.kill(launcher, signal.SIGUSR1)",
    ] {
        let script = format!(
            "before=$(stty -g); sh -c 'echo $$ >pid; exec $L raw.py \"{end}\"'; test \"$before\" = \"$(stty -g)\" && echo same"
        );
        let shown = typist(&warm, true, &["bash", "-c", &script], &[]).prints();
        assert!(shown.contains("same"), "{end}: {shown}");
    }
    warm.until(|workers| workers[0]["done"] == 6);
}

#[test]
fn closed_terminal_hangs_the_job_up() {
    let warm = studio();
    let log = warm.studio.path("work/log");
    let steps: Steps =
        &[PROMPT, ("types", "$L closes.py\r"), ("sees", "ready\r\n"), ("closes", "")];
    let by_itself: Steps = &[("sees", "ready\r\n"), ("closes", "")];
    for (command, steps) in [(&BASH[..], steps), (&["bash", "-c", "exec $L closes.py"], by_itself)]
    {
        let mut logs = Vec::new();
        for is_warm in [false, true] {
            let _ = std::fs::remove_file(&log);
            typist(&warm, is_warm, command, steps).run();
            let text = || std::fs::read_to_string(&log).unwrap_or_default();
            wait_until(|| text().ends_with("end\n"));
            logs.push(text());
        }
        assert_eq!(logs[0], logs[1]);
    }
    let command = ["bash", "-c", "exec $L talks.py"];
    let ends = |is_warm| typist(&warm, is_warm, &command, by_itself).prints();
    assert_eq!([ends(false), ends(true)], ["ready\n\nend 1\n"; 2]);
    warm.until(|workers| workers[0]["done"] == 3);
}

#[test]
fn job_at_a_terminal_leaves_no_process() {
    let warm = studio();
    let command = ["bash", "-mc", "$L -c 'import os; print(os.getsid(0)); print(input())'"];
    let steps: Steps = &[("sees", "\r\n"), ("types", "x\r")];
    let shown = typist(&warm, true, &command, steps).prints();
    let session = shown.lines().next().unwrap().to_owned();
    wait_until(|| {
        let in_session =
            |stat: &str| stat.rsplit(") ").next().unwrap().split(' ').nth(3) == Some(&session);
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let stats =
            processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
        !stats.into_iter().any(|stat| in_session(&stat))
    });
}

#[test]
fn job_that_cannot_have_its_terminal_runs_plainly() {
    let warm = studio();
    for (command, why) in [
        ("$L --explain -c pass", "in the project's worker"),
        ("$L --explain", "no: Python prompts for its program"),
        ("$L --explain - x", "no: Python prompts for its program"),
        (
            "set -m; $L --explain -c pass & wait",
            "no: the launch is in the background of its terminal",
        ),
        ("setsid -w $L --explain -c pass", "no: a stream is the terminal of another session"),
        ("stty -icanon; $L --explain -c pass", "no: another program reads the terminal's keys"),
    ] {
        let shown = typist(&warm, true, &["bash", "-c", command], &[]).prints();
        let line = shown.lines().find(|line| line.starts_with("warm ")).expect(&shown);
        assert!(line.contains(why), "{command}: {line}");
    }
    let command = "stty -icanon; $L -c 'print(1)'";
    let shown = typist(&warm, true, &["bash", "-c", command], &[]).prints();
    assert!(shown.contains("runs plainly") && shown.contains("\n1\n"), "{shown}");
    assert_eq!(warm.worker()["done"], 0);
}
