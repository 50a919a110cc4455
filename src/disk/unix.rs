//! What Unix tells of a file.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::{AccessFlags, access};

/// What tells one file or folder from all others: its device and number.
pub type Identity = (u64, u64);

/// The identity of what a path leads to.
pub fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).map(|found| (found.dev(), found.ino())).ok()
}

/// Opens without waiting for a named pipe's writer.
pub fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits()).open(path)
}

/// Whether reading it may wait for another process.
pub fn is_special(found: &Metadata) -> bool {
    found.file_type().is_fifo() || found.file_type().is_socket()
}

/// Whether the system would let this process run a file.
pub fn may_execute(path: &Path) -> bool {
    access(path, AccessFlags::X_OK).is_ok()
}

/// What changes whenever a file's content does, and the time of the last change in seconds.
pub fn signature(found: &Metadata) -> ([i128; 6], i64) {
    let numbers = [
        found.dev().into(),
        found.ino().into(),
        found.size().into(),
        i128::from(found.mtime()) << 32 | i128::from(found.mtime_nsec()),
        i128::from(found.ctime()) << 32 | i128::from(found.ctime_nsec()),
        0,
    ];
    (numbers, found.mtime().max(found.ctime()))
}

/// Whether everybody may write to a file or folder. (In one with the sticky bit, only to their own.)
pub fn is_open_to_all(found: &Metadata) -> bool {
    found.mode() & 0o1002 == 0o002
}

/// The path that these bytes are.
pub fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    Some(OsString::from_vec(bytes).into())
}
