//! Distributed configurations, with the real core and a site that stands in: realised once, kept, realised
//! anew, and every way to fail.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::real_core::{PYTHON, real_core};
use crate::standin::{Behaviour, SCRIPT, Site};
use crate::support::{Studio, explained, failed, failure_of, write};

/// What a core brings besides its packages and that of `PyPI` lacks, in our words.
const HOOKS: [(&str, &str); 7] = [
    ("bootstrap", "init can_cache_bundle populate_bundle_cache_entry"),
    ("pipeline_configuration_init", "execute"),
    ("tank_init", "execute"),
    ("context_change", "pre_context_change post_context_change"),
    ("bundle_init", "execute"),
    ("engine_init", "execute"),
    ("get_current_login", "execute"),
];

fn hook(methods: &str) -> String {
    let methods = methods.split_whitespace();
    let methods = methods.map(|m| format!("    def {m}(self, *args, **kwargs):\n        pass\n"));
    format!(
        "import sgtk\n\n\nclass Own(sgtk.get_hook_baseclass()):\n{}",
        methods.collect::<String>()
    )
}

/// A studio without configurations of its own, and the site that describes three projects: alpha (101)
/// and beta (102) are distributed, with cores of two versions; gamma (103) is centralized.
pub struct Distributed {
    pub studio: Studio,
    pub site: Site,
}

impl Distributed {
    pub fn new() -> Self {
        let studio = Studio::new();
        let site = Site::new();
        for (id, name, version) in [(101, "alpha", "v0.21.7"), (102, "beta", "v0.21.8")] {
            let core = core(&studio, version);
            let config = studio.path(format!("descriptors/{name}"));
            let location = json!({"location": {"type": "path", "path": core}});
            write(config.join("core/core_api.yml"), location.to_string());
            write(config.join("core/roots.yml"), "{}\n");
            write(config.join("core/hooks/pick_environment.py"), pick_environment());
            write(config.join("env/project.yml"), environment(&studio));
            site.know(json!({"type": "Project", "id": id, "name": format!("The {name}"), "tank_name": name}));
            site.know(json!({"type": "PipelineConfiguration", "id": id - 90, "code": "Primary",
                "project": {"type": "Project", "id": id}, "users": [], "plugin_ids": "basic.*",
                "descriptor": format!("sgtk:descriptor:path?path={}", config.display())}));
        }
        let gamma = studio.path("elsewhere/gamma");
        fs::rename(studio.localized("gamma"), {
            fs::create_dir_all(studio.path("elsewhere")).unwrap();
            &gamma
        })
        .unwrap();
        site.know(json!({"type": "Project", "id": 103, "name": "gamma", "tank_name": "gamma"}));
        site.know(json!({"type": "PipelineConfiguration", "id": 13, "code": "Primary",
            "project": {"type": "Project", "id": 103}, "users": [],
            "linux_path": gamma, "mac_path": gamma, "windows_path": gamma}));
        write(studio.path("engine/info.yml"), "display_name: Test\n");
        write(studio.path("engine/engine.py"), ENGINE);
        let distributed = Distributed { studio, site };
        distributed.settings("");
        distributed
    }

    /// Writes the settings, with these lines in `[site]`.
    pub fn settings(&self, lines: &str) {
        let text = format!(
            "[site]\nhost = '{}'\ncore = '{}'\npython = '{}'\nengine = 'tk-test'\n{lines}\n",
            self.site.address,
            self.studio.path("cores/v0.21.8/python").display(),
            PYTHON.display(),
        );
        write(self.studio.path("site.toml"), text);
    }

    /// Sets one key of `[site]` to another value.
    fn set(&self, key: &str, value: &str) {
        let file = self.studio.path("site.toml");
        let text = fs::read_to_string(&file).unwrap();
        let others = text.lines().filter(|line| !line.starts_with(&format!("{key} =")));
        let text = others.chain([&format!("{key} = '{value}'")[..]]).collect::<Vec<_>>().join("\n");
        write(file, text);
    }

    /// The launcher as somebody whom the site does not know.
    fn stranger(&self, arguments: &[&str]) -> Command {
        let mut launcher = self.studio.launcher(arguments);
        launcher
            .env("SGTK_PYTHON_SETTINGS", self.studio.path("site.toml"))
            .env("SHOTGUN_HOME", self.studio.path("home/toolkit"))
            .env("SHOTGUN_API_RETRY_INTERVAL", "0");
        launcher
    }

    /// The launcher with the script's name and key.
    pub fn launcher(&self, arguments: &[&str]) -> Command {
        let mut launcher = self.stranger(arguments);
        launcher.env("SHOTGUN_FARM_SCRIPT_USER", SCRIPT.0).env("SHOTGUN_FARM_SCRIPT_KEY", SCRIPT.1);
        launcher
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        said(&self.launcher(arguments).output().unwrap())
    }

