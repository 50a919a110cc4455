//! Requests to several workers at once: those that do not answer cost one timeout together.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::folder::{Connection, Folder};
use super::key::WorkerKey;
use super::pidfd::ProcessHandle;
use super::worker_status::{STUCK, WorkerStatus};

/// Time for all answers together.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Limit of an answer in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// A worker that was sent a request.
pub struct PolledWorker {
    pub key: WorkerKey,
    /// The inode of its socket, which its successor does not have.
    pub inode: Option<u64>,
    /// Its answer; without one, what its command line shows.
    pub status: WorkerStatus,
    pub has_answered: bool,
    /// Its process, if the connection was accepted.
    pub process: Option<ProcessHandle>,
}

/// Returns the deadline for a request or a kill that begins now.
pub fn deadline() -> Instant {
    Instant::now() + TIMEOUT
}

/// Sends a request to the workers with these keys. Sockets on which no process listens are removed.
pub fn poll_workers(
    folder: &Folder,
    keys: impl IntoIterator<Item = WorkerKey>,
    request: &[u8],
) -> Vec<PolledWorker> {
    let mut pending = Vec::new();
    for key in keys {
        pending.extend(PendingAnswer::request(folder, key, request));
    }
    let deadline = deadline();
    loop {
        for answer in &mut pending {
            answer.receive();
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !wait_for_any(&pending, left) {
            break;
        }
    }
    pending.into_iter().map(PendingAnswer::finish).collect()
}

/// Waits until an answer can be read. Returns whether any answer is still incomplete.
fn wait_for_any(pending: &[PendingAnswer], timeout: Duration) -> bool {
    let mut events = Vec::new();
    for stream in pending.iter().filter_map(|answer| answer.stream.as_ref()) {
        events.push(PollFd::new(stream.as_fd(), PollFlags::POLLIN));
    }
    if !events.is_empty() {
        // A poll that fails or is interrupted is repeated until the deadline.
        let _ = poll(&mut events, PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX));
    }
    !events.is_empty()
}

/// A worker whose answer is incomplete.
struct PendingAnswer {
    worker: PolledWorker,
    /// `None` after the end of the answer.
    stream: Option<UnixStream>,
    text: Vec<u8>,
}

impl PendingAnswer {
    /// Sends a request. Returns `None` and removes the socket if no process listens on it.
    fn request(folder: &Folder, key: WorkerKey, request: &[u8]) -> Option<Self> {
        let inode = folder.socket_inode(&key);
        let (mut process, mut stream) = (None, None);
        match folder.connect(&key) {
            Connection::Open(mut connected, pid) => {
                process = Some(ProcessHandle::open(pid));
                stream = connected.write_all(request).is_ok().then_some(connected);
            }
            Connection::Full => (),
            Connection::Refused => {
                folder.remove_socket(&key);
                return None;
            }
        }
        let status = WorkerStatus::unanswered("?", STUCK);
        let worker = PolledWorker { key, inode, status, has_answered: false, process };
        Some(PendingAnswer { worker, stream, text: Vec::new() })
    }

    /// Reads the part of the answer that has arrived.
    fn receive(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let mut bytes = [0; 4096];
        loop {
            match stream.read(&mut bytes) {
                Ok(count @ 1..) if self.text.len() < MAX_ANSWER => {
                    self.text.extend_from_slice(bytes.get(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // Read again after the next poll, before the deadline.
                Err(error) if error.kind() == ErrorKind::Interrupted => return,
                _ => break,
            }
        }
        self.stream = None;
    }

    fn finish(self) -> PolledWorker {
        let mut worker = self.worker;
        if let Ok(status) = serde_json::from_slice(&self.text) {
            (worker.status, worker.has_answered) = (status, true);
        } else if let Some(process) = &worker.process {
            let pid = process.pid();
            worker.status = WorkerStatus::of_process(pid).unwrap_or(worker.status);
            worker.status.pid = Some(pid);
        }
        worker
    }
}
