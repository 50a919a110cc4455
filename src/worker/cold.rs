//! Why a job does not run in a worker.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::shown::Shown;

/// What there is to do where a worker could not start.
pub const TRY_AT_ONCE: &str = "--stop-workers allows a new start at once";

/// Why a job runs cold.
#[derive(Debug)]
#[expect(missing_docs, reason = "the variant tells what its fields are of")]
pub enum Cold {
    /// Workers are for Linux.
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

impl Cold {
    /// Whether a person has to see to it.
    pub fn is_a_fault(&self) -> bool {
        matches!(self, Cold::Untrusted { .. })
    }
}

impl Display for Cold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Cold::NotHere => f.write_str("workers need Linux"),
            Cold::Terminal => f.write_str("standard input is a terminal"),
            Cold::Descriptor(number) => {
                write!(f, "Python would inherit the open descriptor {number}")
            }
            Cold::Option(word) => {
                write!(f, "a worker does not support the Python option '{}'", Shown::new(word))
            }
            Cold::NothingToRun => f.write_str("there is no program to run"),
            Cold::RelativePath => f.write_str("PYTHONPATH contains a relative path"),
            Cold::WorkingDirectory => {
                f.write_str("the working directory cannot be passed to the worker")
            }
            Cold::Unreadable(what) => write!(f, "cannot read {what}"),
            Cold::TooLarge => f.write_str("the arguments and variables are too long"),
            Cold::Folder { path, why } => {
                write!(f, "folder of workers {}: {}", Shown::new(why), Shown::new(path))
            }
            Cold::Untrusted { path, why } => {
                write!(f, "folder of workers {why}, no worker is used: {}", Shown::new(path))
            }
            Cold::Starting => f.write_str("no worker was running; one is being started"),
            Cold::Unfit(why) => {
                write!(f, "the worker could not start: {} ({TRY_AT_ONCE})", Shown::new(why))
            }
            Cold::TooMany(most) => {
                write!(f, "max_workers ({most}) reached and none is idle")
            }
            Cold::NotTaken(why) => write!(f, "the worker {why}"),
        }
    }
}
