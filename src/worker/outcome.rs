//! The outcome of handing a plan to a worker.

use super::cold_reason::ColdReason;

/// The outcome of a plan that was to run in a worker.
#[derive(Debug)]
pub enum Outcome {
    /// The program ran to its end, with this exit code.
    Ended(u8),
    /// The program did not run: the launcher starts it plainly.
    Cold(ColdReason),
}
