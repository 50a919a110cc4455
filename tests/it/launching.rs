//! Becoming a real Python: process id, words, variables, streams, signals and exit codes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Command, Stdio};

use crate::scene::Runs;
use crate::support::{
    LAUNCHER, OS, PYTHON, Studio, failed, interpreter, make_executable, skip, variables_of, write,
};

/// A studio with a project whose core runs on a real Python.
fn studio() -> Studio {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    interpreter(&config, PYTHON.to_str().unwrap());
    studio
}

fn python(studio: &Studio, program: &str) -> Command {
    studio.launcher(["--project", "bigbuck", "-c", program])
}

#[test]
fn python_keeps_the_process_id() {
    let studio = studio();
    let mut command = python(&studio, "import os; print(os.getpid())");
    let running = command.stdout(Stdio::piped()).start();
    let id = running.id();
    assert_eq!(running.ends().prints(), format!("{id}\n"));
}

#[test]
fn exit_codes_and_signals_pass_through() {
    let studio = studio();
    for code in [0, 1, 2, 121, 125, 127, 255] {
        python(&studio, &format!("import sys; sys.exit({code})")).fails_with(code);
    }
    for signal in [2, 9, 15] {
        let program = format!(
            "import os, signal; signal.signal({signal}, signal.SIG_DFL) if {signal} != 9 else 0; os.kill(os.getpid(), {signal})"
        );
        python(&studio, &program).run().dies_by(signal);
    }
}

#[test]
fn words_and_values_stay_bytes() {
    let studio = studio();
    let program = "import os, sys; print([os.fsencode(w) for w in sys.argv[1:]], os.environb[b'A'], os.environb[b'B'])";
    let odd = OsString::from_vec((1..=255).collect());
    let mut assignment = OsString::from("B=");
    assignment.push(&odd);
    let words: [&OsStr; 9] = [
        "--env".as_ref(),
        &assignment,
        "--project".as_ref(),
        "bigbuck".as_ref(),
        "-c".as_ref(),
        program.as_ref(),
        &odd,
        "".as_ref(),
        "--".as_ref(),
    ];
    let text = studio.launcher(words).env("A", &odd).prints();
    let bytes = format!("b'{}'", python_escape(odd.as_bytes()));
    assert_eq!(text, format!("[{bytes}, b'', b'--'] {bytes} {bytes}\n"));
}

fn python_escape(bytes: &[u8]) -> String {
    // Both quotes occur, so that Python chooses the single one and escapes it.
    bytes
        .iter()
        .map(|byte| match byte {
            b'\t' => "\\t".into(),
            b'\n' => "\\n".into(),
            b'\r' => "\\r".into(),
            b'\\' => "\\\\".into(),
            b'\'' => "\\'".into(),
            b' '..=b'~' => char::from(*byte).to_string(),
            other => format!("\\x{other:02x}"),
        })
        .collect()
}

#[test]
fn projects_own_core_is_imported() {
    let studio = studio();
    let sintel = studio.localized("sintel");
    interpreter(&sintel, PYTHON.to_str().unwrap());
    for project in ["bigbuck", "sintel", "bigbuck"] {
        let mut command = studio.launcher([
            "--project",
            project,
            "-c",
            "import sgtk, tank; print(sgtk.origin, tank.origin)",
        ]);
        let other = if project == "sintel" { "bigbuck" } else { "sintel" };
        let other = studio.path("configs").join(other);
        command.env("TANK_CURRENT_PC", &other).env("PYTHONHOME", "/nowhere");
        command.env("PYTHONPATH", other.join("install/core/python"));
        let own = studio.path("configs").join(project).display().to_string();
        assert_eq!(command.prints(), format!("{own} {own}\n"));
    }
}

