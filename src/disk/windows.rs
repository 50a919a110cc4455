//! Files on Windows. No access list is read but that of a file with a key: a user's folders are taken for closed.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::windows::io::{FromRawHandle, RawHandle};
use std::path::{Path, PathBuf};

use windows_sys::Win32::Foundation::{FALSE, HANDLE_FLAG_INHERIT, SetHandleInformation};

use super::opened::{Opened, OpenedBy};
use super::problem::{FileProblem, is_missing};

pub use super::access_list::is_open_to_others;

/// Returns the final path of a file or folder; `None` if there is none. It identifies it on this machine.
#[expect(clippy::disallowed_methods, reason = "compared, never used as a path")]
pub fn file_id(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// Returns true if a path leads to `file`.
pub fn leads_to(path: &Path, _data: &Metadata, file: &Path) -> bool {
    file_id(path).is_some_and(|id| file_id(file) == Some(id))
}

pub fn open(path: &Path) -> Result<Opened, FileProblem> {
    match File::open(path) {
        Ok(file) => Opened::new(file, OpenedBy::Name).map_err(FileProblem::Io),
        Err(error) if !is_missing(&error) => Err(FileProblem::Io(error)),
        Err(_) if path.is_symlink() => Err(FileProblem::DanglingLink),
        Err(_) => Err(FileProblem::Missing),
    }
}

/// A file or stream of the process.
pub trait Output: Write {}

impl<T: Write> Output for T {}

/// Writes and flushes all bytes.
pub fn write_all(to: &mut impl Output, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Returns false: pipes have no paths among files.
pub fn is_special(_data: &Metadata) -> bool {
    false
}

/// Returns true: only running a program shows whether it may run.
pub fn may_execute(_path: &Path) -> bool {
    true
}

/// Creates a file with the rights of the user's folder. Fails if it exists, or its folder does not.
pub fn create_private(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(path)
}

/// Opens a file to lock or write it; creates it with the rights of the user's folder.
pub fn open_private(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Creates a folder and those above it, with the rights of the user's folder.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Does nothing: the launcher waits for Python, and its files stay open as long.
pub fn keep_open_in_exec(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Takes an inherited handle over for writing: a program that this process starts does not inherit it.
#[expect(unsafe_code, reason = "an inherited handle has no safe interface")]
pub fn take_over(number: u64) -> io::Result<File> {
    let number = usize::try_from(number).map_err(io::Error::other)?;
    let handle = number as RawHandle;
    // SAFETY: the call fails if the handle is not open.
    let done = unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) };
    if done == FALSE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is open, and the caller left it to this process.
    Ok(unsafe { File::from_raw_handle(handle) })
}

/// Creates a copy of the launcher, because a link needs a right that few users have.
pub fn make_shim(launcher: &Path, shim: &Path) -> io::Result<()> {
    fs::copy(launcher, shim).map(|_| ())
}

/// Returns true for the launcher of any version: a program that contains the name of this variable.
pub fn is_shim(path: &Path, _launcher: &Path) -> io::Result<bool> {
    const NAME: &[u8] = b"SGTK_PYTHON_CONFIG";
    let data = if path.is_file() { fs::read(path)? } else { Vec::new() };
    Ok(data.starts_with(b"MZ") && data.windows(NAME.len()).any(|window| window == NAME))
}

pub fn is_writable_by_all(_data: &Metadata) -> bool {
    false
}

pub fn is_sticky(_data: &Metadata) -> bool {
    false
}

pub fn is_closed_to_others(_data: &Metadata) -> bool {
    true
}

pub fn path_from_bytes(bytes: Vec<u8>) -> Option<PathBuf> {
    Some(String::from_utf8(bytes).ok()?.into())
}

/// Returns 0, the number of the user: every file counts as this user's.
pub fn owner(_data: &Metadata) -> u32 {
    0
}

/// Returns `None`: images are not made here.
pub fn network_kind(_folder: &Path) -> Option<&'static str> {
    None
}

/// Returns 0: Windows has no user numbers.
pub fn user_id() -> u32 {
    0
}
