//! The status of a worker.

use serde::{Deserialize, Serialize};

/// The state of a worker that does not answer, and of a start that hangs.
#[cfg(target_os = "linux")]
pub const STUCK: &str = "stuck";

/// The state of a worker that takes jobs.
#[cfg(target_os = "linux")]
pub const READY: &str = "ready";

/// Words on a worker's command line, before its project and configuration: a list of processes shows them,
/// and they identify a worker that does not answer.
#[cfg(target_os = "linux")]
pub const WORKER_WORDS: [&str; 2] = ["sgtk-python", "worker"];

/// A worker, as `--workers=json` shows it. A worker's own answer leaves the units out of the names.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WorkerStatus {
    pub project: String,
    /// The configuration's folder.
    pub config: Option<String>,
    /// The core's root.
    pub core: Option<String>,
    pub python: Option<String>,
    pub pid: Option<i32>,
    #[serde(rename(deserialize = "age"))]
    pub age_s: Option<u64>,
    /// Time without a job.
    #[serde(rename(deserialize = "idle"))]
    pub idle_s: Option<u64>,
    /// Jobs that have ended; the next two count those that run and wait.
    pub done: Option<u64>,
    pub running: Option<u64>,
    pub waiting: Option<u64>,
    /// Memory of the worker and its jobs; pages that they share count once.
    #[serde(rename(deserialize = "memory"))]
    pub memory_kib: Option<u64>,
    /// `ready`, `replaced`, `retiring`, `starting`, `stuck`, or `unfit: ` and the reason.
    pub state: String,
    /// The fingerprint of the files that identify its Python, core and configuration.
    #[serde(default, skip_serializing)]
    pub files: Option<String>,
    /// The time of its start, in nanoseconds of the system's monotonic clock.
    #[serde(default, skip_serializing)]
    pub born: Option<u64>,
}

/// The last jobs of a configuration that were to run in a worker.
#[derive(Debug, Default, Serialize)]
pub struct RecentJobs {
    pub project: String,
    /// The configuration's folder.
    pub config: String,
    /// The jobs, 100 at most; the next are those of them that ran plainly.
    pub jobs: usize,
    pub plain: usize,
    pub reasons: Vec<PlainReason>,
}

/// A reason why jobs ran plainly, and how many did.
#[derive(Debug, Serialize)]
pub struct PlainReason {
    pub jobs: usize,
    pub why: String,
}

#[cfg(target_os = "linux")]
impl WorkerStatus {
    /// Describes a worker that has not answered.
    pub fn unanswered(project: &str, state: &str) -> Self {
        WorkerStatus { project: project.into(), state: state.into(), ..WorkerStatus::default() }
    }

    /// Describes a worker that does not answer from its command line; `None` if the process is no worker.
    pub fn of_process(pid: i32) -> Option<Self> {
        Self::of_command_line(pid, &std::fs::read(format!("/proc/{pid}/cmdline")).ok()?)
    }

    /// Describes the worker with a command line, whose words end with a NUL.
    pub fn of_command_line(pid: i32, line: &[u8]) -> Option<Self> {
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        let [.., first, second, project, config, b""] = words.as_slice() else { return None };
        if [*first, *second] != WORKER_WORDS.map(str::as_bytes) {
            return None;
        }
        let project = std::str::from_utf8(project).unwrap_or("?");
        let config = std::str::from_utf8(config).ok().map(str::to_owned);
        Some(WorkerStatus { pid: Some(pid), config, ..Self::unanswered(project, STUCK) })
    }
}
