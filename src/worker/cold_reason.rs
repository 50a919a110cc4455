//! The outcome of handing a plan to a worker, and the reasons why a job runs cold.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::display::Printable;

/// Advice for a worker that could not start.
pub const TRY_AT_ONCE: &str = "--stop-workers lets it try again at once";

/// The outcome of a plan that was to run in a worker.
#[derive(Debug)]
pub enum WorkerOutcome {
    /// The program has ended with this exit code.
    Ended(u8),
    /// The program has not run: the launcher starts it plainly.
    Cold(ColdReason),
}

/// The reason why a job runs cold.
#[derive(Debug)]
pub enum ColdReason {
    #[cfg(not(target_os = "linux"))]
    NotHere,
    Terminal,
    /// Python would inherit this descriptor.
    Descriptor(u32),
    Option(OsString),
    /// The program's text or name is missing; Python prints the error.
    NothingToRun,
    RelativePath,
    WorkingDirectory,
    /// This part of the caller's state cannot be read.
    Unreadable(&'static str),
    TooLarge,
    /// The workers' folder cannot be made or opened.
    Folder {
        path: PathBuf,
        why: String,
    },
    /// The workers' folder is open to others.
    Untrusted {
        path: PathBuf,
        why: String,
    },
    /// There was no worker, and a start is under way.
    Starting,
    /// The last start failed, for this reason.
    Unfit(String),
    /// The limit of workers is reached, and no worker is idle.
    TooMany(u32),
    NotTaken(&'static str),
}

impl ColdReason {
    /// Returns whether a person must correct something.
    pub fn is_a_fault(&self) -> bool {
        matches!(self, ColdReason::Untrusted { .. })
    }
}

impl Display for ColdReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(not(target_os = "linux"))]
            ColdReason::NotHere => f.write_str("workers are for Linux"),
            ColdReason::Terminal => f.write_str("standard input is a terminal"),
            ColdReason::Descriptor(number) => {
                write!(f, "the descriptor {number} is open for Python to inherit")
            }
            ColdReason::Option(word) => {
                write!(f, "Python's '{}' cannot be had in a worker", Printable::new(word))
            }
            ColdReason::NothingToRun => f.write_str("Python is given nothing to run"),
            ColdReason::RelativePath => f.write_str("PYTHONPATH holds a relative path"),
            ColdReason::WorkingDirectory => {
                f.write_str("the working directory cannot be handed over")
            }
            ColdReason::Unreadable(what) => write!(f, "{what} cannot be read"),
            ColdReason::TooLarge => f.write_str("the words and variables are too long"),
            ColdReason::Folder { path, why } => {
                write!(f, "the workers' folder {} {}", Printable::new(path), Printable::new(why))
            }
            ColdReason::Untrusted { path, why } => {
                write!(f, "the workers' folder {} {}: none is used", Printable::new(path), why)
            }
            ColdReason::Starting => f.write_str("there was no worker, so one is started"),
            ColdReason::Unfit(why) => {
                write!(f, "the worker could not start: {} ({TRY_AT_ONCE})", Printable::new(why))
            }
            ColdReason::TooMany(most) => {
                write!(f, "no worker is idle, and {most} are as many as there may be")
            }
            ColdReason::NotTaken(why) => write!(f, "the worker {why}"),
        }
    }
}
