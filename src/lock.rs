//! Locks on files: what one process at a time may do, or several at once that all do the same. The
//! system frees a lock when the last process that holds it has ended, however it ended (`flock(2)`,
//! `LockFileEx`).

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use crate::disk;

/// The two modes of `flock(2)` and `LockFileEx`: one exclusive holder, or any number of shared ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    Exclusive,
    Shared,
}

/// A lock that is held, until it is dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Waits for a lock. The file is made, and the folders above it, if it is not there.
    pub fn wait_for(path: &Path, mode: LockMode) -> io::Result<Self> {
        let file = disk::open_private(path)?;
        match mode {
            LockMode::Exclusive => file.lock()?,
            LockMode::Shared => file.lock_shared()?,
        }
        Ok(Lock(file))
    }

    /// Takes a lock if that needs no waiting.
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

    /// Whether somebody who held the lock left a mark in its file: what was begun did not come to an end.
    pub fn is_marked(&self) -> bool {
        self.0.metadata().is_ok_and(|found| found.len() > 0)
    }

    /// Leaves a mark, or takes it away.
    pub fn mark(&mut self, begun: bool) -> io::Result<()> {
        self.0.set_len(0)?;
        if begun { self.0.write_all(b"begun\n") } else { Ok(()) }
    }

    /// Writes into the file which process holds the lock. That is for people to read: if it cannot be
    /// written they have to do without.
    pub fn sign(&self) {
        let signed = self.0.set_len(0).and_then(|()| write!(&self.0, "{}", std::process::id()));
        drop(signed);
    }

    /// The process that has signed the lock at a path.
    pub fn holder(path: &Path) -> Option<u32> {
        fs::read_to_string(path).ok()?.parse().ok()
    }

    /// The descriptor, for another process to hold the lock too.
    #[cfg(unix)]
    pub fn number(&self) -> std::os::fd::RawFd {
        std::os::fd::AsRawFd::as_raw_fd(&self.0)
    }

    /// The descriptors by which a child holds the lock too, after `outlive_launch`.
    pub fn inherited(&self) -> Vec<i32> {
        #[cfg(unix)]
        return vec![self.number()];
        #[cfg(not(unix))]
        Vec::new()
    }

    /// Lets the program hold the lock that this process becomes. (Where the launcher waits for Python,
    /// it is the launcher that holds it.)
    pub fn outlive_launch(&self) -> io::Result<()> {
        disk::keep_open_in_exec(&self.0)
    }
}
