//! The settings files: where they are, and what makes one invalid.

use std::path::{Path, PathBuf};

use log::warn;
use serde::de::DeserializeOwned;

use crate::disk::{self, Distrust, FileProblem};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::os::Os;
use crate::suggest::suggest;

/// The studio's settings file, beside the launcher or in `/etc`.
const FILE_NAME: &str = "sgtk-python.toml";

const ABOVE_ZERO: &str = "a whole number above zero";

/// Errors of the TOML parser, and the words for them here.
const SYNTAX: [(&str, &str); 5] = [
    ("duplicate key", "the key is there twice"),
    ("key with no value", "a key without '=' and a value"),
    ("string values must be quoted", "text needs quotes"),
    ("unclosed array", "']' is missing at the end of the list"),
    ("unclosed table", "']' is missing at the end of the table's name"),
];

/// A settings file and the document in it.
type SettingsFile<T> = (PathBuf, T);

/// The settings files that exist.
pub struct SettingsFiles<T> {
    /// The studio's, then the user's.
    pub read: Vec<SettingsFile<T>>,
    /// The reasons why others do not count, each with its path.
    pub untrusted: Vec<Error>,
}

impl<T: DeserializeOwned> SettingsFiles<T> {
    /// Reads the files. Fails if one is invalid, or if the one that `SGTK_PYTHON_SETTINGS` names is missing or not
    /// trusted. Another untrusted file is passed over with a warning.
    pub fn read(inputs: &Inputs) -> Result<Self, Error> {
        let mut files = SettingsFiles { read: Vec::new(), untrusted: Vec::new() };
        if let Some(path) = inputs.variable("SGTK_PYTHON_SETTINGS") {
            let path = inputs.location.need_absolute(path.as_ref())?;
            let file = read(path.clone(), inputs)?;
            files.read.push(file.ok_or_else(|| Error::of_file(path, FileProblem::Missing))?);
        } else {
            files.add_studio_file(inputs)?;
        }
        if let Some(path) = user_file(inputs) {
            let studios = files.read.len();
            match files.add(path.clone(), inputs) {
                // Root has made it there, with a text that the other user may have chosen.
                Ok(true) if inputs.is_in_home_of_another(&path) => {
                    files.read.truncate(studios);
                    let problem = FileProblem::Untrusted(Distrust::Home);
                    files.pass_over(Error::of_file(path, problem));
                }
                // `su` and `cron` leave `HOME` as it was, and the other user's home is closed to this one.
                Ok(_) | Err(Error::File { problem: FileProblem::Io(_), .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }

    /// Adds the file beside the launcher, so that a share carries its own, else the machine's.
    fn add_studio_file(&mut self, inputs: &Inputs) -> Result<(), Error> {
        if let Some(path) = beside_launcher(inputs)
            && self.add(path, inputs)?
        {
            return Ok(());
        }
        if cfg!(unix) {
            self.add(Path::new("/etc").join(FILE_NAME), inputs)?;
        }
        Ok(())
    }

    /// Adds a file. Returns false if it does not exist or does not count.
    fn add(&mut self, path: PathBuf, inputs: &Inputs) -> Result<bool, Error> {
        match read(path, inputs) {
            Ok(file) => {
                let is_there = file.is_some();
                self.read.extend(file);
                Ok(is_there)
            }
            Err(error @ Error::File { problem: FileProblem::Untrusted(_), .. }) => {
                self.pass_over(error);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn pass_over(&mut self, error: Error) {
        warn!("{error}");
        self.untrusted.push(error);
    }
}

/// Returns the path of the file beside the launcher, which need not exist.
pub fn beside_launcher(inputs: &Inputs) -> Option<PathBuf> {
    let launcher = inputs.location.launcher.as_ref()?;
    Some(launcher.with_file_name(FILE_NAME))
}

/// Returns the user's file (XDG Base Directory Specification); `None` without a home folder, which is normal.
fn user_file(inputs: &Inputs) -> Option<PathBuf> {
    let folder = match (inputs.folder("XDG_CONFIG_HOME"), Os::CURRENT) {
        (Some(folder), _) => folder,
        (None, Os::Windows) => inputs.folder("APPDATA")?,
        (None, _) => inputs.folder("HOME")?.join(".config"),
    };
    Some(folder.join("sgtk-python").join("settings.toml"))
}

/// Reads one file; `None` if it does not exist.
fn read<T: DeserializeOwned>(
    path: PathBuf,
    inputs: &Inputs,
) -> Result<Option<SettingsFile<T>>, Error> {
    let text = disk::read_trusted(&path, inputs.location.launcher.as_deref());
    let text = text.map_err(|problem| Error::of_file(&path, problem))?;
    let Some(text) = text else { return Ok(None) };
    let document = parse(&path, &text)?;
    Ok(Some((path, document)))
}

#[cold]
pub fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| invalid(path.to_owned(), text, &error))
}

/// Returns the error with its line and key.
fn invalid(path: PathBuf, text: &str, error: &toml::de::Error) -> Error {
    let at = error.span().unwrap_or_default().start.min(text.len());
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let key = match line.split_once('=') {
        Some((key, _)) if !key.trim().is_empty() => Some(key.trim().to_owned()),
        _ => None,
    };
    let line = before.matches('\n').count() + 1;
    if let Some((key, near)) = unknown_key(error.message()) {
        let message = "unknown key".to_owned();
        return Error::Settings { path, line, key: Some(key), message, near };
    }
    let message = in_our_words(error.message()).replace('\n', ", ");
    Error::Settings { path, line, key, message, near: None }
}

/// Returns the key in serde's ``unknown field `rots`, expected one of `roots`, `studio` ``, and a known one like it.
fn unknown_key(message: &str) -> Option<(String, Option<String>)> {
    let mut words = message.strip_prefix("unknown field `")?.split('`');
    let key = words.next()?.to_owned();
    let known = words.skip(1).step_by(2).map(String::from);
    let near = suggest(&key, known).into_iter().next();
    Some((key, near))
}

/// Returns a message of serde or of the TOML parser in the words of the documentation, without the value that serde
/// quotes: it may be a secret in a wrong place. ``invalid type: integer `1`, expected a string``.
fn in_our_words(message: &str) -> String {
    let types = ["invalid type: ", "invalid value: "];
    let found = types.iter().find_map(|start| message.strip_prefix(start));
    if let (Some(found), Some((_, expected))) = (found, message.rsplit_once(", expected ")) {
        let found = our_word(found.split([' ', '`', ',']).next().unwrap_or_default());
        return match our_word(expected) {
            expected @ ABOVE_ZERO if found == "a number" => format!("expected {expected}"),
            expected => format!("expected {expected}, found {found}"),
        };
    }
    let syntax = message.split(", expected ").next().unwrap_or_default();
    match SYNTAX.iter().find(|(theirs, _)| *theirs == syntax) {
        Some((_, ours)) => (*ours).into(),
        None => message.replace('`', "'"),
    }
}

/// Returns the word of the documentation for one of serde's.
fn our_word(word: &str) -> &str {
    match word {
        "a string" | "string" => "text in quotes",
        "a sequence" | "sequence" => "a list in brackets",
        "a map" | "map" => "a table",
        "a boolean" | "boolean" => "true or false",
        "a nonzero u32" => ABOVE_ZERO,
        "integer" | "floating" => "a number",
        "datetime" => "a date",
        word if word.starts_with("struct ") => "a table",
        word => word,
    }
}
