//! Locks on files. The system frees a lock when the last process that holds it has ended, however it ended (`flock(2)`,
//! `LockFileEx`).

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::disk;

/// The two modes of `flock(2)` and `LockFileEx`: one exclusive holder, or any number of shared ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    Exclusive,
    Shared,
}

/// Bytes; a process id has fewer.
const LARGEST_SIGN: u64 = 32;

/// A lock that this process holds until it is dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Waits for a lock; makes the file and the folders above it if they are missing.
    pub fn wait_for(path: &Path, mode: LockMode) -> io::Result<Self> {
        let file = disk::open_private(path)?;
        match mode {
            LockMode::Exclusive => file.lock()?,
            LockMode::Shared => file.lock_shared()?,
        }
        Ok(Lock(file))
    }

    /// Takes a lock; `None` if it is held in a way that would need waiting.
    pub fn try_for(path: &Path, mode: LockMode) -> io::Result<Option<Self>> {
        let file = disk::open_private(path)?;
        let taken = match mode {
            LockMode::Exclusive => file.try_lock(),
            LockMode::Shared => file.try_lock_shared(),
        };
        match taken {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Returns true if a holder left its mark in the file: it was interrupted.
    pub fn is_marked(&self) -> bool {
        self.0.metadata().is_ok_and(|metadata| metadata.len() > 0)
    }

    /// Marks the file: its holder has begun something that must not be interrupted.
    pub fn mark(&mut self) -> io::Result<()> {
        self.clear_mark()?;
        disk::write_all(&mut self.0, b"begun\n")
    }

    pub fn clear_mark(&mut self) -> io::Result<()> {
        self.0.set_len(0)
    }

    /// Writes this process' id into the file, for an error message of another launch. Best effort.
    pub fn sign(&self) {
        let id = std::process::id().to_string();
        let _ = self.0.set_len(0).and_then(|()| disk::write_all(&mut &self.0, id.as_bytes()));
    }

    /// Returns the id of the process that signed the lock at a path.
    pub fn holder(path: &Path) -> Option<u32> {
        disk::read_up_to(LARGEST_SIGN, path).ok()??.parse().ok()
    }

    /// The descriptor; a process that inherits it holds the lock too.
    #[cfg(unix)]
    pub fn number(&self) -> std::os::fd::RawFd {
        std::os::fd::AsRawFd::as_raw_fd(&self.0)
    }

    /// The descriptors by which a child holds the lock after `outlive_launch`.
    pub fn inherited(&self) -> Vec<i32> {
        #[cfg(unix)]
        return vec![self.number()];
        #[cfg(not(unix))]
        Vec::new()
    }

    /// Lets the Python that this process becomes hold the lock. On Windows the launcher waits for Python, and holds it.
    pub fn outlive_launch(&self) -> io::Result<()> {
        disk::keep_open_in_exec(&self.0)
    }
}
