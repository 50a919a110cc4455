//! Runs the launcher itself as a child, which ends with this one, and hands its lines on as they come.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::inputs::PARENT;

/// A longer line is handed on in pieces (bytes).
const LONGEST: u64 = 64 * 1024;

/// So long the lines of what an ended child has left running are waited for.
const LEFT_BEHIND: Duration = Duration::from_secs(2);

/// Runs the launcher with these words. What it writes goes where this process writes, each line with
/// `prefix` before it and in one piece; as soon as it is written, where that is `unbuffered`.
pub fn relay(
    launcher: &Path,
    words: &[OsString],
    prefix: &str,
    unbuffered: bool,
) -> io::Result<ExitStatus> {
    #[expect(clippy::disallowed_methods, reason = "this is where the launcher starts itself")]
    let mut command = Command::new(launcher);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env(PARENT, process::id().to_string());
    if unbuffered {
        command.env("PYTHONUNBUFFERED", "1");
    }
    let mut child = command.spawn()?;
    let (sender, ends) = mpsc::channel();
    // Threads that outlive this function, should what the child leaves running hold its streams.
    let started = start_handing_on(child.stdout.take(), prefix, io::stdout, sender.clone())
        .and_then(|()| start_handing_on(child.stderr.take(), prefix, io::stderr, sender));
    if let Err(error) = started {
        // Its run counts as failed: it must not go on unseen.
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    let status = child.wait()?;
    let until = Instant::now() + LEFT_BEHIND;
    while ends.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
    Ok(status)
}

fn start_handing_on<W: Write + 'static>(
    from: Option<impl Read + Send + 'static>,
    prefix: &str,
    to: fn() -> W,
    end: Sender<()>,
) -> io::Result<()> {
    let (from, prefix) = (from.ok_or(io::ErrorKind::BrokenPipe)?, prefix.to_owned());
    let work = move || {
        hand_on(from, &prefix, &mut to());
        let _ = end.send(());
    };
    thread::Builder::new().spawn(work).map(drop)
}

/// Reads to the end even if nobody reads on the other side, or the child would stand still.
fn hand_on(from: impl Read, prefix: &str, to: &mut impl Write) {
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
