//! Lets clap read each command line that `launch_words` leaves to it, show the help, and word all mistakes.

use std::ffi::OsString;
use std::io::stdout;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use clap_lex::OsStrExt;

use super::{Action, Request};
use crate::cli::{Cli, help};
use crate::console::{Colour, terminal_width};
use crate::error::Error;
use crate::inputs::Inputs;

/// Reads the command line.
#[cold]
pub fn parse(inputs: &Inputs) -> clap::error::Result<Cli> {
    let words = inputs.arguments.iter().cloned();
    Cli::try_parse_from(std::iter::once("sgtk-python".into()).chain(words))
}

/// Returns the request to print the help or version. Fails with clap's error, shortened to one line.
#[cold]
pub fn help_or_error(error: &clap::Error, inputs: &Inputs) -> Result<Request, Error> {
    let text = match error.kind() {
        ErrorKind::DisplayHelp => painted_help(Colour::of(&inputs.variables)),
        _ => error.render().to_string(),
    };
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Ok(Request { action: Action::Print(text), ..Request::default() });
    }
    let mut message = rest_of_line(&text, "error: ").unwrap_or_else(|| text.clone());
    if message.ends_with(':')
        && let Some(missing) = text.lines().nth(1)
    {
        message = format!("{message} {}", missing.trim());
    }
    let hint = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => {
            Some(format!("use one of {}", values.join(", ")))
        }
        _ => None,
    };
    let hint = rest_of_line(&text, "tip: ").or(hint).or_else(|| value_apart(&inputs.arguments));
    Err(Error::CommandLine { message: message.trim_end().to_owned(), hint })
}

/// Returns the hint for a value that stands apart from its option, as in `--list json`.
fn value_apart(words: &[OsString]) -> Option<String> {
    let command = Cli::command();
    for pair in words.windows(2) {
        let [option, value] = pair else { continue };
        let Some(name) = option.strip_prefix("--") else { continue };
        for known in command.get_arguments() {
            if known.get_long().is_some_and(|long| name == long)
                && known.is_require_equals_set()
                && known.get_possible_values().iter().any(|known| value == known.get_name())
            {
                return Some(format!("use {}={}", option.display(), value.display()));
            }
        }
    }
    None
}

/// Returns the help in the terminal's width, as far as long lines read well.
fn painted_help(colour: Colour) -> String {
    let mut text = String::new();
    for line in help(terminal_width().unwrap_or(80).min(100)).lines() {
        let is_head = line.ends_with(':') && !line.starts_with(' ');
        text += &if is_head { colour.paint_head(line, &stdout()) } else { line.to_owned() };
        text.push('\n');
    }
    text
}

fn rest_of_line(text: &str, start: &str) -> Option<String> {
    Some(text.lines().find_map(|line| line.trim_start().strip_prefix(start))?.into())
}
