//! Asks a Python for its version, and tries `import sgtk` in it.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::process::{HelperProcess, ProcessGroup};
use crate::disk::{IoMessage, is_same};
use crate::plan::LaunchPlan;

static PROGRAM: &str = include_str!(concat!(env!("OUT_DIR"), "/probe.py"));

/// The line with the answer begins with it.
const MARK: &str = "sgtk-python-probe\t";

/// Ample for importing Toolkit from a slow file server.
const LONGEST: Duration = Duration::from_secs(60);

/// The most bytes that are read.
const LARGEST: usize = 64 * 1024;

/// The answer of a Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbedPython {
    /// Such as `3.11.7`.
    pub version: String,
    /// The duration of `import sgtk`.
    pub milliseconds: u64,
    /// The reason why `import sgtk` failed, or a note that it found another core.
    pub error: Option<String>,
}

/// Asks a plan's Python. Fails with the reason why it gave no answer.
pub fn ask(plan: &LaunchPlan) -> Result<ProbedPython, String> {
    let deadline = Instant::now() + LONGEST;
    let LaunchPlan { interpreter, environment, .. } = plan;
    // `-B`: a check leaves no compiled files behind.
    let (options, group) = (["-B"], ProcessGroup::Own);
    let started =
        HelperProcess::start(interpreter, environment, &options, PROGRAM, Stdio::null(), group);
    let mut helper = started.map_err(|error| IoMessage(&error).to_string())?;
    helper.close_input();
    let line = match read_answer(&mut helper, deadline) {
        Ok(line) => line.ok_or("gave no answer")?,
        Err(error) if error.kind() == ErrorKind::TimedOut => return Err(too_late()),
        Err(error) => return Err(IoMessage(&error).to_string()),
    };
    let answer = parse(&line, &plan.core.python_path()).ok_or("gave no answer")?;
    if helper.ends_before(deadline) { Ok(answer) } else { Err(too_late()) }
}

/// Reads to the end of the output, and returns the line with the answer; `None` if the output is too large.
fn read_answer(helper: &mut HelperProcess, deadline: Instant) -> io::Result<Option<String>> {
    let (mut answer, mut length) = (None, 0);
    while let Some(line) = helper.read_line(Some(deadline))? {
        length += line.len();
        if length > LARGEST {
            return Ok(None);
        }
        if answer.is_none() {
            answer = line.strip_prefix(MARK).map(str::to_owned);
        }
    }
    Ok(answer)
}

/// Reads the line with the answer; `python_path` is the folder of the `sgtk` that Python should find.
pub fn parse(line: &str, python_path: &Path) -> Option<ProbedPython> {
    let mut fields = line.trim_end_matches(['\r', '\n']).splitn(4, '\t');
    let (version, milliseconds) = (fields.next()?.to_owned(), fields.next()?.parse().ok()?);
    let (folder, error) = (fields.next()?, fields.next()?);
    let error = if !error.is_empty() {
        Some(error.to_owned())
    } else if !is_same(Path::new(folder), python_path) {
        Some(format!("imports sgtk from {folder}"))
    } else {
        None
    };
    Some(ProbedPython { version, milliseconds, error })
}

fn too_late() -> String {
    format!("did not end within {} seconds", LONGEST.as_secs())
}
