//! What Windows tells of a file.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::windows::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What tells one file or folder from all others: its final path.
pub type Identity = PathBuf;

/// The identity of what a path leads to.
#[expect(clippy::disallowed_methods, reason = "compared, never used as a path")]
pub fn identity(path: &Path) -> Option<Identity> {
    fs::canonicalize(path).ok()
}

/// Opens a file.
pub fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Whether reading it may wait for another process: not what has a path like a file's.
pub fn is_special(_found: &Metadata) -> bool {
    false
}

/// Whether the system would let this process run a file: it tells only when it is tried.
pub fn may_execute(_path: &Path) -> bool {
    true
}

/// What changes whenever a file's content does, and the time of the last change in seconds.
pub fn signature(found: &Metadata) -> ([i128; 6], i64) {
    // In units of 100 ns since 1601 (FILETIME).
    let written = found.last_write_time();
    let numbers = [found.file_size().into(), written.into(), found.creation_time().into(), 0, 0, 0];
    let seconds = i64::try_from(written / 10_000_000).unwrap_or(i64::MAX);
    (numbers, seconds.saturating_sub(11_644_473_600))
}

/// Whether everybody may write to a file or folder: access lists are not looked at.
pub fn is_open_to_all(_found: &Metadata) -> bool {
    false
}

/// The path that these bytes are.
pub fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    String::from_utf8(bytes).ok().map(PathBuf::from)
}
