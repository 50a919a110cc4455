//! The settings files: where they are, and what makes one invalid.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::disk::{self, FileProblem};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::os::Os;

/// The studio's settings file, beside the launcher or in `/etc`.
const FILE_NAME: &str = "sgtk-python.toml";

/// A settings file and the document in it.
type SettingsFile<T> = (PathBuf, T);

/// Reads the settings files that exist: the studio's, then the user's.
pub fn read_all<T: DeserializeOwned>(inputs: &Inputs) -> Result<Vec<SettingsFile<T>>, Error> {
    let mut files = Vec::new();
    if let Some(path) = inputs.variable("SGTK_PYTHON_SETTINGS").map(Path::new) {
        let path = inputs.location.absolute(path).ok_or_else(|| Error::no_directory(path))?;
        let file = read(path.clone())?;
        files.push(file.ok_or_else(|| Error::of_file(path, FileProblem::Missing))?);
    } else {
        files.extend(read_studio_file(inputs)?);
    }
    if let Some(path) = user_file(inputs) {
        match read(path) {
            // `su` and `cron` leave `HOME` as it was, and the other user's home is closed to this one.
            Err(Error::File { problem: FileProblem::Io(_), .. }) => {}
            file => files.extend(file?),
        }
    }
    Ok(files)
}

/// Reads the file beside the launcher, so that a share carries its own, else the machine's.
fn read_studio_file<T: DeserializeOwned>(
    inputs: &Inputs,
) -> Result<Option<SettingsFile<T>>, Error> {
    if let Some(path) = beside_launcher(inputs)
        && let Some(file) = read(path)?
    {
        return Ok(Some(file));
    }
    if cfg!(unix) { read(Path::new("/etc").join(FILE_NAME)) } else { Ok(None) }
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
fn read<T: DeserializeOwned>(path: PathBuf) -> Result<Option<SettingsFile<T>>, Error> {
    let text = disk::read(&path).map_err(|problem| Error::of_file(&path, problem))?;
    let Some(text) = text else { return Ok(None) };
    match toml::from_str(&text) {
        Ok(document) => Ok(Some((path, document))),
        Err(error) => Err(invalid(path, &text, &error)),
    }
}

/// Returns the error with its line and key.
fn invalid(path: PathBuf, text: &str, error: &toml::de::Error) -> Error {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let key = line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let message = without_value(error.message()).replace('\n', ", ");
    Error::Settings { path, line: before.matches('\n').count() + 1, key, message }
}

/// Removes the value that serde quotes, which may be a secret in a wrong place:
/// ``invalid type: integer `1`, expected a string``.
fn without_value(message: &str) -> String {
    let value = message.strip_prefix("invalid type: ").and_then(|rest| rest.find(['`', '"']));
    match (value, message.rsplit_once(", expected ")) {
        (Some(at), Some((_, expected))) => {
            let kind = message.get(..at + "invalid type: ".len()).unwrap_or_default();
            format!("{}, expected {expected}", kind.trim_end())
        }
        _ => message.to_owned(),
    }
}
