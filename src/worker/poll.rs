//! Questions to workers, all at once: one that does not answer costs no more time than many.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::ending::WorkerProcess;
use super::folder::{Connection, Folder, connect_to};
use super::listed::{Listed, STUCK};
use super::start::NAME;

/// A worker answers at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// No answer is longer (bytes).
const LARGEST: usize = 64 * 1024;

/// A worker that was asked.
pub struct PolledWorker {
    /// The name of its place.
    pub key: String,
    /// What tells it from one that comes there after it.
    pub holder: Option<u64>,
    /// How it is; where it did not answer `stuck`, and what else the system knows of it.
    pub worker: Listed,
    /// Whether it answered.
    pub has_answered: bool,
    /// Its process, where that is known.
    pub process: Option<WorkerProcess>,
}

/// The time from here on that answers may take.
pub fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// Asks the workers at these roots; the roots where nobody listens are cleared.
pub fn ask(
    folder: &Folder,
    keys: impl IntoIterator<Item = String>,
    question: &[u8],
) -> Vec<PolledWorker> {
    let begun = keys.into_iter().filter_map(|key| Talk::begin(folder, key, question));
    let mut talks: Vec<Talk> = begun.collect();
    let deadline = deadline();
    loop {
        talks.iter_mut().for_each(Talk::hear);
        let open: Vec<_> = talks.iter().filter_map(|talk| talk.stream.as_ref()).collect();
        let left = deadline.saturating_duration_since(Instant::now());
        if open.is_empty() || left.is_zero() {
            break;
        }
        is_heard(&open, left);
    }
    talks.into_iter().map(Talk::end).collect()
}

/// Waits until there is something to read from one of these; whether there is.
pub fn is_heard(descriptors: &[impl AsFd], longest: Duration) -> bool {
    let event = |one| PollFd::new(one, PollFlags::POLLIN);
    let mut events: Vec<PollFd> = descriptors.iter().map(|one| event(one.as_fd())).collect();
    let timeout = PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX);
    // An interruption is as good as nothing.
    matches!(poll(&mut events, timeout), Ok(1..))
}

/// A question, and as much of its answer as has come.
struct Talk {
    key: String,
    holder: Option<u64>,
    /// Open until all was said.
    stream: Option<UnixStream>,
    pid: Option<i32>,
    process: Option<WorkerProcess>,
    text: Vec<u8>,
}

impl Talk {
    fn begin(folder: &Folder, key: String, question: &[u8]) -> Option<Self> {
        let holder = folder.holder(&key);
        let mut talk =
            Talk { key, holder, stream: None, pid: None, process: None, text: Vec::new() };
        match connect_to(folder, &talk.key) {
            Connection::Open(mut stream, pid) => {
                talk.pid = Some(pid);
                talk.process = Some(WorkerProcess::new(pid));
                let asked = stream.set_nonblocking(true).and_then(|()| stream.write_all(question));
                talk.stream = asked.is_ok().then_some(stream);
            }
            Connection::Full => (),
            Connection::Nobody => {
                folder.clear(&talk.key);
                return None;
            }
        }
        Some(talk)
    }

    /// Takes what has come.
    fn hear(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let mut bytes = [0; 4096];
        loop {
            match stream.read(&mut bytes) {
                Ok(count @ 1..) if self.text.len() < LARGEST => {
                    self.text.extend_from_slice(bytes.get(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                _ => break,
            }
        }
        self.stream = None;
    }

    fn end(self) -> PolledWorker {
        let told = serde_json::from_slice(&self.text).ok();
        let has_answered = told.is_some();
        let worker = told.unwrap_or_else(|| stuck(self.pid));
        let Talk { key, holder, process, .. } = self;
        PolledWorker { key, holder, worker, has_answered, process }
    }
}

/// A worker that says nothing; its words name it.
fn stuck(pid: Option<i32>) -> Listed {
    Listed { pid, ..named(pid).unwrap_or_else(|| Listed::unanswering("?", STUCK)) }
}

/// What a process' words say of the worker that it is; nothing if it is none.
pub fn named(pid: Option<i32>) -> Option<Listed> {
    let words = fs::read(format!("/proc/{}/cmdline", pid?)).ok()?;
    let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
    let text = |word: &[u8]| std::str::from_utf8(word).ok().map(str::to_owned);
    match words.as_slice() {
        [.., one, other, project, config, b""] if [*one, *other] == NAME.map(str::as_bytes) => {
            let project = text(project).unwrap_or_else(|| "?".into());
            Some(Listed { pid, config: text(config), ..Listed::unanswering(&project, STUCK) })
        }
        _ => None,
    }
}
