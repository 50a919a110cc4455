//! The launcher's terminal, and the conditions under which a job can have another one in its place.

use std::fs::{self, File, Metadata};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

use nix::fcntl::OFlag;
use rustix::process::getpgrp;
use rustix::termios::{LocalModes, Termios, tcgetattr, tcgetpgrp};

use super::cold_reason::ColdReason;

/// The device `/dev/tty` (Linux: devices.txt).
const CONTROLLING_TERMINAL: u64 = nix::sys::stat::makedev(5, 0);

/// The launcher's terminal, which a job needs another one for.
#[derive(Debug)]
pub struct Terminal {
    pub file: File,
    pub modes: Termios,
    /// The numbers of its devices.
    devices: Vec<u64>,
}

impl Terminal {
    /// Returns the terminal if standard input is one. `None` also where standard output is a pipe: its reader may use the
    /// terminal, so the job gets it as it is. Fails if the job cannot behave as it would plainly.
    pub fn of_caller() -> Result<Option<Self>, ColdReason> {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        if !stdin.is_terminal() {
            return Ok(None);
        }
        if !is_foreground(&stdin)? {
            return Err(ColdReason::Terminal("the launch is in the background of its terminal"));
        }
        let mut devices = vec![CONTROLLING_TERMINAL];
        for stream in [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()] {
            if stream.is_terminal() {
                is_foreground(stream)?;
                devices.extend(device(stream.as_raw_fd()));
            }
        }
        if is_pipe(stdout.as_raw_fd()) {
            return Ok(None);
        }
        let flags = OFlag::O_NONBLOCK.bits();
        let file = File::options().read(true).write(true).custom_flags(flags).open("/dev/tty");
        let file = file.map_err(|_| ColdReason::Terminal("/dev/tty cannot be opened"))?;
        let modes = tcgetattr(&file).map_err(|_| ColdReason::Unreadable("the terminal's modes"))?;
        if !modes.local_modes.contains(LocalModes::ICANON) {
            return Err(ColdReason::Terminal("another program reads the terminal's keys"));
        }
        Ok(Some(Terminal { file, modes, devices }))
    }

    /// Returns whether a descriptor is this terminal.
    pub fn is_at(&self, number: RawFd) -> bool {
        device(number).is_some_and(|device| self.devices.contains(&device))
    }
}

/// Returns whether the launcher's process group may use a terminal. Fails if it is not the controlling terminal.
pub fn is_foreground(terminal: impl AsFd) -> Result<bool, ColdReason> {
    let group = tcgetpgrp(terminal);
    let group =
        group.map_err(|_| ColdReason::Terminal("a stream is the terminal of another session"))?;
    Ok(group == getpgrp())
}

/// Returns the number of the character device that a descriptor is.
fn device(number: RawFd) -> Option<u64> {
    let data = metadata(number).filter(|data| data.file_type().is_char_device())?;
    Some(data.rdev())
}

fn is_pipe(number: RawFd) -> bool {
    metadata(number).is_some_and(|data| data.file_type().is_fifo() || data.file_type().is_socket())
}

fn metadata(number: RawFd) -> Option<Metadata> {
    fs::metadata(format!("/proc/self/fd/{number}")).ok()
}

/// Returns whether a process that the terminal stops is continued by another one, a shell: a process of the same session
/// and another group is above the launcher's group. The kernel drops a stop in other groups (setpgid(2)).
pub fn has_job_control() -> bool {
    let Some([mut parent, group, session]) = relatives("self") else { return false };
    while let Some([next, its_group, its_session]) = relatives(&parent.to_string()) {
        if its_session != session {
            return false;
        }
        if its_group != group {
            return true;
        }
        parent = next;
    }
    false
}

/// Returns the parent, the group and the session of a process (proc(5)).
fn relatives(pid: &str) -> Option<[i32; 3]> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(1);
    let mut next = || fields.next()?.parse().ok();
    Some([next()?, next()?, next()?])
}
