//! How a path, a name or a text from outside is shown to a person: on one line, whatever it holds.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter, Write};

/// The most characters of one value that a message shows.
const LONGEST: usize = 400;

/// Shows a value in one line: U+FFFD for bytes that are not Unicode, control characters escaped,
/// the end of an overlong value left out.
pub struct Printable<'a>(Cow<'a, str>);

impl<'a> Printable<'a> {
    /// The value to show: a path, an [`OsStr`] or a text.
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

/// Whether a character can neither break the line, nor change how the rest of it is read, nor hide: no
/// control or format character and no line separator.
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
    fn stays_on_one_line() {
        assert_eq!(
            Printable::new("a\nb\u{1b}[31m\u{feff}").to_string(),
            "a\\nb\\u{1b}[31m\\u{feff}"
        );
    }

    #[test]
    fn is_cut() {
        assert_eq!(
            Printable::new(&"x".repeat(10_000)).to_string().chars().count(),
            super::LONGEST + 1
        );
    }
}
