//! The choice of the project by option, variable or link, and the roots.

use std::fs;

use serde_json::Value;

#[cfg(unix)]
use crate::scene::Runs;
use crate::support::{Studio, explained, failed, write};

fn config(plan: &Value) -> &str {
    plan["config"]["path"].as_str().unwrap()
}

#[test]
fn option_chooses_the_project() {
    let studio = Studio::new();
    let bigbuck = studio.localized("bigbuck");
    let plan = studio.explain(["--project", "bigbuck"]);
    assert_eq!(config(&plan), bigbuck.to_str().unwrap());
    assert_eq!(plan["project"]["origin"], "option --project");
    assert_eq!(plan["project"]["name"], "bigbuck");
    assert!(plan["config"]["origin"].as_str().unwrap().contains("variable SHOTGUN_BASE"));

    let plan = studio.explain([format!("--config={}", bigbuck.display())]);
    assert_eq!(config(&plan), bigbuck.to_str().unwrap());
    assert_eq!(plan["config"]["origin"], "option --config");
}

#[test]
fn variable_chooses_without_an_option() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let sintel = studio.localized("sintel");
    let plan = explained(studio.launcher(["x.py"]).env("SGTK_PROJECT", "sintel"));
    assert_eq!(config(&plan), sintel.to_str().unwrap());
    assert_eq!(plan["project"]["origin"], "variable SGTK_PROJECT");

    let plan = explained(studio.launcher(["x.py"]).env("SGTK_CONFIG", &sintel));
    assert_eq!(plan["project"]["origin"], "variable SGTK_CONFIG");

    let plan =
        explained(studio.launcher(["--project", "bigbuck"]).env("SGTK_CONFIG", "/not/looked/at"));
    assert_eq!(plan["project"]["origin"], "option --project");

    failed(studio.launcher(["x.py"]).env("SGTK_PROJECT", "")).is(121, &["no project was named"]);
}

#[test]
fn nested_project_name_is_found() {
    let studio = Studio::new();
    let child = studio.localized("parent/child");
    assert_eq!(config(&studio.explain(["--project", "parent/child"])), child.to_str().unwrap());
}

#[test]
fn folder_in_a_config_is_no_config() {
    let studio = Studio::new();
    let bigbuck = studio.localized("bigbuck");
    // Every user can write to the `cache` that Toolkit makes, and names come from events.
    let planted = ["bigbuck/cache", "bigbuck/cache/evil"].map(|name| {
        studio.localized(name);
        name
    });
    for name in planted {
        studio.failure(["--project", name]).is(121, &["unknown project"]);
        let mut launcher = studio.launcher(["x.py"]);
        launcher.current_dir(studio.path("configs").join(name));
        assert_eq!(config(&explained(&mut launcher)), bigbuck.to_str().unwrap(), "{name}");
    }
}

#[test]
fn relative_config_is_joined_to_the_cwd() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let plan = studio.explain(["--config", "configs/bigbuck"]);
    assert!(
        config(&plan).ends_with("configs/bigbuck") && config(&plan).starts_with('/')
            || cfg!(windows)
    );
}

#[cfg(unix)]
#[test]
fn paths_stay_as_written() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    std::os::unix::fs::symlink(studio.path("configs"), studio.path("link")).unwrap();
    let written = studio.path("link/../link/bigbuck");
    let plan = studio.explain(["--config", written.to_str().unwrap()]);
    assert_eq!(config(&plan), written.to_str().unwrap());
    assert!(plan["core"]["python_path"].as_str().unwrap().contains("link/../link/bigbuck/"));

    // The working directory keeps the name that the shell gives it in `PWD`.
    let mut launcher = studio.launcher(["--config", "bigbuck"]);
    launcher.current_dir(studio.path("link")).env("PWD", studio.path("link"));
    assert_eq!(config(&explained(&mut launcher)), studio.path("link/bigbuck").to_str().unwrap());
    for other in ["home", "link/../configs", "link/.."] {
        launcher.env("PWD", format!("{}/{other}", studio.path("").display()));
        assert!(config(&explained(&mut launcher)).ends_with("configs/bigbuck"));
    }
    launcher.env("PWD", studio.path("home"));
    assert!(config(&explained(&mut launcher)).ends_with("configs/bigbuck"));
}

#[test]
fn first_root_with_the_project_wins() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let other = studio.localized("../more/sintel");
    fs::create_dir_all(studio.path("configs/sintel")).unwrap();
    let roots = [studio.path("missing"), studio.path("configs"), studio.path("more")];
    let mut launcher = studio.launcher(["--project", "sintel"]);
    launcher.env("SHOTGUN_BASE", std::env::join_paths(&roots).unwrap());
    let plan = explained(&mut launcher);
    assert_eq!(fs::canonicalize(config(&plan)).unwrap(), fs::canonicalize(other).unwrap());
}

#[test]
fn roots_with_dots_hold_the_working_directory() {
    let studio = Studio::new();
    let bigbuck = studio.localized("bigbuck");
    for roots in ["..", "../../home/../configs"] {
        for root in [roots.into(), bigbuck.join(roots)] {
            let mut launcher = studio.launcher(["x.py"]);
            launcher.current_dir(&bigbuck).env("SHOTGUN_BASE", root);
            assert_eq!(config(&explained(&mut launcher)), bigbuck.to_str().unwrap());
        }
    }
}

