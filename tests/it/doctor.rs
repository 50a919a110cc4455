//! `--doctor`: each check finds the fault planted for it, and nothing in a healthy studio.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::scene::Runs;
use crate::support::{OS, PYTHON, Studio, copy_program, interpreter, skip, write};
#[cfg(unix)]
use crate::support::{make_executable, variables_of};

/// A localized and a shared project on a real Python.
pub fn healthy() -> Studio {
    filled(Studio::new())
}

pub fn filled(studio: Studio) -> Studio {
    let localized = studio.localized("bigbuck");
    let shared = studio.shared("sintel", "v1");
    for root in [&localized, &studio.path("cores/v1")] {
        interpreter(root, PYTHON.to_str().unwrap());
    }
    describe(&shared, 43, "Primary", "sintel");
    studio
}

pub fn describe(config: &Path, id: i64, pipeline: &str, project: &str) {
    let text = format!("pc_name: {pipeline}\nproject_id: {id}\nproject_name: {project}\n");
    write(config.join("config/core/pipeline_configuration.yml"), text);
}

/// Returns the report; the exit code has to agree with it.
#[track_caller]
pub fn diagnosis(launcher: &mut Command) -> Value {
    let run = launcher.run().silently();
    let report = run.json();
    let code = if report["ok"] == true { 0 } else { 122 };
    run.fails_with(code);
    report
}

