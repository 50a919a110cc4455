//! The end of a worker's process: by force where it does not answer, and told for sure.

use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, kill};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::asking::{is_heard, named};

/// The process of a worker.
#[derive(Debug)]
pub struct WorkerProcess {
    number: i32,
    /// Holds on to it, where the system can (Linux 5.3).
    handle: Option<OwnedFd>,
}

impl WorkerProcess {
    /// The process of this number.
    pub fn new(number: i32) -> Self {
        let open = |pid| pidfd_open(pid, PidfdFlags::empty()).ok();
        WorkerProcess { number, handle: Pid::from_raw(number).and_then(open) }
    }

    /// Kills it, if it is a worker still: another process may have its number by now.
    /// Whether that could be done.
    pub fn kill(&self) -> bool {
        match &self.handle {
            _ if named(Some(self.number)).is_none() => false,
            Some(handle) => pidfd_send_signal(handle, Signal::KILL).is_ok(),
            None => kill(nix::unistd::Pid::from_raw(self.number), signal::Signal::SIGKILL).is_ok(),
        }
    }

    /// Waits for its end; whether it has ended by then.
    pub fn has_ended(&self, until: Instant) -> bool {
        let left = || until.saturating_duration_since(Instant::now());
        if let Some(handle) = &self.handle {
            return is_heard(&[handle], left());
        }
        while named(Some(self.number)).is_some() {
            if left().is_zero() {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }
}
