//! Signals between the launcher and its job: the launcher passes signals on, and stops and dies as the job does.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{MsgFlags, send};
use nix::unistd::Pid;

use super::pidfd::ProcessHandle;
use super::protocol::TERMINATES;
use super::relay::Relay;

#[rustfmt::skip]
const FORWARDED: [Signal; 8] = [
    Signal::SIGCONT, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT,
    Signal::SIGTERM, Signal::SIGTSTP, Signal::SIGUSR1, Signal::SIGUSR2,
];

/// Further signals that the launcher passes on at a terminal: the change of its size, and those that would end or stop the
/// launcher and leave the terminal in its modes.
#[rustfmt::skip]
const AT_TERMINAL: [Signal; 8] = [
    Signal::SIGWINCH, Signal::SIGALRM, Signal::SIGIO, Signal::SIGPROF, Signal::SIGPWR, Signal::SIGSTKFLT,
    Signal::SIGTTIN, Signal::SIGVTALRM,
];

/// The `si_code` of a signal from the terminal (`SI_KERNEL`), which goes to the whole process group.
const SI_KERNEL: i32 = 0x80;

/// Receives the launcher's signals and passes them on to a job.
#[derive(Debug)]
pub struct SignalForwarder {
    signals: SignalFd,
    /// The signals that this value has blocked, and unblocks when it is dropped.
    blocked: SigSet,
}

impl SignalForwarder {
    /// Blocks the signals, and receives them from here on. If it fails the signals are as they were.
    pub fn new(at_terminal: bool) -> Option<Self> {
        let mut all = SigSet::from_iter(FORWARDED);
        if at_terminal {
            all.extend(AT_TERMINAL);
        }
        let signals =
            SignalFd::with_flags(&all, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).ok()?;
        let before = all.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok()?;
        let blocked = all.iter().filter(|signal| !before.contains(*signal)).collect();
        Some(SignalForwarder { signals, blocked })
    }

    /// Returns a descriptor that is readable while there are signals to pass on.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }

    /// Passes on the signals that have arrived, and returns whether one of them continues the job. The worker learns of
    /// SIGTERM first, so that it ends the processes that the job has started too.
    pub fn forward(
        &self,
        job: &ProcessHandle,
        worker: &UnixStream,
        relay: Option<&mut Relay>,
    ) -> bool {
        let mut relay = relay;
        let mut continues = false;
        while let Ok(Some(information)) = self.signals.read_signal() {
            let number = i32::try_from(information.ssi_signo).unwrap_or_default();
            let Ok(signal) = Signal::try_from(number) else { continue };
            continues |= signal == Signal::SIGCONT;
            if signal == Signal::SIGTERM {
                let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
                let _ = send(worker.as_raw_fd(), TERMINATES, flags);
            }
            let is_of_terminal = information.ssi_code == SI_KERNEL;
            if let Some(relay) = &mut relay {
                match signal {
                    Signal::SIGWINCH => relay.resize(),
                    Signal::SIGCONT => relay.take(),
                    _ => (),
                }
                if signal == Signal::SIGWINCH || is_of_terminal && relay.type_signal(signal) {
                    continue;
                }
            }
            if is_of_terminal || signal == Signal::SIGCONT {
                job.send_to_group(signal);
            } else {
                job.send(signal);
            }
        }
        continues
    }
}

impl Drop for SignalForwarder {
    fn drop(&mut self) {
        let _ = self.blocked.thread_unblock();
    }
}

/// Stops the launcher's process group by a signal, as the terminal does, until a SIGCONT.
pub fn stop_group(signal: Signal) {
    let _ = kill(Pid::from_raw(0), signal);
    let signal = SigSet::from(signal);
    if let Ok(before) = signal.thread_swap_mask(SigmaskHow::SIG_UNBLOCK) {
        let _ = before.thread_set_mask();
    }
}

/// Stops the launcher as its job was stopped, until a SIGCONT.
pub fn stop_launcher() {
    let _ = kill(Pid::this(), Signal::SIGSTOP);
}

/// Ends the launcher by the signal in a status of `waitpid(2)`. Returns the exit code if the job was not killed by a
/// signal, or if the launcher cannot die by it.
pub fn die_like(status: i32) -> u8 {
    let number = status & 0x7f;
    if number == 0 {
        return u8::try_from((status >> 8) & 0xff).unwrap_or(u8::MAX);
    }
    if let Ok(signal) = Signal::try_from(number) {
        // The job has written the core file, if any.
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
        if signal == Signal::SIGPIPE {
            sigpipe::reset();
        }
        let _ = SigSet::from(signal).thread_unblock();
        // Rust's own handler may take the first one, and restores the default action.
        for _ in 0..2 {
            let _ = kill(Pid::this(), signal);
        }
    }
    // As a shell reports it.
    u8::try_from(128 + number).unwrap_or(u8::MAX)
}