/// Checks that the doctor finds these, `(check, part of the problem, part of the file)`, and no more. Folders above
/// the studio do not count: they are the machine's.
#[track_caller]
pub fn finds_in(launcher: &mut Command, expected: &[(&str, &str, &str)]) {
    let report = diagnosis(launcher);
    let above: Vec<&Path> = launcher.get_current_dir().unwrap().ancestors().skip(1).collect();
    let mut found: Vec<(String, String, String)> = Vec::new();
    for check in report["checks"].as_array().unwrap() {
        for finding in check["findings"].as_array().unwrap() {
            let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            assert!(!text("advice").is_empty());
            if above.contains(&Path::new(&text("file"))) {
                continue;
            }
            found.push((check["check"].as_str().unwrap().into(), text("problem"), text("file")));
        }
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((check, problem, file), expected) in found.iter().zip(expected) {
        let file = file.replace(std::path::MAIN_SEPARATOR, "/");
        let fits = check == expected.0 && problem.contains(expected.1) && file.contains(expected.2);
        assert!(fits, "{expected:?} in {found:#?}");
    }
}

#[track_caller]
pub fn finds(studio: &Studio, expected: &[(&str, &str, &str)]) {
    finds_in(&mut studio.launcher(["--doctor=json"]), expected);
}

#[test]
fn healthy_studio_has_no_findings() {
    let studio = healthy();
    finds(&studio, &[]);
    let report = diagnosis(&mut studio.launcher(["--doctor=json", "--project", "sintel"]));
    let [asked] = &report["pythons"].as_array().unwrap()[..] else { panic!("{report}") };
    assert!(asked["version"].as_str().unwrap().starts_with('3') && asked["import_ms"].is_u64());
    assert_eq!(report["checks"].as_array().unwrap().len(), 14);
    let text = studio.launcher(["--doctor"]).prints();
    assert!(text.contains("no problems") && text.ends_with(" fine\n"), "{text}");
    assert!(!text.contains("the roots exist"), "{text}");
    let text = studio.launcher(["--doctor=all"]).prints();
    assert!(text.contains("ok       the roots exist"), "{text}");
}

#[test]
fn ambiguous_cfg_text_is_found() {
    let studio = healthy();
    let core = studio.path("cores/v1");
    let core = core.to_str().unwrap();
    let link = studio.path(format!("configs/sintel/install/core/core_{OS}.cfg"));
    for (text, problem) in
        [(format!("{core}\r\n"), "Windows line ends"), (format!("  {core}"), "space around")]
    {
        write(&link, text);
        finds(&studio, &[("texts", problem, "core_")]);
    }
    for (text, problem) in [
        (format!("{core}\n/other\n"), "more than one line"),
        (format!("'{core}'"), "quotes"),
        ("$(pwd)/core".into(), "a command"),
    ] {
        write(&link, text);
        finds(&studio, &[("texts", problem, "core_"), ("cores", "does not exist", "")]);
    }
    write(&link, core);
    let spaced = studio.path("a python.exe");
    copy_program(&*PYTHON, &spaced);
    interpreter(Path::new(core), spaced.to_str().unwrap());
    finds(&studio, &[("texts", "a space in the path", "interpreter_")]);
}

#[test]
fn missing_core_is_found() {
    let studio = healthy();
    let link = studio.path(format!("configs/sintel/install/core/core_{OS}.cfg"));
    write(&link, "/no/such/core");
    finds(&studio, &[("cores", "/no/such/core", "core_")]);
    #[cfg(unix)]
    {
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        finds(&studio, &[("cores", "link to a file that does not exist", "")]);
        fs::remove_file(&link).unwrap();
    }
    write(&link, studio.path("cores/v1").to_str().unwrap());
    fs::remove_dir_all(studio.path("cores/v1/install/core/python/tank")).unwrap();
    finds(&studio, &[("cores", "no 'tank'", "")]);
}

#[cfg(unix)]
#[test]
fn unsuitable_python_is_found() {
    let studio = healthy();
    let core = studio.path("cores/v1");
    interpreter(&core, "/no/such/python");
    finds(&studio, &[("cores", "/no/such/python", "")]);
    // A Python that starts, and cannot import the core.
    interpreter(&core, PYTHON.to_str().unwrap());
    write(
        core.join("install/core/python/sgtk/__init__.py"),
        "raise ImportError('not for this Python')",
    );
    finds(&studio, &[("pythons", "ImportError: not for this Python", "")]);
    // No `sgtk` at all: the working directory's is not imported.
    fs::remove_dir_all(core.join("install/core/python/sgtk")).unwrap();
    write(studio.path("sgtk.py"), format!("open({:?}, 'w')", studio.path("ran").to_str().unwrap()));
    finds(&studio, &[("cores", "No module named", "python/sgtk")]);
    assert!(!studio.path("ran").exists());
    fs::remove_file(studio.path("sgtk.py")).unwrap();
    assert!(!studio.path("configs/bigbuck/install/core/python/sgtk/__pycache__").exists());
    // Programs that are no Python: one ends at once, one prints without end.
    let fake = studio.path("bin/fake");
    for text in ["exit 0", "yes"] {
        write(&fake, format!("#!/bin/sh\n{text}\n"));
        make_executable(&fake);
        interpreter(&core, fake.to_str().unwrap());
        finds(&studio, &[("pythons", "gave no answer", "")]);
    }
    // A Python for which the core brings no packages.
    write(core.join("install/core/requirements/3.6/pkgs.zip"), "");
    let python = studio.path("bin/python3.12");
    write(&python, "");
    make_executable(&python);
    interpreter(&core, python.to_str().unwrap());
    finds(&studio, &[("cores", "Python 3.12", "")]);
    // The same where only the answer shows the version.
    let wrapper = studio.path("bin/wrapper");
    write(&wrapper, format!("#!/bin/sh\nexec {} \"$@\"\n", PYTHON.display()));
    make_executable(&wrapper);
    write(core.join("install/core/requirements/3.6/pkgs.zip"), "");
    write(core.join("install/core/python/sgtk/__init__.py"), "");
    interpreter(&core, wrapper.to_str().unwrap());
    finds(&studio, &[("pythons", "core does not support", "")]);
}

#[test]
fn ambiguous_projects_are_found() {
    let studio = healthy();
    let other = studio.localized("other");
    interpreter(&other, PYTHON.to_str().unwrap());
    describe(&other, 43, "Dev", "sintel");
    finds(&studio, &[]);
    describe(&other, 43, "Primary", "sintel");
    finds(&studio, &[("names", "project id 43 has several Primary configurations", "")]);
    for choice in [["--project", "sintel"], ["--project-id", "43"]] {
        let mut launcher = studio.launcher([&["--doctor=json"][..], &choice].concat());
        finds_in(
            &mut launcher,
            &[("names", "project id 43 has several Primary configurations", "configs/")],
        );
    }
    finds_in(&mut studio.launcher(["--doctor=json", "--project", "bigbuck"]), &[]);
    with_pc_id(&other, 5);
    with_pc_id(&studio.path("configs/sintel"), 5);
    finds(&studio, &[("names", "project id 43 has several Primary configurations", "")]);
    describe(&other, 43, "Dev", "other");
    finds(&studio, &[("names", "several projects have the id 43", "")]);
    describe(&other, 44, "Primary", "sintel");
    finds(&studio, &[("names", "several projects are named 'sintel'", "")]);
    describe(&other, 44, "Primary", "other");
    let twin = studio.localized("../more/other");
    interpreter(&twin, PYTHON.to_str().unwrap());
    describe(&twin, 45, "Primary", "twin");
    let mut launcher = studio.launcher(["--doctor=json"]);
    let roots = std::env::join_paths([studio.path("configs"), studio.path("more")]).unwrap();
    let twins = [("names", "several folders are named 'other'", "")];
    finds_in(launcher.env("SHOTGUN_BASE", roots), &twins);
}

/// Adds a `pc_id` to a configuration.
pub fn with_pc_id(config: &Path, id: i64) {
    let file = config.join("config/core/pipeline_configuration.yml");
    let text = format!("pc_id: {id}\n") + &fs::read_to_string(&file).unwrap();
    write(file, text);
}

#[test]
fn shared_pc_id_is_found() {
    let studio = healthy();
    let sintel = studio.path("configs/sintel");
    with_pc_id(&sintel, 5);
    let other = studio.localized("other");
    interpreter(&other, PYTHON.to_str().unwrap());
    let shared = [("names", "configurations have the pc_id 5", "configs/other")];
    // Of one project, and of two.
    for (id, name, project) in [(43, "Dev", "sintel"), (44, "Primary", "other")] {
        describe(&other, id, name, project);
        finds(&studio, &[]);
        with_pc_id(&other, 5);
        finds(&studio, &shared);
        let text = studio.launcher(["--doctor"]).fails_with(122).text();
        for config in [&sintel, &other] {
            let file = config.join("config/core/pipeline_configuration.yml");
            let file = file.to_str().unwrap().replace('/', std::path::MAIN_SEPARATOR_STR);
            assert_eq!(text.matches(&file).count(), 1, "{text}");
        }
    }
}

#[cfg(unix)]
#[test]
fn incomplete_core_is_found() {
    let studio = healthy();
    let core = studio.path("cores/v1/install/core");
    fs::remove_dir_all(core.join("hooks")).unwrap();
    let no_hooks = ("cores", "so sgtk_from_path fails", "cores/v1/install/core/hooks");
    finds(&studio, &[no_hooks]);
    write(core.join("python/sgtk/__init__.py"), "import tank_vendor\n");
    fs::remove_dir_all(core.join("python/tank_vendor")).unwrap();
    let no_vendor = ("cores", "No module named 'tank_vendor'", "core/python/tank_vendor");
    finds(&studio, &[no_hooks, no_vendor]);
    write(core.join("python/tank_vendor/__init__.py"), "import no_such_module\n");
    finds(&studio, &[no_hooks, ("pythons", "No module named 'no_such_module'", "")]);
}

#[test]
fn missing_metadata_file_is_found() {
    let studio = healthy();
    let file = studio.path("configs/sintel/config/core/pipeline_configuration.yml");
    fs::remove_file(&file).unwrap();
    finds(&studio, &[("configs", "does not exist", "pipeline_configuration.yml")]);
    studio.launcher(["--doctor"]).fails_with(122).shows(&["-> restore the file"]);
    write(&file, "# nothing\n");
    finds(&studio, &[("configs", "file is empty", "pipeline_configuration.yml")]);
}

#[test]
fn templates_without_storage_are_found() {
    let studio = healthy();
    let core = studio.path("configs/sintel/config/core");
    let paths = "keys: {}\npaths:\n  shot: {definition: 'seq/shot'}\n";
    for (roots, templates, is_found) in [
        ("", paths, true),
        ("{}\n", paths, true),
        ("", "keys: {}\npaths: {}\n", false),
        ("", "paths:\n", false),
        ("primary: {linux_path: /projects}\n", paths, false),
    ] {
        write(core.join("roots.yml"), roots);
        write(core.join("templates.yml"), templates);
        let expected = [("configs", "names no storage", "config/core/roots.yml")];
        finds(&studio, if is_found { &expected } else { &[] });
    }
}

#[test]
fn missing_default_root_says_how_to_name_another() {
    if Path::new("/mnt/sgtk/configs").exists() {
        return skip("this machine has the default root");
    }
    let studio = Studio::new();
    let run = studio.launcher(["--doctor"]).env_remove("SHOTGUN_BASE").fails_with(122);
    run.shows(&["/mnt/sgtk/configs", "(the default)", "or name the folder", "SHOTGUN_BASE"]);
}

#[test]
fn unreadable_config_is_found() {
    let studio = healthy();
    let other = studio.localized("other");
    write(other.join("config/core/pipeline_configuration.yml"), "{");
    interpreter(&other, PYTHON.to_str().unwrap());
    finds(&studio, &[("configs", "is not valid YAML", "pipeline_configuration.yml")]);
    describe(&other, 50, "Primary", "other");
    write(other.join("config/core/roots.yml"), "[1]");
    finds(&studio, &[("configs", "is not valid YAML", "roots.yml")]);
    write(other.join("config/core/roots.yml"), "primary:\nsecondary: {linux_path: /x}\n");
    finds(&studio, &[]);
    // A config that cannot be read is examined all the same.
    write(other.join("config/core/pipeline_configuration.yml"), "{");
    interpreter(&other, "/no/such/python");
    finds(&studio, &[("configs", "is not valid YAML", ""), ("cores", "/no/such/python", "")]);
}

#[test]
fn missing_root_is_found() {
    let studio = healthy();
    let roots = [studio.path("configs"), studio.path("nowhere")];
    let mut launcher = studio.launcher(["--doctor=json"]);
    launcher.env("SHOTGUN_BASE", std::env::join_paths(roots).unwrap());
    finds_in(&mut launcher, &[("roots", "variable SHOTGUN_BASE", "nowhere")]);
    finds_in(
        launcher.env("SHOTGUN_BASE", if cfg!(windows) { ";" } else { ":" }),
        &[("roots", "no root", "")],
    );
}

#[cfg(unix)]
#[test]
fn world_writable_files_are_found() {
    use std::os::unix::fs::PermissionsExt;
    let studio = healthy();
    let set =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let link = studio.path(format!("configs/sintel/install/core/core_{OS}.cfg"));
    let config = studio.path("configs/bigbuck");
    let not_started = ("pythons", "not started", "");
    set(&link, 0o666);
    finds(&studio, &[("permissions", "every user", "core_"), not_started]);
    set(&link, 0o664);
    set(&config, 0o777);
    finds(&studio, &[("permissions", "every user", "configs/bigbuck"), not_started]);
    set(&config, 0o1775);
    finds(&studio, &[]);
    set(&studio.path("configs"), 0o1777);
    let python = studio.path("cores/v1/install/core/python/tank");
    set(&python, 0o777);
    finds(
        &studio,
        &[
            ("permissions", "every user", "configs"),
            ("permissions", "every user", "tank"),
            not_started,
        ],
    );
}

#[cfg(unix)]
#[test]
fn code_that_all_can_change_is_not_started() {
    use std::os::unix::fs::PermissionsExt;
    let studio = healthy();
    let config = studio.path("configs/bigbuck");
    let python = config.join("python");
    write(&python, "#!/bin/sh\n: > \"$0.was-started\"\n");
    make_executable(&python);
    interpreter(&config, python.to_str().unwrap());
    studio.launcher(["--doctor"]).fails_with(122);
    let mark = config.join("python.was-started");
    assert!(mark.exists());
    fs::remove_file(&mark).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o777)).unwrap();
    let run = studio.launcher(["--doctor"]).fails_with(122);
    run.shows(&["the Python of 1 project was not started: every user can change"]);
    assert!(!mark.exists());
}

