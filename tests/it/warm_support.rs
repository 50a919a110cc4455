//! A studio whose launches may run in workers, which end with it.

use std::panic::Location;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::scene::{Run, Runs, tree};
use crate::support::{LAUNCHER, PYTHON, Studio, interpreter, variables_of};

/// Closes the descriptors that the tests' caller left open: jobs would inherit them.
pub const PRELUDE: &str = r#"
set +m
for f in /proc/$$/fd/*; do n=${f##*/}; [ "$n" -gt 2 ] && [ "$n" -ne 255 ] && eval "exec $n>&-"; done
"#;

/// Time after which a test gives up waiting.
pub const LONGEST: Duration = Duration::from_secs(60);

/// Pause between two lists of the workers: each list is a launch, which takes time from what the test waits for.
const BETWEEN_LISTS: Duration = Duration::from_millis(50);

pub struct WarmStudio {
    pub studio: Studio,
}

impl WarmStudio {
    /// With a project `bigbuck` on a real Python and a core of empty packages.
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
        command.env_clear().envs(variables_of(&self.studio.launcher([""; 0])));
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

    /// Runs a script that has to succeed.
    #[track_caller]
    pub fn run(&self, script: &str) -> Run {
        self.shell(script).succeeds()
    }

    /// Returns what a script prints; it has to succeed without a word on standard error.
    #[track_caller]
    pub fn text(&self, script: &str) -> String {
        self.shell(script).prints().trim_end().to_owned()
    }

    #[track_caller]
    pub fn workers(&self) -> Vec<Value> {
        let list = self.run("$S --workers=json").silently().json();
        list["workers"].as_array().unwrap().clone()
    }

    /// Returns the only worker.
    #[track_caller]
    pub fn worker(&self) -> Value {
        let workers = self.workers();
        assert_eq!(workers.len(), 1, "{workers:#?}");
        workers[0].clone()
    }

    /// Starts a worker and waits until it is ready.
    #[track_caller]
    pub fn start(&self) -> Value {
        self.run("$W -c pass");
        self.until(|workers| workers.iter().any(is_ready));
        self.worker()
    }

    /// Waits until the list of workers fulfils a condition.
    #[track_caller]
    pub fn until(&self, holds: impl Fn(&[Value]) -> bool) {
        let caller = Location::caller();
        let deadline = Instant::now() + LONGEST;
        loop {
            let workers = self.workers();
            if holds(&workers) {
                return;
            }
            if Instant::now() > deadline {
                let files = tree(&self.studio.path(""));
                panic!("waited in vain at {caller}\n{workers:#?}\n{files}");
            }
            thread::sleep(BETWEEN_LISTS);
        }
    }
}

pub fn is_ready(worker: &Value) -> bool {
    worker["state"] == "ready"
}

/// Checks whether a worker's state, such as `unfit: …`, contains a text.
pub fn has_state(worker: &Value, part: &str) -> bool {
    worker["state"].as_str().is_some_and(|state| state.contains(part))
}

impl Drop for WarmStudio {
    fn drop(&mut self) {
        stop_after_starts(|word| self.shell(&format!("$S {word}")));
    }
}

/// Waits for starting workers, then stops all: a worker that starts would survive. Never panics, for a failed
/// test ends with this too.
pub fn stop_after_starts(launcher: impl Fn(&str) -> Command) {
    let deadline = Instant::now() + LONGEST;
    let starts = || {
        let output = launcher("--workers=json").output().ok()?;
        let list: Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(list["workers"].as_array()?.iter().any(|worker| worker["state"] == "starting"))
    };
    while Instant::now() < deadline && starts() == Some(true) {
        thread::sleep(BETWEEN_LISTS);
    }
    let _ = launcher("--stop-workers").output();
}

/// Waits until something holds that is cheap to look at.
#[track_caller]
pub fn wait_until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + LONGEST;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Checks whether a process exists and has not ended.
pub fn lives(pid: i64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}
