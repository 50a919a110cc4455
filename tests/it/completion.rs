//! The shells' completions, typed on a terminal in each shell that this machine has.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::CommandFactory;
use serde_json::Value;
use sgtk_python::cli::Cli;

use crate::scene::Runs;
use crate::support::{LAUNCHER, PYTHON, Studio, make_executable, skip, write};

#[path = "../../examples/generate/completions.rs"]
mod completions;

/// Names that a shell could misread; each has a first letter of its own.
const NAMES: [&str; 9] = [
    "bigbuck",
    "with space",
    "it's",
    "dollar$(touch pwned)`touch pwned`$HOME",
    "quote\"d;touch pwned",
    "éléphant",
    "parent/child",
    "&x|y>pwned#*?[a]~{b,c}\\z",
    "colon:a=b",
];

fn studio() -> Studio {
    let studio = Studio::new();
    for (id, name) in NAMES.iter().enumerate() {
        metadata(&studio, name, "Primary", 1000 + id, name);
    }
    metadata(&studio, "bigbuck_dev", "Dev of bigbuck", 1000, "bigbuck");
    metadata(&studio, "other_dev", "Dev of another", 2000, "other");
    // Answers completions like the launcher, and prints the words that it gets otherwise.
    let program = studio.path("bin/sgtk-python");
    let text = format!(
        "#!/bin/sh
case $1 in
  --list=*)
    if [ -n \"$BROKEN\" ]; then echo BROKEN >&2; exec sleep 600; fi
    exec '{LAUNCHER}' \"$@\" ;;
esac
printf GOT
printf '<%s>' \"$@\"
printf END
"
    );
    write(&program, text);
    make_executable(&program);
    write(studio.path("work/my script.py"), "");
    write(studio.path("work/afolder/file.txt"), "");
    // Names of projects that are folders here, too.
    write(studio.path("work/bigbuck/x"), "");
    for (name, text) in completions::SCRIPTS {
        let script = completions::script(name, text, &Cli::command());
        write(studio.path("scripts").join(name), script);
    }
    studio
}

fn metadata(studio: &Studio, folder: &str, config_name: &str, id: usize, tank_name: &str) {
    let config = studio.config(folder);
    let text = serde_json::json!({
        "pc_id": 7, "pc_name": config_name, "project_id": id, "project_name": tank_name
    });
    write(config.join("config/core/pipeline_configuration.yml"), text.to_string());
}

/// Returns true if a program is on this machine; says so if it is not.
fn has(program: &str) -> bool {
    let found = which::which(program).is_ok();
    if !found {
        skip(&format!("no {program} on this machine"));
    }
    found
}

