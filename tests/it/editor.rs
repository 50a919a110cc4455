//! `--make-venv`: a virtual environment whose Python is the launcher. The probes are those of the editors' sources.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::pythons::PYTHONS;
use crate::real_core;
use crate::scene::Runs;
use crate::support::{
    LAUNCHER, OS, PYTHON, Studio, failed, interpreter, make_executable, skip, write,
};

/// python-environment-tools, `crates/pet-python-utils/src/env.rs`: VS Code keeps the `executable` of the answer.
const PET: &str = "import json, sys; print('093385e9-59f7-4a16-a604-14bf206256fe');print(json.dumps({'version': '.'.join(str(n) for n in sys.version_info), 'sys_prefix': sys.prefix, 'executable': sys.executable, 'is64_bit': sys.maxsize > 2**32}))";

/// Prints Python's own path and the core's.
const SEEN: &str =
    "import importlib.util as u, sys; print(sys.executable, u.find_spec('sgtk').origin)";

/// A studio with a project, its virtual environment, and an editor that starts it.
struct Editor {
    studio: Studio,
    /// The environment's folder.
    venv: PathBuf,
}

impl Editor {
    fn new(python: &Path) -> Self {
        let studio = Studio::new();
        interpreter(&studio.localized("bigbuck"), python.to_str().unwrap());
        let venv = studio.path("work/.venv");
        let editor = Editor { studio, venv };
        editor.make();
        editor
    }

    fn make(&self) {
        let made = self.studio.launcher(["--make-venv", "bigbuck", "work/.venv"]).prints();
        assert_eq!(made, format!("{}\n", self.python().display()));
    }

    fn python(&self) -> PathBuf {
        self.venv.join("bin/python")
    }

    fn command<T: AsRef<OsStr>>(&self, program: impl AsRef<Path>, words: &[T]) -> Command {
        let mut command = Command::new(program.as_ref());
        command.args(words).env_clear().env("SHOTGUN_BASE", self.studio.path("configs"));
        command.env("SGTK_PYTHON_SETTINGS", self.studio.path("no-settings.toml"));
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, program: impl AsRef<Path>, words: &[&str]) -> String {
        self.command(program, words).prints()
    }

    /// The path of the project's core as `SEEN` prints it.
    fn seen(&self, python: &Path) -> String {
        let core = self.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
        format!("{} {}\n", python.display(), core.display())
    }
}

#[test]
fn killed_make_venv_can_be_repeated() {
    let studio = Studio::new();
    interpreter(&studio.localized("bigbuck"), PYTHON.to_str().unwrap());
    let venv = studio.path("work/.venv");
    let mut command = studio.launcher(["--make-venv", "bigbuck", "work/.venv"]);
    let first = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).start();
    while !venv.join("bin/activate").exists() {
        thread::sleep(Duration::from_millis(1));
    }
    let group = format!("-{}", first.id());
    Command::new("kill").args(["-KILL", "--", &group]).run();
    first.ends();
    let editor = Editor { studio, venv };
    editor.make();
    // Another one was killed while it linked a name.
    let left = editor.venv.join("bin/python3.new");
    symlink("python", &left).unwrap();
    editor.make();
    assert!(left.symlink_metadata().is_err());
    assert_eq!(editor.run(editor.python(), &["-c", SEEN]), editor.seen(&editor.python()));
}

#[test]
fn probed_python_keeps_path_and_core() {
    for ((major, minor), python) in PYTHONS.range((3, 7)..) {
        println!("Python {major}.{minor}");
        let editor = Editor::new(python);
        let own = editor.python();
        let answer = editor.run(&own, &["-c", PET]);
        let answer = answer.lines().nth(1).unwrap();
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        assert_eq!(answer["executable"], own.to_str().unwrap());
        assert_eq!(answer["sys_prefix"], editor.venv.to_str().unwrap());
        for options in [&[][..], &["-I"], &["-E"], &["-s", "-B"]] {
            let words = [options, &["-c", SEEN]].concat();
            assert_eq!(editor.run(&own, &words), editor.seen(&own), "{words:?}");
        }
        let versioned = editor.venv.join(format!("bin/python{major}"));
        assert_eq!(editor.run(&versioned, &["-c", SEEN]), editor.seen(&versioned));
        assert!(editor.run(&own, &["-V"]).starts_with(&format!("Python {major}.{minor}")));
    }
}

