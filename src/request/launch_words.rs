//! Reads the command line of a plain launch without clap: making clap's table of options costs as much as the rest of
//! the launch. clap reads each command line that this file leaves to it, and so writes all messages.

use std::ffi::{OsStr, OsString};

use clap_lex::OsStrExt;

use crate::cli::{Cli, LEAST_DESCRIPTOR, Slot};

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
        let (name, value) = name_and_value(option);
        match (cli.slot(name.to_str()?)?, value, rest) {
            (Slot::Flag(flag), None, _) => replace(flag, true)?,
            (slot, Some(value), _) => fill(slot, value)?,
            (slot, None, [value, after @ ..]) => {
                rest = after;
                fill(slot, value)?;
            }
            _ => return None,
        }
    }
    cli.arguments = rest.to_vec();
    Some(cli)
}

/// Splits an option at its `=`, if it has one.
pub fn name_and_value(option: &OsStr) -> (&OsStr, Option<&OsStr>) {
    match option.split_once("=") {
        Some((name, value)) => (name, Some(value)),
        None => (option, None),
    }
}

/// Reads the number of a descriptor that is no standard stream.
pub fn descriptor(text: &str) -> Option<u64> {
    let number = text.parse().ok()?;
    (number >= LEAST_DESCRIPTOR).then_some(number)
}

/// Fills an option's slot. Returns `None` for a value that clap may refuse, and for a repeated option.
fn fill(slot: Slot, value: &OsStr) -> Option<()> {
    if value.is_empty() || value.starts_with("-") {
        return None;
    }
    let text = value.to_str();
    match slot {
        Slot::Flag(_) => None,
        Slot::Text(slot) => replace(slot, Some(value.into())),
        Slot::Word(slot) => replace(slot, Some(text?.into())),
        Slot::Path(slot) => replace(slot, Some(value.into())),
        Slot::Id(slot) => replace(slot, Some(text?.parse().ok()?)),
        Slot::Descriptor(slot) => replace(slot, Some(descriptor(text?)?)),
        Slot::List(list) => {
            list.push(value.into());
            Some(())
        }
    }
}

/// Sets a value that has its default; `None` for a second one.
fn replace<T: Default + PartialEq>(slot: &mut T, value: T) -> Option<()> {
    (std::mem::replace(slot, value) == T::default()).then_some(())
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
