//! A handle of another process.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use rustix::process::{self, PidfdFlags, pidfd_open, pidfd_send_signal};

/// Another process. With a pidfd (Linux 5.3) the handle never reaches a later process of the same number.
#[derive(Debug)]
pub struct ProcessHandle {
    number: Pid,
    pidfd: Option<OwnedFd>,
}

impl ProcessHandle {
    /// Opens the process that has this number now.
    pub fn open(number: i32) -> Self {
        let pid = process::Pid::from_raw(number);
        let pidfd = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        ProcessHandle { number: Pid::from_raw(number), pidfd }
    }

    pub fn pid(&self) -> i32 {
        self.number.as_raw()
    }

    /// Returns a descriptor that is readable after the exit; `None` without a pidfd.
    pub fn exit_descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// Waits for the exit and returns whether it came in time; `None` without a pidfd.
    pub fn has_exited_within(&self, timeout: Duration) -> Option<bool> {
        let mut events = [PollFd::new(self.exit_descriptor()?, PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        Some(matches!(poll(&mut events, timeout), Ok(1..)))
    }

    /// Returns whether the process is stopped at this moment.
    pub fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.number)).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
    }

    /// Sends a signal to the process, and returns whether the system accepted it.
    pub fn send(&self, signal: Signal) -> bool {
        match (&self.pidfd, process::Signal::from_named_raw(signal as i32)) {
            (Some(pidfd), Some(signal)) => pidfd_send_signal(pidfd, signal).is_ok(),
            _ => kill(self.number, signal).is_ok(),
        }
    }

    /// Sends a signal to the group that the process leads, unless the process has exited.
    pub fn send_to_group(&self, signal: Signal) {
        if self.has_exited_within(Duration::ZERO) != Some(true) {
            let _ = killpg(self.number, signal);
        }
    }
}
