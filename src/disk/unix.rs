//! What Unix tells of a file.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
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

/// Makes a file for this user alone; the folder above it has to be there.
pub fn create_private(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// Opens a file to lock or write it, which is this user's alone; the folder above it has to be there.
pub fn open_private(path: &Path) -> io::Result<File> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    options.open(path)
}

/// Makes a folder and those above it, for this user alone.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Lets a file stay open in the program that this process becomes.
pub fn inherit(file: &File) -> io::Result<()> {
    fcntl(file, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(())
}

/// Makes another way to the launcher: a link, also in the place of one to a launcher that was elsewhere.
pub fn stand_in(program: &Path, path: &Path) -> io::Result<()> {
    let is_to_a_launcher =
        |path| fs::read_link(path).is_ok_and(|target| target.file_name() == program.file_name());
    match symlink(program, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && is_to_a_launcher(path) => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".new");
            symlink(program, &aside).and_then(|()| fs::rename(aside, path))
        }
        made => made,
    }
}

/// Whether everybody may write to a file or folder. (With the sticky bit too they may add to a folder.)
pub fn is_open_to_all(found: &Metadata) -> bool {
    found.mode() & 0o002 != 0
}

/// Whether others than the owner may read or write it.
pub fn is_open_to_others(found: &Metadata) -> bool {
    found.mode() & 0o077 != 0
}

/// Whether only the owner and the group can reach what is in a folder.
pub fn is_closed_to_others(found: &Metadata) -> bool {
    found.mode() & 0o001 == 0
}

/// The number of the user whose files this process makes.
pub fn user_id() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// The path that these bytes are.
pub fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    Some(OsString::from_vec(bytes).into())
}
