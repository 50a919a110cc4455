//! A studio whose launches may run in workers, which end with it.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{LAUNCHER, PYTHON, Studio, interpreter};

/// Lets no descriptor in that whoever runs the tests left open: it would keep jobs out of workers.
pub const PRELUDE: &str = r#"
set +m
for f in /proc/$$/fd/*; do n=${f##*/}; [ "$n" -gt 2 ] && [ "$n" -ne 255 ] && eval "exec $n>&-"; done
"#;

/// The longest that anything here may take.
pub const LONGEST: Duration = Duration::from_secs(60);

pub struct WarmStudio {
    pub studio: Studio,
}

impl WarmStudio {
    /// With a project `bigbuck` on a real Python, whose core is no more than a name.
    pub fn new() -> Self {
        let studio = Studio::new();
        let config = studio.localized("bigbuck");
        interpreter(&config, PYTHON.to_str().unwrap());
        std::fs::create_dir(studio.path("run")).unwrap();
        std::fs::create_dir(studio.path("work")).unwrap();
        WarmStudio { studio }
    }

    /// A shell in the studio's working folder. `$L` launches plainly, `$W` in a worker.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("bash");
        let launcher = self.studio.launcher([""; 0]);
        command.env_clear();
        command.envs(launcher.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("XDG_RUNTIME_DIR", self.studio.path("run"));
        command
            .env("PATH", "/usr/bin:/bin")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("LANG", "C.UTF-8");
        let words = format!("{LAUNCHER} --project bigbuck");
        let definitions = format!("S='{LAUNCHER}'; L='{words}'; W='{words} --warm'\n");
        command.args(["-c", &format!("{PRELUDE}{definitions}{script}")]);
        command.current_dir(self.studio.path("work"));
        command
    }

    pub fn run(&self, script: &str) -> Output {
        self.shell(script).output().unwrap()
    }

    /// What a script prints, which must not complain.
    #[track_caller]
    pub fn text(&self, script: &str) -> String {
        let output = self.run(script);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.is_empty(), "{script}: {error}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub fn workers(&self) -> Vec<Value> {
        let list: Value = serde_json::from_str(&self.text("$S --workers=json")).unwrap();
        list["workers"].as_array().unwrap().clone()
    }

    /// The only worker.
    #[track_caller]
    pub fn worker(&self) -> Value {
        let workers = self.workers();
        assert_eq!(workers.len(), 1, "{workers:?}");
        workers[0].clone()
    }

    /// Starts a worker and waits until it is ready.
    #[track_caller]
    pub fn start(&self) -> Value {
        self.run("$W -c pass");
        self.until(|workers| workers.iter().any(|worker| worker["state"] == "ready"));
        self.worker()
    }

    /// Waits until the workers are as they should be.
    #[track_caller]
    pub fn until(&self, holds: impl Fn(&[Value]) -> bool) {
        wait_until(|| holds(&self.workers()));
    }
}

impl Drop for WarmStudio {
    fn drop(&mut self) {
        stop_after_starts(|word| self.shell(&format!("$S {word}")));
    }
}

/// Stops the workers, and those that are being started: they would be there after this. Never panics, for a
/// test that has failed ends with this too.
pub fn stop_after_starts(launcher: impl Fn(&str) -> Command) {
    let deadline = Instant::now() + LONGEST;
    let starts = || {
        let output = launcher("--workers=json").output().ok()?;
        let list: Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(list["workers"].as_array()?.iter().any(|worker| worker["state"] == "starting"))
    };
    while Instant::now() < deadline && starts() == Some(true) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = launcher("--stop-workers").output();
}

#[track_caller]
pub fn wait_until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + LONGEST;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process is there that has not ended.
pub fn lives(pid: i64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}
