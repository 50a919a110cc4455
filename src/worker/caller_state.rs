//! The state of the launcher's process that a job in a worker must have in common with it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{Mode, OFlags, open};

use super::cold_reason::ColdReason;
use crate::interrupt::retried;

/// Lines of `/proc/self/status` that differ between processes of one user.
#[rustfmt::skip]
const STATUS_LINES: [&str; 11] = [
    "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
    "NoNewPrivs", "Seccomp", "Cpus_allowed_list",
];

const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/// Bytes; more than most files of `/proc/self` hold.
const FILE_SIZE: usize = 8 * 1024;

/// The columns before the values in `/proc/self/limits`.
const LIMIT_NAME: usize = 26;

/// The state of the launcher's process.
#[derive(Debug)]
pub struct CallerState {
    /// Properties that a child cannot change, and that its worker must share.
    pub fixed: Vec<String>,
    /// Soft limits, each as `number:limit`; a limit may be `unlimited`.
    pub soft_limits: Vec<String>,
    /// The mask for new files, in octal digits.
    pub umask: String,
    /// The ignored signals, as a mask in hexadecimal digits.
    pub ignored: String,
    /// The blocked signals, in the same form.
    pub blocked: String,
}

impl CallerState {
    pub fn read() -> Result<Self, ColdReason> {
        let status = read_own("status").map_err(|_| ColdReason::Unreadable("/proc"))?;
        let mut fixed = Vec::new();
        for name in STATUS_LINES {
            fixed.push(status_line(&status, name).unwrap_or_default());
        }
        let limits = read_own("limits").map_err(|_| ColdReason::Unreadable("the limits"))?;
        let (soft_limits, hard_limits) =
            limits_in(&limits).ok_or(ColdReason::Unreadable("the limits"))?;
        fixed.push(hard_limits.join(" "));
        for name in NAMESPACES {
            let link = fs::read_link(format!("/proc/self/ns/{name}")).unwrap_or_default();
            fixed.push(link.to_string_lossy().into_owned());
        }
        fixed.push(priority().ok_or(ColdReason::Unreadable("the priority"))?);
        for file in ["cgroup", "attr/current", "oom_score_adj"] {
            fixed.push(read_own(file).unwrap_or_default());
        }
        let root = fs::metadata("/").map_err(|_| ColdReason::Unreadable("/"))?;
        fixed.push(format!("{} {}", root.dev(), root.ino()));
        Ok(CallerState {
            fixed,
            soft_limits,
            umask: status_line(&status, "Umask")?,
            ignored: status_line(&status, "SigIgn")?,
            blocked: status_line(&status, "SigBlk")?,
        })
    }
}

/// Reads a file of `/proc/self`, in most cases by one call: a piece that leaves room is the last.
pub fn read_own(name: &str) -> io::Result<String> {
    let path = format!("/proc/self/{name}");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = retried(|| Ok(open(&path, flags, Mode::empty())?))?;
    let (mut text, mut piece) = (Vec::new(), [0; FILE_SIZE]);
    let mut count = FILE_SIZE;
    while count == FILE_SIZE {
        count = retried(|| Ok(rustix::io::read(&file, &mut piece)?))?;
        text.extend_from_slice(piece.get(..count).unwrap_or_default());
    }
    String::from_utf8(text).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Returns the soft limits, with their numbers, and the hard ones. The lines of proc(5)'s `limits` follow the numbers.
fn limits_in(text: &str) -> Option<(Vec<String>, Vec<&str>)> {
    let (mut soft_limits, mut hard_limits) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().skip(1).enumerate() {
        let mut values = line.get(LIMIT_NAME..)?.split_whitespace();
        soft_limits.push(format!("{number}:{}", values.next()?));
        hard_limits.push(values.next()?);
    }
    Some((soft_limits, hard_limits))
}

/// Returns the value of a line of `/proc/self/status`.
fn status_line(status: &str, name: &'static str) -> Result<String, ColdReason> {
    for line in status.lines() {
        if let Some(value) = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(":\t")) {
            return Ok(value.trim().to_owned());
        }
    }
    Err(ColdReason::Unreadable(name))
}

/// Returns the niceness, the real-time priority and the scheduling policy (fields 19, 40 and 41 of proc(5)'s `stat`).
fn priority() -> Option<String> {
    let stat = read_own("stat").ok()?;
    // The second field, the program's name, may hold spaces and parentheses.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    Some(format!("{} {} {}", fields.get(16)?, fields.get(37)?, fields.get(38)?))
}
