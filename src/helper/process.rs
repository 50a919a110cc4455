//! A Python that runs one of the launcher's programs, and the lines of text between the two.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::exec;
use crate::exec::program::{RUN, VARIABLE};
use crate::interpreter::Interpreter;
use crate::interrupt::RetriedReader;

/// The longest line (bytes); a longer one arrives in pieces.
const LONGEST_LINE: u64 = 64 * 1024;

/// Lines that are read ahead; after that the program has to wait.
const READ_AHEAD: usize = 16;

/// The process group of a helper.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ProcessGroup {
    /// Its own. Everything that the helper starts ends with it.
    Own,
    /// The launcher's: in the foreground of the terminal, where the helper may ask a person to log in.
    Foreground,
}

/// A running helper. Dropping it ends it, with its group.
pub struct HelperProcess {
    child: Child,
    group: ProcessGroup,
    has_ended: bool,
    input: Option<ChildStdin>,
    lines: Receiver<io::Result<String>>,
}

impl HelperProcess {
    /// Starts a Python with a program; `options` are Python's, `errors` is its standard error.
    pub fn start(
        interpreter: &Interpreter,
        environment: &Environment,
        options: &[&str],
        program: &str,
        errors: impl Into<Stdio>,
        group: ProcessGroup,
    ) -> io::Result<Self> {
        let mut command = exec::python_command(interpreter, environment);
        command.args(&interpreter.args).args(options).args(["-c", RUN]).env(VARIABLE, program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        if group == ProcessGroup::Own {
            exec::lead_a_group(&mut command);
        }
        let mut child = command.spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (sender, lines) = mpsc::sync_channel(READ_AHEAD);
        let helper = HelperProcess { child, group, has_ended: false, input, lines };
        let output = output.ok_or(io::ErrorKind::BrokenPipe)?;
        thread::Builder::new().spawn(move || read_lines(output, &sender))?;
        Ok(helper)
    }

    pub fn write_line(&mut self, line: &str) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(format!("{line}\n").as_bytes())?;
        input.flush()
    }

    /// Ends the helper's standard input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits for the next line; `None` at the end of the output. Fails with `TimedOut` at the deadline.
    pub fn read_line(&mut self, deadline: Option<Instant>) -> io::Result<Option<String>> {
        let line = match deadline {
            Some(deadline) => {
                self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
            }
            None => self.lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match line {
            Ok(line) => Ok(Some(line?)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Returns true if the helper ends by itself before the deadline.
    pub fn ends_before(&mut self, deadline: Instant) -> bool {
        while !self.has_ended && Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(_)) => self.has_ended = true,
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                Err(_) => break,
            }
        }
        self.has_ended
    }
}

/// Reads until the end of the output, or until the receiver is gone.
fn read_lines(output: ChildStdout, lines: &SyncSender<io::Result<String>>) {
    let mut output = BufReader::new(RetriedReader(output));
    let mut line = Vec::new();
    loop {
        line.clear();
        let line = match output.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) => Ok(String::from_utf8_lossy(&line).into_owned()),
            Err(error) => Err(error),
        };
        let has_failed = line.is_err();
        if lines.send(line).is_err() || has_failed {
            return;
        }
    }
}

impl Drop for HelperProcess {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        if self.group == ProcessGroup::Own {
            exec::end_group(&mut self.child);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