#[test]
fn nested_roots_pick_the_nearest() {
    let studio = Studio::new();
    let config = studio.config("inner/p");
    studio.core_at(&studio.path("configs/studio"));
    studio.core_at(&studio.path("configs/inner/studio"));
    write(studio.path("s.toml"), "[projects.p.environment]\nset = { A = '1' }\n");
    let roots =
        std::env::join_paths([studio.path("configs"), studio.path("configs/inner")]).unwrap();
    let config = config.to_str().unwrap();
    for choice in [["--project", "p"], ["--project", "inner/p"], ["--config", config]] {
        let mut launcher = studio.launcher(choice);
        launcher.env("SHOTGUN_BASE", &roots).env("SGTK_PYTHON_SETTINGS", studio.path("s.toml"));
        let plan = explained(&mut launcher);
        assert!(plan["core"]["path"].as_str().unwrap().contains("inner"), "{choice:?}");
        assert_eq!(crate::support::change(&plan, "A").unwrap(), "1", "{choice:?}");
    }
}

#[test]
fn contradicting_choices_are_refused() {
    let studio = Studio::new();
    let bigbuck = studio.localized("bigbuck");
    let sintel = studio.localized("sintel");
    let (bigbuck, sintel) = (bigbuck.to_str().unwrap(), sintel.to_str().unwrap());
    studio
        .failure(["--project", "bigbuck", "--config", sintel])
        .is(125, &["--project", "--config", bigbuck, sintel]);
    studio.explain(["--project", "bigbuck", "--config", bigbuck]);
    let mut launcher = studio.launcher(["x.py"]);
    launcher.env("SGTK_PROJECT", "bigbuck").env("SGTK_CONFIG", sintel);
    failed(&mut launcher).is(125, &["SGTK_PROJECT", "SGTK_CONFIG"]);
}

#[test]
fn hostile_names_are_refused() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let hostile = [
        "..",
        "../configs/bigbuck",
        "/etc",
        "bigbuck/..",
        "./bigbuck",
        "a//b",
        "bigbuck/",
        ".",
        "",
    ];
    for name in hostile {
        studio.failure([format!("--project={name}")]).is(125, &["invalid project name"]);
    }
    failed(studio.launcher(["x"]).env("SGTK_PROJECT", "../x")).is(125, &["variable SGTK_PROJECT"]);
}

#[test]
fn unknown_project_suggests_the_nearest() {
    let studio = Studio::new();
    for name in ["bigbuck", "bigbuck2", "sintel"] {
        studio.localized(name);
    }
    fs::create_dir_all(studio.path("configs/bigbuk2")).unwrap();
    let failure = studio.failure(["--project", "bigbuk"]);
    failure.is(121, &["'bigbuk'", "option --project", "SHOTGUN_BASE"]);
    failure.hints("did you mean 'bigbuck' or 'bigbuck2'?");
    studio.failure(["--project", "BigBucks"]).is(121, &[]).hints("'bigbuck'");
    studio.failure(["--project", "zzz"]).is(121, &["'zzz'"]).hints("SHOTGUN_BASE");
    studio.failure(["--project=bigbuck -u"]).is(121, &[]).hints("env -S");
    let line = studio.failure(["--project", "a\nb\u{1b}[31m"]);
    line.is(121, &["a\\nb"]);
}

#[test]
fn folder_without_config_is_refused() {
    let studio = Studio::new();
    write(studio.path("configs/studio/readme"), "");
    studio.failure(["--project", "studio"]).is(122, &["configs", "studio"]).hints("roots.yml");
    studio.failure(["--config", "configs/studio"]).is(122, &["option --config"]);
    studio.failure(["--config", "nowhere"]).is(122, &["nowhere", "does not exist"]);
}

#[test]
fn missing_default_root_is_no_empty_studio() {
    let studio = Studio::new();
    let failure = failed(studio.launcher(["--project", "x"]).env_remove("SHOTGUN_BASE"));
    failure.is(122, &["/mnt/sgtk/configs", "the default"]);
}

#[cfg(unix)]
#[test]
fn link_name_chooses_the_project() {
    use std::os::unix::fs::symlink;
    let studio = Studio::new();
    let bigbuck = studio.localized("bigbuck");
    studio.localized("sintel");
    let show = "#!/bin/sh\necho \"$SGTK_PYTHON_CONFIG\" \"$@\"\n";
    write(studio.python(), show);
    crate::support::make_executable(&studio.python());
    let link = studio.path("bin/bigbuck-python");
    symlink(crate::support::LAUNCHER, &link).unwrap();
    let run = |words: &[&str], project: Option<&str>| {
        let mut command = std::process::Command::new(&link);
        let launcher = studio.launcher(words);
        command.args(words).env_clear().envs(crate::support::variables_of(&launcher));
        project.map(|name| command.env("SGTK_PROJECT", name));
        command.prints()
    };
    let here = bigbuck.to_str().unwrap();
    for words in [&["--version"][..], &["--help"], &["-I", "-c", "pass"], &["-E"], &["--explain"]] {
        assert_eq!(run(words, None), format!("{here} {}\n", words.join(" ")));
    }
    assert!(run(&["x"], Some("sintel")).contains("/sintel x"), "a variable comes before the link");
}
