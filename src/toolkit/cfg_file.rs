//! The one-line `.cfg` files, `core_<OS>.cfg` and `interpreter_<OS>.cfg`, as Python's text mode and
//! `str.strip` read them.

use std::path::Path;

use crate::disk::{self, FileProblem};
use crate::error::Error;

/// The largest file that is read, in bytes; no path is as long.
const LARGEST: u64 = 64 * 1024;

/// Returns the file's text, stripped; `None` if there is no such file. Fails on text that cannot be a path.
pub fn read(file: &Path) -> Result<Option<String>, Error> {
    read_stripped(file).map_err(|problem| Error::of_file(file, problem))
}

fn read_stripped(file: &Path) -> Result<Option<String>, FileProblem> {
    let Some(text) = disk::read_up_to(LARGEST, file)? else { return Ok(None) };
    Ok(Some(stripped(&text)?))
}

/// Returns a file's text as Python reads and strips it. Fails on text that cannot be a path.
pub fn stripped(text: &str) -> Result<String, FileProblem> {
    let stripped = text.trim_matches(is_space);
    if stripped.starts_with('\u{feff}') {
        return Err(FileProblem::ByteOrderMark);
    }
    if stripped.is_empty() {
        return Err(FileProblem::Empty);
    }
    if stripped.contains('\0') {
        return Err(FileProblem::Nul);
    }
    // Universal line ends (Python's `io.TextIOWrapper`).
    Ok(stripped.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Returns true for the characters that Python's `str.isspace` names: Unicode's white space and four more
/// separators.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

#[cfg(test)]
mod tests {
    use super::stripped;

    #[test]
    fn text_is_stripped_as_python_does() {
        for text in ["a b", " a b\r\n", "\u{1c}\u{1f}a b\u{a0}\u{3000}\n\n", "\ta b\u{85}"] {
            assert_eq!(stripped(text).unwrap(), "a b", "{text:?}");
        }
        assert_eq!(stripped("a\r\nb\rc\n").unwrap(), "a\nb\nc");
        assert_eq!(stripped("\u{200b}a").unwrap(), "\u{200b}a");
    }

    #[test]
    fn text_that_is_no_path_is_refused() {
        for text in ["", " \r\n", "\u{feff}/x", "/x\0y"] {
            assert!(stripped(text).is_err(), "{text:?}");
        }
    }
}