/// The layout that docs/install.md shows: the launcher is started through a link, and its settings are a link.
#[cfg(unix)]
#[test]
fn world_writable_share_is_found() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let studio = healthy();
    let (share, release) = (studio.path("share"), studio.path("share/releases/1"));
    fs::create_dir_all(release.join("bin")).unwrap();
    copy_program(crate::support::LAUNCHER, &release.join("bin/sgtk-python"));
    symlink("releases/1", share.join("current")).unwrap();
    symlink("../../../sgtk-python.toml", release.join("bin/sgtk-python.toml")).unwrap();
    let settings = share.join("sgtk-python.toml");
    write(&settings, "");
    let started = studio.launcher(["--doctor=json"]);
    let mut launcher = Command::new(share.join("current/bin/sgtk-python"));
    launcher.args(started.get_args()).current_dir(started.get_current_dir().unwrap());
    launcher.env_clear().envs(variables_of(&started)).env_remove("SGTK_PYTHON_SETTINGS");
    finds_in(&mut launcher, &[]);
    let (releases, link) = (studio.path("share/releases"), release.join("bin/sgtk-python.toml"));
    for (open, named) in
        [(&share, &share), (&releases, &releases), (&release, &release), (&settings, &link)]
    {
        let before = fs::metadata(open).unwrap().permissions();
        fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
        let report = launcher.fails_with(122).json();
        assert!(report.to_string().contains(&format!("\"{}\"", named.display())), "{report:#}");
        assert_eq!(report["ok"], false, "{report:#}");
        fs::set_permissions(open, before).unwrap();
    }
}

