//! A job at a terminal. A process of another session cannot have the launcher's terminal, so the job gets a pseudo
//! terminal (pty(7)), and the launcher passes on what is typed and printed.
//!
//! The launcher's terminal still makes signals of Ctrl-C and its like, as the job's modes say: the kernel sends them to
//! the launcher's whole process group, and the launcher types them for the job. It also ends printed lines, for other
//! programs may print there.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use rustix::io::{Errno, ioctl_fionbio, read, write};
use rustix::process::{Pid, kill_process_group};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, tcgetattr,
    tcgetpgrp, tcgetwinsize, tcsetattr, tcsetwinsize,
};

use super::terminal::{Terminal, is_foreground};

/// Bytes that are passed on at once.
const CHUNK: usize = 4096;

/// Limit of the pieces that are passed on at the end; a pseudo terminal holds less. Other processes may print for ever.
const MOST_CHUNKS: usize = 64;

/// Time for the launcher's terminal to take more output at the end.
const PATIENCE: u16 = 2000;

/// The characters that a terminal makes signals of.
const SIGNAL_CHARACTERS: [(Signal, SpecialCodeIndex); 3] = [
    (Signal::SIGINT, SpecialCodeIndex::VINTR),
    (Signal::SIGQUIT, SpecialCodeIndex::VQUIT),
    (Signal::SIGTSTP, SpecialCodeIndex::VSUSP),
];

/// Passes bytes between the launcher's terminal and a job's. The terminal gets its modes back when this is dropped.
#[derive(Debug)]
pub struct Relay {
    terminal: Terminal,
    /// The modes that the launcher has set; `None` while it must not use the terminal.
    set: Option<Termios>,
    /// The job's terminal; `None` after the launcher's was closed, which closes the job's too.
    pty: Option<OwnedFd>,
    /// The job's side of it. It stays open: while no process has it open, a read fails as at the end, but the job may
    /// open its terminal again.
    job_side: OwnedFd,
    /// Typed bytes that the job's terminal has not taken yet.
    typed: Vec<u8>,
    /// Printed bytes that the launcher's terminal has not taken yet.
    printed: Vec<u8>,
}

