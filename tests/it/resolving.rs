//! The choice and the checks of the core and the Python.

use std::fs;

use crate::scene::Runs;
use crate::support::{
    Failure, OS, Studio, change, explained, failed, interpreter, make_executable, write,
};

fn core_of(studio: &Studio, project: &str) -> (String, String) {
    let plan = studio.explain(["--project", project]);
    let text = |name: &str| plan["core"][name].as_str().unwrap().to_owned();
    (text("kind"), text("path"))
}

fn failure(studio: &Studio, project: &str) -> Failure {
    studio.failure(["--project", project, "x.py"])
}

#[test]
fn localized_core_ignores_a_link_file() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    // A link file beside a localized core says nothing.
    write(config.join(format!("install/core/core_{OS}.cfg")), "/nowhere");
    let core = config.join("install").join("core");
    assert_eq!(core_of(&studio, "bigbuck"), ("localized".into(), core.to_str().unwrap().into()));
}

#[test]
fn shared_core_brings_its_interpreter_file() {
    let studio = Studio::new();
    let config = studio.shared("bigbuck", "v1");
    interpreter(&config, "/not/this/one");
    let plan = studio.explain(["--project", "bigbuck"]);
    assert_eq!(plan["core"]["kind"], "shared");
    assert_eq!(
        plan["core"]["path"],
        studio.path("cores/v1").join("install").join("core").to_str().unwrap()
    );
    assert_eq!(plan["interpreter"]["path"], studio.python().to_str().unwrap());
    let origin = plan["interpreter"]["origin"].as_str().unwrap();
    assert!(origin.starts_with(studio.path("cores/v1").to_str().unwrap()));
}

#[test]
fn link_file_is_stripped_and_expanded() {
    let studio = Studio::new();
    let core = studio.core("the core");
    studio.linked("spaces", format!("\t{} \r\n\r\n", core.display()));
    studio.linked("variables", "$CORES/the core\n");
    studio.linked("braces", "${CORES}/the core");
    studio.linked("home", "~/../cores/the core");
    studio.linked("home-in-variable", "$TILDE/../cores/the core");
    for project in ["spaces", "variables", "braces", "home", "home-in-variable"] {
        let mut launcher = studio.launcher(["--project", project]);
        launcher.env("CORES", studio.path("cores")).env("TILDE", "~");
        launcher.env("USERPROFILE", studio.path("home"));
        assert_eq!(explained(&mut launcher)["core"]["kind"], "shared", "{project}");
    }
}

#[test]
fn link_file_expands_the_planned_environment() {
    let studio = Studio::new();
    studio.core("v1");
    studio.linked("bigbuck", "$CORES/v1");
    let cores = studio.path("cores");
    let set = format!("CORES={}", cores.display());
    studio.explain(["--project", "bigbuck", "--env", &set]);
    failure(&studio, "bigbuck").is(122, &["$CORES/v1"]).hints("not set");

    // With --clean, variables that a file names stay: Toolkit reads the file again.
    let mut launcher = studio.launcher(["--clean", "--project", "bigbuck"]);
    let plan = explained(launcher.env("CORES", &cores).env("OTHER", "x"));
    assert_eq!(change(&plan, "CORES"), None);
    assert!(change(&plan, "OTHER").unwrap().is_null());

    let mut launcher = studio.launcher(["--unset", "CORES", "--project", "bigbuck"]);
    failed(launcher.env("CORES", &cores)).is(122, &["$CORES/v1"]);
}

#[test]
fn shell_syntax_is_not_evaluated() {
    let studio = Studio::new();
    let mark = studio.path("mark");
    for (project, text) in [
        ("substitution", format!("$(touch {})", mark.display())),
        ("backticks", format!("`touch {}`", mark.display())),
        ("semicolon", format!("/x; touch {}", mark.display())),
    ] {
        studio.linked(project, &text);
        let failed = failure(&studio, project);
        failed.is(122, &["does not exist"]);
        if project != "semicolon" {
            failed.hints("without shell syntax");
        }
        let config = studio.localized(&format!("{project}-python"));
        interpreter(&config, &text);
        failure(&studio, &format!("{project}-python")).is(127, &["does not exist"]);
    }
    assert!(!mark.exists());
}

