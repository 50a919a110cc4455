//! Starts a worker: the plan's own Python and variables, with a program of the launcher's.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Serialize;

use super::cold_reason::ColdReason;
use super::control;
use super::folder::{Connection, Folder, connect_to, socket_name, start_name};
use super::job::{Job, shown_project};
use super::key::starting_variables;
use crate::disk;
use crate::exec::program::{RUN, VARIABLE};
use crate::lock::{Lock, LockMode};
use crate::plan::{LaunchPlan, Warm};

/// The worker's program.
pub const SOURCE: &str = include_str!(concat!(env!("OUT_DIR"), "/worker.py"));

/// The variable with the worker's program.
const PROGRAM: &str = "SGTK_PYTHON_WORKER";

/// What runs it. An older Python cannot even read it, to say why it does not run.
const BEGIN: &str = r"import json, os, sys
if sys.version_info < (3, 7):
    start = json.loads(os.environ['SGTK_PYTHON_WORKER_START'])
    os.ftruncate(start['lock'], 0)
    told = start['project'] + u'\tit is no Python 3.7 or later'
    os.write(start['lock'], told.encode('utf-8'))
    os._exit(1)
exec(os.environ.pop('SGTK_PYTHON_WORKER'))";

/// Its words after that, before its project and configuration: so a process list names it, and so does
/// `--workers` where it does not answer.
pub const NAME: [&str; 2] = ["sgtk-python", "worker"];

/// Leaves the worker to the system, so that the program that this process becomes has no strange child. What becomes
/// the worker adds its number to the start's file, whose path is the first word.
const LET_GO: &str = "/bin/sh -c 'printf \"\\t%s\" $$ >>\"$0\"; exec \"$@\"' \"$0\" \"$@\" </dev/null >/dev/null 2>&1 &";

/// What there is to tell of a worker that ended before it could tell anything.
const SAID_NOTHING: &str = "its Python ended and gave no reason";

/// A start does not wait longer for others.
const PATIENCE: Duration = Duration::from_secs(2);

/// After so long a worker that could not start may try again.
const TRY_AGAIN: Duration = Duration::from_secs(10 * 60);

/// The same where nobody knows why: it may have been killed.
const AFTER_AN_ACCIDENT: Duration = Duration::from_secs(10);

/// What a worker learns at its start.
#[derive(Serialize)]
struct Start<'a> {
    name: String,
    marker: String,
    folder: i32,
    lock: i32,
    /// What to do before there are jobs, on a descriptor: it may hold a key, and a variable can be read by
    /// the jobs.
    kept: Option<i32>,
    project: String,
    config: &'a Path,
    core: &'a Path,
    preload: &'a [String],
    idle_after: f64,
    max_jobs: u32,
    max_memory: u32,
}

/// Starts a worker, unless that is being done or has failed; returns why the job at hand runs cold.
pub fn start(plan: &LaunchPlan, warm: &Warm, job: &Job, folder: &Folder, key: &str) -> ColdReason {
    let file = folder.entry(&start_name(key));
    let lock = match Lock::try_for(&file, LockMode::Exclusive) {
        Ok(Some(lock)) => lock,
        Ok(None) => return ColdReason::Starting,
        Err(error) => {
            let why = format!("cannot be used ({})", disk::Reason(&error));
            return ColdReason::Folder { path: warm.folder.clone(), why };
        }
    };
    if let Some(unfit) = why_unfit(folder, key) {
        return unfit;
    }
    if !matches!(connect_to(folder, key), Connection::Nobody) {
        // Another start was quicker. The lock's file is a new one then.
        let _ = fs::remove_file(&file);
        return ColdReason::Starting;
    }
    // A place where nobody listens any more counts for nothing.
    folder.clear(key);
    let Some(_held) = folder.hold(PATIENCE) else {
        // Others are being started, and the next job may try again.
        let _ = fs::remove_file(&file);
        return ColdReason::Starting;
    };
    let most = warm.settings.max_workers;
    if !control::make_room(folder, key, most as usize) {
        let _ = fs::remove_file(&file);
        return ColdReason::TooMany(most);
    }
    match spawn(plan, warm, job, folder, key, &lock) {
        Ok(()) => ColdReason::Starting,
        Err(error) => {
            let _ = fs::remove_file(&file);
            ColdReason::Unfit(disk::Reason(&error).to_string())
        }
    }
}

