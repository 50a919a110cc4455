//! The command line: the launcher's words and Python's words.

use crate::scene::Runs;
use crate::support::{Studio, failed};

fn argv(studio: &Studio, words: &[&str]) -> Vec<String> {
    let plan = studio.explain([&["--project", "bigbuck"], words].concat());
    let words = plan["argv"].as_array().unwrap().iter().skip(1);
    words.map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn words_after_options_reach_python() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    for words in [
        &["script.py", "--project", "other", "--explain", "--", "-I", ""][..],
        &["-c", "print(1)", "--help"],
        &["-m", "module", "--version"],
        &["-V"],
        &["-h"],
        &["-u", "-W", "ignore", "script.py"],
        &["-Xdev", "-"],
        &["-"],
        &["--help-env"],
        &["--help-xoptions"],
        &["--help-all"],
        &["--check-hash-based-pycs", "always", "x.py"],
        &["--check-hash-based-pycs=always", "x.py"],
        &["script.py", "--"],
        &["-c", "pass", "--", "--", "x"],
        &["", "an empty word"],
        &[],
    ] {
        assert_eq!(argv(&studio, words), words);
    }
}

#[test]
fn two_dashes_end_the_options() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    for (words, pythons) in [
        (&["--", "script.py", "--", "x"][..], &["script.py", "--", "x"][..]),
        (&["--", "--project", "x"], &["--project", "x"]),
        (&["--", "--unknown"], &["--unknown"]),
        (&["--", "--", "x"], &["--", "x"]),
        (&["--"], &[]),
    ] {
        assert_eq!(argv(&studio, words), pythons, "{words:?}");
    }
}

#[test]
fn unknown_option_suggests_the_nearest() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    studio.failure(["--projct", "bigbuck"]).is(125, &["'--projct'"]).hints("--project");
    studio.failure(["--help-xoption"]).is(125, &[]).hints("--help-xoptions");
    studio.failure(["--zzz"]).is(125, &["'--zzz'"]).hints("--help");
    studio.failure(["--proj=bigbuck"]).is(125, &["'--proj=bigbuck'"]);
}

#[test]
fn script_line_words_hint_at_env_s() {
    let studio = Studio::new();
    studio
        .failure(["--project bigbuck", "script.py"])
        .is(125, &["--project bigbuck"])
        .hints("env -S");
    studio.failure(["--clean --project=a"]).is(125, &[]).hints("--project=");
}

#[test]
fn malformed_options_are_refused() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    studio.failure(["--project"]).is(125, &["--project"]);
    studio.failure(["--project", "a", "--project", "b"]).is(125, &["--project"]);
    studio.failure(["--explain=yaml"]).is(125, &["yaml"]);
    studio.failure(["--clean=yes"]).is(125, &["--clean"]);
    studio.failure(["--project", "bigbuck", "--env", "NAME"]).is(125, &["--env", "'NAME'"]);
    studio.failure(["--project", "bigbuck", "--env", "=x"]).is(125, &["--env", "'=x'"]);
    studio.failure(["--project", "bigbuck", "--unset", "A=B"]).is(125, &["--unset", "'A=B'"]);
    studio.failure(["--project", "bigbuck", "--keep", ""]).is(125, &["--keep"]);
    studio.failure(["--project", "bigbuck", "--unset", "A*B"]).is(125, &["'A*B'"]);
}

#[test]
fn help_and_version_need_no_project() {
    let studio = Studio::new();
    let text = studio.launcher(["--help"]).prints();
    for part in ["Usage: sgtk-python", "--project <NAME>", "Examples:", "SHOTGUN_BASE", "121"] {
        assert!(text.contains(part), "{part}");
    }
    let version = studio.launcher(["--version"]).prints();
    let build = env!("SGTK_PYTHON_BUILD"); // the target, in release builds the commit too
    assert!(build.contains('-'), "{build}");
    assert_eq!(version, format!("sgtk-python {} ({build})\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn isolated_python_is_refused() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    for words in [&["-I"][..], &["-uE", "x.py"], &["-IB"], &["-W", "ignore", "-I", "-c", "pass"]] {
        let failure = studio.failure([&["--project", "bigbuck"], words].concat());
        failure.is(125, &["PYTHONPATH", "core"]);
    }
    let python = format!("'{}' -I", studio.python().display());
    studio.failure(["--project", "bigbuck", "--python", &python]).is(125, &["'-I'"]);
    for words in [&["-c", "-I"][..], &["-WI"], &["-W", "-I"], &["x.py", "-E"], &["-mI"]] {
        assert_eq!(argv(&studio, words), words);
    }
}

#[test]
fn script_without_a_project_is_refused() {
    let studio = Studio::new();
    for part in ["--project NAME", "SGTK_PROJECT", "link", "folder", "--list", "--help"] {
        studio.failure(["script.py"]).is(121, &["no project was named"]).hints(part);
        studio.failure([""; 0]).is(121, &["no project was named"]).hints(part);
    }
    for words in [&["x.py", "--project", "bigbuck"][..], &["-p", "bigbuck", "--config=/x"]] {
        studio.failure(words).is(121, &[]).hints("options come first");
    }
    let mut inside = studio.launcher(["script.py"]);
    inside.env("SGTK_PYTHON_CONFIG", "/mnt/configs/a");
    failed(&mut inside).is(121, &[]).hints("--config \"$SGTK_PYTHON_CONFIG\"");
}
