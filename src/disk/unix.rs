//! Files on Unix.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{AtFlags, FcntlArg, FdFlag, OFlag, fcntl, openat};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::stat::{Mode, SFlag, fstat, fstatat};
#[cfg(target_os = "linux")]
use nix::sys::statfs::FsType;
use nix::unistd::{AccessFlags, Whence, access, lseek};

use super::opened::{Opened, OpenedBy};
use super::problem::{FileProblem, is_missing};
use crate::interrupt::retried;

/// Returns the device and inode of a file or folder, links followed; `None` if there is none. They identify it
/// on this machine.
pub fn file_id(path: &Path) -> Option<(u64, u64)> {
    Some(id_of(&fs::metadata(path).ok()?))
}

fn id_of(data: &Metadata) -> (u64, u64) {
    (data.dev(), data.ino())
}

/// Returns true if a path leads to `file`. Reads the path's metadata from `data`.
pub fn leads_to(_path: &Path, data: &Metadata, file: &Path) -> bool {
    file_id(file) == Some(id_of(data))
}

/// Opens a file to read it, without waiting for the writer of a named pipe. Follows a link with a second call: most
/// files that a launch looks for do not exist, and one call is enough for those.
pub fn open(path: &Path) -> Result<Opened, FileProblem> {
    match open_with(OFlag::O_NOFOLLOW, path) {
        Ok(file) => return Opened::new(file, OpenedBy::Name).map_err(FileProblem::Io),
        Err(error) if is_missing(&error) => return Err(FileProblem::Missing),
        Err(error) if is_link(&error) => {}
        Err(error) => return Err(FileProblem::Io(error)),
    }
    match open_by_link(path) {
        Ok(opened) => Ok(opened),
        Err(error) if is_missing(&error) => Err(FileProblem::DanglingLink),
        Err(error) => Err(FileProblem::Io(error)),
    }
}

/// Returns true for the error of `O_NOFOLLOW` at a link, and of a loop of links.
fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::Error::ELOOP as i32)
}

/// Opens the folder of a link first: another user may put a folder with another link in its place meanwhile.
fn open_by_link(path: &Path) -> io::Result<Opened> {
    let Some(name) = path.file_name() else {
        return Err(nix::Error::ELOOP.into());
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = open_with(FOLDER, folder.unwrap_or(Path::new(".")))?;
    let link = fstatat(&folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    let file = retried(|| Ok(openat(&folder, name, READ, Mode::empty())?))?;
    Opened::new(file.into(), OpenedBy::Link(link.st_uid))
}

/// A folder that may be closed for reading.
#[cfg(target_os = "linux")]
const FOLDER: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlag = OFlag::O_DIRECTORY;

/// To read without waiting.
const READ: OFlag = OFlag::O_NONBLOCK.union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

fn open_with(flags: OFlag, path: &Path) -> io::Result<File> {
    let file = retried(|| Ok(nix::fcntl::open(path, READ | flags, Mode::empty())?))?;
    Ok(file.into())
}

/// Returns true for a pipe or socket, whose reader may have to wait for another process.
pub fn is_special(data: &Metadata) -> bool {
    data.file_type().is_fifo() || data.file_type().is_socket()
}

pub fn may_execute(path: &Path) -> bool {
    access(path, AccessFlags::X_OK).is_ok()
}

/// Creates a file for this user alone. Fails if it exists, or its folder does not.
pub fn create_private(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// Opens a file to lock or write it; creates it for this user alone. Fails if its folder does not exist.
pub fn open_private(path: &Path) -> io::Result<File> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    options.open(path)
}

/// A file or stream of the process.
pub trait Output: Write + AsFd {}

impl<T: Write + AsFd> Output for T {}

/// Writes and flushes all bytes. Fails if a file would exceed this process' limit (`ulimit -f`): at the write itself the
/// system would end the process with SIGXFSZ (setrlimit(2)).
pub fn write_all(to: &mut impl Output, bytes: &[u8]) -> io::Result<()> {
    let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE).unwrap_or((RLIM_INFINITY, RLIM_INFINITY));
    if limit != RLIM_INFINITY && end_after(to, bytes) > limit {
        return Err(nix::Error::EFBIG.into());
    }
    to.write_all(bytes)?;
    to.flush()
}

/// Returns the size of a file after a write to it; 0 for all that the limit does not apply to.
fn end_after(file: &impl AsFd, bytes: &[u8]) -> u64 {
    let Ok(data) = fstat(file) else { return 0 };
    if SFlag::from_bits_truncate(data.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
        return 0;
    }
    // A file that was truncated since has its end before the place of the next write.
    let place = lseek(file, 0, Whence::SeekCur).unwrap_or_default().max(data.st_size);
    u64::try_from(place).unwrap_or_default().saturating_add(bytes.len() as u64)
}

/// Creates a folder and those above it, for this user alone.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Keeps a file open in the program that this process becomes.
pub fn keep_open_in_exec(file: &File) -> io::Result<()> {
    fcntl(file, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(())
}

/// Takes an inherited descriptor over for writing: a program that this process starts or becomes does not inherit it.
/// Closes the number that the caller knows, so nothing else may have been opened yet.
pub fn take_over(number: u64) -> io::Result<File> {
    let number = i32::try_from(number).map_err(|_| nix::Error::EBADF)?;
    let file = duplicate(number)?;
    let flags = OFlag::from_bits_truncate(fcntl(&file, FcntlArg::F_GETFL)?);
    if flags & OFlag::O_ACCMODE == OFlag::O_RDONLY {
        return Err(nix::Error::EBADF.into());
    }
    nix::unistd::close(number)?;
    Ok(file)
}

/// Makes a second descriptor of the same file, closed by `execve`. A number has no owner that the compiler knows, so
/// the system makes it: on Linux by a pidfd of this process (5.6), else by the file that stands for the descriptor.
fn duplicate(number: i32) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;

        use rustix::io::Errno;
        use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

        if let Ok(process) = pidfd_open(getpid(), PidfdFlags::empty()) {
            if process.as_raw_fd() == number {
                return Err(Errno::BADF.into());
            }
            match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
                Err(Errno::NOSYS | Errno::PERM) => (),
                copy => return Ok(copy?.into()),
            }
        }
    }
    File::options().append(true).open(format!("/dev/fd/{number}"))
}

