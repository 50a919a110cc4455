//! Why a job does not run in a worker.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::display::Printable;

/// What there is to do where a worker could not start.
pub const TRY_AT_ONCE: &str = "--stop-workers allows a new start at once";

/// Why a job runs cold.
#[derive(Debug)]
pub enum ColdReason {
    /// Workers are for Linux.
    #[cfg(not(target_os = "linux"))]
    NotHere,
    /// Standard input is a terminal.
    Terminal,
    /// A descriptor that Python would inherit.
    Descriptor(u32),
    /// An option of Python's that a worker cannot have.
    Option(OsString),
    /// There is nothing to run but a prompt or a message.
    NothingToRun,
    /// An entry of `PYTHONPATH` means another folder in each working directory.
    RelativePath,
    /// There is no working directory that could be handed over.
    WorkingDirectory,
    /// The process cannot be told from others.
    Unreadable(&'static str),
    /// More than a worker takes.
    TooLarge,
    /// The folder of workers cannot be made or opened.
    Folder { path: PathBuf, why: String },
    /// The folder of workers is open to others.
    Untrusted { path: PathBuf, why: String },
    /// There is no worker, and now one is being started.
    Starting,
    /// The worker could not start.
    Unfit(String),
    /// There are as many workers as may be, and none of them makes room.
    TooMany(u32),
    /// The worker did not take the job.
    NotTaken(&'static str),
}

impl ColdReason {
    /// Whether a person has to see to it.
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
