//! Python's `os.path.expandvars` and `os.path.expanduser`, to the letter, for each family of systems.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::environment::{Variables, value_of};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::origin::Origin;

#[cfg(any(windows, test))]
mod nt;
#[cfg(unix)]
mod posix;

#[cfg(windows)]
use nt as system;
#[cfg(unix)]
use posix as system;

/// Longer than any path: from here on variables are left as written.
const LONGEST: usize = 1024 * 1024;

/// Tells the value of a variable.
pub type Lookup<'a> = dyn FnMut(&str) -> Option<OsString> + 'a;

/// Replaces the variables that `text` names; one that has no value is left as written
/// (`os.path.expandvars`).
pub fn variables(text: &str, lookup: &mut Lookup) -> OsString {
    system::variables(text, lookup)
}

/// The same with the caller's variables, as text.
pub fn text(text: &str, variables: &Variables) -> String {
    if !text.contains(['$', '%']) {
        return text.to_owned();
    }
    let mut lookup = |name: &str| value_of(variables, name.as_ref()).map(OsStr::to_owned);
    self::variables(text, &mut lookup).to_string_lossy().into_owned()
}

/// A path in the settings, its variables expanded; a relative one is joined to the file's folder.
pub fn setting(text: &str, origin: &Origin, inputs: &Inputs) -> Result<PathBuf, Error> {
    let mut lookup = |name: &str| value_of(&inputs.variables, name.as_ref()).map(OsStr::to_owned);
    let path = PathBuf::from(home(self::variables(text, &mut lookup), &mut lookup));
    let path = origin.folder().map_or(path.clone(), |folder| folder.join(path));
    inputs.location.absolute(&path).ok_or_else(|| Error::no_directory(path))
}

/// Replaces `~` and `~name` at the start of a path; where there is no such home the path is left as
/// written (`os.path.expanduser`, with `/etc/passwd` for all the users there are).
pub fn home(path: OsString, lookup: &mut Lookup) -> OsString {
    system::home(path, lookup)
}
