//! Starting Python on Windows, with `tests/windows/python.rs` in Python's place: words, variables, exit codes, the end of
//! the launcher.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, PipeWriter, Read};
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::AsRawHandle;
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};

use crate::scene::{Running, Runs};
use crate::support::{LAUNCHER, Studio, failed, variables_of, write};

/// Creation flag for a process without a console.
const DETACHED_PROCESS: u32 = 8;

fn studio() -> Studio {
    let studio = Studio::new();
    studio.localized("bigbuck");
    studio
}

fn python(studio: &Studio, words: &[&str]) -> Command {
    studio.launcher([&["--project", "bigbuck"], words].concat())
}

#[track_caller]
fn wait_until(is_done: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_done() {
        assert!(Instant::now() < end, "nothing happens");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn exit_codes_pass_through() {
    let studio = studio();
    for code in [0, 1, 121, 255, 256, 0xC000_0005, u32::MAX] {
        python(&studio, &["exit", &code.to_string()]).fails_with(code.cast_signed());
    }
}

#[test]
fn words_reach_python_unchanged() {
    let studio = studio();
    let half_a_pair = OsString::from_wide(&[0x61, 0xd83d]);
    let mut words = [
        "",
        "a b",
        "\"",
        "a\"b c\"",
        "\\",
        "ends in \\",
        "\\\\server\\share\\",
        "\\\"",
        "a\\\\\"b",
        "%PATH%",
        "^&|<>()!",
        "*",
        "@file",
        "é\u{1f600}",
        "--project",
    ]
    .map(OsString::from)
    .to_vec();
    words.push(half_a_pair);
    let mut launcher = python(&studio, &["words"]);
    let expected: Vec<String> = words.iter().map(|word| format!("{word:?}\n")).collect();
    assert_eq!(launcher.args(words).prints(), expected.concat());
}

#[test]
fn variables_reach_python() {
    let studio = studio();
    let config = studio.path("configs/bigbuck");
    let core = studio.path("configs/bigbuck/install/core/python");
    let odd = OsString::from_wide(&[0x61, 0xd83d]);
    let mut launcher = python(
        &studio,
        &["variables", "SGTK_PYTHON_CONFIG", "PYTHONPATH", "ODD", "TANK_CURRENT_PC"],
    );
    launcher.env("TANK_CURRENT_PC", "x").env("ODD", &odd).env("PYTHONPATH", "C:\\mine;;relative");
    let python_path = std::env::join_paths([&core, Path::new("C:\\mine"), Path::new("relative")]);
    let expected = format!(
        "SGTK_PYTHON_CONFIG={config:?}\nPYTHONPATH={:?}\nODD={odd:?}\n",
        python_path.unwrap()
    );
    assert_eq!(launcher.prints(), expected);
}

#[test]
fn program_that_is_none_is_refused() {
    let studio = studio();
    write(studio.path("text.exe"), "text");
    let text = studio.path("text.exe");
    failed(&mut python(&studio, &[]).env("SGTK_PYTHON", text)).is(126, &["text.exe"]);
}

#[test]
fn killed_launcher_ends_python_alone() {
    let studio = studio();
    let file = studio.path("file");
    let mut launcher = python(&studio, &["leave", file.to_str().unwrap(), "held"]);
    let mut running = launcher.stdin(Stdio::piped()).stdout(Stdio::piped()).start();
    let input = running.stdin.take();
    let mut output = BufReader::new(running.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), "runs");
    let held = studio.path("held");
    assert!(File::open(&held).is_err());
    running.ends_killed();
    wait_until(|| File::open(&held).is_ok());
    assert!(!file.exists());
    drop(input);
    wait_until(|| fs::read(&file).is_ok_and(|content| content == b"outlived"));
}

#[test]
fn no_console_opens_no_window() {
    let studio = studio();
    let mut launcher = python(&studio, &["console"]);
    launcher.creation_flags(DETACHED_PROCESS);
    assert_eq!(launcher.prints(), "no window\n");
}

#[test]
fn copy_in_a_projects_name_chooses_it() {
    let studio = studio();
    let copy = studio.path("BigBuck-python.EXE");
    fs::copy(LAUNCHER, &copy).unwrap();
    let mut command = Command::new(copy);
    command.args(["words", "--version"]).envs(variables_of(&studio.launcher([""; 0])));
    assert_eq!(command.prints(), "\"--version\"\n");
}

#[test]
fn artist_tool_runs_no_word_of_an_argument() {
    let studio = studio();
    let lines = include_str!("../../shims/artist-tool.cmd")
        .replace("\\\\server\\bin\\sgtk-python.exe", LAUNCHER)
        .replace("\\\\server\\tools\\browser.py", "words");
    write(studio.path("tool.cmd"), lines);
    let mut shell =
        Command::new(format!("{}\\system32\\cmd.exe", std::env::var("SYSTEMROOT").unwrap()));
    shell.arg("/c").arg(studio.path("tool.cmd")).args(["a^&echo", "b"]);
    assert_eq!(shell.envs(variables_of(&studio.launcher([""; 0]))).prints(), "");
}

#[test]
fn each_project_runs() {
    let studio = studio();
    studio.localized("sintel");
    let run = studio.launcher(["--each", "words", "x"]).succeeds();
    let text = run.text();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["bigbuck | \"x\"", "sintel  | \"x\""], "{run}");
    studio.launcher(["--each", "exit", "3221225477"]).fails_with(1);
}

