//! Starts a worker: the plan's own Python and variables, with the launcher's program.

use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use serde::Serialize;

use super::cold_reason::ColdReason;
use super::control::{make_room, stop_replaced};
use super::folder::{Connection, Folder};
use super::inherited::inherited_descriptors;
use super::job::Job;
use super::key::{WorkerKey, starting_variables, watched_paths};
use super::program::{BEGIN, PROGRAM, PROGRAM_VARIABLE};
use super::start_record::{StartRecord, why_unfit};
use super::worker_status::WORKER_WORDS;
use crate::disk;
use crate::exec::program::{RUN, VARIABLE};
use crate::fingerprint::Fingerprint;
use crate::interrupt::retried;
use crate::lock::{Lock, LockMode};

/// A shell command that starts a worker as a child of the system, so that the launcher, which becomes another program,
/// has no child. It adds the worker's process number to the start's record, whose path is the first word.
const DETACH: &str = "cd /; /bin/sh -c 'printf \"\\t%s\" $$ >>\"$0\"; exec \"$@\"' \"$0\" \"$@\" </dev/null >/dev/null 2>&1 &";

/// Time to wait for other starts.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The worker's half of a start, in the variable `SGTK_PYTHON_WORKER_START`.
#[derive(Serialize)]
struct WorkerStart<'a> {
    /// The name of the socket.
    name: String,
    /// The name of the start's record.
    marker: String,
    folder: i32,
    lock: i32,
    /// The engine to keep, on a descriptor: it may hold a key, and the jobs can read a variable.
    kept: Option<i32>,
    project: &'a str,
    config: &'a Path,
    core: &'a Path,
    /// The fingerprint of the files that identify the worker.
    files: String,
    preload: &'a [String],
    /// The files and folders to watch beside those that are imported.
    watched: Vec<PathBuf>,
    /// Seconds.
    idle_after: f64,
    max_jobs: u32,
    /// MiB.
    max_memory: u32,
}

/// Starts a worker, unless a start is under way or has failed. Returns why the job at hand runs cold; `files` is the
/// fingerprint of the files that identify the worker.
pub fn start(job: &Job, folder: &Folder, key: &WorkerKey, files: &Fingerprint) -> ColdReason {
    let file = folder.start_file(key);
    let lock = match Lock::try_for(&file, LockMode::Exclusive) {
        Ok(Some(lock)) => lock,
        Ok(None) => return ColdReason::Starting,
        Err(error) => {
            let why = format!("cannot be used ({})", disk::IoMessage(&error));
            return ColdReason::Folder { path: job.warm.folder.clone(), why };
        }
    };
    if let Some(unfit) = why_unfit(folder, key) {
        return unfit;
    }
    match start_worker(job, folder, key, files, &lock) {
        Ok(reason) => reason,
        Err(reason) => {
            let _ = fs::remove_file(&file);
            reason
        }
    }
}

/// Starts a worker under its lock, and returns why there was none. Fails if there can be none now; the next job may
/// try again.
fn start_worker(
    job: &Job,
    folder: &Folder,
    key: &WorkerKey,
    files: &Fingerprint,
    lock: &Lock,
) -> Result<ColdReason, ColdReason> {
    if !matches!(folder.connect(key), Connection::Refused) {
        // Another start was quicker. It has removed its record, and this lock is on a new one.
        return Err(ColdReason::Starting);
    }
    folder.remove_socket(key);
    let _held = folder.lock(LOCK_TIMEOUT).ok_or(ColdReason::Starting)?;
    folder.remove_left_behind();
    let reason = stop_replaced(folder, &job.plan.selection.config.path, &files.text());
    let max_workers = job.warm.settings.max_workers;
    if !make_room(folder, key, max_workers as usize) {
        return Err(ColdReason::TooMany(max_workers));
    }
    match spawn(job, folder, key, files, lock) {
        Ok(()) => Ok(reason),
        Err(error) => Err(ColdReason::Unfit(disk::IoMessage(&error).to_string())),
    }
}

