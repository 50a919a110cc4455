//! A whole studio on disk, and the launcher in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The launcher under test.
pub const LAUNCHER: &str = env!("CARGO_BIN_EXE_sgtk-python");

/// This system's name in Toolkit's file names.
pub const OS: &str = if cfg!(windows) {
    "Windows"
} else if cfg!(target_os = "macos") {
    "Darwin"
} else {
    "Linux"
};

/// A real Python, without whatever stands in for it on `PATH`.
#[cfg(unix)]
pub static PYTHON: std::sync::LazyLock<PathBuf> = std::sync::LazyLock::new(|| {
    let program = "import os, sys; print(os.path.realpath(sys.executable))";
    let output = Command::new("python3").args(["-I", "-c", program]).output().expect("a python3");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
});

/// Writes a file, and the folders above it.
pub fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Makes a file executable.
#[cfg(unix)]
pub fn make_executable(path: &Path) {
    let aside = PathBuf::from(format!("{}~", path.display()));
    copy_program(path, &aside);
    fs::rename(aside, path).unwrap();
}

#[cfg(not(unix))]
pub fn make_executable(_path: &Path) {}

/// Makes a program of a file. Another process writes it: what this one has open the children have too that
/// other tests start meanwhile, for a moment, and the system runs nothing that somebody may write to.
#[cfg(unix)]
pub fn copy_program(from: impl AsRef<Path>, to: &Path) {
    let mut install = Command::new("install");
    install.args(["-m", "755"]).arg(from.as_ref()).arg(to);
    assert!(install.status().unwrap().success());
}

/// A studio: a folder for everything, with `configs`, `cores` and `home` in it.
pub struct Studio {
    /// Goes with the studio.
    _folder: TempDir,
    root: PathBuf,
}

impl Studio {
    pub fn new() -> Self {
        // What somebody may write to or not is part of a studio, whoever runs the tests.
        #[cfg(unix)]
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
        let folder = tempfile::tempdir().unwrap();
        // By its own name, for that is what a program's working directory is told to be.
        let root = if cfg!(unix) {
            folder.path().canonicalize().unwrap()
        } else {
            folder.path().to_owned()
        };
        let studio = Studio { _folder: folder, root };
        for folder in ["configs", "cores", "home"] {
            fs::create_dir(studio.path(folder)).unwrap();
        }
        write(studio.path("no-settings.toml"), "");
        write(studio.python(), "#!/bin/sh\n");
        make_executable(&studio.python());
        studio
    }

    /// A path in the studio, with this system's separators.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below.as_ref().iter().collect::<PathBuf>())
    }

    /// A file that looks like a Python, for tests that start none.
    pub fn python(&self) -> PathBuf {
        self.path(if cfg!(windows) { "python.exe" } else { "bin/python" })
    }

    /// A config below the root, with neither a core nor a link to one.
    pub fn config(&self, name: &str) -> PathBuf {
        let config = self.path(Path::new("configs").join(name));
        let base = name.rsplit('/').next().unwrap();
        write(config.join("config/core/roots.yml"), "{}\n");
        let place = config.to_str().unwrap();
        let place = serde_json::json!({"Linux": place, "Darwin": place, "Windows": place});
        write(config.join("config/core/install_location.yml"), place.to_string());
        write(
            config.join("config/core/pipeline_configuration.yml"),
            format!("pc_id: 7\npc_name: Primary\nproject_id: 42\nproject_name: {base}\n"),
        );
        config
    }

    /// A config with a core of its own, and a Python.
    pub fn localized(&self, name: &str) -> PathBuf {
        let config = self.config(name);
        self.core_at(&config);
        write(config.join("install/core/_core_upgrader.py"), "");
        config
    }

    /// A config that shares a core, by what its link file says.
    pub fn linked(&self, name: &str, link: impl AsRef<[u8]>) -> PathBuf {
        let config = self.config(name);
        write(config.join(format!("install/core/core_{OS}.cfg")), link);
        config
    }

    /// A config that shares a core below `cores`, and that core.
    pub fn shared(&self, name: &str, core: &str) -> PathBuf {
        let core = self.core(core);
        self.linked(name, core.to_str().unwrap())
    }

    /// A core below `cores`, with its Python.
    pub fn core(&self, name: &str) -> PathBuf {
        let core = self.path("cores").join(name);
        self.core_at(&core);
        core
    }

    /// A realised configuration of a site's project, whole, in a cache folder.
    pub fn realised(&self, folder: &str, id: i64, project: &str) -> PathBuf {
        // Windows drops the dots at a name's end.
        let folder = if cfg!(windows) { folder.trim_end_matches('.') } else { folder };
        let config = self.path(Path::new("toolkit").join(folder).join("cfg"));
        write(config.join("config/core/roots.yml"), "{}\n");
        write(
            config.join("config/core/pipeline_configuration.yml"),
            format!("pc_id: 7\npc_name: Primary\nproject_id: {id}\nproject_name: {project}\n"),
        );
        self.core_at(&config);
        let descriptor = "config_descriptor: {type: git, path: x, version: v1.2.3}\n";
        write(config.join("cache/descriptor_info.yml"), descriptor);
        write(config.join("cache/update_start.txt"), "");
        write(config.join("cache/update_end.txt"), "");
        config
    }

    /// A core at a root: packages that tell where they are, and an interpreter file.
    pub fn core_at(&self, root: &Path) {
        for package in ["tank", "sgtk"] {
            let file = root.join("install/core/python").join(package).join("__init__.py");
            write(file, format!("origin = {:?}\n", root.to_str().unwrap()));
        }
        write(root.join("install/core/info.yml"), "version: \"v0.99.1\"\n");
        interpreter(root, self.python().to_str().unwrap());
    }

    /// The launcher with these arguments, and nothing in its environment but the studio.
    pub fn launcher<T: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = T>) -> Command {
        let mut command = Command::new(LAUNCHER);
        command
            .args(arguments)
            .env_clear()
            .env("SHOTGUN_BASE", self.path("configs"))
            .env("SGTK_PYTHON_SETTINGS", self.path("no-settings.toml"))
            .env("HOME", self.path("home"))
            .current_dir(&self.root)
            .stdin(Stdio::null());
        if let Some(root) = std::env::var_os("SYSTEMROOT") {
            command.env("SYSTEMROOT", root);
        }
        command
    }

    /// The plan for these arguments.
    pub fn explain<T: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = T>) -> Value {
        explained(&mut self.launcher(arguments))
    }

    /// The failure for these arguments.
    pub fn failure<T: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = T>) -> Failure {
        failed(&mut self.launcher(arguments))
    }
}

