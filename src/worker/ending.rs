//! The end of a worker's process: by force where it does not answer, and told for sure.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::pidfd::Handle;
use super::poll::{is_heard, named};

/// The process of a worker.
#[derive(Debug)]
pub struct WorkerProcess(Handle);

impl WorkerProcess {
    /// The process of this number.
    pub fn new(number: i32) -> Self {
        WorkerProcess(Handle::new(number))
    }

    /// Kills it, if it is a worker still: another process may have its number by now.
    /// Whether that could be done.
    pub fn kill(&self) -> bool {
        self.is_a_worker() && self.0.send(Signal::SIGKILL)
    }

    /// Waits for its end; whether it has ended by then.
    pub fn has_ended(&self, until: Instant) -> bool {
        let left = || until.saturating_duration_since(Instant::now());
        if let Some(end) = self.0.end() {
            return is_heard(&[end], left());
        }
        while self.is_a_worker() {
            if left().is_zero() {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    fn is_a_worker(&self) -> bool {
        named(Some(self.0.number.as_raw())).is_some()
    }
}
