//! Another process: its number and, where the system can (Linux 5.3), a handle that no other one gets after it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::process::{self, PidfdFlags, pidfd_open, pidfd_send_signal};

/// What holds on to a process.
#[derive(Debug)]
pub struct Handle {
    /// Its number.
    pub number: Pid,
    held: Option<OwnedFd>,
}

impl Handle {
    /// Of the process that has this number now.
    pub fn new(number: i32) -> Self {
        let open = |pid| pidfd_open(pid, PidfdFlags::empty()).ok();
        let held = process::Pid::from_raw(number).and_then(open);
        Handle { number: Pid::from_raw(number), held }
    }

    /// What can be read once it has ended.
    pub fn end(&self) -> Option<BorrowedFd<'_>> {
        self.held.as_ref().map(AsFd::as_fd)
    }

    /// Sends a signal to it; whether it could be sent.
    pub fn send(&self, signal: Signal) -> bool {
        match (&self.held, process::Signal::from_named_raw(signal as i32)) {
            (Some(held), Some(signal)) => pidfd_send_signal(held, signal).is_ok(),
            _ => kill(self.number, signal).is_ok(),
        }
    }
}
