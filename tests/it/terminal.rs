//! Outputs on a terminal of a given width.

use std::process::Command;

use crate::scene::Runs;
use crate::snapshots::studio;
use crate::support::{PYTHON, Studio, variables_of, write};

/// Runs a command on a terminal of its own and prints what arrives there.
const TERMINAL: &str = "
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    size = struct.pack('HHHH', 50, int(sys.argv[1]), 0, 0)
    fcntl.ioctl(0, termios.TIOCSWINSZ, size)
    os.execvp(sys.argv[2], sys.argv[2:])
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
";

/// Returns a program that runs a command on a terminal of this width, without colour, and prints what arrives there.
pub fn terminal(command: &Command, width: usize) -> Command {
    let mut program = Command::new(&*PYTHON);
    program.args(["-I", "-c", TERMINAL, &width.to_string()]);
    program.arg(command.get_program()).args(command.get_args());
    program.env_clear().envs(variables_of(command)).env("NO_COLOR", "1");
    program
}

/// Returns the lines that the launcher writes on a terminal of this width.
#[track_caller]
fn on_terminal(launcher: &Command, width: usize) -> Vec<String> {
    terminal(launcher, width).prints().lines().map(|line| line.trim_end().to_owned()).collect()
}

#[track_caller]
fn fits(lines: &[String], width: usize) {
    for line in lines {
        assert!(line.chars().count() <= width, "{line:?} in\n{}", lines.join("\n"));
    }
}

#[test]
fn help_fits_the_terminal() {
    let studio = Studio::new();
    for width in [60, 80] {
        let lines = on_terminal(&studio.launcher(["--help"]), width);
        fits(&lines, width);
        for head in ["Choose the project:", "Warm jobs:", "Examples:"] {
            assert!(lines.iter().any(|line| line == head), "no {head}\n{}", lines.join("\n"));
        }
    }
}

#[test]
fn list_names_the_root_once_on_a_narrow_terminal() {
    let studio = studio();
    let launcher = studio.launcher(["--list"]);
    let root = studio.path("configs").to_str().unwrap().to_owned();
    let lines = on_terminal(&launcher, 80);
    assert_eq!(lines[0], format!("configurations below {root}"));
    let table = &lines[2..6];
    fits(table, 80);
    let text = table.join("\n");
    assert!(!text.contains(&root) && !text.contains(" … "), "{text}");
    assert!(table[0].ends_with("  CONFIG") && table[2].ends_with("  parent/child"), "{text}");
    assert!(table[1].contains("…") && table[1].contains("/bin/python  bigbuck"), "{text}");
    assert!(lines[6].starts_with("sintel: core does not exist: /no/such/core"), "{lines:?}");
    // A wide terminal shows what a pipe gets.
    let wide: Vec<String> = launcher_lines(&studio);
    assert_eq!(on_terminal(&launcher, 400), wide);
}

fn launcher_lines(studio: &Studio) -> Vec<String> {
    studio.launcher(["--list"]).prints().lines().map(String::from).collect()
}

#[test]
fn list_numbers_several_roots() {
    let studio = studio();
    let other = studio.path("other");
    write(other.join("durian/config/core/roots.yml"), "");
    let roots = std::env::join_paths([studio.path("configs"), other]).unwrap();
    let mut launcher = studio.launcher(["--list"]);
    let lines = on_terminal(launcher.env("SHOTGUN_BASE", roots), 80);
    assert!(lines[1].starts_with("  1  /") && lines[2].starts_with("  2  /"), "{lines:?}");
    let ends = |end: &str| lines.iter().any(|line| line.ends_with(end));
    assert!(ends("  1/parent/child") && ends("  2/durian"), "{}", lines.join("\n"));
}

#[test]
fn each_shows_starts_and_a_table() {
    let studio = Studio::new();
    for name in ["bigbuck", "sintel"] {
        crate::support::interpreter(&studio.localized(name), PYTHON.to_str().unwrap());
    }
    let lines = on_terminal(&studio.launcher(["--each", "-c", "print('done')"]), 80);
    let expected = ["bigbuck | started (1 of 2)", "bigbuck | done", "sintel  | started (2 of 2)"];
    assert_eq!(lines[..3], expected, "{lines:?}");
    assert!(lines[5].starts_with("PROJECT") && lines[6].ends_with(" s  ok"), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "2 of 2 succeeded");
}

#[test]
fn wait_for_an_exclusive_run_is_shown() {
    let studio = Studio::new();
    crate::support::interpreter(&studio.localized("bigbuck"), PYTHON.to_str().unwrap());
    // Only the second run ends: it begins while the first one, which ends when its input does, goes on.
    let script = studio.path("job.py");
    write(&script, "import sys; print('begun', flush=True); sys.stdin.read()");
    let script = script.to_str().unwrap();
    let words = ["--project", "bigbuck", "--exclusive=wait", script];
    let mut first = studio.launcher(words);
    first.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut first = first.start();
    let mut line = String::new();
    let output = first.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
    assert_eq!(line, "begun\n");
    let program = format!(
        "
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
text = b''
while b'waiting for the end of another run (process {})' not in text:
    text += os.read(terminal, 1024)
os.kill(child, 9)
",
        first.id()
    );
    let second = studio.launcher(words);
    let mut command = Command::new(&*PYTHON);
    command.args(["-I", "-c", &program]).arg(second.get_program()).args(second.get_args());
    command.env_clear().envs(variables_of(&second)).succeeds();
    drop(first.stdin.take());
    first.ends().succeeds();
}
