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
#[cfg(target_os = "linux")]
mod folder;
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

pub use cold::Cold;

use crate::credentials::Credentials;
use crate::error::Error;
use crate::lock::Lock;
use crate::plan::{LaunchPlan, Warm};

/// What became of a plan.
#[derive(Debug)]
pub enum Outcome {
    /// It ran to its end, with this exit code.
    Ended(u8),
    /// It did not run: it has to be launched plainly.
    Cold(Cold),
}

/// Runs a plan in a worker; its session acts as `credentials`, and `locks` are held until its job has ended.
#[cfg(target_os = "linux")]
pub fn run(
    plan: &LaunchPlan,
    warm: &Warm,
    credentials: Option<&Credentials>,
    locks: &[Lock],
) -> Result<Outcome, Error> {
    client::run(plan, warm, credentials, locks)
}

/// Forking is unsafe after macOS' frameworks have loaded, and unknown to Windows.
#[cfg(not(target_os = "linux"))]
pub fn run(
    _plan: &LaunchPlan,
    _warm: &Warm,
    _credentials: Option<&Credentials>,
    _locks: &[Lock],
) -> Result<Outcome, Error> {
    Ok(Outcome::Cold(Cold::NotHere))
}

/// Why a plan would run cold, as far as that can be told without talking to a worker.
#[cfg(target_os = "linux")]
pub fn why_cold(plan: &LaunchPlan, warm: &Warm, credentials: Option<&Credentials>) -> Option<Cold> {
    client::why_cold(plan, warm, credentials)
}

/// Forking is unsafe after macOS' frameworks have loaded, and unknown to Windows.
#[cfg(not(target_os = "linux"))]
pub fn why_cold(
    _plan: &LaunchPlan,
    _warm: &Warm,
    _credentials: Option<&Credentials>,
) -> Option<Cold> {
    Some(Cold::NotHere)
}
