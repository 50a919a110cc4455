//! `--engine` and a launch's credentials, with the real core and a stand-in for a site.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::distributed_support::Distributed;
use crate::real_core::PYTHON;
use crate::scene::Runs;
use crate::standin::{Behaviour, SCRIPT};
use crate::support::{failed, write};

#[test]
#[ignore = "needs the real core: run tests/run"]
fn engine_surrounds_the_program() {
    let distributed = Distributed::new();
    let script = distributed.studio.path("scripts/job.py");
    let text = "import sys, sgtk\nprint(sgtk.platform.current_engine().instance_name, sys.argv[1:], sys.path[0], __name__, __file__)\ndef fail():\n    raise ValueError('on purpose')\nfail()\n";
    write(&script, text);
    let (path, folder) = (script.to_str().unwrap(), script.parent().unwrap().to_str().unwrap());
    let words = ["--project", "alpha", "--engine", "tk-test"];
    let run = distributed.launcher(&words).args(["-u", path, "-c", "x"]).fails_with(1);
    let project = "{'type': 'Project', 'id': 101, 'name': 'The alpha'}";
    let expected =
        format!("up {project} None\ntk-test ['-c', 'x'] {folder} __main__ {path}\ndown\n");
    assert_eq!(run.text(), expected, "{run}");
    let error = run.error();
    let frames = error.lines().filter(|line| line.trim_start().starts_with("File ")).count();
    assert!(frames == 2 && error.ends_with("ValueError: on purpose\n"), "{run}");
    for (program, code) in
        [("import sys; sys.exit(7)", 7), ("import os; os._exit(9)", 9), ("pass", 0)]
    {
        let run = distributed.launcher(&words).args(["-c", program]).fails_with(code);
        let is_destroyed = run.text().ends_with("down\n");
        assert_eq!(is_destroyed, !program.contains("_exit"), "{run}");
    }
    let forking = "import os, sys\npid = os.fork()\nif pid == 0:\n    sys.exit()\nos.waitpid(pid, 0)\nprint('parent')";
    let shown = distributed.run(&[&words[..], &["-c", forking]].concat());
    assert!(shown.ends_with("None\nparent\ndown"), "{shown}");
    distributed.site.know(json!({"type": "Shot", "id": 7, "code": "010",
        "project": {"type": "Project", "id": 101, "name": "The alpha"}}));
    let shot = distributed.run(&[
        "--project",
        "alpha",
        "--engine",
        "tk-test",
        "--entity",
        "Shot:7",
        "-c",
        "pass",
    ]);
    assert!(shot.contains("'type': 'Shot', 'id': 7"), "{shot}");
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn new_engine_refreshes_the_config_once() {
    let distributed = Distributed::new();
    let studio = &distributed.studio;
    // Toolkit has to fetch this engine: with a git that copies the one that is here.
    let location = json!({"type": "git", "path": "git://nowhere/engine.git", "version": "v1"});
    let dev = json!({"type": "dev", "path": studio.path("engine")});
    let engines = json!({"tk-test": {"apps": {}, "location": dev},
        "tk-other": {"apps": {}, "location": location}});
    let environment = json!({"engines": engines, "frameworks": {}}).to_string();
    write(studio.path("descriptors/alpha/env/project.yml"), environment);
    let git = format!(
        "#!{}\nimport shutil, sys\nfor word in sys.argv:\n    if 'bundle_cache' in word:\n        shutil.copytree('{}', word, dirs_exist_ok=True)\n",
        PYTHON.display(),
        studio.path("engine").display()
    );
    write(studio.path("bin/git"), git);
    set_mode(&studio.path("bin/git"), 0o755);
    let launch = |arguments: &[&str]| {
        let mut launcher = distributed.launcher(arguments);
        launcher.args(["-c", "pass"]).env("PATH", studio.path("bin")).run()
    };
    // The site is asked for this once each time that a configuration is realised.
    let asked = |arguments: &[&str]| {
        let before = distributed.site.reads_of("LocalStorage");
        let shown = launch(arguments).prints();
        assert!(!arguments.contains(&"--engine") || shown.starts_with("up "), "{shown}");
        distributed.site.reads_of("LocalStorage") > before
    };
    let plain = ["--project", "alpha"];
    let other = ["--project", "alpha", "--engine", "tk-other"];
    assert!(asked(&plain) && !asked(&plain));
    distributed.site.behave(Behaviour::Status(500));
    launch(&other).fails_with(122).warns(&["stays in use"]);
    distributed.site.behave(Behaviour::Proper);
    let own = studio.path("home/toolkit/127.0.0.1/sgtk-python");
    fs::remove_dir_all(&own).unwrap();
    assert!(asked(&other) && !asked(&other));
    assert!(!asked(&["--project-id", "101", "--engine", "tk-other"]));
    distributed.set("engine", "tk-none");
    assert!(asked(&plain) && !asked(&plain));
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn prompt_after_an_engine_matches_plain_python() {
    let distributed = Distributed::new();
    let script = distributed.studio.path("scripts/job.py");
    let prompted = |command: &mut Command| {
        let command = command.args(["-i", script.to_str().unwrap()]).stdin(Stdio::piped());
        let mut python = command.stdout(Stdio::piped()).stderr(Stdio::piped()).start();
        python.stdin.take().unwrap().write_all(b"print('prompt', x)\n").unwrap();
        let run = python.ends();
        (run.text(), run.error(), run.status.code())
    };
    for end in ["", "raise SystemExit(3)\n", "raise ValueError('on purpose')\n"] {
        write(&script, format!("x = 5\n{end}"));
        let mut launcher = distributed.launcher(&["--project", "alpha", "--engine", "tk-test"]);
        let (shown, error, code) = prompted(&mut launcher);
        let plain = prompted(&mut Command::new(&*PYTHON));
        let between = |line: &&str| !line.starts_with("up ") && *line != "down";
        let lines: Vec<&str> = shown.lines().filter(between).collect();
        assert_eq!((lines.join("\n") + "\n", error, code), plain, "{end}");
    }
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn engine_failure_is_one_line() {
    let distributed = Distributed::new();
    let none = ["--project", "alpha", "--engine", "tk-none", "-c", "pass"];
    failed(&mut distributed.launcher(&none))
        .is(122, &["cannot start the engine 'tk-none'"])
        .hints("TK_DEBUG");
    let forging = ["--project", "alpha", "--engine", "tk-\u{1b}[31m\u{85}\u{202e}", "-c", "pass"];
    failed(&mut distributed.launcher(&forging))
        .is(122, &["cannot start the engine 'tk-\\x1b[31m\\x85\\u202e'"]);
    failed(&mut distributed.stranger(&none)).is(122, &["no script key"]);
    let (script, key) = (
        format!("SHOTGUN_FARM_SCRIPT_USER={}", SCRIPT.0),
        format!("SHOTGUN_FARM_SCRIPT_KEY={}", SCRIPT.1),
    );
    let words = ["--refresh", "--project", "alpha", "--engine", "tk-test", "-c", "pass"];
    let mut named =
        distributed.stranger(&[&["--env", &script, "--env", &key], &words[..]].concat());
    assert!(named.prints().starts_with("up "));
    let mut clean = distributed.launcher(&[&["--clean"], &words[..]].concat());
    assert!(clean.prints().starts_with("up "));
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn credentials_stay_out_of_the_program() {
    let distributed = Distributed::new();
    let file = distributed.studio.path("robot.yml");
    let pipes = "import os
names = ['/proc/self/fd/%d' % number for number in range(3, 20)]
pipes = [name for name in names if os.path.exists(name) and 'pipe' in os.readlink(name)]
";
    // The caller of the tests may have left some open.
    let mut plain = Command::new(&*PYTHON);
    let plain = plain.args(["-c", &format!("{pipes}print(pipes)")]).env_clear().prints();
    let program = &format!(
        "{pipes}import sgtk, sys
secret = [name for name, value in os.environ.items() if 's3cret' in value or 'CREDENTIALS' in name]
print(sgtk.get_authenticated_user(), pipes, secret, 's3cret' in str(sys.argv))
"
    );
    failed(&mut distributed.stranger(&["--project", "alpha", "-c", "pass"]))
        .is(122, &["'alpha'", &distributed.site.address, "no script key"])
        .hints("SHOTGUN_FARM_SCRIPT_KEY");
    let text = format!("script-name: {}\nscript-key: {}\n", SCRIPT.0, SCRIPT.1);
    write(&file, &text);
    distributed.settings("credentials_file = 'robot.yml'\nauthenticate = true");
    set_mode(&file, 0o640);
    failed(&mut distributed.stranger(&["--project", "alpha", "-c", "pass"]))
        .is(122, &["robot.yml", "can be read by other users"])
        .hints("chmod 600");
    set_mode(&file, 0o600);
    let shown = distributed.stranger(&["--project", "alpha", "-c", program]).prints();
    assert_eq!(shown, format!("robot {} [] False\n", plain.trim_end()));
    for (text, part) in [
        ("script-key: s3cret-thing", "lacks 'script-name'"),
        ("s3cret: [", "is not valid YAML"),
        ("", "lacks"),
    ] {
        write(&file, text);
        let failure = failed(&mut distributed.stranger(&["--project", "alpha", "-c", "pass"]));
        failure.is(122, &["robot.yml", part]);
        assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
    }
    let log = fs::read_dir(distributed.studio.path("home/toolkit/127.0.0.1/sgtk-python")).unwrap();
    for entry in log.flatten() {
        let text = fs::read_to_string(entry.path()).unwrap();
        assert!(!text.contains("s3cret"), "{}: {text}", entry.path().display());
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
