//! The launcher that runs this one for one of its projects, and that this one ends with: what it writes would
//! reach nobody any more.

use std::ffi::OsStr;

/// Lets this process, and the Python that it becomes, be told to end (TERM) as soon as its parent has ended,
/// however that was (prctl(2), `PR_SET_PDEATHSIG`).
#[cfg(target_os = "linux")]
pub fn end_with(parent: &OsStr) {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::{Pid, getppid};

    let term = rustix::process::Signal::TERM;
    let _ = rustix::process::set_parent_process_death_signal(Some(term));
    // It may have ended before that.
    if *parent != *getppid().to_string() {
        let _ = kill(Pid::this(), Signal::SIGTERM);
    }
}

/// Other systems have no such thing.
#[cfg(not(target_os = "linux"))]
pub fn end_with(_parent: &OsStr) {}
