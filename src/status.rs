//! Reports a launch to its caller: one line of JSON for each step, on the descriptor that `--status-fd` names.
//! docs/python.md lists the lines. Python, workers and helpers do not inherit the descriptor, so it closes when this
//! process becomes Python.

use std::fs::File;
use std::sync::OnceLock;

use serde::Serialize;

use crate::disk;
use crate::error::{Code, Error};

/// The descriptor; unset without `--status-fd`.
static DESCRIPTOR: OnceLock<File> = OnceLock::new();

/// A step of a launch.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(crate) enum Status<'a> {
    /// The program runs, or the next line is the error.
    Started(How),
    /// The program has ended. `code` is the launcher's exit code; a signal killed the program if there is one.
    Ended {
        code: i32,
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
    },
    /// The program ran in a worker, and its exit status is unknown.
    Lost { why: &'a str },
    /// The program was to run in a worker, and does not.
    Cold { why: &'a str },
    /// The launcher has failed.
    Error { code: u8, kind: &'a str, message: String, hint: Option<String> },
}

/// The process that runs the program.
#[derive(Debug, Serialize)]
#[serde(tag = "how", rename_all = "lowercase")]
pub(crate) enum How {
    /// The launcher's own; on Windows its child.
    Plain,
    /// A worker's child.
    Worker { pid: i32 },
}

impl Status<'_> {
    /// Returns the end that a status of `waitpid(2)` means.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_exit(status: i32) -> Self {
        match status & 0x7f {
            0 => Status::Ended { code: (status >> 8) & 0xff, signal: None },
            signal => Status::Ended { code: 128 + signal, signal: Some(signal) },
        }
    }

    /// Returns true if the caller asked for the lines.
    pub(crate) fn is_asked_for() -> bool {
        DESCRIPTOR.get().is_some()
    }

    /// Writes the line in one piece, if the caller asked for it. A caller that no longer reads is no failure.
    pub(crate) fn write(&self) {
        let Some(mut descriptor) = DESCRIPTOR.get() else { return };
        if let Ok(line) = serde_json::to_string(self) {
            let _ = disk::write_all(&mut descriptor, (line + "\n").as_bytes());
        }
    }
}

/// Starts reporting to this descriptor. Fails if it is not open for writing. Call it before anything is opened: what
/// has taken the number of a closed descriptor would be closed.
pub fn start(descriptor: Option<u64>) -> Result<(), Error> {
    if let Some(number) = descriptor {
        let taken = disk::take_over(number);
        let file = taken.map_err(|source| Error::StatusDescriptor { number, source })?;
        DESCRIPTOR.get_or_init(|| file);
    }
    Ok(())
}

/// Reports a failure of the launcher. Only a failed write to standard output has no row in the table of errors.
pub fn report(error: &anyhow::Error) {
    let (mut code, mut kind, mut hint) = (Code::Usage, "output-failed", None);
    if let Some(error) = error.downcast_ref::<Error>() {
        let report = error.report();
        (code, kind, hint) = (report.code, report.kind, report.hint);
    }
    Status::Error { code: code as u8, kind, message: format!("{error:#}"), hint }.write();
}
