//! The outcome of handing a plan to a worker, and the reasons why a job runs cold.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::display::Printable;

/// Advice for a worker that could not start.
pub const TRY_AT_ONCE: &str = "--stop-workers allows a new start at once";

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
    /// The launch is part of a batch job, as this variable says. A worker may outlive the job, and then serve others that
    /// the batch system does not count.
    BatchJob(&'static str),
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
            ColdReason::NotHere => f.write_str("workers need Linux"),
            ColdReason::Terminal => f.write_str("standard input is a terminal"),
            ColdReason::BatchJob(variable) => {
                write!(
                    f,
                    "no worker is used in a batch job, which it may outlive ({variable} is set)"
                )
            }
            ColdReason::Descriptor(number) => {
                write!(f, "Python would inherit the open descriptor {number}")
            }
            ColdReason::Option(word) => {
                write!(f, "a worker does not support the Python option '{}'", Printable::new(word))
            }
            ColdReason::NothingToRun => f.write_str("there is no program to run"),
            ColdReason::RelativePath => f.write_str("PYTHONPATH contains a relative path"),
            ColdReason::WorkingDirectory => {
                f.write_str("the working directory cannot be passed to the worker")
            }
            ColdReason::Unreadable(what) => write!(f, "cannot read {what}"),
            ColdReason::TooLarge => f.write_str("the arguments and variables are too long"),
            ColdReason::Folder { path, why } => {
                write!(f, "folder of workers {}: {}", Printable::new(why), Printable::new(path))
            }
            ColdReason::Untrusted { path, why } => {
                write!(f, "folder of workers {why}, no worker is used: {}", Printable::new(path))
            }
            ColdReason::Starting => f.write_str("no worker was running; one is being started"),
            ColdReason::Unfit(why) => {
                write!(f, "the worker could not start: {} ({TRY_AT_ONCE})", Printable::new(why))
            }
            ColdReason::TooMany(most) => {
                write!(f, "max_workers ({most}) reached and none is idle")
            }
            ColdReason::NotTaken(why) => write!(f, "the worker {why}"),
        }
    }
}