#[test]
fn studio_core_serves_configs_without_one() {
    let studio = Studio::new();
    studio.config("bigbuck");
    failure(&studio, "bigbuck").is(122, &["bigbuck", "no core", "studio"]).hints("core_");
    studio.core_at(&studio.path("configs/studio"));
    let core = studio.path("configs").join("studio").join("install").join("core");
    assert_eq!(core_of(&studio, "bigbuck"), ("studio".into(), core.to_str().unwrap().into()));

    write(studio.path("s.toml"), "studio = \"../cores/house\"\n");
    studio.core("house");
    let mut launcher = studio.launcher(["--project", "bigbuck"]);
    let plan = explained(launcher.env("SGTK_PYTHON_SETTINGS", studio.path("s.toml")));
    assert!(plan["core"]["path"].as_str().unwrap().contains("house"));
    assert!(plan["core"]["origin"].as_str().unwrap().contains("'studio'"));
}

#[test]
fn missing_core_is_refused() {
    let studio = Studio::new();
    studio.linked("none", "None\n");
    studio.linked("undefined", "undefined");
    studio.linked("missing", "/no/such/core");
    failure(&studio, "none").is(122, &["core_", "'None'"]).hints("write the shared core's root");
    failure(&studio, "undefined").is(122, &["core_", "'undefined'"]);
    failure(&studio, "missing").is(122, &["/no/such/core", "core_"]);
    let config = studio.localized("empty");
    fs::remove_dir_all(config.join("install/core/python/tank")).unwrap();
    failure(&studio, "empty").is(122, &["empty", "python", "'tank'"]);
}

#[cfg(unix)]
#[test]
fn core_path_with_a_separator_is_refused() {
    let studio = Studio::new();
    studio.shared("bigbuck", "a:b");
    failure(&studio, "bigbuck").is(122, &["cores/a:b", "PYTHONPATH"]);
}

#[test]
fn relative_core_path_is_joined_with_a_warning() {
    let studio = Studio::new();
    studio.core("v1");
    studio.linked("bigbuck", "cores/v1");
    let plan = studio.explain(["--project", "bigbuck"]);
    let core = plan["core"]["path"].as_str().unwrap();
    assert!(std::path::Path::new(core).is_absolute(), "{core}");
    assert!(plan["warnings"][0].as_str().unwrap().contains(": cores/v1; used as "));
}

#[test]
fn python_choice_follows_precedence() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    for name in ["by option", "by-variable", "by-settings", "by-file"] {
        write(studio.path(name), "#!/bin/sh\n");
        make_executable(&studio.path(name));
    }
    interpreter(&config, studio.path("by-file").to_str().unwrap());
    write(studio.path("s.toml"), "python = \"by-settings\"\n");
    let origin = |launcher: &mut std::process::Command| {
        let plan = explained(launcher);
        let path = plan["interpreter"]["path"].as_str().unwrap().to_owned();
        (path, plan["interpreter"]["origin"].as_str().unwrap().to_owned())
    };
    let mut launcher = studio.launcher(["--project", "bigbuck"]);
    assert!(origin(&mut launcher).0.ends_with("by-file"));
    // A path in the settings is relative to their file; a mere name is looked for on PATH.
    write(studio.path("s.toml"), "python = \"./by-settings\"\n");
    launcher.env("SGTK_PYTHON_SETTINGS", studio.path("s.toml"));
    assert!(origin(&mut launcher).0.ends_with("by-settings"));
    launcher.env("SGTK_PYTHON", studio.path("by-variable"));
    assert_eq!(origin(&mut launcher).1, "variable SGTK_PYTHON");
    let mut launcher = studio.launcher(["--python", "./by option", "--project", "bigbuck"]);
    launcher.env("SGTK_PYTHON", "x");
    assert_eq!(origin(&mut launcher).1, "option --python");
}

