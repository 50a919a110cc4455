//! The outcome of handing a plan to a worker, and the reasons why a job runs cold.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::display::Printable;

/// Advice for a worker that could not start.
pub const TRY_AT_ONCE: &str = "correct that; --stop-workers allows a new start at once";

const NEXT_JOB: &str = "a later job runs in it";

const STARTS_ONE: &str = "this launch starts one, in which a later job runs";

const FOLDER_OF_YOUR_OWN: &str =
    "let XDG_RUNTIME_DIR name a folder that belongs to you, with mode 700";

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
    /// Python would be at a terminal that the job cannot have.
    Terminal(&'static str),
    /// Python would read its program from a terminal.
    Prompt,
    /// The launch is part of a batch job, as this variable says. A worker may outlive the job, and then serve others that
    /// the batch system does not count.
    BatchJob(&'static str),
    /// Python would inherit so many descriptors above the standard streams.
    Descriptors(usize),
    /// The system passes no such descriptor to another process.
    NotPassed(String),
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
    /// There is no worker; this launch starts one.
    NoWorker,
    /// The same, and there was a worker until a file that identifies it changed.
    Changed,
    /// Another launch starts the worker.
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

    /// Returns what to do about it; empty if Python prints an error.
    pub fn hint(&self) -> &'static str {
        self.text_and_hint().1
    }

    fn text_and_hint(&self) -> (String, &'static str) {
        match self {
            #[cfg(not(target_os = "linux"))]
            ColdReason::NotHere => ("workers need Linux".into(), "leave --warm out here"),
            ColdReason::Terminal(why) => (
                (*why).to_owned(),
                "add </dev/null if the program asks nothing, or leave --warm out",
            ),
            ColdReason::Prompt => {
                ("Python prompts for its program".into(), "name a program, or leave --warm out")
            }
            ColdReason::BatchJob(variable) => (
                format!(
                    "no worker is used in a batch job, which it may outlive ({variable} is set)"
                ),
                "leave --warm out in batch jobs",
            ),
            ColdReason::Descriptors(count) => (
                format!("Python would inherit {count} open descriptors, too many for a worker"),
                "close some before the launch, or leave --warm out",
            ),
            ColdReason::NotPassed(why) => (
                format!("the open descriptors cannot be passed to the worker: {why}"),
                "close them before the launch, or leave --warm out",
            ),
            ColdReason::Option(word) => (
                format!("a worker does not support the Python option '{}'", Printable::new(word)),
                "leave the option or --warm out",
            ),
            ColdReason::NothingToRun => ("there is no program to run".into(), ""),
            ColdReason::RelativePath => (
                "PYTHONPATH contains a relative path".into(),
                "write each entry of PYTHONPATH as an absolute path",
            ),
            ColdReason::WorkingDirectory => (
                "the working directory cannot be passed to the worker".into(),
                "start it in a folder that you may enter",
            ),
            ColdReason::Unreadable(what) => (
                format!("cannot read {what}"),
                "leave --warm out, or allow this process to read it",
            ),
            ColdReason::TooLarge => (
                "the arguments and variables are too long".into(),
                "pass long values in a file, or leave --warm out",
            ),
            ColdReason::Folder { path, why } => (
                format!("folder of workers {}: {}", Printable::new(why), Printable::new(path)),
                FOLDER_OF_YOUR_OWN,
            ),
            ColdReason::Untrusted { path, why } => {
                (format!("folder of workers {why}: {}", Printable::new(path)), FOLDER_OF_YOUR_OWN)
            }
            ColdReason::NoWorker => ("no worker was running".into(), STARTS_ONE),
            ColdReason::Changed => (
                "the core, the configuration or the Python had changed since the worker's start"
                    .into(),
                STARTS_ONE,
            ),
            ColdReason::Starting => ("the worker was still starting".into(), NEXT_JOB),
            ColdReason::Unfit(why) => {
                (format!("the worker could not start: {}", Printable::new(why)), TRY_AT_ONCE)
            }
            ColdReason::TooMany(most) => (
                format!("max_workers ({most}) reached and none is idle"),
                "raise max_workers in the settings",
            ),
            ColdReason::NotTaken(why) => (format!("the worker {why}"), "--workers shows its state"),
        }
    }
}

impl Display for ColdReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text_and_hint().0)
    }
}
