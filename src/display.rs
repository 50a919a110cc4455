//! Prints paths, names and texts from outside on one line.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter, Write};

/// Characters; the rest of a value is cut.
const LONGEST: usize = 400;

/// A value that prints on one line: U+FFFD for bytes that are not Unicode, control characters escaped, a long
/// value cut.
pub struct Printable<'a>(Cow<'a, str>);

impl<'a> Printable<'a> {
    pub fn new(value: &'a (impl AsRef<OsStr> + ?Sized)) -> Self {
        Printable(value.as_ref().to_string_lossy())
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

/// Returns false for control characters, format characters and line separators: they break a line, change the
/// order of its characters, or hide.
pub fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
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
    fn long_value_is_cut() {
        assert_eq!(
            Printable::new(&"x".repeat(10_000)).to_string().chars().count(),
            super::LONGEST + 1
        );
    }
}
