//! Asks a Python about itself: starts it, waits a bounded time, and reads the one line it answers.

use std::io::{self, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::plan::LaunchPlan;

/// The program that answers.
pub const PROGRAM: &str = include_str!("../../shims/probe.py");

/// No Python that is well takes longer to import Toolkit, even from a slow file server.
const LONGEST: Duration = Duration::from_secs(60);

/// What a Python answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its version, such as `3.11.7`.
    pub version: String,
    /// How long `import sgtk` took, in milliseconds.
    pub milliseconds: u64,
    /// Why `import sgtk` failed.
    pub error: Option<String>,
}

/// Starts a plan's Python, which has to run [`PROGRAM`]; an error is why it gave no answer.
pub fn ask(plan: &LaunchPlan) -> Result<Answer, String> {
    let mut command = super::command(plan);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| crate::disk::Reason(&error).to_string())?;
    let text = read(&mut child);
    if text.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let text = text?;
    let line = text.lines().find_map(|line| line.strip_prefix("sgtk-python-probe\t"));
    let mut fields = line.into_iter().flat_map(|line| line.splitn(3, '\t'));
    match (fields.next(), fields.next().and_then(|field| field.parse().ok()), fields.next()) {
        (Some(version), Some(milliseconds), Some(error)) => Ok(Answer {
            version: version.into(),
            milliseconds,
            error: Some(error.to_owned()).filter(|error| !error.is_empty()),
        }),
        _ => Err(format!("it gave no answer, and ended with {status}")),
    }
}

/// All that the child writes, if it comes to an end in time.
fn read(child: &mut Child) -> Result<String, String> {
    let mut output = child.stdout.take().ok_or("its output cannot be read")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read: io::Result<usize> = output.read_to_end(&mut bytes);
        let _ = sender.send(read.map(|_| String::from_utf8_lossy(&bytes).into_owned()));
    });
    match receiver.recv_timeout(LONGEST) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it did not answer within {} seconds", LONGEST.as_secs())),
    }
}