/// Returns the kind of network share that a folder lies on, or would be made on; `None` for a local disk (statfs(2)).
#[cfg(target_os = "linux")]
pub fn network_kind(folder: &Path) -> Option<&'static str> {
    let nearest = folder.ancestors().find(|folder| folder.exists())?;
    let kind = nix::sys::statfs::statfs(nearest).ok()?.filesystem_type();
    NETWORK_KINDS.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
pub fn network_kind(_folder: &Path) -> Option<&'static str> {
    None
}

/// Numbers of network file systems (Linux: `magic.h`, and their own sources).
#[cfg(target_os = "linux")]
const NETWORK_KINDS: [(FsType, &str); 11] = [
    (FsType(0x6969), "nfs"),
    (FsType(0x517b), "smb"),
    (FsType(0xff53_4d42), "cifs"),
    (FsType(0xfe53_4d42), "smb2"),
    (FsType(0x5346_414f), "afs"),
    (FsType(0x6b41_4653), "afs"),
    (FsType(0x00c3_6400), "ceph"),
    (FsType(0x0bd0_0bd0), "lustre"),
    (FsType(0x4750_4653), "gpfs"),
    (FsType(0x1983_0326), "beegfs"),
    (FsType(0x0102_1997), "9p"),
];

/// Creates a link to the launcher.
pub fn make_shim(launcher: &Path, shim: &Path) -> io::Result<()> {
    symlink(launcher, shim)
}

/// Returns true for a link whose target has the name of this launcher.
#[expect(clippy::unnecessary_wraps, reason = "on Windows the file is read")]
pub fn is_shim(path: &Path, launcher: &Path) -> io::Result<bool> {
    Ok(fs::read_link(path).is_ok_and(|target| target.file_name() == launcher.file_name()))
}

/// Returns true if every user may write to a file, or add to a folder (with the sticky bit too).
pub fn is_writable_by_all(data: &Metadata) -> bool {
    data.mode() & 0o002 != 0
}

/// Returns true for a folder in which only an entry's owner may rename or delete it.
pub fn is_sticky(data: &Metadata) -> bool {
    data.mode() & 0o1000 != 0
}

/// Returns true if the group or other users have any right to a file.
pub fn is_open_to_others(file: &File) -> bool {
    file.metadata().is_ok_and(|data| data.mode() & 0o077 != 0)
}

/// Returns true if only the owner and the group can reach the files in a folder.
pub fn is_closed_to_others(data: &Metadata) -> bool {
    data.mode() & 0o001 == 0
}

/// Returns the number of a file's owner.
pub fn owner(data: &Metadata) -> u32 {
    data.uid()
}

/// Returns the effective user, who owns the files that this process creates.
pub fn user_id() -> u32 {
    nix::unistd::geteuid().as_raw()
}

#[expect(clippy::unnecessary_wraps, reason = "on Windows some bytes are no path")]
pub fn path_from_bytes(bytes: Vec<u8>) -> Option<PathBuf> {
    Some(OsString::from_vec(bytes).into())
}
