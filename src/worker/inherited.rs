//! The open files that Python would inherit above the standard streams.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};

use rustix::fs::{Mode, OFlags, RawDir, open};

use super::caller_state::read_own;

/// Descriptors in one message (`SCM_MAX_FD` of Linux), without the streams and the working directory.
pub const MOST: usize = 253 - 4;

/// Bytes for entries of a folder.
const FOLDER_SIZE: usize = 8 * 1024;

/// Returns the descriptors above 2 that stay open when this process executes a program.
pub fn inherited_descriptors() -> io::Result<Vec<RawFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = open("/proc/self/fd", flags, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); FOLDER_SIZE];
    let mut entries = RawDir::new(&folder, &mut buffer);
    let mut inherited = Vec::new();
    while let Some(entry) = entries.next() {
        inherited.extend(number_in(entry?.file_name()));
    }
    inherited
        .retain(|number| *number > 2 && *number != folder.as_raw_fd() && is_inheritable(*number));
    Ok(inherited)
}

/// Returns the number that an entry names; `None` for `.` and `..`.
fn number_in(name: &CStr) -> Option<RawFd> {
    name.to_str().ok()?.parse().ok()
}

/// Returns whether a descriptor stays open when this process executes a program.
fn is_inheritable(number: RawFd) -> bool {
    let Ok(info) = read_own(&format!("fdinfo/{number}")) else { return false };
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|digits| i32::from_str_radix(digits.trim(), 8).ok());
    flags.is_none_or(|flags| flags & nix::fcntl::OFlag::O_CLOEXEC.bits() == 0)
}