fn spawn(
    job: &Job,
    folder: &Folder,
    key: &WorkerKey,
    files: &Fingerprint,
    lock: &Lock,
) -> io::Result<()> {
    let inherited = inherited_descriptors()?;
    let (plan, settings) = (job.plan, &job.warm.settings);
    let project = plan.project_name();
    StartRecord::begin(folder, key, &project)?;
    let kept = job.kept_engine.as_ref().map(|engine| inherited_pipe(&engine.0)).transpose()?;
    let start = WorkerStart {
        name: key.socket_name(),
        marker: key.start_name(),
        folder: folder.inherit()?,
        lock: lock.number(),
        kept: kept.as_ref().map(AsRawFd::as_raw_fd),
        project: &project,
        config: &plan.selection.config.path,
        core: &plan.core.root,
        files: files.text(),
        preload: &settings.preload,
        watched: watched_paths(job),
        idle_after: settings.idle_after.as_secs_f64(),
        max_jobs: settings.max_jobs,
        max_memory: settings.max_memory,
    };
    let start = serde_json::to_string(&start)?;
    lock.outlive_launch()?;
    let mut words = vec![OsStr::new("/bin/sh"), OsStr::new("-c"), OsStr::new(DETACH)];
    let record = folder.start_file(key);
    words.extend([record.as_os_str(), plan.interpreter.path.as_os_str()]);
    words.extend(plan.interpreter.args.iter().chain(&job.options).map(OsString::as_os_str));
    words.extend([OsStr::new("-c"), OsStr::new(RUN)]);
    words.extend(WORKER_WORDS.map(OsStr::new));
    words.extend([OsStr::new(&project), plan.selection.config.path.as_os_str()]);
    let mut variables = starting_variables(plan, &settings.variables);
    variables.push((OsStr::new(VARIABLE), OsStr::new(BEGIN)));
    variables.push((OsStr::new(PROGRAM_VARIABLE), OsStr::new(PROGRAM)));
    variables.push((OsStr::new("SGTK_PYTHON_WORKER_START"), OsStr::new(&start)));
    run_shell(&words, &variables, &inherited)
}

/// Runs the shell with empty streams and without some descriptors: a `Command` would pass them on.
fn run_shell(
    words: &[&OsStr],
    variables: &[(&OsStr, &OsStr)],
    without: &[RawFd],
) -> io::Result<()> {
    let mut files = PosixSpawnFileActions::init()?;
    let empty = File::options().read(true).write(true).open("/dev/null")?;
    for number in 0..3 {
        files.add_dup2(empty.as_raw_fd(), number)?;
    }
    // The C library refuses numbers above the limit (`RLIMIT_NOFILE`): the worker closes these.
    for number in without {
        files.add_close(*number)?;
    }
    // A group of its own, and the signals as `Command` leaves them to a program.
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(
        PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF,
    )?;
    attributes.set_pgroup(Pid::from_raw(0))?;
    attributes.set_sigmask(&SigSet::empty())?;
    attributes.set_sigdefault(&SigSet::from(Signal::SIGPIPE))?;
    let words: Vec<CString> =
        words.iter().map(|word| c_string(word.as_bytes())).collect::<Result<_, _>>()?;
    let pairs = variables.iter().map(|pair| [pair.0, OsStr::new("="), pair.1].map(OsStr::as_bytes));
    let variables: Vec<CString> =
        pairs.map(|pair| c_string(pair.concat())).collect::<Result<_, _>>()?;
    let shell = posix_spawn(c"/bin/sh", &files, &attributes, &words, &variables)?;
    match retried(|| Ok(waitpid(shell, None)?)) {
        Ok(WaitStatus::Exited(_, 0)) => Ok(()),
        // The launcher inherited an ignored SIGCHLD, so the system reports no exit status.
        Err(error) if error.raw_os_error() == Some(Errno::ECHILD as i32) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("/bin/sh cannot start it")),
    }
}

fn c_string(bytes: impl Into<Vec<u8>>) -> io::Result<CString> {
    Ok(CString::new(bytes)?)
}

/// Returns a pipe that holds a text, for the worker to inherit. The text must fit into the pipe's buffer.
fn inherited_pipe(text: &str) -> io::Result<File> {
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(text.as_bytes())?;
    let file = File::from(OwnedFd::from(reader));
    disk::keep_open_in_exec(&file)?;
    Ok(file)
}
