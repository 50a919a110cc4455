//! The request of `--each`.

use std::ffi::{OsStr, OsString};

use clap_lex::OsStrExt;

use crate::cli::Cli;
use crate::environment::value_of;
use crate::error::Error;
use crate::inputs::Inputs;

/// A run for each project.
#[derive(Debug, PartialEq, Eq)]
pub struct Each {
    /// Runs at once.
    pub jobs: usize,
    /// The glob that a project's name has to match.
    pub pattern: Option<String>,
    /// The launcher's arguments for one project, without the option that chooses it.
    pub words: Vec<OsString>,
    /// Set `PYTHONUNBUFFERED`, because the caller does not set it.
    pub unbuffered: bool,
}

impl Each {
    /// Returns the run that the command line asks for; `None` without `--each`.
    pub fn of(cli: &Cli, inputs: &Inputs) -> Result<Option<Self>, Error> {
        let Some(jobs) = cli.each else {
            return match cli.matching {
                Some(_) => Err(wrong_use("--match needs --each")),
                None => Ok(None),
            };
        };
        let Some(first) = cli.arguments.first() else {
            return Err(wrong_use("--each has no program to run"));
        };
        if let Some(number) = first.to_str().filter(|word| word.parse::<usize>().is_ok()) {
            let message = format!("--each takes its number after '=': '{number}'");
            let hint = Some(format!(
                "use --each={number} for {number} runs at once, or ./{number} for a script of that name"
            ));
            return Err(Error::CommandLine { message, hint });
        }
        let own = inputs.arguments.strip_suffix(cli.arguments.as_slice()).unwrap_or_default();
        let mut words = options_of_one(own);
        words.push("--".into());
        words.extend_from_slice(&cli.arguments);
        let unbuffered = value_of(&inputs.variables, OsStr::new("PYTHONUNBUFFERED")).is_none();
        Ok(Some(Each { jobs: jobs.get(), pattern: cli.matching.clone(), words, unbuffered }))
    }
}

fn wrong_use(message: &str) -> Error {
    Error::CommandLine { message: message.into(), hint: None }
}

/// Removes the options that concern all projects together.
fn options_of_one(own: &[OsString]) -> Vec<OsString> {
    let mut words = own.iter().filter(|word| *word != "--");
    let mut options = Vec::new();
    while let Some(word) = words.next() {
        if word == "--match" || word == "--pipeline" {
            // Its value is the next word.
            words.next();
        } else if !["--each", "--match=", "--pipeline="].iter().any(|start| word.starts_with(start))
        {
            options.push(word.clone());
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_all_projects_are_removed() {
        let words = |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let own = "--clean --each=4 --match a* --env A=--each --pipeline Dev --match=x --exclusive=wait --";
        assert_eq!(options_of_one(&words(own)), words("--clean --env A=--each --exclusive=wait"));
    }
}
