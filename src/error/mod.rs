//! Every way to fail before Python runs, in one table: the exit code, the kind, the message and the hint.

#[cfg(test)]
mod examples;
mod report;
mod site;
mod table;
mod wording;

pub use report::Code;
pub use site::{SiteError, SiteFailure, SiteFailureKind};
pub use table::{Candidate, Error};
pub use wording::quoted;
