//! Becomes Python with `execve(2)`: the process id, the standard streams, the signals and the exit status are Python's.
//! Not with `execvp(3)`, which lets a shell run a file of unknown format.

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;

use crate::disk;
use crate::error::Error;
use crate::plan::LaunchPlan;

/// Becomes the plan's Python. Returns only if it fails.
pub fn become_python(plan: &LaunchPlan) -> Result<Infallible, Error> {
    let path = &plan.interpreter.path;
    let argv: Result<Vec<CString>, _> =
        plan.argv.iter().map(|word| CString::new(word.as_bytes())).collect();
    let variables = plan.environment.variables();
    let envp: Result<Vec<CString>, _> =
        variables.map(|(name, value)| CString::new(assignment(name, value))).collect();
    let program = CString::new(path.as_os_str().as_bytes());
    let (Ok(program), Ok(argv), Ok(envp)) = (program, argv, envp) else {
        let source = io::ErrorKind::InvalidInput.into();
        return Err(Error::Exec { path: path.clone(), source, longest: None });
    };
    // Rust's runtime ignores SIGPIPE, and an ignored signal stays ignored in the program.
    sigpipe::reset();
    let Err(error) = nix::unistd::execve(&program, &argv, &envp);
    // Writing the error must not end the launcher where the reader is gone.
    let _ = SigSet::from(Signal::SIGPIPE).thread_block();
    let longest = if error == nix::Error::E2BIG { longest(plan) } else { None };
    Err(Error::Exec { path: path.clone(), source: error.into(), longest })
}

fn assignment(name: &OsStr, value: &OsStr) -> Vec<u8> {
    let mut pair = Vec::with_capacity(name.len() + value.len() + 2);
    pair.extend(name.as_bytes());
    pair.push(b'=');
    pair.extend(value.as_bytes());
    pair
}

/// Names the longest of the arguments and variables, which together are too long.
fn longest(plan: &LaunchPlan) -> Option<OsString> {
    let mut longest: Option<(usize, &OsStr)> = None;
    let words = plan.argv.iter().map(|word| ("an argument".as_ref(), word.as_os_str()));
    for (name, value) in words.chain(plan.environment.variables()) {
        if longest.is_none_or(|(length, _)| value.len() >= length) {
            longest = Some((value.len(), name));
        }
    }
    let (length, name) = longest?;
    let mut text = OsString::from("the longest is ");
    text.push(name);
    text.push(format!(", {length} bytes"));
    Some(text)
}

/// Lets Python inherit a descriptor, and returns its number.
pub fn hand_over(descriptor: OwnedFd) -> io::Result<String> {
    let file = File::from(descriptor);
    disk::keep_open_in_exec(&file)?;
    Ok(file.into_raw_fd().to_string())
}

/// Makes a command's process the leader of its own process group.
pub fn lead_a_group(command: &mut Command) {
    command.process_group(0);
}

/// Ends the process group that a process leads.
pub fn end_group(leader: &mut Child) {
    if let Ok(id) = i32::try_from(leader.id()) {
        let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
    }
}
