//! Runs the launcher itself for one of several projects: a child that ends with this process, and whose lines are passed
//! on as they come.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::disk::{self, IoMessage, Output};
use crate::inputs::PARENT;
use crate::interrupt::RetriedReader;

/// The longest line (bytes); a longer one is passed on in pieces.
const LONGEST_LINE: u64 = 64 * 1024;

/// Wait for the lines of processes that an ended child has left running.
const LEFT_BEHIND: Duration = Duration::from_secs(2);

/// Runs the launcher with these arguments. Passes its lines to the same stream of this process, each in one piece and
/// after `prefix`. `unbuffered` has Python write each line at once. Fails if a line of a successful run cannot be
/// written; a reader that closes the pipe early is no failure.
pub fn relay(
    launcher: &Path,
    arguments: &[OsString],
    prefix: &str,
    unbuffered: bool,
) -> io::Result<ExitStatus> {
    #[expect(clippy::disallowed_methods, reason = "this is where the launcher starts itself")]
    let mut command = Command::new(launcher);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env(PARENT, process::id().to_string());
    if unbuffered {
        command.env("PYTHONUNBUFFERED", "1");
    }
    let mut child = command.spawn()?;
    let (sender, ends) = mpsc::channel();
    // The threads outlive this function if processes that the child leaves running hold its streams.
    let started = start_passing_on(child.stdout.take(), prefix, io::stdout, sender.clone())
        .and_then(|()| start_passing_on(child.stderr.take(), prefix, io::stderr, sender));
    if let Err(error) = started {
        // The run counts as failed, and must not go on unseen.
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    let status = child.wait()?;
    let until = Instant::now() + LEFT_BEHIND;
    while let Ok(end) = ends.recv_timeout(until.saturating_duration_since(Instant::now())) {
        if let Err(error) = end
            && status.success()
        {
            let why = format!("cannot write its output: {}", IoMessage(&error));
            return Err(io::Error::other(why));
        }
    }
    Ok(status)
}

fn start_passing_on<W: Output + 'static>(
    from: Option<impl Read + Send + 'static>,
    prefix: &str,
    to: fn() -> W,
    end: Sender<io::Result<()>>,
) -> io::Result<()> {
    let (from, prefix) = (from.ok_or(ErrorKind::BrokenPipe)?, prefix.to_owned());
    thread::Builder::new().spawn(move || {
        let _ = end.send(pass_on(from, &prefix, &mut to()));
    })?;
    Ok(())
}

/// Reads to the end even if writing fails: the child would stop at a full pipe. Returns the first failure to write.
fn pass_on(from: impl Read, prefix: &str, to: &mut impl Output) -> io::Result<()> {
    let mut written = Ok(());
    let mut from = BufReader::new(RetriedReader(from));
    let mut line = Vec::new();
    loop {
        line.clear();
        line.extend_from_slice(prefix.as_bytes());
        match from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return written,
            Ok(_) if !line.ends_with(b"\n") => line.push(b'\n'),
            Ok(_) => {}
        }
        if let Err(error) = disk::write_all(to, &line)
            && error.kind() != ErrorKind::BrokenPipe
        {
            written = written.and(Err(error));
        }
    }
}

/// Has the system end this process, and the Python that it becomes, with TERM as soon as its caller has ended (prctl(2),
/// `PR_SET_PDEATHSIG`). A program between the two, such as a wrapper script, counts as the caller from here on.
#[cfg(target_os = "linux")]
pub fn end_with(parent: &OsStr) {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::{Pid, getppid};

    let term = rustix::process::Signal::TERM;
    let _ = rustix::process::set_parent_process_death_signal(Some(term));
    // The caller may have ended before that.
    if *parent != *getppid().to_string() && !has_ancestor(parent) {
        let _ = kill(Pid::this(), Signal::SIGTERM);
    }
}

/// Returns true if a process is the parent of this one, or that one's parent, and so on (proc(5), `status`).
#[cfg(target_os = "linux")]
fn has_ancestor(pid: &OsStr) -> bool {
    let mut process = "self".to_owned();
    while let Ok(status) = std::fs::read(format!("/proc/{process}/status")) {
        let status = String::from_utf8_lossy(&status);
        let Some(parent) = status.lines().find_map(|line| line.strip_prefix("PPid:\t")) else {
            return false;
        };
        if *pid == *parent {
            return true;
        }
        parent.clone_into(&mut process);
    }
    false
}

/// Does nothing: other systems have no such signal.
#[cfg(not(target_os = "linux"))]
pub fn end_with(_parent: &OsStr) {}
