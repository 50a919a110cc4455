//! One-line files whose text their readers read differently. There are five of them: tk-core, this
//! launcher, the `tank` command (a shell script), `tank.bat` and the API proxy.

use std::path::Path;

use super::{Check, Finding};
use crate::disk;

/// What a file names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A core's root.
    Core,
    /// A Python.
    Python,
}

/// What is odd about a file's text. (What no reader could use is another check's.)
pub fn read(file: &Path, meaning: Meaning) -> Vec<Finding> {
    let Ok(Some(text)) = disk::read(file) else { return Vec::new() };
    let plain = "write the path alone, on one line";
    let finding =
        |problem: &str, advice: &str| Finding::new(Check::Texts, problem, advice).in_file(file);
    odd(&text, meaning).into_iter().map(|problem| finding(problem, plain)).collect()
}

fn odd(text: &str, meaning: Meaning) -> Vec<&'static str> {
    let path = text.trim();
    let line = text.strip_suffix('\n').unwrap_or(text);
    let is_odd = [
        (text.contains('\r'), "Windows line ends: 'tank' reads them as part of the path"),
        (path.contains('\n'), "more than one line: only some readers use the first one"),
        (
            line.trim_end_matches('\r') != path,
            "space around the path: 'tank' reads the space as part of the path",
        ),
        (
            path.contains(' ') && meaning == Meaning::Python,
            "a space in the path: 'tank' reads the rest as an argument",
        ),
        (path.contains(['"', '\'']), "quotes: only 'tank' removes them"),
        (path.contains("$(") || path.contains('`'), "a command: only 'tank' runs it"),
    ];
    is_odd.into_iter().filter_map(|(is, problem)| is.then_some(problem)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_odd() {
        for (text, part) in [
            ("/a\r\n", "Windows"),
            ("/a\n/b\n", "more than one line"),
            (" /a\n", "space around"),
            ("/a \n", "space around"),
            ("/a b", "a space in"),
            ("'/a'", "quotes"),
            ("/a/$(b)", "a command"),
            ("`b`", "a command"),
        ] {
            let found = odd(text, Meaning::Python);
            assert!(matches!(&found[..], [one] if one.contains(part)), "{text:?}: {found:?}");
        }
        for text in ["/a", "/a\n", "$A/${B}\n", "~/x", "C:\\a\\b\n"] {
            assert!(odd(text, Meaning::Python).is_empty(), "{text:?}");
        }
        assert!(odd("/a b\n", Meaning::Core).is_empty());
    }
}