#[test]
fn empty_environment_is_enough() {
    let studio = studio();
    let config = studio.path("configs/bigbuck");
    let program = "import os, sgtk; print(os.getcwd(), sorted(os.environ), sgtk.origin)";
    let mut command = Command::new(LAUNCHER);
    command.args(["--config".as_ref(), config.as_os_str(), "-c".as_ref(), program.as_ref()]);
    let text = command.env_clear().current_dir("/").prints();
    // Python adds LC_CTYPE in the C locale by itself (PEP 538).
    let names = text.replace("'LC_CTYPE', ", "");
    assert_eq!(names, format!("/ ['PYTHONPATH', 'SGTK_PYTHON_CONFIG'] {}\n", config.display()));
}

#[test]
fn python3_is_found_without_path_variable() {
    let studio = studio();
    let config = studio.path("configs/bigbuck");
    std::fs::remove_file(config.join(format!("config/core/interpreter_{OS}.cfg"))).unwrap();
    let usual = ["/usr/local/bin/python3", "/usr/bin/python3", "/bin/python3"];
    if !usual.iter().any(|python| std::path::Path::new(python).exists()) {
        return skip("no python3 in the usual folders");
    }
    assert_eq!(python(&studio, "print(1)").prints(), "1\n");
}

#[test]
fn closed_streams_stop_nothing() {
    let studio = studio();
    let result = studio.path("result");
    let program = format!("open({:?}, 'w').write('ran')", result.to_str().unwrap());
    let closing = |arguments: &[&str]| {
        let script = "exec \"$0\" \"$@\" <&- >&- 2>&-";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, LAUNCHER]).args(arguments).env_clear();
        shell.envs(variables_of(&studio.launcher([""; 0]))).run()
    };
    closing(&["--project", "bigbuck", "-c", &program]).succeeds();
    assert_eq!(std::fs::read_to_string(result).unwrap(), "ran");
    closing(&["--project", "unknown"]).fails_with(121);
    let help = closing(&["--help"]);
    assert!(matches!(help.status.code(), Some(0 | 125)), "{help}");
}

#[test]
fn standard_input_reaches_python() {
    let studio = studio();
    let script = studio.path("input");
    write(&script, "print('from standard input')\n");
    let mut command = studio.launcher(["--project", "bigbuck", "-"]);
    command.stdin(std::fs::File::open(script).unwrap());
    assert_eq!(command.prints(), "from standard input\n");
}

#[cfg(target_os = "linux")]
#[test]
fn sigpipe_has_its_default() {
    let studio = studio();
    let words = ["--python", "/bin/cat", "--project", "bigbuck", "/proc/self/status"];
    let status = studio.launcher(words).prints();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    assert_eq!(ignored & 1 << 12, 0, "SIGPIPE (13), which Rust ignores");
}

#[test]
fn unrunnable_file_reaches_no_shell() {
    let studio = studio();
    let mark = studio.path("mark");
    for (text, what) in [
        (format!("touch {}\n", mark.display()), "format"),
        (String::new(), "format"),
        ("#!/no/such/interpreter\n".into(), "No such file"),
    ] {
        write(studio.path("broken"), text);
        make_executable(&studio.path("broken"));
        let mut launcher = studio.launcher(["--python", "./broken", "--project", "bigbuck"]);
        let failure = failed(&mut launcher);
        failure.is(126, &["broken", what]);
        if what == "No such file" {
            failure.hints("first line");
        }
    }
    assert!(!mark.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn overlong_variable_is_named() {
    let studio = studio();
    let mut command = python(&studio, "pass");
    let long = format!("/{}", "x".repeat(128 * 1024 - "PYTHONPATH=/".len() - 10));
    command.env("PYTHONPATH", long);
    failed(&mut command).is(126, &["PYTHONPATH", "bytes"]).hints("128 KiB");
}

#[test]
fn closed_stderr_stops_no_warning() {
    let studio = studio();
    studio.core("v1");
    interpreter(&studio.path("cores/v1"), PYTHON.to_str().unwrap());
    studio.linked("relative", "cores/v1");
    let mut command = studio.launcher(["--project", "relative", "-c", "print(1)"]);
    let mut running = command.stderr(Stdio::piped()).stdout(Stdio::piped()).start();
    drop(running.stderr.take());
    assert_eq!(running.ends().prints(), "1\n");
}
