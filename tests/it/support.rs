//! A whole studio on disk, and the launcher in it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{fmt, io, thread};

use serde_json::Value;
use tempfile::TempDir;

use crate::scene::{self, Runs};

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

/// A real Python: a `python3` on `PATH` may be a wrapper.
#[cfg(unix)]
pub static PYTHON: std::sync::LazyLock<PathBuf> = std::sync::LazyLock::new(|| {
    let program = "import os, sys; print(os.path.realpath(sys.executable))";
    PathBuf::from(Command::new("python3").args(["-I", "-c", program]).prints().trim_end())
});

/// `tests/windows/python.rs`, in Python's place.
#[cfg(windows)]
pub static PYTHON: std::sync::LazyLock<PathBuf> = std::sync::LazyLock::new(|| {
    let built = Path::new(LAUNCHER).with_file_name("examples").join("windows-python.exe");
    let built = std::path::absolute(built).unwrap();
    assert!(built.exists(), "{}: run `cargo build --example windows-python`", built.display());
    built
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

/// Copies a file and makes the copy executable. Another process writes it: children that other tests start
/// meanwhile inherit what this process has open, and the system runs no file that is open for writing.
#[cfg(unix)]
pub fn copy_program(from: impl AsRef<Path>, to: &Path) {
    let mut install = Command::new("install");
    install.args(["-m", "755"]).arg(from.as_ref()).arg(to);
    install.succeeds();
}

#[cfg(windows)]
pub fn copy_program(from: impl AsRef<Path>, to: &Path) {
    fs::copy(from, to).unwrap();
}

/// Returns the system's words for an error. The static launcher has those of another C library.
#[cfg(unix)]
pub fn words_for(error: nix::Error) -> String {
    let text = io::Error::from(error).to_string();
    text.split(" (os error").next().unwrap().to_owned()
}

/// Says past the test's captured output that the running test is left out here, and why.
pub fn skip(why: &str) {
    use io::Write;
    let current = thread::current();
    let name = current.name().unwrap_or("a test");
    let _ = writeln!(io::stderr(), "skipped {name}: {why}");
}

/// Writes a program in Python's place, for tests that start it only to see it end.
#[cfg(unix)]
fn write_python(path: &Path) {
    write(path, "#!/bin/sh\n");
    make_executable(path);
}

#[cfg(windows)]
fn write_python(path: &Path) {
    fs::copy(&*PYTHON, path).unwrap();
}

/// A studio: a folder for everything, with `configs`, `cores` and `home` in it.
pub struct Studio {
    /// Deletes the folder with the studio.
    _folder: TempDir,
    root: PathBuf,
}

impl Studio {
    pub fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// A studio below folders that only some users can write to; `None` if there is no such place.
    #[cfg(unix)]
    pub fn closed() -> Option<Self> {
        use std::os::unix::fs::PermissionsExt;
        let is_closed = |folder: &Path| {
            fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o002 == 0)
        };
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let mut folders = std::iter::once(target).chain(home);
        folders.find(|folder| folder.ancestors().all(is_closed)).map(|folder| Self::below(&folder))
    }

    fn below(folder: &Path) -> Self {
        // Permissions are part of a studio, whatever the umask of the tests' caller.
        #[cfg(unix)]
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
        let folder = tempfile::Builder::new().prefix(scene::STUDIO).tempdir_in(folder).unwrap();
        // Without links, as the system names a program's working directory.
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
        write_python(&studio.python());
        studio
    }

    /// A path in the studio, with this system's separators.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below.as_ref().iter().collect::<PathBuf>())
    }

    /// A program in Python's place.
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

    /// A config with its own core and a Python.
    pub fn localized(&self, name: &str) -> PathBuf {
        let config = self.config(name);
        self.core_at(&config);
        write(config.join("install/core/_core_upgrader.py"), "");
        config
    }

    /// A config that shares a core: its link file has this text.
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

    /// A complete realised configuration of a site's project, in a cache folder.
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

    /// A core at a root: packages whose `origin` is that root, and an interpreter file.
    pub fn core_at(&self, root: &Path) {
        for package in ["tank", "sgtk", "tank_vendor"] {
            let file = root.join("install/core/python").join(package).join("__init__.py");
            write(file, format!("origin = {:?}\n", root.to_str().unwrap()));
        }
        write(root.join("install/core/info.yml"), "version: \"v0.99.1\"\n");
        write(root.join("install/core/hooks/pipeline_configuration_init.py"), "");
        interpreter(root, self.python().to_str().unwrap());
    }

    /// The launcher with these arguments, and only the studio in its environment.
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
    #[track_caller]
    pub fn explain<T: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = T>) -> Value {
        explained(&mut self.launcher(arguments))
    }

    /// The failure for these arguments.
    #[track_caller]
    pub fn failure<T: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = T>) -> Failure {
        failed(&mut self.launcher(arguments))
    }
}