    /// Where alpha is realised.
    pub fn alpha(&self) -> PathBuf {
        self.studio.path("home/toolkit/127.0.0.1/p101c11.basic./cfg")
    }
}

/// What a Python said that ended well and complained of nothing.
#[track_caller]
fn said(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.is_empty(), "{:?} {error}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

const ENGINE: &str = "import sgtk


class TestEngine(sgtk.platform.Engine):
    def init_engine(self):
        print('up', self.context.project, self.context.entity, flush=True)

    def destroy_engine(self):
        print('down', flush=True)

    def _emit_log_message(self, handler, record):
        pass
";

fn pick_environment() -> String {
    hook("execute").replace("pass", "return 'project'")
}

fn environment(studio: &Studio) -> String {
    let location = json!({"type": "dev", "path": studio.path("engine")});
    json!({"engines": {"tk-test": {"apps": {}, "location": location}}, "frameworks": {}})
        .to_string()
}

fn core(studio: &Studio, version: &str) -> PathBuf {
    let core = studio.path("cores").join(version);
    fs::create_dir_all(&core).unwrap();
    std::os::unix::fs::symlink(real_core(), core.join("python")).unwrap();
    write(core.join("info.yml"), format!("version: \"{version}\"\n"));
    write(core.join("_core_upgrader.py"), "");
    write(core.join("setup/root_binaries/tank"), "");
    for (name, methods) in HOOKS {
        write(core.join("hooks").join(name).with_extension("py"), hook(methods));
    }
    core
}

const WHERE: &str = "import sgtk; print(sgtk.__file__.split('/install/')[0])";

#[test]
#[ignore = "needs the real core: run tests/run"]
fn a_project_is_realised_once_and_then_launched_without_its_site() {
    let distributed = Distributed::new();
    let alpha = distributed.alpha();
    assert_eq!(distributed.run(&["--project", "alpha", "-c", WHERE]), alpha.to_str().unwrap());
    let calls = distributed.site.calls();
    assert!(calls > 0);
    distributed.site.behave(Behaviour::Hanging);
    for choice in
        [["--project", "alpha"], ["--project-id", "101"], ["--path", alpha.to_str().unwrap()]]
    {
        let [option, value] = choice;
        assert_eq!(distributed.run(&[option, value, "-c", WHERE]), alpha.to_str().unwrap());
    }
    let inside = ["-c", "import os; print(os.environ['SGTK_PYTHON_CONFIG'])"];
    let output = distributed.launcher(&inside).current_dir(alpha.join("config")).output().unwrap();
    assert_eq!(said(&output), alpha.to_str().unwrap());
    assert_eq!(distributed.site.calls(), calls);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn projects_stay_apart_and_their_environment_is_clean() {
    let distributed = Distributed::new();
    let program = "import os, sgtk; print(sgtk.sgtk_from_path(os.environ['SGTK_PYTHON_CONFIG']).version, sorted(n for n in os.environ if n != 'LC_CTYPE'))";
    let mut shown = Vec::new();
    for (project, id) in [("alpha", "101"), ("The beta", "102"), ("alpha", "101")] {
        let mut launcher = distributed.launcher(&["--project", project, "-c", program]);
        launcher
            .env("TANK_CURRENT_PC", "/elsewhere")
            .env("PYTHONHOME", "/nowhere")
            .env("SHOTGUN_SITE", "x");
        let by_name = said(&launcher.output().unwrap());
        assert_eq!(distributed.run(&["--project-id", id, "-c", program]), by_name);
        shown.push(by_name);
    }
    assert!(shown[0].starts_with("v0.21.7 ") && shown[1].starts_with("v0.21.8 "), "{shown:?}");
    assert_eq!(shown[0], shown[2]);
    let names = shown[0].split_once(' ').unwrap().1;
    assert_eq!(
        names,
        "['HOME', 'PYTHONPATH', 'SGTK_PYTHON_CONFIG', 'SGTK_PYTHON_SETTINGS', 'SHOTGUN_API_RETRY_INTERVAL', 'SHOTGUN_BASE', 'SHOTGUN_FARM_SCRIPT_KEY', 'SHOTGUN_FARM_SCRIPT_USER', 'SHOTGUN_HOME', 'TANK_CURRENT_PC']"
    );
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn a_centralized_project_is_launched_from_the_path_that_the_site_knows() {
    let distributed = Distributed::new();
    let gamma = distributed.studio.path("elsewhere/gamma");
    let plan = explained(&mut distributed.launcher(&["--refresh", "--project", "gamma"]));
    assert_eq!(plan["config"]["path"], gamma.to_str().unwrap());
    assert_eq!(plan["core"]["kind"], "localized");
    assert!(plan["config"].get("realised").is_none());
    let calls = distributed.site.calls();
    explained(&mut distributed.launcher(&["--project", "gamma"]));
    assert_eq!(distributed.site.calls(), calls);
    fs::remove_dir_all(&gamma).unwrap();
    failed(&mut distributed.launcher(&["--refresh", "--project", "gamma"]))
        .is(122, &[gamma.to_str().unwrap(), "does not exist", "site http"]);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn an_engine_runs_around_the_program() {
    let distributed = Distributed::new();
    let script = distributed.studio.path("scripts/job.py");
    let text = "import sys, sgtk\nprint(sgtk.platform.current_engine().instance_name, sys.argv[1:], sys.path[0], __name__, __file__)\ndef fail():\n    raise ValueError('on purpose')\nfail()\n";
    write(&script, text);
    let (path, folder) = (script.to_str().unwrap(), script.parent().unwrap().to_str().unwrap());
    let words = ["--project", "alpha", "--engine", "tk-test"];
    let output = distributed.launcher(&words).args(["-u", path, "-c", "x"]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let project = "{'type': 'Project', 'id': 101, 'name': 'The alpha'}";
    let expected =
        format!("up {project} None\ntk-test ['-c', 'x'] {folder} __main__ {path}\ndown\n");
    assert_eq!(shown, expected, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    let frames = error.lines().filter(|line| line.trim_start().starts_with("File ")).count();
    assert!(frames == 2 && error.ends_with("ValueError: on purpose\n"), "{error}");
    for (program, code) in
        [("import sys; sys.exit(7)", 7), ("import os; os._exit(9)", 9), ("pass", 0)]
    {
        let output = distributed.launcher(&words).args(["-c", program]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{program}");
        let is_destroyed = String::from_utf8_lossy(&output.stdout).ends_with("down\n");
        assert_eq!(is_destroyed, !program.contains("_exit"), "{program}");
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
fn each_engine_is_made_ready_once() {
    let distributed = Distributed::new();
    let studio = &distributed.studio;
    // This one has to be fetched: by a git that copies what is here already.
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
        launcher.args(["-c", "pass"]).env("PATH", studio.path("bin")).output().unwrap()
    };
    // Whether the site was asked, which it is as often as the configuration is realised.
    let asked = |arguments: &[&str]| {
        let before = distributed.site.reads_of("LocalStorage");
        let shown = said(&launch(arguments));
        assert!(!arguments.contains(&"--engine") || shown.starts_with("up "), "{shown}");
        distributed.site.reads_of("LocalStorage") > before
    };
    let plain = ["--project", "alpha"];
    let other = ["--project", "alpha", "--engine", "tk-other"];
    assert!(asked(&plain) && !asked(&plain));
    distributed.site.behave(Behaviour::Status(500));
    let warning = String::from_utf8(launch(&other).stderr).unwrap();
    assert!(warning.contains("stays as it is"), "{warning}");
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
fn a_prompt_after_a_program_with_an_engine_is_as_plain_python_shows_it() {
    let distributed = Distributed::new();
    let script = distributed.studio.path("scripts/job.py");
    let prompted = |command: &mut Command| {
        let command = command.args(["-i", script.to_str().unwrap()]).stdin(Stdio::piped());
        let mut python = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        python.stdin.take().unwrap().write_all(b"print('prompt', x)\n").unwrap();
        let output = python.wait_with_output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        (shown, String::from_utf8(output.stderr).unwrap(), output.status.code())
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
fn an_engine_that_cannot_start_is_one_line() {
    let distributed = Distributed::new();
    let output = distributed
        .launcher(&["--project", "alpha", "--engine", "tk-none", "-c", "pass"])
        .output()
        .unwrap();
    failure_of(&output).is(122, &["cannot start the engine 'tk-none'"]).hints("TK_DEBUG");
    let mut stranger =
        distributed.stranger(&["--project", "alpha", "--engine", "tk-none", "-c", "pass"]);
    failed(&mut stranger).is(122, &["no script key"]);
    let (script, key) = (
        format!("SHOTGUN_FARM_SCRIPT_USER={}", SCRIPT.0),
        format!("SHOTGUN_FARM_SCRIPT_KEY={}", SCRIPT.1),
    );
    let words = ["--refresh", "--project", "alpha", "--engine", "tk-test", "-c", "pass"];
    let mut named =
        distributed.stranger(&[&["--env", &script, "--env", &key], &words[..]].concat());
    assert!(said(&named.output().unwrap()).starts_with("up "));
    let mut clean = distributed.launcher(&[&["--clean"], &words[..]].concat());
    assert!(said(&clean.output().unwrap()).starts_with("up "));
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn who_asks_comes_from_variables_or_a_file_and_goes_nowhere_else() {
    let distributed = Distributed::new();
    let file = distributed.studio.path("robot.yml");
    let pipes = "import os
names = ['/proc/self/fd/%d' % number for number in range(3, 20)]
pipes = [name for name in names if os.path.exists(name) and 'pipe' in os.readlink(name)]
";
    // Whoever runs the tests may have left some open.
    let mut plain = Command::new(&*PYTHON);
    let plain = plain.args(["-c", &format!("{pipes}print(pipes)")]).env_clear().output().unwrap();
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
        .is(122, &["robot.yml", "can be read by others"])
        .hints("chmod 600");
    set_mode(&file, 0o600);
    let output = distributed.stranger(&["--project", "alpha", "-c", program]).output().unwrap();
    assert_eq!(said(&output), format!("robot {} [] False", said(&plain)));
    for (text, part) in [
        ("script-key: s3cret-thing", "lacks 'script-name'"),
        ("s3cret: [", "is no YAML"),
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

/// Ways in which a site fails, and what the one line says of each.
const FAILURES: [(Behaviour, &str); 5] = [
    (Behaviour::Status(500), "500"),
    (Behaviour::Babbling, "as a site does"),
    (Behaviour::Hanging, "timed out"),
    (Behaviour::DyingAfter(0), "as a site does"),
    (Behaviour::DyingAfter(4), "as a site does"),
];

/// The settings for a site that behaves so: who waits for no answer need not wait long, and who gets one
/// should not be in a hurry.
fn patience(behaviour: Behaviour) -> &'static str {
    if behaviour == Behaviour::Hanging { "timeout = '1s'" } else { "" }
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn a_site_that_fails_is_one_line() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", "print('launched')"];
    for (behaviour, part) in FAILURES {
        distributed.settings(patience(behaviour));
        distributed.site.behave(behaviour);
        failed(&mut distributed.launcher(&launch))
            .is(122, &["'alpha'", &distributed.site.address, part])
            .hints(".log");
    }
    distributed.settings("");
    distributed.site.behave(Behaviour::Proper);
    let mut wrong_key = distributed.launcher(&launch);
    failed(wrong_key.env("SHOTGUN_FARM_SCRIPT_KEY", "wrong")).is(122, &["the login was refused"]);
    let unknown = ["--project", "delta", "-c", "pass"];
    failed(&mut distributed.launcher(&unknown)).is(121, &["no project 'delta'", "nor on http"]);
    failed(&mut distributed.launcher(&["--project-id", "7", "-c", "pass"]))
        .is(121, &["nor on http"]);
    for pipeline in ["Dev", "99"] {
        let other = ["--project", "alpha", "--pipeline", pipeline, "-c", "pass"];
        failed(&mut distributed.launcher(&other))
            .is(121, &["'alpha'", &format!("it has no '{pipeline}', but 'Primary' (11)")])
            .hints("--pipeline");
    }
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 14, "code": "Other",
        "project": {"type": "Project", "id": 101}, "users": [], "plugin_ids": "rv.*",
        "descriptor": "sgtk:descriptor:path?path=/nowhere"}));
    failed(&mut distributed.launcher(&["--project", "alpha", "--pipeline", "Other", "-c", "pass"]))
        .is(121, &["alpha", "it has none for the plugin"])
        .hints("base_configuration");
    let mut refused = distributed.launcher(&launch);
    // Nobody listens at the port of a connection, and nobody can.
    let taken = TcpStream::connect(distributed.site.address.trim_start_matches("http://")).unwrap();
    let nowhere = format!("http://{}", taken.local_addr().unwrap());
    refused.env("SGTK_SITE", &nowhere);
    failed(&mut refused).is(122, &[&nowhere, "efused"]);
    assert_eq!(distributed.run(&launch), "launched");
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn what_is_realised_stays_in_use_while_the_site_fails() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", WHERE];
    let alpha = distributed.run(&launch);
    for (behaviour, part) in FAILURES {
        distributed.settings(&format!("refresh_after = '0s'\n{}", patience(behaviour)));
        distributed.site.behave(behaviour);
        let output = distributed.launcher(&launch).output().unwrap();
        let warning = String::from_utf8_lossy(&output.stderr);
        assert!(warning.starts_with("sgtk-python: warning: "), "{warning}");
        assert!(warning.contains(part) && warning.lines().count() == 1, "{behaviour:?}: {warning}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), alpha);
    }
    let asked = ["--refresh", "--project", "alpha", "-c", WHERE];
    distributed.settings("refresh_after = '0s'");
    failed(&mut distributed.launcher(&asked)).is(122, &["as a site does"]);
    distributed.settings("refresh_after = '1h'");
    assert_eq!(distributed.run(&launch), alpha);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn an_unfinished_configuration_is_never_launched() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", WHERE];
    let alpha = distributed.run(&launch);
    fs::remove_file(distributed.alpha().join("cache/update_end.txt")).unwrap();
    distributed.site.behave(Behaviour::Status(500));
    failed(&mut distributed.launcher(&launch)).is(122, &["500"]);
    failed(&mut distributed.launcher(&["--project", "alpha", "--explain"]))
        .is(121, &["not been realised"]);
    for option in ["--path", "--config"] {
        failed(&mut distributed.launcher(&[option, &alpha, "-c", WHERE]))
            .is(122, &[&alpha, "is not whole"]);
    }
    distributed.site.behave(Behaviour::Proper);
    assert_eq!(distributed.run(&launch), alpha);
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let latest = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < latest, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Starts a launch that gets stuck at the site's last answers, and waits until it is so far.
fn stuck(distributed: &Distributed, arguments: &[&str], after: usize) -> Child {
    let calls = distributed.site.calls();
    distributed.site.behave(Behaviour::HangingAfter(calls + after));
    let mut launcher = distributed.launcher(arguments);
    let child = launcher.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("it to come so far", || distributed.site.calls() >= calls + after);
    child
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn a_launch_that_is_killed_leaves_the_next_one_working() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", WHERE];
    for after in [0, 2, 5, 7] {
        let mut child = stuck(&distributed, &launch, after);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    distributed.site.behave(Behaviour::Proper);
    let alpha = distributed.run(&launch);
    let refresh = ["--refresh", "--project", "alpha", "-c", WHERE];
    for after in [2, 5, 7] {
        let mut child = stuck(&distributed, &refresh, after);
        child.kill().unwrap();
        child.wait().unwrap();
        distributed.site.behave(Behaviour::Proper);
        assert_eq!(distributed.run(&launch), alpha);
    }
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn many_launches_at_once_realise_once() {
    let distributed = Distributed::new();
    let start = |arguments: &[&str]| {
        let mut launcher = distributed.launcher(arguments);
        launcher.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // By name and by id are two questions about one project.
    let choices = [["--project", "alpha", "-c", WHERE], ["--project-id", "101", "-c", WHERE]];
    let launches: Vec<Child> = (0..40).map(|at| start(&choices[at % 2])).collect();
    for launch in launches {
        let mut output = launch.wait_with_output().unwrap();
        if output.stderr.starts_with(b"sgtk-python: warning: waiting") {
            output.stderr.clear();
        }
        assert_eq!(said(&output), distributed.alpha().to_str().unwrap());
    }
    assert_eq!(distributed.site.reads_of("LocalStorage"), 1, "as often as it was realised");
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn jobs_are_not_disturbed_unless_that_is_asked_for() {
    let distributed = Distributed::new();
    let mut job =
        distributed.launcher(&["--project", "alpha", "-c", "print('here', flush=True); input()"]);
    let mut job = job.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(job.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "here\n");
    let calls = distributed.site.calls();
    distributed.settings("refresh_after = '0s'");
    let launch = ["--project", "alpha", "-c", "print('launched')"];
    assert_eq!(distributed.run(&launch), "launched");
    assert_eq!(distributed.site.calls(), calls);
    let output = distributed.launcher(&[&["--refresh"], &launch[..]].concat()).output().unwrap();
    let warning = String::from_utf8_lossy(&output.stderr);
    assert!(warning.contains("realised anew while jobs ran"), "{warning}");
    job.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(job.wait().unwrap().success());
    let calls = distributed.site.calls();
    assert_eq!(distributed.run(&launch), "launched");
    assert!(distributed.site.calls() > calls);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn a_site_that_hangs_keeps_nobody_from_what_is_realised() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", WHERE];
    let alpha = distributed.run(&launch);
    distributed.settings("refresh_after = '0s'");
    distributed.set("timeout", "10m");
    let mut first = stuck(&distributed, &launch, 1);
    assert_eq!(distributed.run(&launch), alpha);
    let is_stuck = first.try_wait().unwrap().is_none();
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(is_stuck, "the second launch waited for the first");
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn jobs_that_begin_while_the_site_is_asked_are_not_disturbed() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", "pass"];
    distributed.run(&launch);
    distributed.settings("refresh_after = '0s'");
    distributed.set("timeout", "5s");
    let mut first = stuck(&distributed, &launch, 1);
    let job = ["--project", "alpha", "-c", "print('here', flush=True); input(); import sgtk"];
    let mut job = distributed.launcher(&job);
    let mut job = job.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(job.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "here\n");
    // Toolkit tries a second time.
    distributed.site.behave(Behaviour::Proper);
    assert!(first.wait().unwrap().success());
    assert!(distributed.site.reads_of("Project") > 1, "it was asked");
    assert_eq!(distributed.site.reads_of("LocalStorage"), 1, "it was realised once");
    job.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(job.wait().unwrap().success());
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn realising_that_hangs_is_ended_with_all_that_it_started() {
    let distributed = Distributed::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let git = distributed.studio.path("bin/git");
    let port = server.local_addr().unwrap().port();
    let text = format!(
        "#!{}\nimport socket\nsocket.create_connection(('127.0.0.1', {port})).recv(1)\n",
        PYTHON.display()
    );
    write(&git, text);
    set_mode(&git, 0o755);
    distributed.site.know(json!({"type": "Project", "id": 104, "name": "delta"}));
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 14, "code": "Primary",
        "project": {"type": "Project", "id": 104}, "users": [], "plugin_ids": "basic.*",
        "descriptor": "sgtk:descriptor:git?path=git://nowhere/x.git&version=v1"}));
    distributed.settings("realise_timeout = '2s'");
    let launch = || {
        let mut launcher = distributed.launcher(&["--project", "delta", "-c", "pass"]);
        launcher.env("PATH", git.parent().unwrap()).stderr(Stdio::piped());
        launcher.spawn().unwrap()
    };
    let first = launch();
    let (mut connection, _) = server.accept().unwrap();
    failure_of(&first.wait_with_output().unwrap()).is(122, &["'delta'", "no progress within 2 s"]);
    // It closes when the last of them has ended.
    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(connection.read(&mut [0]).unwrap(), 0);
    distributed.set("realise_timeout", "10m");
    let mut first = launch();
    let _connection = server.accept().unwrap();
    let mut second = launch();
    let mut line = String::new();
    BufReader::new(second.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("sgtk-python: warning: waiting for another launch"), "{line}");
    for launch in [&mut second, &mut first] {
        launch.kill().unwrap();
        launch.wait().unwrap();
    }
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn a_python_that_is_gone_is_replaced_by_the_sites() {
    let distributed = Distributed::new();
    distributed.run(&["--project", "alpha", "-c", "pass"]);
    let file = distributed.alpha().join("config/core/interpreter_Linux.cfg");
    write(&file, "/opt/Shotgun/Python/bin/python");
    let output =
        distributed.launcher(&["--project", "alpha", "-c", "print('launched')"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "launched\n");
    let warning = String::from_utf8_lossy(&output.stderr);
    assert!(
        warning.contains("/opt/Shotgun/Python/bin/python")
            && warning.contains(PYTHON.to_str().unwrap()),
        "{warning}"
    );
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn a_mixed_studio_is_listed_explained_and_examined() {
    let distributed = Distributed::new();
    let bigbuck = distributed.studio.localized("bigbuck");
    distributed.run(&["--project", "alpha", "-c", "pass"]);
    let output = distributed.stranger(&["--list=json"]).output().unwrap();
    let list: Value = serde_json::from_str(&said(&output)).unwrap();
    let shown: Vec<(&str, &str)> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (l["name"].as_str().unwrap(), l["core"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, [("alpha", "realised"), ("bigbuck", "localized")]);
    let plan = explained(&mut distributed.stranger(&["--project", "alpha", "--engine", "tk-test"]));
    assert_eq!(plan["core"]["kind"], "realised");
    assert_eq!(plan["session"]["engine"], "tk-test");
    let descriptor = format!(
        "sgtk:descriptor:path?path={}",
        distributed.studio.path("descriptors/alpha").display()
    );
    assert_eq!(plan["config"]["realised"]["descriptor"], descriptor);
    assert!(plan["config"]["realised"]["age"].as_u64().unwrap() < 600);
    fs::remove_dir_all(bigbuck).unwrap();
    let doctor = |code| {
        let output = distributed.stranger(&["--doctor=json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap()
    };
    doctor(0);
    distributed.settings("credentials_file = 'none.yml'");
    assert!(doctor(122).contains("none.yml does not exist"));
    distributed.settings("");
    fs::remove_file(distributed.alpha().join("cache/update_end.txt")).unwrap();
    assert!(doctor(122).contains("realising it broke off"));
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn what_lies_in_the_working_directory_is_nobodys() {
    let distributed = Distributed::new();
    for name in ["json.py", "sgtk.py", "socket.py"] {
        write(distributed.studio.path("evil").join(name), "raise SystemExit('evil')\n");
    }
    let script = distributed.studio.path("scripts/job.py");
    write(&script, "print('launched')\n");
    let words = ["--project", "alpha", "--engine", "tk-test", script.to_str().unwrap()];
    let output =
        distributed.launcher(&words).current_dir(distributed.studio.path("evil")).output().unwrap();
    assert!(said(&output).contains("\nlaunched\n"));
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn another_name_of_a_project_disturbs_no_job_of_it() {
    let distributed = Distributed::new();
    let job = ["--project", "alpha", "-c", "print('here', flush=True); input(); import sgtk"];
    let mut job = distributed.launcher(&job);
    let mut job = job.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(job.stdout.take().unwrap()).read_line(&mut line).unwrap();
    distributed.settings("refresh_after = '0s'");
    let by_display_name = ["--project", "The alpha", "-c", WHERE];
    assert_eq!(distributed.run(&by_display_name), distributed.alpha().to_str().unwrap());
    job.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(job.wait().unwrap().success());
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn a_question_in_vain_leaves_what_is_realised_alone() {
    let distributed = Distributed::new();
    let launch = ["--project", "alpha", "-c", WHERE];
    let alpha = distributed.run(&launch);
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 14, "code": "Dev",
        "project": {"type": "Project", "id": 101}, "users": [], "plugin_ids": "rv.*",
        "descriptor": "sgtk:descriptor:path?path=/nowhere"}));
    let dev = ["--project", "alpha", "--pipeline", "Dev", "-c", "pass"];
    failed(&mut distributed.launcher(&dev)).is(121, &["alpha", "it has none for the plugin"]);
    let calls = distributed.site.calls();
    distributed.site.behave(Behaviour::DyingAfter(calls + 4));
    failed(&mut distributed.launcher(&["--refresh", "--project", "alpha"])).is(122, &["alpha"]);
    let calls = distributed.site.calls();
    assert_eq!(distributed.run(&launch), alpha);
    assert_eq!(distributed.site.calls(), calls);
}

/// Whether a launch waits for another one's answer, or has it; where the system does not tell it is taken for granted.
fn has_a_lock_open(launch: &Child) -> bool {
    let open = fs::read_dir(format!("/proc/{}/fd", launch.id())).into_iter().flatten().flatten();
    let mut paths = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    !cfg!(target_os = "linux") || paths.any(|path| path.extension().is_some_and(|e| e == "lock"))
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn what_the_site_does_not_know_is_not_asked_again_at_once() {
    let distributed = Distributed::new();
    distributed.site.know(json!({"type": "Project", "id": 104, "name": "delta"}));
    let own = distributed.studio.path("home/toolkit/127.0.0.1/sgtk-python");
    let two_days = std::time::SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    for name in ["old.log", "old.refusal", "old.answer"] {
        write(own.join(name), "");
        let file = fs::File::options().write(true).open(own.join(name)).unwrap();
        file.set_modified(two_days).unwrap();
    }
    for (id, part) in [("7", "nor on http"), ("104", "it has none")] {
        let launch = ["--project-id", id, "-c", "pass"];
        let refused = || {
            let failure = failed(&mut distributed.launcher(&launch));
            failure.is(121, &[part]).hints("--refresh");
            distributed.site.calls()
        };
        let calls = refused();
        assert_eq!(refused(), calls);
        let refresh = [&["--refresh"], &launch[..]].concat();
        failed(&mut distributed.launcher(&refresh)).is(121, &[part]);
        assert!(distributed.site.calls() > calls);
    }
    let is_there = |name| own.join(name).exists();
    assert!(!is_there("old.log") && !is_there("old.refusal") && is_there("old.answer"));
    let alpha = json!({"type": "Project", "id": 7, "name": "The seventh"});
    distributed.site.know(alpha);
    distributed.settings("refresh_after = '0s'");
    failed(&mut distributed.launcher(&["--project-id", "7", "-c", "pass"]))
        .is(121, &["it has none"]);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn those_who_wait_share_a_failure() {
    let distributed = Distributed::new();
    distributed.site.behave(Behaviour::Status(500));
    let launch = ["--project", "alpha", "-c", "pass"];
    failed(&mut distributed.launcher(&launch)).is(122, &["500"]);
    let alone = distributed.site.calls();
    let first = stuck(&distributed, &launch, 1);
    let start = || distributed.launcher(&launch).stderr(Stdio::piped()).spawn().unwrap();
    let waiting: Vec<Child> = (0..5).map(|_| start()).collect();
    wait_until("all to wait", || waiting.iter().all(has_a_lock_open));
    distributed.site.behave(Behaviour::Status(500));
    for launch in waiting.into_iter().chain([first]) {
        assert_eq!(launch.wait_with_output().unwrap().status.code(), Some(122));
    }
    let calls = distributed.site.calls();
    assert!(calls <= alone + 3, "{alone} {calls}: more than one answer, none, and a failure");
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn a_site_chooses_nothing_in_the_working_directory() {
    let distributed = Distributed::new();
    distributed.site.know(json!({"type": "Project", "id": 104, "name": "delta"}));
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 14, "code": "Primary",
        "project": {"type": "Project", "id": 104}, "users": [],
        "linux_path": "gamma", "mac_path": "gamma", "windows_path": "gamma"}));
    let mut launcher = distributed.launcher(&["--project", "delta", "-c", "pass"]);
    launcher.current_dir(distributed.studio.path("elsewhere"));
    failed(&mut launcher).is(122, &["no absolute path", "'gamma'"]);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn what_a_refresh_learned_holds_however_the_project_is_chosen() {
    let distributed = Distributed::new();
    let own = distributed.studio.path("home/toolkit/127.0.0.1/sgtk-python");
    let chosen = |choice: [&str; 2]| distributed.run(&[choice[0], choice[1], "-c", WHERE]);
    let choices = [["--project", "alpha"], ["--project", "The alpha"], ["--project-id", "101"]];
    for choice in choices {
        assert_eq!(chosen(choice), distributed.alpha().to_str().unwrap());
    }
    // The site has another Primary now, and Toolkit leaves the old folder.
    distributed.site.forget("PipelineConfiguration", 11);
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 99, "code": "Primary",
        "project": {"type": "Project", "id": 101}, "users": [], "plugin_ids": "basic.*",
        "descriptor": format!("sgtk:descriptor:path?path={}", distributed.studio.path("descriptors/alpha").display())}));
    let other = distributed.studio.path("home/toolkit/127.0.0.1/p101c99.basic./cfg");
    distributed.run(&["--refresh", "--project", "The alpha", "-c", "pass"]);
    for _ in 0..2 {
        for choice in choices {
            assert_eq!(chosen(choice), other.to_str().unwrap(), "{choice:?}");
        }
        let each = distributed.launcher(&["--each", "-c", WHERE]).output().unwrap();
        let shown = String::from_utf8_lossy(&each.stdout);
        assert_eq!(shown.trim_end(), format!("alpha | {}", other.display()));
        // The folder that was asked for is the one that is launched, though the site has it no more.
        let old = distributed.alpha();
        assert_eq!(chosen(["--config", old.to_str().unwrap()]), old.to_str().unwrap());
        fs::remove_dir_all(&own).unwrap();
    }
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn projects_without_a_name_on_disk_are_called_as_the_site_calls_them() {
    let distributed = Distributed::new();
    let descriptor = distributed.studio.path("descriptors/alpha");
    for (id, name) in [(105, "Delta Show"), (106, "Echo Show")] {
        distributed.site.know(json!({"type": "Project", "id": id, "name": name}));
        distributed.site.know(json!({"type": "PipelineConfiguration", "id": id, "code": "Primary",
            "project": {"type": "Project", "id": id}, "users": [], "plugin_ids": "basic.*",
            "descriptor": format!("sgtk:descriptor:path?path={}", descriptor.display())}));
    }
    distributed.settings("[projects.'Echo Show'.environment]\nset = { OURS = 'yes' }");
    let program = "import os; print(os.environ.get('OURS'), os.environ['SGTK_PYTHON_CONFIG'])";
    let own = distributed.studio.path("home/toolkit/127.0.0.1/sgtk-python");
    let mut calls = Vec::new();
    for _ in 0..2 {
        for (id, name, ours) in [(105, "Delta Show", "None"), (106, "Echo Show", "yes")] {
            let folder = format!("home/toolkit/127.0.0.1/p{id}c{id}.basic./cfg");
            let config = distributed.studio.path(folder);
            for choice in [["--project-id", &id.to_string()], ["--project", name]] {
                let shown = distributed.run(&[choice[0], choice[1], "-c", program]);
                assert_eq!(shown, format!("{ours} {}", config.display()), "{choice:?}");
            }
        }
        assert_eq!(distributed.run(&["--list=names"]), "Delta Show\nEcho Show");
        // Without what was kept the site is asked for the names, but realises nothing.
        fs::remove_dir_all(&own).unwrap();
        calls.push(distributed.site.reads_of("LocalStorage"));
    }
    assert_eq!(calls, [2, 2]);
    // Another name on the site replaces the old one.
    let old_name = ["--project", "Delta Show", "-c", "pass"];
    distributed.run(&old_name);
    distributed.site.forget("Project", 105);
    distributed.site.know(json!({"type": "Project", "id": 105, "name": "Delta"}));
    distributed.run(&["--refresh", "--project-id", "105", "-c", "pass"]);
    failed(&mut distributed.launcher(&old_name)).is(121, &["Delta Show"]);
    distributed.run(&["--project", "Delta", "-c", "pass"]);
    failed(&mut distributed.launcher(&["--project", "unnamed"])).is(121, &["unnamed"]);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn a_base_configuration_stands_for_the_primary_until_the_site_has_one() {
    let distributed = Distributed::new();
    let descriptor = format!(
        "sgtk:descriptor:path?path={}",
        distributed.studio.path("descriptors/alpha").display()
    );
    distributed.site.know(json!({"type": "Project", "id": 107, "name": "Golf"}));
    distributed.settings(&format!("base_configuration = '{descriptor}'"));
    let base = distributed.studio.path("home/toolkit/127.0.0.1/p107.basic./cfg");
    let launch = ["--project-id", "107", "-c", WHERE];
    assert_eq!(distributed.run(&launch), base.to_str().unwrap());
    let each = |config: &Path| {
        let output = distributed.launcher(&["--each", "-c", WHERE]).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert_eq!(shown.trim_end(), format!("Golf | {}", config.display()));
    };
    each(&base);
    distributed.site.know(json!({"type": "PipelineConfiguration", "id": 17, "code": "Primary",
        "project": {"type": "Project", "id": 107}, "users": [], "plugin_ids": "basic.*",
        "descriptor": descriptor}));
    let by_folder = ["--refresh", "--config", base.to_str().unwrap(), "-c", WHERE];
    failed(&mut distributed.launcher(&by_folder))
        .is(121, &["'Golf' has no config", base.to_str().unwrap()])
        .hints("--pipeline Primary");
    let primary = distributed.studio.path("home/toolkit/127.0.0.1/p107c17.basic./cfg");
    let refresh = ["--refresh", "--project", "Golf", "-c", WHERE];
    assert_eq!(distributed.run(&refresh), primary.to_str().unwrap());
    each(&primary);
    assert_eq!(distributed.run(&by_folder[1..]), base.to_str().unwrap());
}
