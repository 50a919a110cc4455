//! The workers of this user: which there are, how they are, and their end.

#[cfg(not(target_os = "linux"))]
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::Format;
#[cfg(not(target_os = "linux"))]
use crate::error::Error;
use crate::shown::{Shown, columns};

/// A worker in the list; its fields are those of `--workers=json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Listed {
    /// The project.
    pub project: String,
    /// Its configuration's folder.
    pub config: Option<String>,
    /// The core's root.
    pub core: Option<String>,
    /// The Python.
    pub python: Option<String>,
    /// The worker's process.
    pub pid: Option<i32>,
    /// How long it has lived, in seconds.
    pub age: Option<u64>,
    /// How long it has had nothing to do, in seconds.
    pub idle: Option<u64>,
    /// The jobs that have ended.
    pub done: Option<u64>,
    /// The jobs that run.
    pub running: Option<u64>,
    /// The jobs that wait.
    pub waiting: Option<u64>,
    /// What it and its jobs hold, in KiB.
    pub memory: Option<u64>,
    /// `ready`, `retiring`, `starting`, `stuck`, or `unfit: ` and why.
    pub state: String,
}

/// The state of a worker that does not answer, and of a start that hangs.
#[cfg(target_os = "linux")]
const STUCK: &str = "stuck";

#[cfg(target_os = "linux")]
impl Listed {
    /// One that tells nothing of itself.
    fn unanswering(project: &str, state: &str) -> Self {
        Listed { project: project.into(), state: state.into(), ..Listed::default() }
    }
}

#[cfg(target_os = "linux")]
mod asking;
#[cfg(target_os = "linux")]
mod ending;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub use linux::{read, stop};

#[cfg(target_os = "linux")]
pub(super) use linux::make_room;

/// There are no workers here.
#[cfg(not(target_os = "linux"))]
pub fn read(_folder: &Path) -> Result<Vec<Listed>, Error> {
    Ok(Vec::new())
}

/// There are no workers here.
#[cfg(not(target_os = "linux"))]
pub fn stop(_folder: &Path, _config: Option<&Path>) -> Result<Vec<Listed>, Error> {
    Ok(Vec::new())
}

/// The list as text with a line end.
pub fn print(list: &[Listed], format: Format) -> Result<String, serde_json::Error> {
    match format {
        Format::Json => serde_json::to_string_pretty(list).map(|json| json + "\n"),
        Format::Text if list.is_empty() => Ok("no workers\n".into()),
        Format::Text => Ok(table(list)),
    }
}

fn table(list: &[Listed]) -> String {
    let count = |number: Option<u64>| number.map_or_else(|| "-".into(), |n| n.to_string());
    let rows = list.iter().map(|worker| {
        [
            Shown::new(&worker.project).to_string(),
            worker.pid.map_or_else(|| "-".into(), |pid| pid.to_string()),
            count(worker.age),
            count(worker.done),
            count(worker.running),
            count(worker.memory.map(|kib| kib / 1024)),
            Shown::new(worker.state.split(':').next().unwrap_or_default()).to_string(),
            Shown::new(worker.core.as_deref().unwrap_or("-")).to_string(),
        ]
    });
    let titles = ["PROJECT", "PID", "AGE", "DONE", "RUNNING", "MIB", "STATE", "CORE"];
    let rows: Vec<[String; 8]> = std::iter::once(titles.map(String::from)).chain(rows).collect();
    let whole = |worker: &Listed| {
        let (project, state) = (Shown::new(&worker.project), Shown::new(&worker.state));
        worker.state.contains(':').then(|| format!("{project} is {state}"))
    };
    // What takes more room than a column has.
    let below = list.iter().filter_map(whole);
    columns(&rows).into_iter().chain(below).flat_map(|line| [line, "\n".into()]).collect()
}
