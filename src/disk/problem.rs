//! The reasons why a file cannot be used, and their text.

use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind};

use super::trust::Distrust;
use crate::display::Printable;

/// A reason why a file cannot be used.
#[derive(Debug)]
pub enum FileProblem {
    Io(io::Error),
    Missing,
    DanglingLink,
    Folder,
    /// The most bytes that it may hold.
    TooLarge(u64),
    /// A pipe or socket; in the place of a lock all but a file.
    Special,
    /// The offset of the first byte that is not UTF-8.
    NotUtf8(usize),
    /// It holds a secret, and others may read it.
    OpenToOthers,
    /// It decides what runs, and others may write it.
    Untrusted(Distrust),
    /// Toolkit would take the mark for part of the path.
    ByteOrderMark,
    Empty,
    Nul,
    Lacks(&'static str),
    /// The parser's message.
    NotYaml(String),
}

impl Display for FileProblem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            FileProblem::Io(error) => write!(f, "cannot read ({})", IoMessage(error)),
            FileProblem::Missing => f.write_str("file does not exist"),
            FileProblem::DanglingLink => f.write_str("link to a file that does not exist"),
            FileProblem::Folder => f.write_str("folder in the place of a file"),
            FileProblem::TooLarge(most) => {
                write!(f, "file is larger than {} KiB", most / 1024)
            }
            FileProblem::Special => f.write_str("not a regular file"),
            FileProblem::OpenToOthers => f.write_str("file with a key can be read by other users"),
            FileProblem::Untrusted(why) => write!(f, "file does not count, {why}"),
            FileProblem::NotUtf8(at) => write!(f, "file is not UTF-8 text (byte {})", at + 1),
            FileProblem::ByteOrderMark => f.write_str("file starts with a byte order mark"),
            FileProblem::Empty => f.write_str("file is empty"),
            FileProblem::Nul => f.write_str("file contains a NUL byte"),
            FileProblem::Lacks(what) => write!(f, "file lacks {what}"),
            FileProblem::NotYaml(why) => {
                write!(f, "file is not valid YAML ({})", Printable::new(why))
            }
        }
    }
}

/// The text of a system's error, without Rust's `(os error 13)` and the full stop that Windows' texts have.
pub struct IoMessage<'a>(pub &'a io::Error);

impl Display for IoMessage<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let text = text.split(" (os error").next().unwrap_or(&text);
        f.write_str(text.trim_end_matches('.'))
    }
}

/// Returns true if an error means that nothing is there; false if something cannot be reached.
pub fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
    )
}
