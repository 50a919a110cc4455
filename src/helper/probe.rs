//! Asks a Python about itself: starts it, waits a bounded time, and reads the one line it answers.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::disk::{IoMessage, is_same};
use crate::exec;
use crate::plan::LaunchPlan;

/// The program that answers.
const PROGRAM: &str = include_str!(concat!(env!("OUT_DIR"), "/probe.py"));

/// No Python that is well takes longer to import Toolkit, even from a slow file server.
const LONGEST: Duration = Duration::from_secs(60);

/// No answer is longer (bytes).
const LARGEST: u64 = 64 * 1024;

/// What a Python answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbedPython {
    /// Its version, such as `3.11.7`.
    pub version: String,
    /// How long `import sgtk` took, in milliseconds.
    pub milliseconds: u64,
    /// Why `import sgtk` failed, or found another one.
    pub error: Option<String>,
}

/// Starts a plan's Python with a program of the launcher's; an error is why it gave no answer.
pub fn ask(plan: &LaunchPlan) -> Result<ProbedPython, String> {
    let mut command = exec::command(&plan.interpreter, &plan.environment);
    // Looking leaves nothing behind.
    command.args(&plan.interpreter.args).args(["-B", "-c", PROGRAM]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    exec::lead_a_group(&mut command);
    let mut child = command.spawn().map_err(|error| IoMessage(&error).to_string())?;
    let deadline = Instant::now() + LONGEST;
    let text = read(&mut child, deadline);
    let ended = text.is_ok() && ends(&mut child, deadline);
    if !ended {
        exec::end_group(&mut child);
        let _ = child.wait();
    }
    let text = text?;
    if !ended {
        return Err(too_late());
    }
    answer(&text, plan).ok_or_else(|| "gave no answer".into())
}

fn answer(text: &str, plan: &LaunchPlan) -> Option<ProbedPython> {
    let line = text.lines().find_map(|line| line.strip_prefix("sgtk-python-probe\t"))?;
    let mut fields = line.splitn(4, '\t');
    let (version, milliseconds) = (fields.next()?.to_owned(), fields.next()?.parse().ok()?);
    let (folder, error) = (fields.next()?, fields.next()?);
    let is_ours = || is_same(Path::new(folder), &plan.core.python_path());
    let error = match error {
        "" if is_ours() => None,
        "" => Some(format!("imports sgtk from {folder}")),
        error => Some(error.to_owned()),
    };
    Some(ProbedPython { version, milliseconds, error })
}

/// What the child writes until it closes its standard output, if it does so in time.
fn read(child: &mut Child, deadline: Instant) -> Result<String, String> {
    let output = child.stdout.take().ok_or("its output cannot be read")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.take(LARGEST).read_to_end(&mut bytes);
        let _ = sender.send(read.map(|_| String::from_utf8_lossy(&bytes).into_owned()));
    });
    match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(IoMessage(&error).to_string()),
        Err(_) => Err(too_late()),
    }
}

/// Whether the child ends in time, after it has closed its standard output or said too much.
fn ends(child: &mut Child, deadline: Instant) -> bool {
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(Some(_)) => return true,
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            Err(_) => return false,
        }
    }
    false
}

fn too_late() -> String {
    format!("did not end within {} seconds", LONGEST.as_secs())
}
