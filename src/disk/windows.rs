//! What Windows tells of a file.

use std::fs::{self, File, Metadata};
use std::io;
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

/// Makes a file with the rights that the user's folder hands down; the folder above it has to be there.
pub fn create_private(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(path)
}

/// Opens a file to lock or write it, as above.
pub fn open_private(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Makes a folder and those above it, as above.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// The launcher waits for Python here, and so its files stay open as long.
pub fn inherit(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Makes another way to the launcher: a copy, for a link needs a right that few have. It takes the place
/// of an older one, and is there whole or not at all.
pub fn stand_in(program: &Path, path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() && !is_launcher(path)? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}", std::process::id()));
    let aside = PathBuf::from(aside);
    let made = fs::copy(program, &aside).and_then(|_| fs::rename(&aside, path));
    if made.is_err() {
        let _ = fs::remove_file(&aside);
    }
    made
}

/// Whether a file is the launcher of some version: a program that knows this variable's name.
fn is_launcher(path: &Path) -> io::Result<bool> {
    const NAME: &[u8] = b"SGTK_PYTHON_CONFIG";
    let data = if path.is_file() { fs::read(path)? } else { Vec::new() };
    Ok(data.starts_with(b"MZ") && data.windows(NAME.len()).any(|window| window == NAME))
}

/// Whether everybody may write to a file or folder: access lists are not looked at.
pub fn is_open_to_all(_found: &Metadata) -> bool {
    false
}

/// Whether others than the owner may read or write it: access lists are not looked at.
pub fn is_open_to_others(_found: &Metadata) -> bool {
    false
}

/// Whether only the owner and the group can reach what is in a folder: users' folders are closed.
pub fn is_closed_to_others(_found: &Metadata) -> bool {
    true
}

/// The path that these bytes are.
pub fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

/// The number of the user, which Windows has none of.
pub fn user_id() -> u32 {
    0
}
