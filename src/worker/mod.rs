//! Runs a plan in its project's worker: a process that has imported Toolkit and forks a child for each
//! job. docs/warm.md tells the protocol and what it guarantees.
//!
//! ```text
//! LaunchPlan ─▶ Job ─────▶ Address ─▶ Folder ─▶ client ─▶ exit code
//!               fit for     which     its        │ no worker: start one,
//!               a worker?   worker    socket     ▼ and run cold
//! ```
//!
//! Until the client says GO a job may still run cold, as a plain launch; after that only its end counts.

#[cfg(target_os = "linux")]
mod address;
#[cfg(target_os = "linux")]
mod client;
mod cold;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod folder;
#[cfg(target_os = "linux")]
mod handle;
#[cfg(target_os = "linux")]
mod job;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod protocol;
pub mod roster;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod start;

#[cfg(target_os = "linux")]
pub use client::{run, why_cold};
pub use cold::Cold;
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{run, why_cold};

/// What became of a plan.
#[derive(Debug)]
pub enum Outcome {
    /// It ran to its end, with this exit code.
    Ended(u8),
    /// It did not run: it has to be launched plainly.
    Cold(Cold),
}
