//! Checks of what is printed.

use crate::display::is_plain;
use crate::error::Error;

/// Checks that a text prints on one line, and hides nothing.
pub fn check_line(text: &str) {
    assert!(text.chars().all(is_plain), "{text:?} does not print on one line");
}

/// Checks that an error and its hint print on one line each.
pub fn check_error(error: &Error) {
    let report = error.report();
    check_line(&report.message);
    check_line(report.hint.as_deref().unwrap_or_default());
}