#[test]
fn unused_settings_are_found() {
    let studio = healthy();
    let with = |text: &str| {
        write(studio.path("s.toml"), text);
        let mut launcher = studio.launcher(["--doctor=json"]);
        launcher.env("SGTK_PYTHON_SETTINGS", studio.path("s.toml"));
        launcher
    };
    finds_in(&mut with("[projects.sintel.environment]\nset = { A = '1' }\n"), &[]);
    let unused = [("settings", "no such project here: 'sintell'", "s.toml")];
    finds_in(&mut with("[projects.sintell]\nstudio = 'x'\n"), &unused);
    finds_in(&mut with("roots = ['/x']\n"), &[("settings", "SHOTGUN_BASE is set", "s.toml")]);
    finds_in(with("[projects.sintell]\nstudio = 'x'\n").args(["--project", "sintel"]), &[]);
}

#[test]
fn proxy_on_pythonpath_is_found() {
    let studio = healthy();
    let proxy = studio.path("configs/sintel/install/core/python");
    write(proxy.join("tank/__init__.py"), "");
    let mut launcher = studio.launcher(["--doctor=json"]);
    launcher.env("PYTHONPATH", &proxy);
    finds_in(&mut launcher, &[("proxy", "API proxy", "sintel/install/core/python")]);
    write(proxy.join("tank_vendor/__init__.py"), "");
    finds_in(&mut launcher, &[]);
}