#[test]
fn python_option_takes_words() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let python = format!("'{}' -s -W 'a b'", studio.python().display());
    let plan = studio.explain(["--project", "bigbuck", "--python", &python, "x.py"]);
    assert_eq!(plan["interpreter"]["args"], serde_json::json!(["-s", "-W", "a b"]));
    assert_eq!(plan["argv"].as_array().unwrap().len(), 5);
    // A path in a later word does not make the whole a path.
    write(studio.path("no-python -X pycache_prefix=/x"), "");
    let python = format!("'{}' -X pycache_prefix=/x", studio.python().display());
    let plan = studio.explain(["--project", "bigbuck", "--python", &python]);
    assert_eq!(plan["interpreter"]["args"], serde_json::json!(["-X", "pycache_prefix=/x"]));
    studio
        .failure(["--project", "bigbuck", "--python", "no-python -X pycache_prefix=/x"])
        .is(127, &["'no-python'"]);
    studio.failure(["--project", "bigbuck", "--python", "'x"]).is(125, &["'x", "--python"]);
    studio.failure(["--project", "bigbuck", "--python", " "]).is(125, &["--python"]);
    studio.failure(["--project", "bigbuck", "--python", ""]).is(125, &["--python", "empty"]);
}

#[cfg(unix)]
#[test]
fn python_name_is_searched_on_path() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    fs::remove_file(config.join(format!("config/core/interpreter_{OS}.cfg"))).unwrap();
    for folder in ["one", "two", "venv/bin"] {
        write(studio.path(folder).join("python3"), "#!/bin/sh\n");
        make_executable(&studio.path(folder).join("python3"));
    }
    let found = |path: &str, venv: Option<&str>| {
        let mut launcher = studio.launcher(["--project", "bigbuck"]);
        launcher.env("PATH", path.replace('@', studio.path("").to_str().unwrap()));
        venv.map(|venv| launcher.env("VIRTUAL_ENV", studio.path(venv)));
        let plan = explained(&mut launcher);
        let path = plan["interpreter"]["path"].as_str().unwrap().to_owned();
        path.replace(studio.path("").to_str().unwrap(), "")
    };
    assert_eq!(found("@/one:@/two", None), "/one/python3");
    assert_eq!(found("@/home:@/two:@/one", None), "/two/python3");
    assert_eq!(found(":one:.:@/two", None), "/two/python3", "only absolute folders");
    let from_root = studio.path("one").to_str().unwrap().trim_start_matches('/').to_owned();
    assert_eq!(
        found(&format!("{from_root}:@/two"), None),
        "/two/python3",
        "not even from the root"
    );
    assert_eq!(found("@/venv/bin:@/two", None), "/venv/bin/python3");
    assert_eq!(found("@/venv/bin:@/two", Some("venv")), "/two/python3");

    std::os::unix::fs::symlink(crate::support::LAUNCHER, studio.path("home/python3")).unwrap();
    assert_eq!(found("@/home:@/two", None), "/two/python3", "not this launcher");
    let mut launcher = studio.launcher(["--project", "bigbuck"]);
    failed(launcher.env("PATH", studio.path("home"))).is(126, &["launcher itself"]);
    failed(launcher.env("PATH", "/no/such/folder")).is(127, &["'python3'", "PATH"]);
    studio.failure(["--project", "bigbuck", "--python", "no-such"]).is(127, &["'no-such'"]);
}

