//! Starting Python on Windows, with `tests/windows/python.rs` in Python's place: words, variables, exit codes, the end of
//! the launcher.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::windows::ffi::OsStringExt;
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::scene::Runs;
use crate::support::{LAUNCHER, Studio, failed, interpreter, variables_of, write};

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
fn command_file_names_its_project() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let shell = format!("{}\\system32\\cmd.exe", std::env::var("SYSTEMROOT").unwrap());
    interpreter(&config, &shell);
    write(studio.path("bigbuck-python.cmd"), include_bytes!("../../shims/project-python.cmd"));
    fs::copy(LAUNCHER, studio.path("sgtk-python.exe")).unwrap();
    let mut shell = Command::new(&shell);
    shell.arg("/c").arg(studio.path("bigbuck-python.cmd")).args(["/c", "exit", "9"]);
    shell.envs(variables_of(&studio.launcher([""; 0]))).fails_with(9);
}
