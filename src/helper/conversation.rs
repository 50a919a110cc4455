//! Talks with a Python that runs a program of the launcher's: lines of text both ways.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::environment::Environment;
use crate::exec;
use crate::exec::program::{RUN, VARIABLE};
use crate::interpreter::Interpreter;

/// No line is longer (bytes).
const LONGEST: u64 = 64 * 1024;

/// A Python that is spoken with. It is ended when this is dropped.
pub struct Conversation {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Whether it leads a group of processes, all that it starts among them.
    leads: bool,
}

impl Conversation {
    /// Starts a Python with a program; what it writes to standard error goes to the log. With a terminal it
    /// stays in the foreground, for it may have to ask a person.
    pub fn begin(
        interpreter: &Interpreter,
        environment: &Environment,
        program: &str,
        log: File,
        terminal: bool,
    ) -> io::Result<Self> {
        let mut command = exec::command(interpreter, environment);
        command.args(&interpreter.args).args(["-c", RUN]).env(VARIABLE, program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        if !terminal {
            exec::lead_a_group(&mut command);
        }
        let mut child = command.spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => {
                let output = BufReader::new(output);
                Ok(Conversation { child, input, output, leads: !terminal })
            }
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Says one line.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        self.input.write_all(format!("{line}\n").as_bytes())?;
        self.input.flush()
    }

    /// Hears the next line; `None` when the other has ended.
    pub fn hear(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        (&mut self.output).take(LONGEST).read_until(b'\n', &mut line)?;
        Ok((!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned()))
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        if self.leads {
            exec::end_group(&mut self.child);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
