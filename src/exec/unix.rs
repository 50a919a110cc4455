//! `execve(2)`: the process id, the standard streams, the signals and the exit status are Python's.
//! Not `execvp`, which hands a file without a format that the system knows to a shell.

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;

use crate::disk;
use crate::error::Error;
use crate::plan::LaunchPlan;

/// Becomes the plan's Python. Only failure returns.
pub fn become_python(plan: &LaunchPlan) -> Result<Infallible, Error> {
    let path = &plan.interpreter.path;
    let failed = |source: io::Error, longest| Error::Exec { path: path.clone(), source, longest };
    let argv: Result<Vec<CString>, _> =
        plan.argv.iter().map(|word| word.as_bytes()).map(CString::new).collect();
    let variables = plan.environment.variables().map(|(name, value)| assignment(name, value));
    let envp: Result<Vec<CString>, _> =
        variables.map(|pair| CString::new(pair.into_vec())).collect();
    let program = CString::new(path.as_os_str().as_bytes());
    let (Ok(program), Ok(argv), Ok(envp)) = (program, argv, envp) else {
        return Err(failed(io::ErrorKind::InvalidInput.into(), None));
    };
    // Rust's runtime ignores SIGPIPE, and an ignored signal stays ignored in the program.
    sigpipe::reset();
    let Err(error) = nix::unistd::execve(&program, &argv, &envp);
    // There is a message to write, perhaps to nobody.
    let _ = SigSet::from(Signal::SIGPIPE).thread_block();
    let longest = (error == nix::Error::E2BIG).then(|| longest(plan)).flatten();
    Err(failed(error.into(), longest))
}

fn assignment(name: &OsStr, value: &OsStr) -> OsString {
    let mut pair = OsString::with_capacity(name.len() + value.len() + 2);
    pair.push(name);
    pair.push("=");
    pair.push(value);
    pair
}

/// What to name when the words and variables together are too long: the longest of them.
fn longest(plan: &LaunchPlan) -> Option<OsString> {
    let words = plan.argv.iter().map(|word| (word.len(), "an argument".into()));
    let variables =
        plan.environment.variables().map(|(name, value)| (value.len(), name.to_owned()));
    let (length, name) = words.chain(variables).max_by_key(|(length, _)| *length)?;
    let mut text = OsString::from("the longest is ");
    text.push(name);
    text.push(format!(", {length} bytes"));
    Some(text)
}

/// Leaves a descriptor to the program that this process becomes, which knows it by this number.
pub fn hand_over(descriptor: OwnedFd) -> io::Result<String> {
    let file = File::from(descriptor);
    disk::keep_open_in_exec(&file)?;
    Ok(file.into_raw_fd().to_string())
}

/// Makes a command's process the leader of a group of its own.
pub fn lead_a_group(command: &mut Command) {
    command.process_group(0);
}

/// Ends a process that leads a group, and all that is in it.
pub fn end_group(leader: &mut Child) {
    if let Ok(id) = i32::try_from(leader.id()) {
        let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
    }
}
