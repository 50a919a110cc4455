//! Python's `os.path.expandvars` and `os.path.expanduser`, to the letter, for each family of systems.

use std::ffi::OsString;

#[cfg(any(windows, test))]
mod nt;
#[cfg(unix)]
mod posix;

#[cfg(windows)]
use nt as system;
#[cfg(unix)]
use posix as system;

/// Tells the value of a variable.
pub type Lookup<'a> = dyn FnMut(&str) -> Option<OsString> + 'a;

/// Replaces the variables that `text` names; one that has no value is left as written
/// (`os.path.expandvars`).
pub fn variables(text: &str, lookup: &mut Lookup) -> OsString {
    system::variables(text, lookup)
}

/// Replaces `~` and `~name` at the start of a path; where there is no such home the path is left as
/// written (`os.path.expanduser`, with `/etc/passwd` for all the users there are).
pub fn home(path: OsString, lookup: &mut Lookup) -> OsString {
    system::home(path, lookup)
}
