//! Python's `os.path.expandvars` and `os.path.expanduser`, to the letter, for each family of systems.

use std::ffi::{OsStr, OsString};

use crate::environment::{Variables, value_of};

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

/// Replaces `~` and `~name` at the start of a path; where there is no such home the path is left as
/// written (`os.path.expanduser`, with `/etc/passwd` for all the users there are).
pub fn home(path: OsString, lookup: &mut Lookup) -> OsString {
    system::home(path, lookup)
}