/// Starts a launcher, and returns when its Python runs.
#[track_caller]
fn running(launcher: &mut Command) -> Running {
    let mut running = launcher.stdin(Stdio::piped()).stdout(Stdio::piped()).start();
    let mut line = String::new();
    BufReader::new(running.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), "runs");
    running
}

#[test]
fn killed_exclusive_run_frees_its_lock() {
    let studio = studio();
    write(studio.path("wait"), "a script");
    let launcher = || {
        let mut launcher = studio.launcher(["--exclusive", "--project", "bigbuck", "wait"]);
        launcher.env("LOCALAPPDATA", studio.path("home"));
        launcher
    };
    let first = running(&mut launcher());
    let process = format!("process {}", first.id());
    failed(&mut launcher()).is(75, &["already running: wait for ", "bigbuck", &process]);
    first.ends_killed();
    let mut second = running(&mut launcher());
    drop(second.stdin.take());
    second.ends().succeeds();
}

#[test]
fn status_handle_gets_each_step() {
    let studio = studio();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let number = inheritable(&writer).to_string();
    let words = ["--status-fd", &number, "--project", "bigbuck", "exit", "3221225477"];
    studio.launcher(words).fails_with(0xC000_0005_u32.cast_signed());
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    let expected =
        "{\"status\":\"started\",\"how\":\"plain\"}\n{\"status\":\"ended\",\"code\":-1073741819}\n";
    assert_eq!(text, expected);
}

/// Lets processes that start from now on inherit a pipe, and returns the number of its handle.
#[expect(unsafe_code, reason = "handles have no safe interface")]
fn inheritable(pipe: &PipeWriter) -> usize {
    let handle = pipe.as_raw_handle();
    // SAFETY: the handle is open for as long as the pipe is borrowed.
    let done = unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) };
    assert_ne!(done, 0);
    handle as usize
}

#[test]
fn shim_is_a_copy_that_chooses_its_project() {
    let studio = studio();
    let shim = studio.path("home/bigbuck-python.exe");
    for _ in 0..2 {
        let made = studio.launcher(["--make-shim", "bigbuck", "home"]).prints();
        assert!(made.trim_end().ends_with("bigbuck-python.exe"), "{made}");
        let mut command = Command::new(&shim);
        command.args(["words", "--help"]).envs(variables_of(&studio.launcher([""; 0])));
        assert_eq!(command.prints(), "\"--help\"\n");
    }
    write(&shim, "of another program");
    studio.failure(["--make-shim", "bigbuck", "home"]).is(125, &["bigbuck-python.exe"]);
}
