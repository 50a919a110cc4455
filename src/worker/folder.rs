//! The folder of this user's workers: checked to be nobody else's, and held open, so that what is
//! reached in it is what was checked.

use std::fs::{self, DirBuilder, File, Metadata, TryLockError};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket};
use nix::unistd::{AccessFlags, access};

use super::cold_reason::ColdReason;
use crate::disk::{self, Reason};

/// The end of a socket's name.
const SOCKET: &str = ".sock";

/// The end of the name of a file that tells of a start: locked while that lasts, and empty or gone
/// once it has worked.
const START: &str = ".start";

/// The open folder.
#[derive(Debug)]
pub struct Folder(File);

impl Folder {
    /// Opens the folder, and makes it if it is not there.
    pub fn open(path: &Path) -> Result<Self, ColdReason> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                let why = format!("cannot be created ({})", Reason(&error));
                Err(ColdReason::Folder { path: path.to_owned(), why })
            }
            _ => Self::open_existing(path),
        }
    }

    /// Opens the folder if it is this user's alone.
    pub fn open_existing(path: &Path) -> Result<Self, ColdReason> {
        let untrusted =
            |why: &str| ColdReason::Untrusted { path: path.to_owned(), why: why.into() };
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        let file = match File::options().read(true).custom_flags(flags.bits()).open(path) {
            Ok(file) => file,
            Err(error) if path.is_symlink() || error.kind() == io::ErrorKind::NotADirectory => {
                return Err(untrusted("is not a folder"));
            }
            Err(_) if fs::symlink_metadata(path).is_ok_and(|found| is_anothers(&found)) => {
                return Err(untrusted("belongs to another user"));
            }
            Err(error) => {
                let why = format!("cannot be opened ({})", Reason(&error));
                return Err(ColdReason::Folder { path: path.to_owned(), why });
            }
        };
        let found = file.metadata().map_err(|_| untrusted("cannot be examined"))?;
        if is_anothers(&found) {
            return Err(untrusted("belongs to another user"));
        }
        if found.mode() & 0o077 != 0 {
            return Err(untrusted("is open to other users (mode 700 expected)"));
        }
        Ok(Folder(file))
    }

    /// Why the folder, which is not there, could not be made.
    pub fn why_not_made(path: &Path) -> Option<ColdReason> {
        let above = path.parent().unwrap_or(path);
        let why = access(above, AccessFlags::W_OK | AccessFlags::X_OK).err()?;
        let why = format!("cannot be created ({})", Reason(&why.into()));
        Some(ColdReason::Folder { path: path.to_owned(), why })
    }

    /// The path of an entry, whatever becomes of the folder's name.
    pub fn entry(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.0.as_raw_fd()))
    }

    /// Clears a place where nobody listens any more.
    pub fn clear(&self, key: &str) {
        let _ = fs::remove_file(self.entry(&socket_name(key)));
    }

    /// What tells the worker at a place from one that comes there after it.
    pub fn holder(&self, key: &str) -> Option<u64> {
        Some(fs::symlink_metadata(self.entry(&socket_name(key))).ok()?.ino())
    }

    /// Takes a worker's place, if it is still this one's, so that another one can be started. It sees that, and
    /// leaves when its jobs have; until then it can be asked and stopped at a place aside, as one that retires.
    pub fn set_aside(&self, key: &str, holder: Option<u64>) {
        if let Some(holder) = holder.filter(|_| self.holder(key) == holder && !is_aside(key)) {
            let aside = socket_name(&format!("{key}.{holder}"));
            let _ = fs::rename(self.entry(&socket_name(key)), self.entry(&aside));
        }
    }

    /// Lets one process at a time change which workers there are: as long as it keeps what it gets here. Nothing if
    /// others do for too long.
    pub fn hold(&self, longest: Duration) -> Option<File> {
        // Opened anew: a worker inherits the other one, and would hold it for its life.
        let folder = File::open(self.entry("")).ok()?;
        let until = Instant::now() + longest;
        loop {
            match folder.try_lock() {
                Err(TryLockError::WouldBlock) if Instant::now() >= until => return None,
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
                // A file system without locks has to do without.
                Ok(()) | Err(TryLockError::Error(_)) => return Some(folder),
            }
        }
    }

    /// The descriptor, for a worker to inherit.
    pub fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Lets a worker inherit the folder.
    pub fn inherit(&self) -> io::Result<()> {
        disk::inherit(&self.0)
    }

    /// The keys of the workers that have a socket here; those that have lost their roots too.
    pub fn sockets(&self) -> Vec<String> {
        self.keys(SOCKET)
    }

    /// The keys of the workers that are being started, or could not be.
    pub fn starts(&self) -> Vec<String> {
        self.keys(START)
    }

    fn keys(&self, end: &str) -> Vec<String> {
        let entries = fs::read_dir(self.entry("")).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut keys: Vec<String> =
            names.filter_map(|name| Some(name.strip_suffix(end)?.to_owned())).collect();
        keys.sort_unstable();
        keys
    }
}

/// Whether a worker at this place has lost its own.
pub fn is_aside(key: &str) -> bool {
    key.contains('.')
}

fn is_anothers(found: &Metadata) -> bool {
    found.uid() != disk::user_id()
}

/// The name of a worker's socket.
pub fn socket_name(key: &str) -> String {
    format!("{key}{SOCKET}")
}

/// The name of the file that tells of a worker's start.
pub fn start_name(key: &str) -> String {
    format!("{key}{START}")
}

/// A connection to a worker.
#[derive(Debug)]
pub enum Connection {
    /// This user's worker, and its process' number.
    Open(UnixStream, i32),
    /// Nobody listens, or somebody else does.
    Nobody,
    /// So many wait there that it takes no more.
    Full,
}

/// Connects to what listens at an entry, without waiting.
pub fn connect_to(folder: &Folder, key: &str) -> Connection {
    let attempt = || -> nix::Result<(UnixStream, i32)> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        let address = UnixAddr::new(&folder.entry(&socket_name(key)))?;
        connect(socket.as_raw_fd(), &address)?;
        let peer = getsockopt(&socket.as_fd(), PeerCredentials)?;
        if peer.uid() != disk::user_id() {
            return Err(nix::Error::EACCES);
        }
        let stream = UnixStream::from(socket);
        stream.set_nonblocking(false).map_err(|_| nix::Error::EIO)?;
        Ok((stream, peer.pid()))
    };
    match attempt() {
        Ok((stream, pid)) => Connection::Open(stream, pid),
        Err(nix::Error::EAGAIN) => Connection::Full,
        Err(_) => Connection::Nobody,
    }
}