/// Writes a core root's interpreter file.
pub fn interpreter(root: &Path, text: impl AsRef<[u8]>) {
    write(root.join(format!("config/core/interpreter_{OS}.cfg")), text);
}

/// The plan that a launcher prints when `--explain=json` comes before its arguments.
pub fn explained(launcher: &mut Command) -> Value {
    let mut explaining = Command::new(launcher.get_program());
    explaining.arg("--explain=json").args(launcher.get_args()).env_clear();
    explaining.envs(launcher.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = launcher.get_current_dir() {
        explaining.current_dir(folder);
    }
    let output = explaining.stdin(Stdio::null()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.is_empty(), "{:?} {error}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The change to a variable in a plan: `None` if there is none, `Value::Null` if it is unset.
pub fn change<'a>(plan: &'a Value, name: &str) -> Option<&'a Value> {
    let changes = plan["environment"].as_array().unwrap();
    changes.iter().find(|change| change["name"] == name).map(|change| &change["value"])
}

/// How a launcher failed.
#[derive(Debug)]
pub struct Failure {
    pub code: i32,
    pub message: String,
    pub hint: Option<String>,
}

impl Failure {
    /// Checks the exit code, and that the message names all of these.
    #[track_caller]
    pub fn is(&self, code: i32, parts: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        for part in parts {
            assert!(self.message.contains(part), "no {part:?} in {self:?}");
        }
        self
    }

    /// Checks that the hint names this.
    #[track_caller]
    pub fn hints(&self, part: &str) -> &Self {
        assert!(self.hint.as_ref().is_some_and(|hint| hint.contains(part)), "{self:?}");
        self
    }
}

/// Runs a launcher that has to fail: one line, perhaps a hint, and nothing else.
#[track_caller]
pub fn failed(launcher: &mut Command) -> Failure {
    let output = launcher.output().unwrap();
    failure_of(&output)
}

#[track_caller]
pub fn failure_of(output: &Output) -> Failure {
    let error = String::from_utf8(output.stderr.clone()).expect("a message in UTF-8");
    assert!(output.stdout.is_empty(), "{:?}", String::from_utf8_lossy(&output.stdout));
    let lines: Vec<&str> = error.lines().collect();
    let message = lines.first().and_then(|line| line.strip_prefix("sgtk-python: error: "));
    let hint = lines.get(1).map(|line| line.strip_prefix("hint: ").expect(&error).to_owned());
    assert!(lines.len() <= 2 && error.ends_with('\n'), "{error:?}");
    Failure {
        code: output.status.code().expect("an exit code"),
        message: message.unwrap_or_else(|| panic!("no message: {error:?}")).to_owned(),
        hint,
    }
}
