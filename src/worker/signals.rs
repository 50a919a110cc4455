//! Signals between the launcher and a job: passed on to it, and told of its death.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{MsgFlags, send};
use nix::unistd::Pid;

use super::pidfd::Handle;
use super::protocol::TOLD_TO_END;

/// What is passed on.
const FORWARDED: [Signal; 8] = [
    Signal::SIGCONT,
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGTSTP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// The `si_code` of a signal that the terminal sent, and so to the whole group.
const BY_THE_KERNEL: i32 = 0x80;

/// A job's process, which leads a group.
#[derive(Debug)]
pub struct JobProcess(Handle);

impl JobProcess {
    /// The process of this number; while it waits for GO that is its own.
    pub fn new(number: i32) -> Self {
        JobProcess(Handle::new(number))
    }

    /// What can be read once it has ended.
    pub fn end(&self) -> Option<BorrowedFd<'_>> {
        self.0.end()
    }

    /// Whether it is stopped; it may have been continued since that was told.
    pub fn is_stopped(&self) -> bool {
        let told = std::fs::read_to_string(format!("/proc/{}/stat", self.0.number));
        let told = told.unwrap_or_default();
        told.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
    }

    /// Sends a signal to its group, if it has not ended.
    fn send_to_group(&self, signal: Signal) {
        let has_ended = self.0.end().is_some_and(|end| {
            let mut events = [PollFd::new(end, PollFlags::POLLIN)];
            poll(&mut events, PollTimeout::ZERO).is_ok_and(|count| count > 0)
        });
        if !has_ended {
            let _ = killpg(self.0.number, signal);
        }
    }
}

/// Takes signals that this process gets, and passes them on to a job.
#[derive(Debug)]
pub struct Forwarder {
    signals: SignalFd,
    /// The signals that it took; let go when it is dropped.
    taken: SigSet,
}

impl Forwarder {
    /// Takes signals from here on.
    pub fn new() -> Option<Self> {
        let before = SigSet::thread_get_mask().ok()?;
        let all = SigSet::from_iter(FORWARDED);
        let taken = FORWARDED.into_iter().filter(|signal| !before.contains(*signal)).collect();
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        // First what may fail: a plain launch has to find the signals as they were.
        let signals = SignalFd::with_flags(&all, flags).ok()?;
        all.thread_block().ok()?;
        Some(Forwarder { signals, taken })
    }

    /// Passes on what has come. Where that is to end the job the worker learns of it before, so that it
    /// ends what the job has started too.
    pub fn forward(&self, job: &JobProcess, worker: &UnixStream) {
        while let Ok(Some(information)) = self.signals.read_signal() {
            let number = i32::try_from(information.ssi_signo).unwrap_or_default();
            let Ok(signal) = Signal::try_from(number) else { continue };
            if signal == Signal::SIGTERM {
                let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
                let _ = send(worker.as_raw_fd(), TOLD_TO_END, flags);
            }
            if information.ssi_code == BY_THE_KERNEL || signal == Signal::SIGCONT {
                job.send_to_group(signal);
            } else {
                job.0.send(signal);
            }
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let _ = self.taken.thread_unblock();
    }
}

impl AsFd for Forwarder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }
}

/// Stops as the job did, until somebody continues this process.
pub fn stop_too() {
    let _ = kill(Pid::this(), Signal::SIGSTOP);
}

/// Ends as a job did that has this status of `waitpid(2)`; returns the code if it has one, or where
/// this process cannot die by the signal that the job died by.
pub fn leave_by(status: i32) -> u8 {
    let number = status & 0x7f;
    if number == 0 {
        return u8::try_from((status >> 8) & 0xff).unwrap_or(u8::MAX);
    }
    if let Ok(signal) = Signal::try_from(number) {
        // The job has left its core, if there was to be one.
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
        if signal == Signal::SIGPIPE {
            sigpipe::reset();
        }
        let _ = SigSet::from(signal).thread_unblock();
        // At first Rust's own handler may take it, and with that the default comes back.
        for _ in 0..2 {
            let _ = kill(Pid::this(), signal);
        }
    }
    // A shell's way to tell it.
    u8::try_from(128 + number).unwrap_or(u8::MAX)
}
