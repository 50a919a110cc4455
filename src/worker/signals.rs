//! Signals between the launcher and a job: passed on to it, and told of its death.

use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

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

/// Takes signals that this process gets, and passes them on to a job.
#[derive(Debug)]
pub struct Forwarder {
    signals: SignalFd,
    /// The signals that it took; let go when it is dropped.
    taken: SigSet,
    child: Pid,
}

impl Forwarder {
    /// Takes signals from here on; the child leads a group.
    pub fn new(child: i32) -> Option<Self> {
        let before = SigSet::thread_get_mask().ok()?;
        let all = SigSet::from_iter(FORWARDED);
        let taken = FORWARDED.into_iter().filter(|signal| !before.contains(*signal)).collect();
        all.thread_block().ok()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&all, flags).ok()?;
        Some(Forwarder { signals, taken, child: Pid::from_raw(child) })
    }

    /// Passes on what has come. The job is a child of its worker, which keeps its number until it has
    /// told how it ended.
    pub fn forward(&self) {
        while let Ok(Some(information)) = self.signals.read_signal() {
            let number = i32::try_from(information.ssi_signo).unwrap_or_default();
            let Ok(signal) = Signal::try_from(number) else { continue };
            let is_the_groups = information.ssi_code == BY_THE_KERNEL || signal == Signal::SIGCONT;
            let _ =
                if is_the_groups { killpg(self.child, signal) } else { kill(self.child, signal) };
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