#[test]
fn activated_shell_finds_environment_by_name() {
    let editor = Editor::new(&PYTHON);
    let program =
        "import os, sys; print(sys.executable, os.environ['VIRTUAL_ENV'], os.environ['PATH'])";
    let script = format!(". '{}/bin/activate'; python -c \"{program}\"", editor.venv.display());
    let mut shell = editor.command("/bin/sh", &["-c", &script]);
    let seen = shell.env("PATH", "/usr/bin:/bin").prints();
    let (own, venv) = (editor.python(), editor.venv.display());
    assert_eq!(seen, format!("{} {venv} {venv}/bin:/usr/bin:/bin\n", own.display()));
}

#[test]
fn venv_of_venv_keeps_core() {
    for (version, python) in PYTHONS.range((3, 7)..) {
        println!("{version:?}");
        let editor = Editor::new(python);
        let other = editor.studio.path("other");
        editor.run(editor.python(), &["-m", "venv", "--without-pip", other.to_str().unwrap()]);
        let own = other.join("bin/python");
        assert_eq!(editor.run(&own, &["-c", SEEN]), editor.seen(&own));
    }
}

#[test]
fn venv_chooses_before_variables() {
    let editor = Editor::new(&PYTHON);
    interpreter(&editor.studio.localized("sintel"), PYTHON.to_str().unwrap());
    let own = editor.python();
    let mut command = editor.command(&own, &["-c", SEEN]);
    command.env("SGTK_PROJECT", "sintel").env("SGTK_PYTHON_WARM", "1");
    assert_eq!(command.prints(), editor.seen(&own));
}

#[test]
fn other_core_is_warned_about_until_made_again() {
    let editor = Editor::new(&PYTHON);
    write(editor.venv.join("lib/mine"), "stays");
    let core = editor.studio.core("v2");
    interpreter(&core, PYTHON.to_str().unwrap());
    let config = editor.studio.path("configs/bigbuck");
    fs::rename(config.join("install/core/python"), config.join("old")).unwrap();
    fs::remove_file(config.join("install/core/_core_upgrader.py")).unwrap();
    editor.studio.linked("bigbuck", core.to_str().unwrap());
    let mut probe = editor.command(editor.python(), &["-c", SEEN]);
    let warning = "sgtk-python: warning: virtual environment names another core";
    probe.succeeds().warns(&[warning, "sgtk-python --make-venv bigbuck "]);
    editor.make();
    let package = core.join("install/core/python/sgtk/__init__.py");
    let expected = format!("{} {}\n", editor.python().display(), package.display());
    assert_eq!(probe.prints(), expected);
    assert_eq!(editor.run(editor.python(), &["-I", "-c", SEEN]), expected);
    assert_eq!(fs::read_to_string(editor.venv.join("lib/mine")).unwrap(), "stays");
}

#[test]
fn other_python_is_refused_until_made_again() {
    let editor = Editor::new(&PYTHON);
    let link = editor.studio.path("bin/other-python3");
    std::os::unix::fs::symlink(&*PYTHON, &link).unwrap();
    interpreter(&editor.studio.path("configs/bigbuck"), link.to_str().unwrap());
    let mut probe = editor.command(editor.python(), &["-c", SEEN]);
    failed(&mut probe)
        .is(122, &["pyvenv.cfg", link.to_str().unwrap()])
        .hints("--make-venv bigbuck");
    editor.make();
    assert_eq!(probe.prints(), editor.seen(&editor.python()));
}

