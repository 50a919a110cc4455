//! Runs the launcher itself as a child, and hands its lines on as they come.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

/// A longer line is handed on in pieces (bytes).
const LONGEST: u64 = 64 * 1024;

/// Runs the launcher with these words. What it writes goes where this process writes, each line with
/// `prefix` before it and in one piece.
pub fn relay(launcher: &Path, words: &[OsString], prefix: &str) -> io::Result<ExitStatus> {
    #[expect(clippy::disallowed_methods, reason = "this is where the launcher starts itself")]
    let mut command = Command::new(launcher);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (output, error) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| hand_on(error, prefix, &mut io::stderr()));
        hand_on(output, prefix, &mut io::stdout());
    });
    child.wait()
}

/// Reads to the end even if nobody reads on the other side, or the child would stand still.
fn hand_on(from: Option<impl Read>, prefix: &str, to: &mut impl Write) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        line.extend_from_slice(prefix.as_bytes());
        match from.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if !line.ends_with(b"\n") => line.push(b'\n'),
            Ok(_) => {}
        }
        let _ = to.write_all(&line).and_then(|()| to.flush());
    }
}
