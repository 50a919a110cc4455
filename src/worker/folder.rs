//! The folder of this user's workers. It is checked when it is opened and reached through its descriptor from
//! then on, so that nothing else can take its place.

use std::fs::{self, DirBuilder, File, Metadata, TryLockError};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket};
use nix::unistd::{AccessFlags, access};
use rustix::fs::{Mode, OFlags};

use super::cold_reason::ColdReason;
use super::key::{SOCKET_SUFFIX, START_SUFFIX, WorkerKey};
use crate::disk::{self, IoMessage};
use crate::fingerprint::Fingerprint;
use crate::interrupt::retried;

/// The end of the names of histories (`history.rs`).
const HISTORY_SUFFIX: &str = ".jobs";

/// The open folder.
#[derive(Debug)]
pub struct Folder(File);

/// The result of a connection attempt.
#[derive(Debug)]
pub enum Connection {
    /// Connected to a worker of this user, with this process number. Calls never wait for the worker.
    Open(UnixStream, i32),
    /// No process of this user listens.
    Refused,
    /// The queue of the socket is full.
    Full,
}

impl Folder {
    /// Opens the folder, and makes it if it is missing.
    pub fn open(path: &Path) -> Result<Self, ColdReason> {
        match Self::open_existing(path) {
            Err(_) if fs::symlink_metadata(path).is_err() => (),
            result => return result,
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(cannot_be("created", path, &error))
            }
            _ => Self::open_existing(path),
        }
    }

    /// Opens the folder. Fails unless it belongs to this user and is closed to all others.
    pub fn open_existing(path: &Path) -> Result<Self, ColdReason> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = retried(|| Ok(rustix::fs::open(path, flags, Mode::empty())?));
        let file = match opened {
            Ok(file) => File::from(file),
            Err(error) if path.is_symlink() || error.kind() == io::ErrorKind::NotADirectory => {
                return Err(untrusted(path, "is not a folder"));
            }
            Err(_) if fs::symlink_metadata(path).is_ok_and(|folder| is_foreign(&folder)) => {
                return Err(untrusted(path, "belongs to another user"));
            }
            Err(error) => return Err(cannot_be("opened", path, &error)),
        };
        let metadata = file.metadata().map_err(|_| untrusted(path, "cannot be examined"))?;
        if is_foreign(&metadata) {
            return Err(untrusted(path, "belongs to another user"));
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(untrusted(path, "is open to other users (mode 700 expected)"));
        }
        Ok(Folder(file))
    }

    /// Returns why a missing folder cannot be made; `None` if it can.
    pub fn why_not_made(path: &Path) -> Option<ColdReason> {
        let parent = path.parent().unwrap_or(path);
        let error = access(parent, AccessFlags::W_OK | AccessFlags::X_OK).err()?;
        Some(cannot_be("created", path, &error.into()))
    }

    fn entry(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.0.as_raw_fd()))
    }

    fn socket(&self, key: &WorkerKey) -> PathBuf {
        self.entry(&key.socket_name())
    }

    /// Removes the temporary sockets (`shims/worker/socket_file.py`) and records (`record.py`) of killed workers.
    pub fn remove_left_behind(&self) {
        let is_temporary = |name: &str| name.contains(".sock.") || name.ends_with(".start.new");
        disk::remove_left_behind(&self.entry(""), is_temporary);
    }

    /// Returns the path of the record of a worker's start.
    pub fn start_file(&self, key: &WorkerKey) -> PathBuf {
        self.entry(&key.start_name())
    }

    /// Removes a socket that no process listens on.
    pub fn remove_socket(&self, key: &WorkerKey) {
        let _ = fs::remove_file(self.socket(key));
    }

    /// Returns the inode of a socket: it differs between a worker and its successor under the same key.
    pub fn socket_inode(&self, key: &WorkerKey) -> Option<u64> {
        Some(fs::symlink_metadata(self.socket(key)).ok()?.ino())
    }

    /// Renames a worker's socket, if it still has this inode, so that a successor can start. The worker notices and
    /// leaves after its jobs; until then it answers and can be stopped under the new key.
    pub fn set_aside(&self, key: &WorkerKey, inode: Option<u64>) {
        if let Some(number) = inode
            && self.socket_inode(key) == inode
            && !key.is_aside()
        {
            let _ = fs::rename(self.socket(key), self.socket(&key.aside(number)));
        }
    }

    /// Returns the path of the history of a configuration's jobs.
    pub fn history_file(&self, config: &Path) -> PathBuf {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add(config);
        self.entry(&format!("{}{HISTORY_SUFFIX}", fingerprint.text()))
    }

    pub fn history_files(&self) -> Vec<PathBuf> {
        let names = self.names().into_iter().filter(|name| name.ends_with(HISTORY_SUFFIX));
        names.map(|name| self.entry(&name)).collect()
    }

    /// Takes the lock for changes to the set of workers, until the returned file is dropped. Returns `None` after
    /// `timeout`.
    pub fn lock(&self, timeout: Duration) -> Option<File> {
        // A worker inherits `self.0`, and with it the lock: this one needs a descriptor of its own.
        let folder = File::open(self.entry("")).ok()?;
        let deadline = Instant::now() + timeout;
        loop {
            match folder.try_lock() {
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return None,
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
                // A file system without locks must not keep workers from starting.
                Ok(()) | Err(TryLockError::Error(_)) => return Some(folder),
            }
        }
    }

    /// Lets a worker inherit the folder, and returns the descriptor.
    pub fn inherit(&self) -> io::Result<RawFd> {
        disk::keep_open_in_exec(&self.0)?;
        Ok(self.0.as_raw_fd())
    }

    /// Returns the keys of all sockets, also of those set aside.
    pub fn sockets(&self) -> Vec<WorkerKey> {
        self.keys(SOCKET_SUFFIX)
    }

    /// Returns the keys of starts that are under way or have failed.
    pub fn starts(&self) -> Vec<WorkerKey> {
        self.keys(START_SUFFIX)
    }

    fn keys(&self, suffix: &str) -> Vec<WorkerKey> {
        let names = self.names();
        let mut keys: Vec<_> =
            names.iter().filter_map(|name| WorkerKey::of_file(name, suffix)).collect();
        keys.sort_unstable();
        keys
    }

    /// Returns the names in the folder; those that are not UTF-8 belong to no worker.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.entry("")).into_iter().flatten().flatten() {
            names.extend(entry.file_name().into_string());
        }
        names
    }

    /// Connects to a worker without waiting.
    pub fn connect(&self, key: &WorkerKey) -> Connection {
        match connect_to(&self.socket(key)) {
            Ok((stream, pid)) => Connection::Open(stream, pid),
            Err(nix::Error::EAGAIN) => Connection::Full,
            Err(_) => Connection::Refused,
        }
    }
}

fn connect_to(path: &Path) -> nix::Result<(UnixStream, i32)> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    let peer = getsockopt(&socket.as_fd(), PeerCredentials)?;
    if peer.uid() != disk::user_id() {
        return Err(nix::Error::EACCES);
    }
    Ok((UnixStream::from(socket), peer.pid()))
}

fn is_foreign(metadata: &Metadata) -> bool {
    metadata.uid() != disk::user_id()
}

fn untrusted(path: &Path, why: &str) -> ColdReason {
    ColdReason::Untrusted { path: path.to_owned(), why: why.into() }
}

fn cannot_be(step: &str, path: &Path, error: &io::Error) -> ColdReason {
    let why = format!("cannot be {step} ({})", IoMessage(error));
    ColdReason::Folder { path: path.to_owned(), why }
}
