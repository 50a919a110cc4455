//! Counts that do not depend on the machine's load: system calls, paths, instructions.

use std::path::Path;
use std::process::Command;

use tempfile::NamedTempFile;

/// The system calls between a launcher's start and its `execve`.
pub struct Trace(Vec<String>);

impl Trace {
    #[allow(dead_code, reason = "not every benchmark asks for all")]
    pub fn calls(&self) -> usize {
        self.0.len()
    }

    /// The calls before the last `execve`; all without one.
    #[allow(dead_code, reason = "not every benchmark asks for all")]
    pub fn until_exec(&self) -> Trace {
        let exec = self.0.iter().rposition(|call| call.starts_with("execve("));
        Trace(self.0.iter().take(exec.unwrap_or(self.0.len())).cloned().collect())
    }

    /// The calls that look at a path.
    #[allow(dead_code, reason = "not every benchmark asks for all")]
    pub fn paths(&self) -> usize {
        self.0.iter().filter(|call| call.contains("(\"") || call.contains("AT_FDCWD, \"")).count()
    }

    /// The calls that look at a path below a folder.
    #[allow(dead_code, reason = "not every benchmark asks for all")]
    pub fn paths_below(&self, folder: &Path) -> usize {
        let named = format!("\"{}/", folder.display());
        self.0.iter().filter(|call| call.contains(&named)).count()
    }
}

/// Traces a command, which takes the words to run it by, until it becomes another program; `None` without `strace`, or
/// if the command becomes none.
#[allow(dead_code, reason = "not every benchmark asks for all")]
pub fn until_exec(command: impl Fn(&[&str]) -> Command) -> Option<Trace> {
    let trace = all(command)?;
    trace.0.iter().any(|call| call.starts_with("execve(")).then(|| trace.until_exec())
}

/// Traces a command, which takes the words to run it by; `None` without `strace`.
pub fn all(command: impl Fn(&[&str]) -> Command) -> Option<Trace> {
    let file = NamedTempFile::new().ok()?;
    let by = ["strace", "-s", "4096", "-o", file.path().to_str()?];
    command(&by).status().ok()?;
    let text = std::fs::read_to_string(file.path()).ok()?;
    let calls = text.lines().skip(1).filter(|line| !line.starts_with("+++"));
    Some(Trace(calls.map(String::from).collect()))
}

/// Counts the instructions of a command, which takes the words to run it by; `None` without `valgrind`.
#[allow(dead_code, reason = "not every benchmark asks for all")]
pub fn instructions(command: impl Fn(&[&str]) -> Command) -> Option<usize> {
    let file = NamedTempFile::new().ok()?;
    let log = format!("--log-file={}", file.path().to_str()?);
    let by = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", &log];
    command(&by).status().ok()?;
    let text = std::fs::read_to_string(file.path()).ok()?;
    let total = text.lines().find_map(|line| line.split_once("Collected : "))?.1;
    total.trim().parse().ok()
}

#[allow(dead_code, reason = "not every benchmark asks for all")]
pub fn shown(count: Option<usize>) -> String {
    count.map_or("-".into(), |count| count.to_string())
}