impl Relay {
    /// Opens a terminal for a job, with the modes and the size of the launcher's.
    pub fn open(terminal: Terminal) -> rustix::io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let pty = openpt(flags)?;
        unlockpt(&pty)?;
        let job_side = ioctl_tiocgptpeer(&pty, flags)?;
        ioctl_fionbio(&pty, true)?;
        tcsetattr(&pty, OptionalActions::Now, &terminal.modes)?;
        let (typed, printed) = (Vec::new(), Vec::new());
        let relay = Relay { terminal, set: None, pty: Some(pty), job_side, typed, printed };
        relay.resize();
        Ok(relay)
    }

    pub fn job_side(&self) -> BorrowedFd<'_> {
        self.job_side.as_fd()
    }

    /// Takes the terminal over at the start. What was typed before is typed for the job without a second echo.
    pub fn begin(&mut self) {
        let mut modes = self.terminal.modes.clone();
        modes.local_modes -= LocalModes::ECHO | LocalModes::ECHONL;
        let Some(Ok(())) =
            self.pty.as_ref().map(|pty| tcsetattr(pty, OptionalActions::Now, &modes))
        else {
            return;
        };
        self.take();
        self.type_on();
        // The job's terminal has processed it before this answer (Linux: n_tty_poll), or does so before the modes change.
        has_input(&self.job_side);
        if let Some(pty) = &self.pty {
            let _ = tcsetattr(pty, OptionalActions::Now, &self.terminal.modes);
        }
    }

    /// Takes the terminal over, if the launcher is in its foreground: at the start, and after a stop.
    pub fn take(&mut self) {
        match is_foreground(&self.terminal.file) {
            Ok(true) => (),
            Ok(false) => return self.set = None,
            // The terminal has been closed.
            Err(_) => return self.pty = None,
        }
        if let Ok(modes) = tcgetattr(&self.terminal.file)
            && !self.set.as_ref().is_some_and(|set| is_same(set, &modes))
        {
            self.terminal.modes = modes;
            self.set = None;
            self.read_lines();
        }
        self.set_modes();
    }

    /// Reads the lines that were typed before: the terminal keeps the end of input (Ctrl-D) in another form than its
    /// character, and has nothing to read there.
    fn read_lines(&mut self) {
        while self.terminal.modes.local_modes.contains(LocalModes::ICANON)
            && has_input(&self.terminal.file)
        {
            let mut line = [0; CHUNK];
            match self.terminal.file.read(&mut line) {
                Ok(0) => self.typed.push(self.terminal.modes.special_codes[SpecialCodeIndex::VEOF]),
                Ok(count) => self.typed.extend_from_slice(line.get(..count).unwrap_or_default()),
                Err(_) => return,
            }
        }
    }

    /// Sets the terminal's modes for the job's present ones.
    fn set_modes(&mut self) {
        let Some(Ok(of_job)) = self.pty.as_ref().map(tcgetattr) else { return };
        let modes = relaying(&self.terminal.modes, &of_job);
        if !self.set.as_ref().is_some_and(|set| is_same(set, &modes))
            && tcsetattr(&self.terminal.file, OptionalActions::Now, &modes).is_ok()
        {
            self.set = Some(modes);
        }
    }

    /// Passes on the job's last output, and gives the terminal back.
    pub fn release(&mut self) {
        for _ in 0..MOST_CHUNKS {
            while !self.printed.is_empty() {
                if !takes_output(&self.terminal.file) {
                    return self.restore();
                }
                self.write();
            }
            if !self.print() {
                break;
            }
        }
        self.restore();
    }

    fn restore(&mut self) {
        if self.set.take().is_some() && is_foreground(&self.terminal.file).unwrap_or(false) {
            let _ = tcsetattr(&self.terminal.file, OptionalActions::Now, &self.terminal.modes);
        }
    }

    /// Gives the terminal back with the modes of the job, which has ended by itself.
    pub fn release_as_left(mut self) {
        if let Some(Ok(of_job)) = self.pty.as_ref().map(tcgetattr) {
            self.terminal.modes = of_job;
        }
        self.release();
    }

    /// Gives the job's terminal the size of the launcher's, which also sends SIGWINCH.
    pub fn resize(&self) {
        if let (Ok(size), Some(pty)) = (tcgetwinsize(&self.terminal.file), &self.pty) {
            let _ = tcsetwinsize(pty, size);
        }
    }

    /// Types the character of a signal that came from the terminal, in place of what was typed before it. Returns false
    /// if the signal has none, or no process is in the foreground of the job's terminal.
    pub fn type_signal(&mut self, signal: Signal) -> bool {
        let Some((group, of_job)) = self.foreground_of_job() else { return false };
        let found = SIGNAL_CHARACTERS.iter().find(|(of_character, _)| signal == *of_character);
        let Some((_, index)) = found else { return false };
        let modes = self.set.as_ref().unwrap_or(&self.terminal.modes);
        let character = modes.special_codes[*index];
        if signal == Signal::SIGTSTP && of_job.local_modes.contains(LocalModes::ISIG) {
            // A shell may continue the job at once, and a typed character would come after that.
            let _ = kill_process_group(group, rustix::process::Signal::TSTP);
            if of_job.local_modes.contains(LocalModes::ECHO | LocalModes::ECHOCTL) {
                self.printed.extend([b'^', character ^ 0x40]);
                self.write();
            }
        } else {
            self.typed = vec![character];
            self.type_on();
        }
        true
    }

    /// Returns the group in the foreground of the job's terminal, and its modes.
    fn foreground_of_job(&self) -> Option<(Pid, Termios)> {
        let pty = self.pty.as_ref()?;
        Some((tcgetpgrp(pty).ok()?, tcgetattr(pty).ok()?))
    }

    /// Adds what to wait for, and returns the place of the launcher's terminal.
    pub fn add_events<'a>(&'a self, polled: &mut Vec<PollFd<'a>>) -> Option<usize> {
        let pty = self.pty.as_ref()?;
        let mut of_pty = PollFlags::empty();
        of_pty.set(PollFlags::POLLIN, self.printed.is_empty());
        of_pty.set(PollFlags::POLLOUT, !self.typed.is_empty());
        if !of_pty.is_empty() {
            polled.push(PollFd::new(pty.as_fd(), of_pty));
        }
        let mut of_terminal = PollFlags::empty();
        of_terminal.set(PollFlags::POLLIN, self.set.is_some() && self.typed.is_empty());
        of_terminal.set(PollFlags::POLLOUT, !self.printed.is_empty());
        if of_terminal.is_empty() {
            return None;
        }
        polled.push(PollFd::new(self.terminal.file.as_fd(), of_terminal));
        Some(polled.len() - 1)
    }

    /// Returns true while the launcher waits to be put into the foreground.
    pub fn is_in_background(&self) -> bool {
        self.set.is_none() && self.pty.is_some()
    }

    /// Passes on what there is, after these events of the launcher's terminal.
    pub fn pass_on(&mut self, terminal: PollFlags) {
        if terminal.intersects(PollFlags::POLLHUP | PollFlags::POLLERR) {
            self.pty = None;
            return;
        }
        // A shell takes the terminal back when it sees a stop, perhaps before the launcher does.
        if self.set.is_none() || !is_foreground(&self.terminal.file).unwrap_or(false) {
            self.take();
        }
        if self.set.is_some() && self.typed.is_empty() {
            let mut bytes = [0; CHUNK];
            let count = self.terminal.file.read(&mut bytes).unwrap_or_default();
            self.typed.extend_from_slice(bytes.get(..count).unwrap_or_default());
        }
        self.type_on();
        self.write();
        if self.printed.is_empty() {
            self.print();
        }
    }

    /// Types as much as the job's terminal takes.
    fn type_on(&mut self) {
        if self.typed.is_empty() {
            return;
        }
        if let Some(pty) = &self.pty
            && let Ok(count) = write(pty, &self.typed)
        {
            self.typed.drain(..count);
        }
    }

    /// Prints a piece of what the job's terminal holds; returns false if there is none.
    fn print(&mut self) -> bool {
        let mut bytes = Vec::new();
        // The two bytes of a line's end stay together.
        while bytes.is_empty() || bytes.ends_with(b"\r") {
            let Some(pty) = &self.pty else { break };
            let mut chunk = [0; CHUNK];
            match read(pty, &mut chunk) {
                Ok(count @ 1..) => bytes.extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Ok(0) | Err(_) => break,
            }
        }
        // A person or program may answer this output with a key: the modes that the job has set come first.
        if self.set.is_some() && self.ends_lines() {
            self.set_modes();
        }
        if self.ends_lines() {
            bytes = with_plain_line_ends(&bytes);
        }
        self.printed.extend(&bytes);
        self.write();
        if self.set.is_some() {
            self.set_modes();
        }
        !bytes.is_empty()
    }

    /// Returns whether the launcher's terminal puts a carriage return at each line's end.
    fn ends_lines(&self) -> bool {
        let modes = self.set.as_ref().unwrap_or(&self.terminal.modes);
        modes.output_modes.contains(OutputModes::OPOST | OutputModes::ONLCR)
    }

    /// Writes as much as the terminal takes. One that has been closed takes nothing.
    fn write(&mut self) {
        if self.printed.is_empty() {
            return;
        }
        match write(&self.terminal.file, &self.printed) {
            Ok(count) => drop(self.printed.drain(..count)),
            Err(Errno::AGAIN | Errno::INTR) => (),
            Err(_) => self.printed.clear(),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Returns the modes of the launcher's terminal while it relays: it passes keys on as they are, without an echo, but makes
/// the signals and line ends that the job's terminal would make.
fn relaying(before: &Termios, of_job: &Termios) -> Termios {
    let mut modes = before.clone();
    modes.input_modes &= InputModes::IUTF8;
    modes.output_modes = of_job.output_modes;
    // The job's terminal has done that, and the launcher's would do it to what came of it.
    modes.output_modes -= OutputModes::OCRNL;
    modes.local_modes &= LocalModes::NOFLSH | LocalModes::TOSTOP;
    modes.local_modes |= of_job.local_modes & LocalModes::ISIG;
    for (_, index) in SIGNAL_CHARACTERS {
        modes.special_codes[index] = of_job.special_codes[index];
    }
    modes.special_codes[SpecialCodeIndex::VMIN] = 1;
    modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    modes
}

fn is_same(one: &Termios, other: &Termios) -> bool {
    one.input_modes == other.input_modes
        && one.output_modes == other.output_modes
        && one.local_modes == other.local_modes
        && SIGNAL_CHARACTERS
            .iter()
            .all(|(_, index)| one.special_codes[*index] == other.special_codes[*index])
}

/// Takes a carriage return from each line's end: the job's terminal has put it there, and the launcher's will too.
fn with_plain_line_ends(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().peekable();
    while let Some(byte) = rest.next() {
        if *byte != b'\r' || rest.peek() != Some(&&b'\n') {
            plain.push(*byte);
        }
    }
    plain
}

/// Returns whether a read would not wait.
fn has_input(terminal: impl AsFd) -> bool {
    let mut polled = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, PollTimeout::ZERO).is_ok_and(|count| count > 0)
}

/// Returns whether a write would not wait, within PATIENCE.
fn takes_output(terminal: impl AsFd) -> bool {
    let mut polled = [PollFd::new(terminal.as_fd(), PollFlags::POLLOUT)];
    poll(&mut polled, PATIENCE).is_ok_and(|count| count > 0)
}