/// Types each line in a shell; returns the words that the launcher gets, and the terminal's text. `None`
/// without that shell.
fn typed(
    studio: &Studio,
    shell: &str,
    lines: &[&str],
    variables: &[(&str, &str)],
) -> Option<Vec<Value>> {
    if !has(shell) {
        return None;
    }
    let driver = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/completion.py");
    let path = std::env::var("PATH").unwrap();
    let launcher = studio.launcher([""; 0]);
    write(studio.path("lines.json"), serde_json::to_string(lines).unwrap());
    let mut command = Command::new(&*PYTHON);
    command
        .arg(driver)
        .args([shell.as_ref(), studio.path("scripts").as_os_str()])
        .env_clear()
        .envs(launcher.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", format!("{}:{path}", studio.path("bin").display()))
        .env("TERM", "xterm")
        .env("LC_ALL", "C.UTF-8")
        .envs(variables.iter().copied())
        .current_dir(studio.path("work"))
        .stdin(std::fs::File::open(studio.path("lines.json")).unwrap())
        .stderr(Stdio::piped());
    Some(serde_json::from_str(&command.succeeds().text()).unwrap())
}

/// Types each line, and compares the words that the launcher gets.
fn completes(shell: &str, cases: &[(&str, &[&str])]) {
    let studio = studio();
    let lines: Vec<&str> = cases.iter().map(|(line, _)| *line).collect();
    let Some(answers) = typed(&studio, shell, &lines, &[]) else { return };
    let mut wrong = Vec::new();
    for ((line, expected), answer) in cases.iter().zip(&answers) {
        // zsh takes back the separator that it adds to a folder.
        let words = answer["words"].as_str().map(|words| words.replace("/>", ">"));
        if words != Some(format!("<{}>", expected.join("><"))) {
            wrong.push(format!("{line:?}: {expected:?}, not {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{shell}:\n{}", wrong.join("\n"));
    assert_eq!(answers.len(), cases.len(), "{shell}");
    assert!(!studio.path("work/pwned").exists(), "{shell} ran a part of a name");
}

/// Lines that every shell completes to the same words.
const COMMON: [(&str, &[&str]); 30] = [
    ("sgtk-python --proj\t-i\t 7", &["--project-id", "7"]),
    ("sgtk-python --project bigbuck_\t", &["--project", "bigbuck_dev"]),
    ("sgtk-python --project=bigbuck_\t", &["--project=bigbuck_dev"]),
    ("sgtk-python --make-shim wi\t", &["--make-shim", "with space"]),
    ("sgtk-python --project wi\tx.py", &["--project", "with space", "x.py"]),
    ("sgtk-python --project=with\\ s\t", &["--project=with space"]),
    ("sgtk-python --project \"with s\t", &["--project", "with space"]),
    ("sgtk-python --project 'with s\t", &["--project", "with space"]),
    ("sgtk-python --project it\t", &["--project", NAMES[2]]),
    ("sgtk-python --project dol\t", &["--project", NAMES[3]]),
    ("sgtk-python --project \"dol\t", &["--project", NAMES[3]]),
    ("sgtk-python --project quo\t", &["--project", NAMES[4]]),
    ("sgtk-python --project \"quo\t", &["--project", NAMES[4]]),
    ("sgtk-python --project é\t", &["--project", NAMES[5]]),
    ("sgtk-python --project par\t", &["--project", NAMES[6]]),
    ("sgtk-python --project parent/c\t", &["--project", NAMES[6]]),
    ("sgtk-python --project \\&x\t", &["--project", NAMES[7]]),
    ("sgtk-python --project col\t", &["--project", NAMES[8]]),
    ("sgtk-python --project colon:a\t", &["--project", NAMES[8]]),
    ("sgtk-python --project-id 1003\t", &["--project-id", "1003"]),
    (
        "sgtk-python --project bigbuck --pipeline D\t",
        &["--project", "bigbuck", "--pipeline", "Dev of bigbuck"],
    ),
    (
        "sgtk-python --project-id=2000 --pipeline=D\t",
        &["--project-id=2000", "--pipeline=Dev of another"],
    ),
    (
        "sgtk-python --pipeline P\t --clean my\t",
        &["--pipeline", "Primary", "--clean", "my script.py"],
    ),
    ("../bin/sgtk-python --project wi\t", &["--project", "with space"]),
    ("~/../bin/sgtk-python --project wi\t", &["--project", "with space"]),
    ("sgtk-python --project b\t_d\t -V", &["--project", "bigbuck_dev", "-V"]),
    ("sgtk-python --match w\t --each=2 x", &["--match", "with space", "--each=2", "x"]),
    ("sgtk-python --keep SHOTG\t x", &["--keep", "SHOTGUN_BASE", "x"]),
    ("sgtk-python --project no-such\t x", &["--project", "no-such", "x"]),
    ("sgtk-python --config af\t --list=na\t", &["--config", "afolder", "--list=names"]),
];

#[test]
fn bash_completes_names_files_and_options() {
    completes("bash", &COMMON);
}

#[test]
fn zsh_completes_names_files_and_options() {
    completes("zsh", &COMMON);
    completes("zsh", &[("SGTK_PROJECT=wi\t sgtk-python x", &["x"])]);
}

#[test]
fn fish_completes_names_files_and_options() {
    completes("fish", &COMMON);
}

/// After the first word of Python's no option of the launcher is completed.
#[test]
fn words_of_python_complete_to_files() {
    for shell in ["bash", "zsh", "fish"] {
        completes(
            shell,
            &[
                ("sgtk-python x.py --cle\t", &["x.py", "--cle"]),
                ("sgtk-python x.py --project wi\t", &["x.py", "--project", "wi"]),
                ("sgtk-python --clean x.py my\t", &["--clean", "x.py", "my script.py"]),
                ("sgtk-python -u my\t", &["-u", "my script.py"]),
                ("sgtk-python --path my\t", &["--path", "my script.py"]),
            ],
        );
    }
}

#[test]
fn a_failing_launcher_leaves_the_line_alone() {
    for shell in ["bash", "zsh", "fish"] {
        let studio = studio();
        let line = ["sgtk-python --project wi\t"];
        let Some(answers) = typed(&studio, shell, &line, &[("BROKEN", "1")]) else { continue };
        assert_eq!(answers[0]["words"], "<--project><wi>", "{shell}");
        assert!(!answers[0]["text"].as_str().unwrap().contains("BROKEN"), "{answers:?}");
    }
}

#[test]
fn scripts_name_the_options_of_help() {
    let help = Studio::new().launcher(["--help"]).succeeds().text();
    let is_option = |word: &&str| word.starts_with("--") && word.len() > 2;
    let mut options: Vec<&str> = Vec::new();
    for line in help.lines().filter(|line| line.trim_start().starts_with("--")) {
        let word = line.split_whitespace().next().filter(is_option).unwrap();
        options.push(word.split(['[', '=']).next().unwrap());
    }
    assert!(options.len() > 20, "{options:?}");
    for (name, text) in completions::SCRIPTS {
        let script = completions::script(name, text, &Cli::command());
        assert!(!script.contains("@OPTIONS@") && !script.contains("@NAMES@"), "{script}");
        for option in &options {
            let plain = option.trim_start_matches('-');
            let line = match name {
                "sgtk-python.bash" => format!("    {option}) kind="),
                "_sgtk-python" => (*option).to_owned(),
                "sgtk-python.fish" => format!(" -l {plain} -d "),
                _ => format!("Name = '{option}'; "),
            };
            assert!(script.contains(&line), "{name} lacks {option}");
        }
    }
}

#[test]
fn bash_script_passes_shellcheck() {
    if !has("shellcheck") {
        return;
    }
    let studio = studio();
    let script = studio.path("scripts/sgtk-python.bash");
    Command::new("shellcheck").args(["-s", "bash"]).arg(script).prints();
}

#[test]
fn lists_for_a_shell_have_one_word_a_line() {
    let studio = Studio::new();
    metadata(&studio, "bb", "Primary", 7, "bigbuck");
    metadata(&studio, "bb_dev", "Dev", 7, "bigbuck");
    metadata(&studio, "sintel", "Client's", 9, "sintel");
    metadata(&studio, "evil", "a\nb", 10, "x\u{1b}[31m");
    let list = |format: &str, variable: &str, value: &str| {
        studio.launcher([format]).env(variable, value).prints()
    };
    assert_eq!(list("--list=ids", "X", ""), "7\tbigbuck\n9\tsintel\n10\n");
    assert_eq!(list("--list=configs", "X", ""), "Client's\nDev\nPrimary\n");
    for (variable, value) in [
        ("SGTK_PROJECT", "bb"),
        ("SGTK_PROJECT", "bigbuck"),
        ("SGTK_PROJECT_ID", "7"),
        ("SGTK_CONFIG", "configs/bb"),
    ] {
        assert_eq!(list("--list=configs", variable, value), "Dev\nPrimary\n", "{variable}={value}");
    }
    assert_eq!(list("--list=configs", "SGTK_PROJECT", "none"), "");
}
