//! The workers of this user: which there are, how they are, and their end.

use serde::{Deserialize, Serialize};

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
pub const STUCK: &str = "stuck";

#[cfg(target_os = "linux")]
impl Listed {
    /// One that tells nothing of itself.
    pub fn unanswering(project: &str, state: &str) -> Self {
        Listed { project: project.into(), state: state.into(), ..Listed::default() }
    }
}
