//! Python's `os.path.expandvars` and `os.path.expanduser`, to the letter, for each family of systems.

mod lookup;
#[cfg(any(windows, test, fuzzing))]
pub mod nt;
#[cfg(unix)]
pub mod posix;

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use crate::environment::{Variables, value_of};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::origin::Origin;

#[cfg(windows)]
use nt as system;
#[cfg(unix)]
use posix as system;

pub use lookup::Lookup;

/// Replaces the variables in a text; a variable without a value stays as written (`os.path.expandvars`).
pub fn variables(text: &str, lookup: &mut Lookup) -> OsString {
    system::variables(text, lookup)
}

/// The same with the caller's variables; bytes that are not UTF-8 become U+FFFD.
pub fn text(text: &str, variables: &Variables) -> String {
    if !text.contains(['$', '%']) {
        return text.to_owned();
    }
    let expanded = self::variables(text, &mut |name| owned_value(variables, name));
    expanded.to_string_lossy().into_owned()
}

/// Expands a path from the settings. A relative one is joined to the settings file's folder, and a `..` in it takes away
/// the part before, as text: no link is followed.
pub fn setting(text: &str, origin: &Origin, inputs: &Inputs) -> Result<PathBuf, Error> {
    let mut lookup = |name: &str| owned_value(&inputs.variables, name);
    let path = PathBuf::from(home(self::variables(text, &mut lookup), &mut lookup));
    let path = match origin.folder() {
        Some(folder) if path.is_relative() => without_dots(&folder.join(path)),
        _ => path,
    };
    inputs.location.need_absolute(&path)
}

/// Removes `.` and `..` from an absolute path by its text, because the path need not exist
/// (`os.path.normpath`).
pub fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::with_capacity(path.as_os_str().len());
    for part in path.components() {
        match part {
            Component::CurDir => {}
            // Above `/` is `/`.
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

fn owned_value(variables: &Variables, name: &str) -> Option<OsString> {
    Some(value_of(variables, name.as_ref())?.to_owned())
}

/// Replaces `~` and `~name` at the start of a path; a path without such a home folder stays as written
/// (`os.path.expanduser`; users are looked up in `/etc/passwd` alone).
pub fn home(path: OsString, lookup: &mut Lookup) -> OsString {
    system::home(path, lookup)
}
