//! Reads the command line of a plain launch without clap: making clap's table of options costs as much as the rest of
//! the launch. clap reads each command line that this file leaves to it, and so writes all messages.

use std::ffi::{OsStr, OsString};

use clap_lex::OsStrExt;

use crate::cli::Cli;

/// Returns the options and Python's arguments as clap does; `None` for another option, an odd value or a mistake.
pub fn read(words: &[OsString]) -> Option<Cli> {
    let mut cli = Cli::default();
    let mut rest = words;
    while let [word, after @ ..] = rest
        && let Some(option) = word.strip_prefix("--")
    {
        rest = after;
        if option.is_empty() {
            break;
        }
        let (name, value) = match option.split_once("=") {
            Some((name, value)) => (name.to_str()?, Some(value)),
            None => (option.to_str()?, None),
        };
        let is_new = match (flag(name, &mut cli), value, rest) {
            (Some(flag), None, _) => !std::mem::replace(flag, true),
            (None, Some(value), _) => set(name, value, &mut cli)?,
            (None, None, [value, after @ ..]) => {
                rest = after;
                set(name, value, &mut cli)?
            }
            _ => return None,
        };
        if !is_new {
            return None;
        }
    }
    cli.arguments = rest.to_vec();
    Some(cli)
}

fn flag<'a>(name: &str, cli: &'a mut Cli) -> Option<&'a mut bool> {
    Some(match name {
        "clean" => &mut cli.clean,
        "pin-config" => &mut cli.pin_config,
        "refresh" => &mut cli.refresh,
        "warm" => &mut cli.warm,
        _ => return None,
    })
}

/// Sets an option, and returns whether it may be set: most options may not be repeated.
fn set(name: &str, value: &OsStr, cli: &mut Cli) -> Option<bool> {
    if value.is_empty() || value.starts_with("-") {
        return None;
    }
    let word = value.to_owned();
    Some(match name {
        "project" => cli.project.replace(word).is_none(),
        "project-id" => cli.project_id.replace(value.to_str()?.parse().ok()?).is_none(),
        "config" => cli.config.replace(word.into()).is_none(),
        "path" => cli.path.replace(word.into()).is_none(),
        "pipeline" => cli.pipeline.replace(word.into_string().ok()?).is_none(),
        "python" => cli.python.replace(word).is_none(),
        "engine" => cli.engine.replace(word.into_string().ok()?).is_none(),
        "status-fd" => {
            let number = value.to_str()?.parse().ok().filter(|number| *number > 2)?;
            cli.status_fd.replace(number).is_none()
        }
        "env" => push(word, &mut cli.env),
        "keep" => push(word, &mut cli.keep),
        "unset" => push(word, &mut cli.unset),
        _ => return None,
    })
}

fn push(word: OsString, list: &mut Vec<OsString>) -> bool {
    list.push(word);
    true
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const WORDS: [&str; 34] = [
        "--project",
        "--project=a",
        "--project-id",
        "--project-id=7",
        "--config",
        "--path=/x",
        "--pipeline=Dev",
        "--pipeline",
        "--python",
        "--engine",
        "--engine=e",
        "--status-fd",
        "--status-fd=5",
        "--env",
        "--env=A=1",
        "--keep=A",
        "--unset",
        "--clean",
        "--clean=1",
        "--pin-config",
        "--refresh",
        "--warm",
        "--explain",
        "--list",
        "--each=2",
        "--unknown",
        "--",
        "-",
        "-c",
        "",
        "x.py",
        "12",
        "-7",
        "é",
    ];

    #[test]
    fn words_mean_the_same_to_clap() {
        let words = prop::collection::vec(select(&WORDS[..]), 0..6);
        proptest!(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() }, |(words in words)| {
            let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
            if let Some(cli) = read(&words) {
                let all = std::iter::once("sgtk-python".into()).chain(words);
                let expected = Cli::try_parse_from(all).map_err(|error| error.to_string());
                prop_assert_eq!(format!("{:?}", Ok::<_, String>(cli)), format!("{:?}", expected));
            }
        });
    }

    #[test]
    fn plain_launches_need_no_clap() {
        let is_read =
            |line: &str| read(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).is_some();
        assert!(is_read("--project a --pipeline=Dev --env A=1 --warm x.py --list"));
        assert!(
            is_read("--status-fd 5 --project-id 7 -m x")
                && is_read("--clean -- --odd")
                && is_read("x.py")
        );
        for left in [
            "--list",
            "--project",
            "--project a --project b",
            "--warm=1",
            "--prject a",
            "--status-fd 1",
        ] {
            assert!(!is_read(left), "{left}");
        }
    }
}
