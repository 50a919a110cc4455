//! The one-line `.cfg` files, `core_<OS>.cfg` and `interpreter_<OS>.cfg`, as Python's text mode and
//! `str.strip` read them.

use std::path::Path;

use crate::disk::{self, FileProblem};
use crate::error::Error;

/// No path is nearly as long; a longer text could only be expanded without end.
const LARGEST: u64 = 64 * 1024;

/// The text of such a file, stripped; `None` where there is no such file. What is no text, or no
/// text that a path could be, is an error.
pub fn read(file: &Path) -> Result<Option<String>, Error> {
    match disk::read_up_to(LARGEST, file)
        .and_then(|text| text.map(|text| stripped(&text)).transpose())
    {
        Ok(text) => Ok(text),
        Err(problem) => Err(Error::of_file(file, problem)),
    }
}

fn stripped(text: &str) -> Result<String, FileProblem> {
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

/// What Python's `str.isspace` names: the characters that Unicode calls white space, and four
/// separators that it does not.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

#[cfg(test)]
mod tests {
    use super::stripped;

    #[test]
    fn strips_as_python_does() {
        for text in ["a b", " a b\r\n", "\u{1c}\u{1f}a b\u{a0}\u{3000}\n\n", "\ta b\u{85}"] {
            assert_eq!(stripped(text).unwrap(), "a b", "{text:?}");
        }
        assert_eq!(stripped("a\r\nb\rc\n").unwrap(), "a\nb\nc");
        assert_eq!(stripped("\u{200b}a").unwrap(), "\u{200b}a");
    }

    #[test]
    fn refuses_what_no_path_can_be() {
        for text in ["", " \r\n", "\u{feff}/x", "/x\0y"] {
            assert!(stripped(text).is_err(), "{text:?}");
        }
    }
}
