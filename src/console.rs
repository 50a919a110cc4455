//! Writes to the caller's streams: answers as text or JSON, warnings, errors, a progress line.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::cli::Format;
use crate::disk::{self, IoMessage};
use crate::environment::{Variables, value_of};
use crate::error::{Code, Error};

/// When to colour text. In a pipe the text is the same without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// In pipes and files too.
    Always,
    /// If the stream is a terminal.
    OnTerminal,
    /// Not on terminals either.
    Never,
}

/// The time after which a terminal shows that something is going on.
const PATIENCE: Duration = Duration::from_secs(1);

/// The parameters of ANSI's "select graphic rendition".
const BOLD: &str = "1";
const GREEN: &str = "32";
const BOLD_RED: &str = "1;31";
const BOLD_YELLOW: &str = "1;33";
const BOLD_CYAN: &str = "1;36";

impl Colour {
    /// Reads `NO_COLOR`, `CLICOLOR_FORCE` (<https://no-color.org>, <https://bixense.com/clicolors>) and `TERM`. A
    /// Windows console may print escape sequences as they are, so there only `CLICOLOR_FORCE` turns colour on.
    pub fn of(variables: &Variables) -> Self {
        let value = |name: &str| value_of(variables, OsStr::new(name)).unwrap_or_default();
        if !value("NO_COLOR").is_empty() {
            return Colour::Never;
        }
        if !matches!(value("CLICOLOR_FORCE").as_encoded_bytes(), b"" | b"0") {
            return Colour::Always;
        }
        if cfg!(windows) || value("TERM") == "dumb" { Colour::Never } else { Colour::OnTerminal }
    }

    fn paint(self, style: &str, text: &str, stream: &impl IsTerminal) -> String {
        let is_coloured = match self {
            Colour::Always => true,
            Colour::OnTerminal => stream.is_terminal(),
            Colour::Never => false,
        };
        if is_coloured { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Colours a mark of the doctor's on standard output.
    pub(crate) fn paint_mark(self, mark: &str) -> String {
        let style = match mark {
            "wrong" => BOLD_RED,
            "warning" => BOLD_YELLOW,
            "note" => BOLD_CYAN,
            _ => GREEN,
        };
        self.paint(style, mark, &stdout())
    }

    pub(crate) fn paint_head(self, text: &str, stream: &impl IsTerminal) -> String {
        self.paint(BOLD, text, stream)
    }

    pub(crate) fn paint_bad(self, text: &str, stream: &impl IsTerminal) -> String {
        self.paint(BOLD_RED, text, stream)
    }
}

/// Prints an answer. A reader that closes the pipe early is no failure.
pub fn print(text: &str) -> Result<ExitCode> {
    match disk::write_all(&mut stdout().lock(), text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            bail!("cannot write to standard output: {}", IoMessage(&error))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// A JSON object that names its format before its own fields.
#[derive(Serialize)]
struct Json<'a, T> {
    format: u8,
    #[serde(flatten)]
    fields: &'a T,
}

/// Prints an answer as text, or as JSON: the fields of `json` after `"format": 1`.
pub(crate) fn print_answer(
    format: Format,
    json: &impl Serialize,
    text: impl FnOnce() -> String,
) -> Result<ExitCode> {
    match format {
        Format::Text => print(&text()),
        Format::Json => {
            let json = serde_json::to_string_pretty(&Json { format: 1, fields: json });
            print(&(json.context("cannot write the answer as JSON")? + "\n"))
        }
    }
}

pub(crate) fn warn(warning: &str, colour: Colour) {
    warn_with_hint(warning, "", colour);
}

pub(crate) fn warn_with_hint(warning: &str, hint: &str, colour: Colour) {
    let label = colour.paint(BOLD_YELLOW, "warning:", &stderr());
    let hint = hint_line(hint, colour);
    print_to_error(&format!("sgtk-python: {label} {warning}\n{hint}"));
}

/// Returns the line of a hint, if there is one.
fn hint_line(hint: &str, colour: Colour) -> String {
    if hint.is_empty() {
        return String::new();
    }
    format!("{} {hint}\n", colour.paint(BOLD_CYAN, "hint:", &stderr()))
}

/// Prints an error and its hint, and returns its exit code.
pub fn report(error: &anyhow::Error, colour: Colour) -> ExitCode {
    let known = error.downcast_ref::<Error>();
    let label = colour.paint(BOLD_RED, "error:", &stderr());
    let hint = hint_line(&known.and_then(Error::hint).unwrap_or_default(), colour);
    print_to_error(&format!("sgtk-python: {label} {error:#}\n{hint}"));
    ExitCode::from(known.map_or(Code::Usage, Error::code) as u8)
}

/// Prints text on standard error in one write, so that it stays whole in a log with many writers. Ignores a
/// closed standard error.
pub(crate) fn print_to_error(text: &str) {
    let _ = disk::write_all(&mut stderr(), text.as_bytes());
}

/// Returns true if standard error is a terminal.
pub(crate) fn is_interactive() -> bool {
    stderr().is_terminal()
}

/// Replaces the progress line; an empty one clears it. Without a terminal there is none.
pub(crate) fn show_progress(line: &str) {
    if is_interactive() {
        let _ = write!(stderr(), "\r\x1b[K{line}");
    }
}

/// Does what may take long. After a second a terminal shows the line, until the work is done.
pub(crate) fn show_while<T>(line: &str, work: impl FnOnce() -> T) -> T {
    if !is_interactive() {
        return work();
    }
    let (working, end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        // Without a thread the line is not shown.
        let _ = thread::Builder::new().spawn_scoped(scope, move || {
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                show_progress(line);
                let _ = end.recv();
                show_progress("");
            }
        });
        let result = work();
        drop(working);
        result
    })
}

/// Returns the characters in a line of standard output; `None` if it is no terminal.
pub(crate) fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_choose_the_colour() {
        let default = if cfg!(windows) { Colour::Never } else { Colour::OnTerminal };
        for (variables, colour) in [
            ("", default),
            ("NO_COLOR= CLICOLOR_FORCE=0 TERM=xterm", default),
            ("CLICOLOR_FORCE=1 TERM=dumb", Colour::Always),
            ("NO_COLOR=1 CLICOLOR_FORCE=1", Colour::Never),
            ("TERM=dumb", Colour::Never),
        ] {
            let pairs = variables.split_whitespace().filter_map(|word| word.split_once('='));
            let pairs = pairs.map(|(name, value)| (name.into(), value.into())).collect();
            assert_eq!(Colour::of(&pairs), colour, "{variables}");
        }
    }
}