#[test]
fn name_in_a_warning_is_escaped() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let folder = studio.path("a\u{1b}[31m\nforged");
    let text = format!(
        "sgtk-python-project = bigbuck\nsgtk-python-interpreter = {}\n",
        studio.python().display()
    );
    write(folder.join("pyvenv.cfg"), text);
    let python = folder.join("bin/python");
    let run = studio.launcher(["--venv-python", python.to_str().unwrap(), "-c", "pass"]).succeeds();
    let error = run.error();
    assert!(error.contains("a\\u{1b}[31m\\nforged/pyvenv.cfg; update it: "), "{run}");
    assert!(error.lines().count() == 1 && !error.contains('\u{1b}'), "{run}");
    assert!(config.exists());
}

#[test]
fn environment_without_project_is_refused() {
    let editor = Editor::new(&PYTHON);
    let mut probe = editor.command(editor.python(), &["-c", SEEN]);
    write(editor.venv.join("pyvenv.cfg"), "home = /usr/bin\n");
    failed(&mut probe).is(121, &[".venv/bin/python"]).hints("--make-venv");
    fs::remove_file(editor.venv.join("pyvenv.cfg")).unwrap();
    failed(&mut probe).is(121, &[".venv/bin/python"]);
}

#[test]
fn interpreter_in_venv_keeps_its_packages() {
    let studio = Studio::new();
    let outer = studio.path("outer");
    let made = Command::new(&*PYTHON).args(["-m", "venv", "--without-pip"]).arg(&outer).status();
    assert!(made.unwrap().success());
    let packages = fs::read_dir(outer.join("lib")).unwrap().next().unwrap().unwrap().path();
    write(packages.join("site-packages/studio_tool.py"), "");
    interpreter(&studio.localized("bigbuck"), outer.join("bin/python").to_str().unwrap());
    let editor = Editor { venv: studio.path("work/.venv"), studio };
    editor.make();
    editor.run(editor.python(), &["-I", "-c", "import studio_tool, sgtk"]);
    let config = fs::read_to_string(editor.venv.join("pyvenv.cfg")).unwrap();
    let home = PYTHON.parent().unwrap().display();
    assert!(config.contains(&format!("home = {home}\n")), "{config}");
}

#[test]
fn search_on_path_passes_over_environments() {
    let editor = Editor::new(&PYTHON);
    let config = editor.studio.path("configs/bigbuck");
    fs::remove_file(config.join(format!("config/core/interpreter_{}.cfg", crate::support::OS)))
        .unwrap();
    let path = format!("{}:/usr/bin:/bin", editor.venv.join("bin").display());
    let mut launcher = editor.studio.launcher(["--project", "bigbuck"]);
    let plan = crate::support::explained(launcher.env("PATH", path));
    assert_ne!(plan["interpreter"]["path"], editor.venv.join("bin/python3").to_str().unwrap());
    interpreter(&config, editor.python().to_str().unwrap());
    let failure = editor.studio.failure(["--project", "bigbuck"]);
    failure.is(126, &["launcher itself", ".venv/bin/python"]);
}

#[test]
fn folders_of_others_are_left_alone() {
    let editor = Editor::new(&PYTHON);
    let studio = &editor.studio;
    write(studio.path("mine/x"), "");
    write(studio.path("file"), "");
    for other in ["mine", "file", "configs"] {
        let failure = studio.failure(["--make-venv", "bigbuck", other]);
        failure.is(125, &[other, "another folder or file"]);
    }
    studio.failure(["--make-venv", "bigbukc"]).is(121, &["bigbukc"]).hints("bigbuck");
    studio.failure(["--make-venv", "bigbuck", "a", "b"]).is(125, &["--make-venv"]);
    studio.failure(["--make-venv", "bigbuck", "--project", "x"]).is(125, &["--make-venv"]);
    // Without a folder it has the project's name.
    let made = studio.launcher(["--make-venv=bigbuck"]).prints();
    assert_eq!(made, format!("{}\n", studio.path("bigbuck-venv/bin/python").display()));
}

