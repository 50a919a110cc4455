//! What a child cannot be given, or has to be: what the system knows of this process.

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;

use nix::sys::resource::{Resource, getrlimit};

use super::cold_reason::ColdReason;

/// The lines of `/proc/self/status` that tell processes of one user apart.
const APART: [&str; 11] = [
    "Uid",
    "Gid",
    "Groups",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "Cpus_allowed_list",
];

const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

const LIMITS: [Resource; 16] = [
    Resource::RLIMIT_AS,
    Resource::RLIMIT_CORE,
    Resource::RLIMIT_CPU,
    Resource::RLIMIT_DATA,
    Resource::RLIMIT_FSIZE,
    Resource::RLIMIT_LOCKS,
    Resource::RLIMIT_MEMLOCK,
    Resource::RLIMIT_MSGQUEUE,
    Resource::RLIMIT_NICE,
    Resource::RLIMIT_NOFILE,
    Resource::RLIMIT_NPROC,
    Resource::RLIMIT_RSS,
    Resource::RLIMIT_RTPRIO,
    Resource::RLIMIT_RTTIME,
    Resource::RLIMIT_SIGPENDING,
    Resource::RLIMIT_STACK,
];

/// This process, as far as a job in a worker has to be like it.
#[derive(Debug)]
pub struct CallerState {
    /// What a worker must have in common with it.
    pub nature: Vec<String>,
    /// The soft limits, by number.
    pub limits: Vec<(u32, u64)>,
    /// The mask for new files, in octal digits.
    pub umask: String,
    /// The ignored signals, as a mask in hexadecimal digits.
    pub ignored: String,
    /// The blocked signals, likewise.
    pub blocked: String,
}

impl CallerState {
    /// Reads this process.
    pub fn read() -> Result<Self, ColdReason> {
        let status =
            fs::read_to_string("/proc/self/status").map_err(|_| ColdReason::Unreadable("/proc"))?;
        let fields: BTreeMap<&str, &str> =
            status.lines().filter_map(|line| line.split_once(":\t")).collect();
        let field = |name: &str| fields.get(name).map(|value| value.trim().to_owned());
        let needed = |name: &'static str| field(name).ok_or(ColdReason::Unreadable(name));
        let mut nature: Vec<String> =
            APART.iter().map(|name| field(name).unwrap_or_default()).collect();
        let (mut limits, mut hard) = (Vec::new(), Vec::new());
        for resource in LIMITS {
            let (soft, most) =
                getrlimit(resource).map_err(|_| ColdReason::Unreadable("a limit"))?;
            limits.push((resource as u32, soft));
            hard.push(most);
        }
        nature.push(format!("{hard:?}"));
        let link = |name: &&str| fs::read_link(format!("/proc/self/ns/{name}")).unwrap_or_default();
        nature.extend(NAMESPACES.iter().map(link).map(|path| path.to_string_lossy().into_owned()));
        nature.push(fs::read_to_string("/proc/self/cgroup").unwrap_or_default());
        nature.push(fs::read_to_string("/proc/self/attr/current").unwrap_or_default());
        nature.push(priority().ok_or(ColdReason::Unreadable("the priority"))?);
        nature.push(fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default());
        let root = fs::metadata("/").map_err(|_| ColdReason::Unreadable("/"))?;
        nature.push(format!("{} {}", root.dev(), root.ino()));
        Ok(CallerState {
            nature,
            limits,
            umask: needed("Umask")?,
            ignored: needed("SigIgn")?,
            blocked: needed("SigBlk")?,
        })
    }
}

/// The niceness, the real-time priority and the scheduler's policy (fields 19, 40 and 41 of proc(5)'s `stat`).
fn priority() -> Option<String> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // A program's name may hold anything; the third field follows it.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let field = |number: usize| fields.get(number - 3).copied();
    Some(format!("{} {} {}", field(19)?, field(40)?, field(41)?))
}

/// What this process has open that a worker's child could not have.
pub fn unshareable() -> Option<ColdReason> {
    if std::io::stdin().is_terminal() {
        return Some(ColdReason::Terminal);
    }
    let open = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let mut numbers = open.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.find(|number| *number > 2 && is_inheritable(*number)).map(ColdReason::Descriptor)
}

/// Whether a descriptor stays open in a program that this process becomes.
fn is_inheritable(number: u32) -> bool {
    // The one that reads the list is gone when it is asked for.
    let Ok(info) = fs::read_to_string(format!("/proc/self/fdinfo/{number}")) else { return false };
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|digits| i32::from_str_radix(digits.trim(), 8).ok());
    flags.is_none_or(|flags| flags & nix::fcntl::OFlag::O_CLOEXEC.bits() == 0)
}
