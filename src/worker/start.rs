//! Starts a worker: the plan's own Python and variables, with the launcher's program.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Serialize;

use super::cold_reason::ColdReason;
use super::control::{make_room, stop_replaced};
use super::folder::{Connection, Folder};
use super::job::Job;
use super::key::{WorkerKey, starting_variables, watched_paths};
use super::program::{BEGIN, PROGRAM, PROGRAM_VARIABLE};
use super::start_record::{StartRecord, why_unfit};
use super::worker_status::WORKER_WORDS;
use crate::disk;
use crate::exec::program::{RUN, VARIABLE};
use crate::fingerprint::Fingerprint;
use crate::lock::{Lock, LockMode};

/// A shell command that starts a worker as a child of the system, so that the launcher, which becomes another program,
/// has no child. It adds the worker's process number to the start's record, whose path is the first word.
const DETACH: &str = "/bin/sh -c 'printf \"\\t%s\" $$ >>\"$0\"; exec \"$@\"' \"$0\" \"$@\" </dev/null >/dev/null 2>&1 &";

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
    #[expect(clippy::disallowed_methods, reason = "a worker is no launch")]
    let mut command = Command::new("/bin/sh");
    command.args(["-c", DETACH]).arg(folder.start_file(key)).arg(&plan.interpreter.path);
    command.args(&plan.interpreter.args).args(&job.options);
    command.args(["-c", RUN]).args(WORKER_WORDS);
    command.arg(&project).arg(&plan.selection.config.path);
    command.env_clear().envs(starting_variables(plan, &settings.variables));
    command.env(VARIABLE, BEGIN).env(PROGRAM_VARIABLE, PROGRAM);
    command.env("SGTK_PYTHON_WORKER_START", start);
    command.current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        // The launcher inherited an ignored SIGCHLD, so the system reports no exit status.
        Err(error) if error.raw_os_error() == Some(nix::Error::ECHILD as i32) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("/bin/sh cannot start it")),
    }
}

/// Returns a pipe that holds a text, for the worker to inherit. The text must fit into the pipe's buffer.
fn inherited_pipe(text: &str) -> io::Result<File> {
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(text.as_bytes())?;
    let file = File::from(OwnedFd::from(reader));
    disk::keep_open_in_exec(&file)?;
    Ok(file)
}