#[test]
fn module_hiding_the_core_is_found() {
    let studio = healthy();
    write(studio.path("jobs/sgtk.py"), "");
    write(studio.path("jobs/job.py"), "");
    let with = |words: &[&str]| studio.launcher([&["--doctor=json"], words].concat());
    finds_in(&mut with(&["jobs/job.py"]), &[("script", "hides the core", "jobs/sgtk.py")]);
    finds_in(&mut with(&["-c", "jobs/job.py"]), &[]);
    finds_in(&mut with(&["-m", "x"]), &[]);
    let mut inside = with(&["-c", "pass"]);
    finds_in(inside.current_dir(studio.path("jobs")), &[("script", "hides", "jobs/sgtk.py")]);
    finds_in(&mut with(&["-W", "ignore", "jobs/job.py"]), &[("script", "hides", "jobs/sgtk.py")]);
    fs::remove_file(studio.path("jobs/sgtk.py")).unwrap();
    fs::create_dir(studio.path("jobs/tank")).unwrap();
    finds_in(&mut with(&["jobs/job.py"]), &[]);
    write(studio.path("home/job.py"), "");
    finds_in(&mut with(&["home/job.py"]), &[]);
    finds_in(&mut with(&["nope.py"]), &[("script", "does not exist", "nope.py")]);
    finds_in(&mut with(&["-"]), &[]);
}

