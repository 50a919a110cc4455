//! What `--each` asks for.

use std::ffi::{OsStr, OsString};

use clap_lex::OsStrExt;

use crate::cli::Cli;
use crate::environment::value_of;
use crate::error::Error;
use crate::inputs::Inputs;

/// What to run for each project.
#[derive(Debug, PartialEq, Eq)]
pub struct Each {
    /// How many at once.
    pub jobs: usize,
    /// The pattern that a project's name has to match.
    pub pattern: Option<String>,
    /// The launcher's words for one project, but for the option that chooses it: all that was said,
    /// without what is said of all projects together.
    pub words: Vec<OsString>,
    /// Whether Python is to keep nothing back of what it writes; not where the caller decides that.
    pub unbuffered: bool,
}

/// The options that are of all projects together, and whether their value may be a word of its own.
const OF_ALL: [(&str, bool); 3] = [("--each", false), ("--match", true), ("--pipeline", true)];

impl Each {
    /// What the command line asks for each project, if anything.
    pub fn of(cli: &Cli, inputs: &Inputs) -> Result<Option<Self>, Error> {
        let wrong = |message: &str| Error::CommandLine { message: message.into(), hint: None };
        let Some(jobs) = cli.each else {
            let misplaced = cli.matching.is_some();
            return if misplaced { Err(wrong("--match needs --each")) } else { Ok(None) };
        };
        if cli.arguments.is_empty() {
            return Err(wrong("--each has no program to run"));
        }
        if let Some(number) = cli.arguments.first().and_then(|word| word.to_str())
            && number.parse::<usize>().is_ok()
        {
            let message = format!("--each takes its number after '=': '{number}'");
            let hint = Some(format!(
                "use --each={number} for {number} runs at once, or ./{number} for a script of that name"
            ));
            return Err(Error::CommandLine { message, hint });
        }
        let own = inputs.arguments.len() - cli.arguments.len();
        let (own, pythons) = inputs.arguments.split_at_checked(own).unwrap_or_default();
        let mut words = of_one(own);
        let unbuffered = value_of(&inputs.variables, OsStr::new("PYTHONUNBUFFERED")).is_none();
        words.push("--".into());
        words.extend_from_slice(pythons);
        Ok(Some(Each { jobs: jobs.get(), pattern: cli.matching.clone(), words, unbuffered }))
    }
}

fn of_one(own: &[OsString]) -> Vec<OsString> {
    let mut words = own.iter().filter(|word| *word != "--");
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        let (name, value) =
            word.split_once("=").map_or((word.as_os_str(), None), |(n, v)| (n, Some(v)));
        match OF_ALL.iter().find(|(option, _)| name == *option) {
            Some((_, true)) if value.is_none() => drop(words.next()),
            Some(_) => {}
            None => kept.push(word.clone()),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_all_projects_stays_behind() {
        let words = |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let said = "--clean --each=4 --match a* --env A=--each --pipeline Dev --match=x --exclusive=wait --";
        assert_eq!(of_one(&words(said)), words("--clean --env A=--each --exclusive=wait"));
    }
}