#[cfg(unix)]
#[test]
fn unusable_python_is_refused() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let cases = |text: &str| {
        interpreter(&config, text);
        failure(&studio, "bigbuck")
    };
    cases("/no/such/python").is(127, &["/no/such/python", "interpreter_"]).hints("--python");
    cases("python3.11").is(127, &["interpreter_"]).hints("'python3.11' is relative");
    cases("$UNSET/python").is(127, &["interpreter_"]).hints("not set for Python: '$UNSET/python'");
    cases(studio.path("home").to_str().unwrap()).is(126, &["home", "folder", "interpreter_"]);
    write(studio.path("plain"), "");
    cases(studio.path("plain").to_str().unwrap()).is(126, &["plain", "permission"]);
    cases(crate::support::LAUNCHER).is(126, &["launcher itself", "interpreter_"]);
    let link = studio.path("one");
    std::os::unix::fs::symlink(crate::support::LAUNCHER, &link).unwrap();
    std::os::unix::fs::symlink(&link, studio.path("two")).unwrap();
    cases(studio.path("two").to_str().unwrap()).is(126, &["launcher itself"]);
    std::os::unix::fs::symlink("loop", studio.path("loop")).unwrap();
    cases(studio.path("loop").to_str().unwrap()).is(126, &["loop"]);
}

#[test]
fn link_to_a_cores_own_folder_is_explained() {
    let studio = Studio::new();
    studio.core("v1");
    let core = studio.path("cores/v1/install/core");
    studio.linked("bigbuck", core.to_str().unwrap());
    let failure = studio.failure(["--project", "bigbuck", "x.py"]);
    failure.is(122, &["contains no 'tank'", "core_"]);
    failure.hints(&format!(
        "name the folder above 'install/core': {}",
        studio.path("cores/v1").display()
    ));
}

#[cfg(unix)]
#[test]
fn core_without_packages_refuses_python() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let requirements = config.join("install/core/requirements");
    let named = |name: &str| {
        let python = studio.path(name);
        write(&python, "#!/bin/sh\n");
        make_executable(&python);
        python.to_str().unwrap().to_owned()
    };
    let runs = |python: &str| {
        studio.launcher(["--project", "bigbuck", "--python", python]).succeeds();
    };
    // A core without requirements.
    runs(&named("python3.12"));
    for version in ["3.9", "3.10", "3.11"] {
        write(requirements.join(version).join("pkgs.zip"), "");
    }
    write(requirements.join("any/flow.zip"), "");
    runs(&named("python3.11"));
    // A Python whose name does not show its version.
    runs(&named("mayapy"));

    let fails = |python: &str| {
        let failure = studio.failure(["--project", "bigbuck", "--python", python]);
        failure.is(126, &["Python 3.12", "install/core"]).hints("3.9, 3.10, 3.11");
    };
    fails(&named("python3.12"));
    let python = named("python");
    std::os::unix::fs::symlink("python3.12", studio.path("python3")).unwrap();
    fails(studio.path("python3").to_str().unwrap());
    write(studio.path("venv/pyvenv.cfg"), "home = /usr/bin\nversion = 3.12.1\n");
    fs::create_dir_all(studio.path("venv/bin")).unwrap();
    std::os::unix::fs::symlink(python, studio.path("venv/bin/python")).unwrap();
    fails(studio.path("venv/bin/python").to_str().unwrap());
}

#[test]
fn shared_core_with_dev_config_warns() {
    let studio = Studio::new();
    let config = studio.shared("dev", "v1");
    let metadata = config.join("config/core/pipeline_configuration.yml");
    let warnings = |arguments: &[&str]| {
        let plan = studio.explain([&["--project", "dev"], arguments].concat());
        plan["warnings"].as_array().unwrap().clone()
    };
    assert!(warnings(&[]).is_empty());
    for text in ["pc_name: Dev\n", "{pc_name: 'Dev', project_id: 1}\n", "pc_name: \"$NAME\"\r\n"] {
        write(&metadata, text);
        let warnings = warnings(&["--env", "NAME=Dev"]);
        assert!(warnings[0].as_str().unwrap().contains("--pin-config"), "{text}");
    }
    assert!(warnings(&["--pin-config"]).is_empty());
    write(&metadata, "pc_name: 'Primary'\r\n");
    assert!(warnings(&[]).is_empty());
    write(&metadata, "pc_name: Dev\n");
    let run = studio.launcher(["--project", "dev"]).run();
    assert!(
        run.error().starts_with("sgtk-python: warning: configuration shares") || cfg!(windows),
        "{run}"
    );
}
