//! A studio with a project on the real core, and its worker.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{LAUNCHER, PYTHON, Studio, interpreter, write};

pub const PROGRAM: &str = "import sgtk; print(sgtk.__file__)";

/// A studio of a project with the real core, a Python without additions, and a worker of its own.
pub struct Bench {
    studio: Studio,
    pub config: PathBuf,
    /// The worker's process: to ask for it would cost the worker more than a job.
    worker: u64,
    variables: Vec<(String, std::ffi::OsString)>,
}

impl Bench {
    /// `core` holds the packages, as `PyPI` has them, or is a whole core with a folder `python`.
    pub fn new(core: &Path) -> Self {
        let studio = Studio::new();
        // An installed Python's packages may slow its start.
        let python = studio.path("venv");
        let made =
            Command::new(&*PYTHON).args(["-m", "venv", "--without-pip"]).arg(&python).status();
        assert!(made.unwrap().success());
        let config = studio.localized("bigbuck");
        let install = config.join("install/core");
        if core.join("python").is_dir() {
            fs::remove_dir_all(&install).unwrap();
            fs::create_dir(&install).unwrap();
            for entry in fs::read_dir(core).unwrap().flatten() {
                symlink(entry.path(), install.join(entry.file_name())).unwrap();
            }
            write(install.join("_core_upgrader.py"), "");
        } else {
            fs::remove_dir_all(install.join("python")).unwrap();
            symlink(core, install.join("python")).unwrap();
        }
        interpreter(&config, python.join("bin/python").to_str().unwrap());
        write(studio.path("settings.toml"), "worker_variables = [\"SLOW_*\"]\n");
        fs::create_dir(studio.path("run")).unwrap();
        Bench { studio, config, worker: 0, variables: Vec::new() }
    }

    /// Gives variables to each further launch.
    pub fn set(&mut self, variables: impl IntoIterator<Item = (&'static str, std::ffi::OsString)>) {
        self.variables = variables.into_iter().map(|(name, value)| (name.into(), value)).collect();
    }

    pub fn python(&self) -> PathBuf {
        self.studio.path("venv/bin/python")
    }

    pub fn core(&self) -> PathBuf {
        self.config.join("install/core/python")
    }

    /// The builds of the launcher: cargo's, and the static one if `packaging/static` has made it.
    pub fn builds() -> Vec<(&'static str, PathBuf)> {
        let default = PathBuf::from(LAUNCHER);
        let folder = default.ancestors().nth(2).unwrap();
        let musl = folder.join("x86_64-unknown-linux-musl/release/sgtk-python");
        let mut builds = vec![("default", default)];
        if musl.is_file() {
            builds.push(("static", musl));
        }
        builds
    }

    pub fn launcher(&self, file: &Path, words: &[&str]) -> Command {
        let variables = crate::support::variables_of(&self.studio.launcher([""; 0]));
        let mut command = Command::new(file);
        command.args(words).env_clear().envs(variables).envs(self.variables.iter().cloned());
        command.env("XDG_RUNTIME_DIR", self.studio.path("run")).env("LANG", "C.UTF-8");
        command.env("SGTK_PYTHON_SETTINGS", self.studio.path("settings.toml"));
        command.current_dir(self.studio.path("")).stdin(Stdio::null());
        command
    }

    pub fn warm(&self, file: &Path, program: &str) -> Command {
        self.launcher(file, &["--warm", "--project", "bigbuck", "-c", program])
    }

    pub fn text(&self, words: &[&str]) -> String {
        let output = self.launcher(Path::new(LAUNCHER), words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts the worker.
    pub fn start(&mut self) {
        self.text(&["--warm", "--project", "bigbuck", "-c", PROGRAM]);
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.workers().first().is_none_or(|worker| worker["state"] != "ready") {
            assert!(Instant::now() < deadline, "no worker: {:?}", self.workers());
            std::thread::sleep(Duration::from_millis(50));
        }
        self.worker = self.workers()[0]["pid"].as_u64().unwrap();
    }

    pub fn stop(&self) {
        self.text(&["--stop-workers"]);
    }

    fn workers(&self) -> Vec<Value> {
        let list: Value = serde_json::from_str(&self.text(&["--workers=json"])).unwrap();
        list["workers"].as_array().unwrap().clone()
    }

    /// MiB of the worker and its children.
    pub fn memory(&self) -> u64 {
        self.workers()[0]["memory_kib"].as_u64().unwrap() / 1024
    }

    /// Seconds of processor of the worker and its ended children.
    pub fn processor_of_worker(&self) -> f64 {
        // In ticks of 10 ms.
        self.worker_stat()[11..15].iter().sum::<f64>() / 100.0
    }

    /// Page faults of the worker's ended children.
    pub fn faults_of_children(&self) -> f64 {
        self.worker_stat()[8]
    }

    /// The fields of the worker's `/proc/PID/stat` that follow the name (proc(5)).
    fn worker_stat(&self) -> Vec<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.worker)).unwrap();
        let fields = text.rsplit_once(") ").unwrap().1.split_whitespace();
        fields.map(|field| field.parse().unwrap_or_default()).collect()
    }
}

/// Waits until the worker has ended the last job and made its spare.
pub fn settle() {
    std::thread::sleep(Duration::from_millis(200));
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.launcher(Path::new(LAUNCHER), &["--stop-workers"]).output();
    }
}
