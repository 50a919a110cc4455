//! The questions that the launcher asks of the disk: what a small text file says, whether a path
//! exists, whether two are one.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use std::fmt::{self, Display, Formatter};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::display::Printable;

pub use system::{
    identity, inherit, is_closed_to_others, is_open_to_all, path_of, stand_in, user_id,
};

/// The most bytes that such a file may hold: far more than any real one does.
const LARGEST: u64 = 1024 * 1024;

/// The same for a file with a secret, which is handed on through a pipe: those hold 64 KiB.
const LARGEST_SECRET: u64 = 16 * 1024;

/// What is wrong with a file.
#[derive(Debug)]
pub enum FileProblem {
    /// The system would not let it be read.
    Io(io::Error),
    /// It does not exist, and should.
    Missing,
    /// It is a link to nowhere.
    DanglingLink,
    /// It is a folder.
    Folder,
    /// It holds more than so many bytes.
    TooLarge(u64),
    /// It is a pipe or socket.
    Special,
    /// It is not UTF-8, from this byte on.
    NotUtf8(usize),
    /// Others than its owner may read it, and it holds a secret.
    OpenToOthers,
    /// It starts with a byte order mark, which Toolkit would take for part of the path.
    ByteOrderMark,
    /// It holds nothing but white space.
    Empty,
    /// It holds a NUL byte.
    Nul,
    /// It lacks something.
    Lacks(&'static str),
    /// It is no YAML, or does not say what it should; the reader's words.
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

/// A system's error without Rust's `(os error 13)` behind it.
pub struct IoMessage<'a>(pub &'a io::Error);

impl Display for IoMessage<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(text.split(" (os error").next().unwrap_or(&text))
    }
}

/// The text of a file of 1 MiB at the most, `None` where there is no such file.
pub fn read(path: &Path) -> Result<Option<String>, FileProblem> {
    read_up_to(LARGEST, path)
}

/// The text of a file that nobody but this user may read: one that holds a secret.
pub fn read_own(path: &Path) -> Result<Option<String>, FileProblem> {
    let Some(file) = open(path)? else { return Ok(None) };
    if file.metadata().is_ok_and(|found| system::is_open_to_others(&found)) {
        return Err(FileProblem::OpenToOthers);
    }
    text_of(bytes_of(file, LARGEST_SECRET)?).map(Some)
}

/// The text of a file of so many bytes at the most, `None` where there is no such file.
pub fn read_up_to(most: u64, path: &Path) -> Result<Option<String>, FileProblem> {
    bytes_up_to(most, path)?.map(text_of).transpose()
}

/// What a file of so many bytes at the most holds, `None` where there is no such file.
pub fn bytes_up_to(most: u64, path: &Path) -> Result<Option<Vec<u8>>, FileProblem> {
    open(path)?.map(|file| bytes_of(file, most)).transpose()
}

fn open(path: &Path) -> Result<Option<File>, FileProblem> {
    let file = match system::open(path) {
        Ok(file) => file,
        Err(error) if is_absence(&error) => return absent(path),
        Err(error) => return Err(FileProblem::Io(error)),
    };
    if file.metadata().is_ok_and(|found| system::is_special(&found)) {
        return Err(FileProblem::Special);
    }
    Ok(Some(file))
}

fn bytes_of(file: File, most: u64) -> Result<Vec<u8>, FileProblem> {
    // Windows will not even open a folder; elsewhere only reading one fails.
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| match error.kind() {
        ErrorKind::IsADirectory => FileProblem::Folder,
        _ => FileProblem::Io(error),
    })?;
    if bytes.len() as u64 > most { Err(FileProblem::TooLarge(most)) } else { Ok(bytes) }
}

fn text_of(bytes: Vec<u8>) -> Result<String, FileProblem> {
    String::from_utf8(bytes).map_err(|error| FileProblem::NotUtf8(error.utf8_error().valid_up_to()))
}

/// Writes a file of this user's own in the place of what was there: others read the old one or the new
/// one, never half of one.
pub fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    let aside = file.with_extension(format!("{}-{nanos}", std::process::id()));
    let written = in_private_folder(&aside, system::create_private)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&aside, file));
    written.inspect_err(|_| {
        let _ = fs::remove_file(&aside);
    })
}

/// Opens a file to lock or write it, which is made for this user alone with the folders above it.
pub fn open_private(path: &Path) -> io::Result<File> {
    in_private_folder(path, system::open_private)
}

/// Most times the folder is there, and need not be looked at.
fn in_private_folder(path: &Path, open: fn(&Path) -> io::Result<File>) -> io::Result<File> {
    match (open(path), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == ErrorKind::NotFound => {
            system::create_private_folder(folder)?;
            open(path)
        }
        (result, _) => result,
    }
}

/// Whether an error means that nothing is there, as opposed to something that cannot be reached.
pub fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
    )
}

/// Whether a path exists, links followed; an error if that cannot be told.
pub fn exists(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if is_absence(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether two paths lead to one file or folder.
pub fn is_same(one: &Path, other: &Path) -> bool {
    identity(one).is_some_and(|one| identity(other).as_ref() == Some(&one))
}

/// A path without links, the same by whatever way and on every machine that has it there; as it was where
/// that cannot be told. To compare, never to use.
#[expect(clippy::disallowed_methods, reason = "compared, never used as a path")]
pub fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Why a program cannot be run.
#[derive(Debug)]
pub enum Unfit {
    /// There is none.
    Missing,
    /// Of another reason.
    Because(String),
}

/// Why the program at a path cannot be run, as far as that can be told without running it.
pub fn unfit_to_run(path: &Path) -> Option<Unfit> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Some(Unfit::Because("it is a folder".into())),
        Ok(_) if !system::may_execute(path) => {
            Some(Unfit::Because("no permission to execute it".into()))
        }
        Ok(_) => None,
        Err(error) if is_absence(&error) => Some(Unfit::Missing),
        Err(error) => Some(Unfit::Because(IoMessage(&error).to_string())),
    }
}

/// A file that somebody linked and that is gone is a fault, not an absence: what holds in its
/// absence would be something else than what was meant.
fn absent(path: &Path) -> Result<Option<File>, FileProblem> {
    match fs::symlink_metadata(path) {
        Ok(link) if link.is_symlink() => Err(FileProblem::DanglingLink),
        _ => Ok(None),
    }
}
