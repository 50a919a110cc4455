//! Colour: on terminals, and as `NO_COLOR` and `CLICOLOR_FORCE` say. A pipe gets the same text without it.

use std::process::Command;

use crate::scene::Runs;
#[cfg(unix)]
use crate::support::{PYTHON, interpreter, variables_of};
use crate::support::{Studio, failed};

fn without_colour(text: &str) -> String {
    let styles = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[1;31m", "\u{1b}[1;33m", "\u{1b}[1;36m"];
    styles.iter().fold(text.to_owned(), |text, style| text.replace(style, ""))
}

/// Checks that the launcher, which ends with this code, writes these parts with forced colour, and the same text
/// without it in a pipe.
#[track_caller]
fn colours(launcher: &mut Command, code: i32, parts: &[&str]) {
    let plain = launcher.fails_with(code);
    let (output, error) = (plain.text(), plain.error());
    assert!(!output.contains('\u{1b}') && !error.contains('\u{1b}'), "{plain}");
    let coloured = launcher.env("CLICOLOR_FORCE", "1").fails_with(code);
    for part in parts {
        let is_there = coloured.text().contains(part) || coloured.error().contains(part);
        assert!(is_there, "no {part:?}\n{coloured}");
    }
    assert_eq!(without_colour(&coloured.text()), output);
    assert_eq!(without_colour(&coloured.error()), error);
}

#[test]
fn error_and_hint_have_coloured_labels() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let error = "sgtk-python: \u{1b}[1;31merror:\u{1b}[0m ";
    let hint = "\n\u{1b}[1;36mhint:\u{1b}[0m ";
    colours(&mut studio.launcher(["--project", "bigbuk"]), 121, &[error, hint]);
    colours(&mut studio.launcher(["--projct", "bigbuck"]), 125, &[error, hint]);
}

#[cfg(unix)]
#[test]
fn warning_has_a_coloured_label() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let warning = "sgtk-python: \u{1b}[1;33mwarning:\u{1b}[0m ";
    colours(&mut studio.launcher(["--project", "bigbuck", "--refresh"]), 0, &[warning]);
}

#[test]
fn no_color_wins_over_clicolor_force() {
    let studio = Studio::new();
    let mut launcher = studio.launcher(["--project", "bigbuk"]);
    failed(launcher.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1")).is(121, &["bigbuk"]);
}

#[test]
fn table_has_a_bold_head_and_red_faults() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    studio.linked("sintel", "/no/such/core");
    let list = studio.launcher(["--list"]).env("CLICOLOR_FORCE", "1").prints();
    assert!(list.starts_with("\u{1b}[1mNAME "), "{list:?}");
    assert!(list.contains(" CONFIG\u{1b}[0m\nbigbuck "), "{list:?}");
    assert!(list.contains("  \u{1b}[1;31mbroken\u{1b}[0m  "), "{list:?}");
    assert_eq!(list.matches('\u{1b}').count(), 4, "{list:?}");
    colours(&mut studio.launcher(["--list"]), 0, &["\u{1b}[1mNAME "]);
}

#[test]
fn json_is_never_coloured() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let list = studio.launcher(["--list=json"]).env("CLICOLOR_FORCE", "1").prints();
    assert!(list.contains("\"bigbuck\"") && !list.contains('\u{1b}'), "{list}");
}

#[cfg(unix)]
#[test]
fn result_table_of_each_has_a_bold_head() {
    let studio = Studio::new();
    interpreter(&studio.localized("bigbuck"), PYTHON.to_str().unwrap());
    let mut launcher = studio.launcher(["--each", "-c", "raise SystemExit(1)"]);
    let error = launcher.env("CLICOLOR_FORCE", "1").fails_with(1).error();
    let start = "\n\u{1b}[1mPROJECT ";
    assert!(error.starts_with(start), "{error:?}");
    assert!(error.contains(" RESULT\u{1b}[0m\nbigbuck "), "{error:?}");
}

#[cfg(unix)]
#[test]
fn terminal_gets_colour_unless_switched_off() {
    let studio = Studio::new();
    let launcher = studio.launcher(["--project", "bigbuk"]);
    for (variables, is_coloured) in [
        (&[("TERM", "xterm")][..], true),
        (&[("TERM", "dumb")], false),
        (&[("NO_COLOR", "1")], false),
    ] {
        let program = "import pty, sys; pty.spawn(sys.argv[1:])";
        let mut terminal = Command::new(&*PYTHON);
        terminal.args(["-I", "-c", program]).arg(launcher.get_program()).args(launcher.get_args());
        terminal.env_clear().envs(variables_of(&launcher));
        let output = terminal.envs(variables.iter().copied()).succeeds().text();
        assert!(output.contains("bigbuk"), "{output:?}");
        assert_eq!(output.contains("\u{1b}[1;31merror:\u{1b}[0m"), is_coloured, "{output:?}");
    }
}

/// The system kills a process with SIGXFSZ that writes beyond its limit for the size of a file.
#[cfg(unix)]
#[test]
fn full_file_never_kills_the_launcher() {
    let studio = Studio::new();
    interpreter(&studio.localized("bigbuck"), PYTHON.to_str().unwrap());
    let run = |redirection: &str, arguments: &[&str]| {
        let script = format!("ulimit -f 0; exec \"$0\" \"$@\" {redirection}");
        let launcher = studio.launcher(arguments);
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).arg(launcher.get_program()).args(launcher.get_args());
        shell.env_clear().envs(variables_of(&launcher)).current_dir(studio.path(""));
        shell.run()
    };
    // The index, a signed lock, steps, an error, an answer, and lines of runs.
    assert_eq!(run("", &["--project-id=42", "-c", "print(1)"]).prints(), "1\n");
    assert_eq!(run("", &["--exclusive", "--project=bigbuck", "-c", "print(1)"]).prints(), "1\n");
    let steps = ["--status-fd=5", "--project=bigbuck", "-c", "print(1)"];
    assert_eq!(run("5>file", &steps).prints(), "1\n");
    run("2>file", &["--project=sintel"]).fails_with(121);
    run("2>>file", &["--each", "-c", "raise SystemExit(3)"]).fails_with(1);
    let refused = ["cannot write to standard output: File too large"];
    for answer in ["--help", "--list", "--list=json"] {
        run(">file", &[answer]).failure().is(125, &refused);
    }
    run(">file", &["--each", "-c", "print(1)"]).fails_with(1).warns(&["File too large"]);
    assert_eq!(std::fs::metadata(studio.path("file")).unwrap().len(), 0);
}