#[test]
fn one_project_is_examined_alone() {
    let studio = healthy();
    describe(&studio.linked("broken", "/no/such/core"), 44, "Primary", "broken");
    finds(&studio, &[("cores", "/no/such/core", "")]);
    finds_in(&mut studio.launcher(["--doctor=json", "--project", "sintel"]), &[]);
    let broken = ["--doctor=json", "--project", "broken"];
    finds_in(&mut studio.launcher(broken), &[("cores", "/no/such/core", "")]);
    studio.failure(["--doctor", "--project", "nobody"]).is(121, &["nobody"]);
}

#[test]
fn unusable_site_settings_are_found() {
    let studio = healthy();
    let with = |site: &str| {
        write(studio.path("site.toml"), format!("[site]\n{site}\n"));
        let mut launcher = studio.launcher(["--doctor=json", "--project", "sintel"]);
        launcher.env("SGTK_PYTHON_SETTINGS", studio.path("site.toml"));
        launcher.env("SHOTGUN_HOME", studio.path("toolkit"));
        launcher
    };
    write(studio.path("seed/sgtk/__init__.py"), "");
    let site = "host = 'https://studio.example'";
    let python = format!("python = '{}'", PYTHON.display());
    finds_in(&mut with(&format!("{site}\ncore = 'seed'\n{python}")), &[]);
    finds_in(&mut with("core = 'seed'"), &[("site", "no site is named", "")]);
    finds_in(&mut with(&format!("{site}\n{python}")), &[("site", "no core is set", "")]);
    let empty = format!("{site}\n{python}\ncore = 'home'");
    finds_in(&mut with(&empty), &[("site", "contains no 'sgtk'", "")]);
    let missing = format!("{site}\ncore = 'seed'\npython = '/no/python'");
    finds_in(&mut with(&missing), &[("site", "/no/python", "")]);
    if cfg!(windows) {
        return;
    }
    let open = format!("{site}\ncore = 'seed'\n{python}\ncredentials_file = 'site.toml'");
    finds_in(&mut with(&open), &[("site", "can be read by other users", "")]);
}

#[test]
fn missing_install_location_is_found() {
    let studio = healthy();
    let file = studio.path("configs/bigbuck/config/core/install_location.yml");
    write(&file, "Linux: ''\nDarwin:\nWindows: null\n");
    finds(&studio, &[("places", "sgtk_from_path fails", "install_location.yml")]);
    fs::remove_file(file).unwrap();
    finds(&studio, &[("places", "does not exist", "install_location.yml")]);
    // The mend is the line as it has to be.
    let line = format!("{OS}: {}", studio.path("configs/bigbuck").display());
    let in_json = Value::from(line.as_str()).to_string();
    let advice = format!("such as {}", in_json.trim_start_matches('"'));
    studio.launcher(["--doctor=json"]).fails_with(122).shows(&[&advice]);
    write(studio.path("configs/bigbuck/config/core/install_location.yml"), line);
    finds(&studio, &[]);
}