/// Whether a worker is being started.
pub fn is_starting(folder: &Folder, key: &str) -> bool {
    let file = folder.entry(&start_name(key));
    file.exists() && matches!(Lock::try_for(&file, LockMode::Exclusive), Ok(None))
}

/// Why the last start of a worker failed, if it is not long ago.
pub fn why_unfit(folder: &Folder, key: &str) -> Option<ColdReason> {
    let StartRecord { why, age, .. } = StartRecord::of(folder, key);
    let pause = if why == SAID_NOTHING { AFTER_AN_ACCIDENT } else { TRY_AGAIN };
    (!why.is_empty() && age < pause).then_some(ColdReason::Unfit(why))
}

/// What the file of a start tells: the project, why there is no worker, and the process that is to become one,
/// with tabs between.
pub struct StartRecord {
    /// The project.
    pub project: String,
    /// What keeps the worker from being there; empty where the file is or tells nothing.
    pub why: String,
    /// The process, while it starts.
    pub pid: Option<i32>,
    /// How long ago that was written.
    pub age: Duration,
}

impl StartRecord {
    /// What the file at a key tells.
    pub fn of(folder: &Folder, key: &str) -> Self {
        let file = folder.entry(&start_name(key));
        let text = disk::read(&file).ok().flatten().unwrap_or_default();
        let written = fs::metadata(&file).and_then(|found| found.modified());
        let age = written.ok().and_then(|written| written.elapsed().ok()).unwrap_or_default();
        let mut parts = text.splitn(3, '\t').map(str::to_owned);
        StartRecord {
            project: parts.next().filter(|name| !name.is_empty()).unwrap_or_else(|| "?".into()),
            why: parts.next().unwrap_or_default(),
            pid: parts.next().and_then(|number| number.parse().ok()),
            age,
        }
    }
}

fn spawn(
    plan: &LaunchPlan,
    warm: &Warm,
    job: &Job,
    folder: &Folder,
    key: &str,
    lock: &Lock,
) -> io::Result<()> {
    let project = shown_project(plan);
    let file = folder.entry(&start_name(key));
    fs::write(&file, format!("{project}\t{SAID_NOTHING}"))?;
    let kept = job.kept.as_ref().map(|kept| inherited(&kept.0)).transpose()?;
    let start = Start {
        name: socket_name(key),
        marker: start_name(key),
        folder: folder.number(),
        lock: lock.number(),
        kept: kept.as_ref().map(AsRawFd::as_raw_fd),
        project: project.clone(),
        config: &plan.selection.config.path,
        core: &plan.core.root,
        preload: &warm.settings.preload,
        idle_after: warm.settings.idle_after.as_secs_f64(),
        max_jobs: warm.settings.max_jobs,
        max_memory: warm.settings.max_memory,
    };
    let start = serde_json::to_string(&start)?;
    folder.inherit()?;
    lock.outlive_launch()?;
    #[expect(clippy::disallowed_methods, reason = "a worker is no launch")]
    let mut command = Command::new("/bin/sh");
    command.args(["-c", LET_GO]).arg(&file).arg(&plan.interpreter.path);
    command.args(&plan.interpreter.args).args(&job.options);
    command.args(["-c", RUN]).args(NAME).arg(&project).arg(&plan.selection.config.path);
    command.env_clear().envs(starting_variables(plan, &warm.settings.variables));
    command.env(VARIABLE, BEGIN).env(PROGRAM, SOURCE);
    command.env("SGTK_PYTHON_WORKER_START", start);
    command.current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        // Whoever ignores the ends of its children (SIGCHLD) is not told of them.
        Err(error) if error.raw_os_error() == Some(nix::Error::ECHILD as i32) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("/bin/sh cannot start it")),
    }
}

/// A text that a program can read to its end from a descriptor that it inherits. So little fits into a
/// pipe that nobody reads yet.
fn inherited(text: &str) -> io::Result<File> {
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(text.as_bytes())?;
    let file = File::from(OwnedFd::from(reader));
    disk::inherit(&file)?;
    Ok(file)
}
