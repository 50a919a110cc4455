//! Writes to the caller's streams: answers, warnings, errors, a progress line, tables, JSON.

use std::io::{self, ErrorKind, IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::disk::IoMessage;
use crate::error::{Code, Error};

/// Prints an answer. A reader that closes the pipe early is no failure.
pub fn print(text: &str) -> Result<ExitCode> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            bail!("cannot write to standard output: {}", IoMessage(&error))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<ExitCode> {
    let text = serde_json::to_string_pretty(value).context("cannot write the answer as JSON")?;
    print(&(text + "\n"))
}

pub(crate) fn warn(warning: &str) {
    say(&format!("warning: {warning}"));
}

/// Prints an error and its hint, and returns its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let known = error.downcast_ref::<Error>();
    let hint = known.and_then(Error::hint).map(|hint| format!("\nhint: {hint}"));
    say(&format!("error: {error:#}{}", hint.unwrap_or_default()));
    ExitCode::from(known.map_or(Code::Usage, Error::code) as u8)
}

/// Prints a line on standard error in one write, so that it stays whole in a log with many writers. A closed
/// standard error is ignored.
fn say(text: &str) {
    print_below(&format!("sgtk-python: {text}\n"));
}

/// Prints text on standard error in one write.
pub(crate) fn print_below(text: &str) {
    let _ = stderr().write_all(text.as_bytes());
}

/// Replaces the progress line; an empty one clears it. Without a terminal there is none.
pub(crate) fn show_progress(line: &str) {
    if stderr().is_terminal() {
        let _ = write!(stderr(), "\r\x1b[K{line}");
    }
}

/// Returns the characters in a line of standard output; `None` if it is no terminal.
pub(crate) fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into())
}

/// Returns the rows of a table as lines, each column as wide as its widest cell.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut lines = Vec::new();
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        lines.push(cells.collect::<Vec<_>>().join("  ").trim_end().to_owned());
    }
    lines
}
