//! The state of the launcher's process that a job in a worker must have in common with it.

use std::fs;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;

use nix::sys::resource::{Resource, getrlimit};

use super::cold_reason::ColdReason;

/// Lines of `/proc/self/status` that differ between processes of one user.
#[rustfmt::skip]
const STATUS_LINES: [&str; 11] = [
    "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
    "NoNewPrivs", "Seccomp", "Cpus_allowed_list",
];

const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

#[rustfmt::skip]
const LIMITS: [Resource; 16] = [
    Resource::RLIMIT_AS, Resource::RLIMIT_CORE, Resource::RLIMIT_CPU, Resource::RLIMIT_DATA,
    Resource::RLIMIT_FSIZE, Resource::RLIMIT_LOCKS, Resource::RLIMIT_MEMLOCK,
    Resource::RLIMIT_MSGQUEUE, Resource::RLIMIT_NICE, Resource::RLIMIT_NOFILE,
    Resource::RLIMIT_NPROC, Resource::RLIMIT_RSS, Resource::RLIMIT_RTPRIO,
    Resource::RLIMIT_RTTIME, Resource::RLIMIT_SIGPENDING, Resource::RLIMIT_STACK,
];

/// The state of the launcher's process.
#[derive(Debug)]
pub struct CallerState {
    /// Properties that a child cannot change, and that its worker must share.
    pub fixed: Vec<String>,
    /// Soft limits, each as `number:limit`.
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
        let status =
            fs::read_to_string("/proc/self/status").map_err(|_| ColdReason::Unreadable("/proc"))?;
        let mut fixed = Vec::new();
        for name in STATUS_LINES {
            fixed.push(status_line(&status, name).unwrap_or_default());
        }
        let (mut soft_limits, mut hard_limits) = (Vec::new(), Vec::new());
        for resource in LIMITS {
            let (soft, hard) =
                getrlimit(resource).map_err(|_| ColdReason::Unreadable("a limit"))?;
            soft_limits.push(format!("{}:{soft}", resource as u32));
            hard_limits.push(hard);
        }
        fixed.push(format!("{hard_limits:?}"));
        for name in NAMESPACES {
            let link = fs::read_link(format!("/proc/self/ns/{name}")).unwrap_or_default();
            fixed.push(link.to_string_lossy().into_owned());
        }
        fixed.push(priority().ok_or(ColdReason::Unreadable("the priority"))?);
        for file in ["cgroup", "attr/current", "oom_score_adj"] {
            fixed.push(fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default());
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
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the program's name, may hold spaces and parentheses.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    Some(format!("{} {} {}", fields.get(16)?, fields.get(37)?, fields.get(38)?))
}

/// Fails if Python would inherit an open file that a worker's child cannot have.
pub fn check_descriptors() -> Result<(), ColdReason> {
    if std::io::stdin().is_terminal() {
        return Err(ColdReason::Terminal);
    }
    for entry in fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number.filter(|number| *number > 2 && is_inheritable(*number)) {
            return Err(ColdReason::Descriptor(number));
        }
    }
    Ok(())
}

/// Returns whether a descriptor stays open when this process executes a program.
fn is_inheritable(number: u32) -> bool {
    // The descriptor on which the list was read may be closed by now.
    let Ok(info) = fs::read_to_string(format!("/proc/self/fdinfo/{number}")) else { return false };
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|digits| i32::from_str_radix(digits.trim(), 8).ok());
    flags.is_none_or(|flags| flags & nix::fcntl::OFlag::O_CLOEXEC.bits() == 0)
}