#[test]
fn python_behind_script_is_refused() {
    let studio = Studio::new();
    let wrapper = studio.path("bin/wrapper");
    write(&wrapper, format!("#!/bin/sh\nexec {} \"$@\"\n", PYTHON.display()));
    make_executable(&wrapper);
    interpreter(&studio.localized("bigbuck"), wrapper.to_str().unwrap());
    let failure = studio.failure(["--make-venv", "bigbuck"]);
    failure
        .is(125, &["bigbuck-venv", "bin/wrapper starts another Python", PYTHON.to_str().unwrap()]);
    assert!(!studio.path("bigbuck-venv").exists());
    // One that puts the other Python on PATH, as those of pyenv do.
    let shim = studio.path("shims/python3");
    let python = PYTHON.display();
    let folder = studio.path("real");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(&*PYTHON, folder.join("python3")).unwrap();
    let text = format!("#!/bin/sh\nPATH={}:$PATH exec {python} \"$@\"\n", folder.display());
    write(&shim, text);
    make_executable(&shim);
    fs::remove_file(studio.path(format!("configs/bigbuck/config/core/interpreter_{OS}.cfg")))
        .unwrap();
    let mut launcher = studio.launcher(["--make-venv", "bigbuck"]);
    let path = format!("{}:/usr/bin:/bin", shim.parent().unwrap().display());
    let failure = failed(launcher.env("PATH", path));
    failure.is(125, &["shims/python3 starts another Python", PYTHON.to_str().unwrap()]);
}

#[test]
fn long_launcher_path_is_refused() {
    let editor = Editor::new(&PYTHON);
    for folder in ["x".repeat(120), "a b".into()] {
        let link = editor.studio.path(folder).join("sgtk-python");
        fs::create_dir(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(LAUNCHER, &link).unwrap();
        let mut make = editor.command(&link, &["--make-venv", "bigbuck", "again"]);
        failed(make.current_dir(editor.studio.path("")))
            .is(125, &["launcher's path", "white space"]);
    }
}

#[test]
fn relative_paths_through_a_spaced_folder_work() {
    let editor = Editor::new(&PYTHON);
    let (spaced, bin) = (editor.studio.path("a b"), editor.studio.path("bin"));
    fs::create_dir_all(&spaced).unwrap();
    std::os::unix::fs::symlink(LAUNCHER, bin.join("sgtk-python")).unwrap();
    for (launcher, folder, made) in [
        ("../bin/sgtk-python", "../work/two", "work/two"),
        ("../a b/../bin/sgtk-python", "three", "a b/three"),
    ] {
        let mut make = editor.command(launcher, &["--make-venv", "bigbuck", folder]);
        let python = editor.studio.path(made).join("bin/python");
        assert_eq!(make.current_dir(&spaced).prints(), format!("{}\n", python.display()));
        assert_eq!(editor.run(&python, &["-c", SEEN]), editor.seen(&python));
    }
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn real_core_imports_in_isolated_mode() {
    for (_, python) in real_core::pythons() {
        let studio = Studio::new();
        let config = studio.localized("bigbuck");
        real_core::install(&config);
        interpreter(&config, python.to_str().unwrap());
        let editor = Editor { venv: studio.path("work/.venv"), studio };
        editor.make();
        let program = "import sys, tank, sgtk; print(sys.executable, tank.__file__)";
        let package = config.join("install/core/python/tank/__init__.py");
        let expected = format!("{} {}\n", editor.python().display(), package.display());
        assert_eq!(editor.run(editor.python(), &["-I", "-c", program]), expected);
        // Not every Python has pip.
        if Command::new(python).args(["-I", "-m", "pip", "--version"]).run().status.success() {
            assert!(editor.run(editor.python(), &["-m", "pip", "--version"]).starts_with("pip "));
        } else {
            skip(&format!("no pip in {}", python.display()));
        }
    }
}
