//! The source of variables for an expansion, and its limit.

use std::ffi::OsString;

/// Returns the value of a variable; `None` if it is not set.
pub type Lookup<'a> = dyn FnMut(&str) -> Option<OsString> + 'a;

/// Bytes of expanded text after which variables stay as written; longer than any path.
pub const LONGEST: usize = 1024 * 1024;
