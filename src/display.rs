//! Prints paths, names and texts from outside on one line, without passwords.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter, Write};

/// Characters; the rest of a value is cut.
const LONGEST: usize = 400;

/// Printed in place of a secret.
pub const HIDDEN: &str = "***";

/// A value that prints on one line: U+FFFD for bytes that are not Unicode, control characters escaped, passwords in
/// addresses hidden, a long value cut.
pub struct Printable<'a>(Cow<'a, str>);

impl<'a> Printable<'a> {
    pub fn new(value: &'a (impl AsRef<OsStr> + ?Sized)) -> Self {
        Printable(without_passwords(value.as_ref().to_string_lossy()))
    }
}

impl Display for Printable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(LONGEST) {
            if is_plain(character) {
                f.write_char(character)?;
            } else {
                Display::fmt(&character.escape_default(), f)?;
            }
        }
        if characters.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}

/// Returns a value between two texts; nothing without a value.
pub fn between(before: &str, value: Option<impl Display>, after: &str) -> String {
    match value {
        Some(value) => format!("{before}{value}{after}"),
        None => String::new(),
    }
}

/// Returns a text with [`HIDDEN`] in place of the password in each address, such as `http://user:password@host` (RFC 3986).
pub fn without_passwords(text: Cow<str>) -> Cow<str> {
    if !text.contains("://") {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while let Some((before, address)) = rest.split_once("://") {
        shown.extend([before, "://"]);
        rest = address;
        if let Some((user, host)) = around_password(address) {
            shown.extend([user, ":", HIDDEN, "@"]);
            rest = host;
        }
    }
    shown.push_str(rest);
    shown.into()
}

/// Returns the parts of an address before and after `:password@`; `None` if it has no password.
fn around_password(address: &str) -> Option<(&str, &str)> {
    let word = address.split(char::is_whitespace).next()?;
    let authority = word.split('/').next()?;
    let (user, rest) = authority.split_once(':')?;
    // A password may hold a `/`, as in Python's `urllib`; a port and the end of `[::1]` may not.
    let is_port = rest.bytes().all(|byte| byte.is_ascii_digit());
    let place = match authority.rfind('@') {
        None if !is_port && !user.starts_with('[') => word.split("://").next()?.rfind('@'),
        place => place,
    };
    let end = place.filter(|end| *end > user.len() + 1)?;
    Some((user, address.get(end + 1..)?))
}

/// Returns false for control characters, line separators and characters that need not be shown (Unicode:
/// `Default_Ignorable_Code_Point`): they break a line, change the order of its characters, or hide.
pub fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::Printable;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            Printable::new("a\nb\u{1b}[31m\u{feff}").to_string(),
            "a\\nb\\u{1b}[31m\\u{feff}"
        );
    }

    #[test]
    fn passwords_in_addresses_are_hidden() {
        for (text, shown) in [
            ("https://user:secret@host/a:b@c", "https://user:***@host/a:b@c"),
            (
                "x http://u:p@h y ftp://me@studio.com:a@b:c@h,",
                "x http://u:***@h y ftp://me@studio.com:***@h,",
            ),
            ("http://:p@h,http://u:p@h", "http://:***@h,http://u:***@h"),
            (
                "http://h:80/a@b http://u@h:80 http://u:@h x:y@z",
                "http://h:80/a@b http://u@h:80 http://u:@h x:y@z",
            ),
            (
                "http://u:a/b@h,http://u:a/b@h http://[::1]:80/a@b http://h:/a@b",
                "http://u:***@h,http://u:***@h http://[::1]:80/a@b http://h:/a@b",
            ),
        ] {
            assert_eq!(Printable::new(text).to_string(), shown);
        }
    }

    #[test]
    fn long_value_is_cut() {
        assert_eq!(
            Printable::new(&"x".repeat(10_000)).to_string().chars().count(),
            super::LONGEST + 1
        );
    }
}
