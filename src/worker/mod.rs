//! Runs a plan in its project's worker: a process that has imported Toolkit and forks a child for each
//! job. docs/warm-protocol.md describes the protocol and its guarantees.
//!
//! ```text
//! LaunchPlan ─▶ Job ─────▶ WorkerKey ─▶ Folder ─▶ client ─▶ exit code
//!               fit for     which        its        │ no worker: start one,
//!               a worker?   worker       socket     ▼ and run cold
//! ```
//!
//! Until the client sends GO a job may still run cold, as a plain launch; after that only its end counts.

mod cold_reason;
mod worker_status;

#[cfg(target_os = "linux")]
mod caller_state;
#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
pub mod control;
#[cfg(target_os = "linux")]
mod folder;
#[cfg(target_os = "linux")]
pub mod history;
#[cfg(target_os = "linux")]
mod inherited;
#[cfg(target_os = "linux")]
mod job;
#[cfg(target_os = "linux")]
pub mod key;
#[cfg(target_os = "linux")]
mod pidfd;
#[cfg(target_os = "linux")]
mod poll;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
pub mod protocol;
#[cfg(target_os = "linux")]
mod relay;
#[cfg(target_os = "linux")]
mod running_job;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod start;
#[cfg(target_os = "linux")]
pub mod start_record;
#[cfg(target_os = "linux")]
mod terminal;

#[cfg(not(target_os = "linux"))]
mod unsupported;

#[cfg(target_os = "linux")]
pub use client::{run, why_cold};
pub use cold_reason::{ColdReason, WorkerOutcome};
#[cfg(not(target_os = "linux"))]
pub use unsupported::{control, run, why_cold};
pub use worker_status::{RecentJobs, WorkerStatus};
