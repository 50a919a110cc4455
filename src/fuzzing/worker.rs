//! The readers of what workers write: their replies, their status, and the files beside their sockets.

use std::time::Duration;

use super::check::check_line;
use crate::command::workers;
use crate::console::Colour;
use crate::worker::WorkerStatus;
use crate::worker::history::recent_jobs;
use crate::worker::key::{SOCKET_SUFFIX, START_SUFFIX, WorkerKey};
use crate::worker::protocol::{WorkerReply, read_reply};
use crate::worker::start_record::StartRecord;

/// Replies are read five bytes at a time until the connection ends, or until one is malformed.
pub fn worker_reply(data: &[u8]) {
    let mut rest = data;
    loop {
        let before = rest.len();
        match read_reply(&mut rest) {
            Ok(Some(reply)) => {
                assert_eq!(before - rest.len(), 5);
                if let WorkerReply::Ended(code) = reply {
                    assert_eq!(data.get(data.len() - before + 1), Some(&code));
                }
            }
            Ok(None) => return assert!(before < 5),
            Err(_) => return,
        }
    }
}

/// The table of workers has one line for each, and one for each reason.
pub fn worker_status(data: &[u8]) {
    let answered = serde_json::from_slice::<WorkerStatus>(data).ok();
    for worker in answered.into_iter().chain(WorkerStatus::of_command_line(7, data)) {
        let table = workers::text(&[worker], Colour::Never);
        assert!((2..=3).contains(&table.lines().count()), "{table:?}");
        table.lines().for_each(check_line);
    }
}

/// A record has a project; a key names the file that it was read from; each plain run of a history has a reason.
pub fn worker_files(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let record = StartRecord::of_text(text, Duration::ZERO);
    assert!(!record.project.is_empty() && !record.reason.contains('\t'));
    if let Some(jobs) = recent_jobs(text) {
        assert!((1..=jobs.jobs).contains(&jobs.plain));
        assert_eq!(jobs.reasons.iter().map(|reason| reason.jobs).sum::<usize>(), jobs.plain);
        workers::plain_runs(&[jobs]).lines().for_each(check_line);
    }
    if let Some(key) = WorkerKey::of_file(text, SOCKET_SUFFIX) {
        assert_eq!(key.socket_name(), text);
    }
    if let Some(key) = WorkerKey::of_file(text, START_SUFFIX) {
        assert_eq!(key.start_name(), text);
    }
}