/// Writes a core root's interpreter file.
pub fn interpreter(root: &Path, text: impl AsRef<[u8]>) {
    write(root.join(format!("config/core/interpreter_{OS}.cfg")), text);
}

/// The plan that a launcher prints when `--explain=json` comes before its arguments.
#[track_caller]
pub fn explained(launcher: &mut Command) -> Value {
    let mut explaining = Command::new(launcher.get_program());
    explaining.arg("--explain=json").args(launcher.get_args()).env_clear();
    explaining.envs(launcher.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = launcher.get_current_dir() {
        explaining.current_dir(folder);
    }
    let run = explaining.stdin(Stdio::null()).run().succeeds().silently();
    run.json()
}

/// Returns the variables that a launcher sets, for a command that starts it in another way.
pub fn variables_of(launcher: &Command) -> Vec<(OsString, OsString)> {
    let set = launcher.get_envs().filter_map(|(name, value)| Some((name, value?)));
    set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The change to a variable in a plan: `None` if there is none, `Value::Null` if it is unset.
pub fn change<'a>(plan: &'a Value, name: &str) -> Option<&'a Value> {
    let changes = plan["environment"].as_array().unwrap();
    changes.iter().find(|change| change["name"] == name).map(|change| &change["value"])
}

/// How a launcher failed.
#[must_use]
pub struct Failure {
    pub code: i32,
    pub message: String,
    pub hint: Option<String>,
    /// What a failing check shows.
    scene: String,
}

impl Failure {
    /// Reads one line with the message, perhaps a hint, and nothing else.
    #[track_caller]
    pub fn of(output: &Output, scene: String) -> Self {
        assert!(output.stdout.is_empty(), "standard output is not empty\n{scene}");
        let error = std::str::from_utf8(&output.stderr).expect("a message in UTF-8");
        let lines: Vec<&str> = error.lines().collect();
        assert!(matches!(lines.len(), 1 | 2) && error.ends_with('\n'), "no message\n{scene}");
        let Some(message) = lines[0].strip_prefix("sgtk-python: error: ") else {
            panic!("no message\n{scene}");
        };
        let message = message.to_owned();
        let hint = lines.get(1).map(|line| line.strip_prefix("hint: ").expect(&scene).to_owned());
        let Some(code) = output.status.code() else { panic!("no exit code\n{scene}") };
        Failure { code, message, hint, scene }
    }

    /// Checks the exit code, and that the message names all of these.
    #[track_caller]
    pub fn is(&self, code: i32, parts: &[&str]) -> &Self {
        assert_eq!(self.code, code, "another exit code\n{self:?}");
        for part in parts {
            assert!(self.message.contains(part), "no {part:?} in the message\n{self:?}");
        }
        self
    }

    /// Checks that the hint names this.
    #[track_caller]
    pub fn hints(&self, part: &str) -> &Self {
        let has_part = self.hint.as_ref().is_some_and(|hint| hint.contains(part));
        assert!(has_part, "no {part:?} in the hint\n{self:?}");
        self
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}\n{}", self.code, self.message, self.hint, self.scene)
    }
}

/// Runs a launcher that has to fail.
#[track_caller]
pub fn failed(launcher: &mut Command) -> Failure {
    launcher.run().failure()
}

/// Reads the failure of a launcher that has ended.
#[track_caller]
pub fn failure_of(output: &Output) -> Failure {
    Failure::of(output, scene::streams(output))
}
