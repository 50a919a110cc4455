//! Windows cannot replace a process: the launcher starts Python, waits for it and exits with its code.
//!
//! A job object ends Python with the launcher, however the launcher ends. The launcher enters the job before it starts
//! Python, which so is in the job from its first instruction. To start Python suspended, and to put it into the job
//! then, leaves a moment in which a killed launcher leaves a suspended Python behind for ever, with the caller's pipes.
//! Processes that Python starts are outside the job: they may outlive Python, as they do without a launcher. The
//! `python.exe` of a virtual environment is such a launcher too, with a job of the same kind (CPython:
//! `PC/venvlauncher.c`), so the Python that it starts ends as well.
//!
//! Ctrl-C and Ctrl-Break are Python's, which shares the console. Where the launcher has no console, as below a service,
//! Python gets one without a window.
#![expect(unsafe_code, reason = "the job object and the console have no safe interface")]

use std::convert::Infallible;
use std::io;
use std::mem::size_of;
use std::os::windows::io::{IntoRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::process::{Child, Command};
use std::ptr::{from_ref, null};

use windows_sys::Win32::Foundation::{
    FALSE, HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation, TRUE,
};
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, GetConsoleCP, SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation,
    SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{CREATE_NO_WINDOW, GetCurrentProcess};
use windows_sys::core::BOOL;

use super::python::python_command;
use crate::error::Error;
use crate::plan::LaunchPlan;
use crate::status::Status;

/// Runs the plan's Python and exits with its code. Returns only if it fails.
pub fn become_python(plan: &LaunchPlan) -> Result<Infallible, Error> {
    let code = run(plan).map_err(|source| Error::Exec {
        path: plan.interpreter.path.clone(),
        source,
        longest: None,
    })?;
    Status::Ended { code, signal: None }.write();
    #[expect(clippy::disallowed_methods, reason = "the launcher exits with Python's code")]
    std::process::exit(code)
}

fn run(plan: &LaunchPlan) -> io::Result<i32> {
    leave_interrupts_to_python()?;
    let mut command = python_command(&plan.interpreter, &plan.environment);
    command.args(plan.argv.get(1..).unwrap_or_default());
    if !has_console() {
        command.creation_flags(CREATE_NO_WINDOW);
    }
    let job = Job::enter()?;
    let mut child = command.spawn()?;
    job.let_children_leave()?;
    let code = child.wait()?.code();
    job.end_nothing()?;
    // Any 32 bits are an exit code, and every ended process has one.
    Ok(code.unwrap_or_default())
}

/// Lets Python inherit a handle, and returns its number.
pub fn hand_over(handle: OwnedHandle) -> io::Result<String> {
    let handle = handle.into_raw_handle();
    // SAFETY: the handle is open, and stays so until this process ends.
    let done = unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) };
    if done == FALSE {
        return Err(io::Error::last_os_error());
    }
    Ok((handle as usize).to_string())
}

/// A job object that holds this process. Its handle stays open until this process ends. Then the system closes it,
/// which ends every process in the job.
struct Job(HANDLE);

impl Job {
    /// Puts this process into a new job, and what it starts from now on.
    fn enter() -> io::Result<Self> {
        // SAFETY: no attributes and no name are allowed to be null.
        let handle = unsafe { CreateJobObjectW(null(), null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        let job = Job(handle);
        job.limit(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)?;
        // SAFETY: the job's handle is open, and that of this process needs no opening.
        checked(unsafe { AssignProcessToJobObject(job.0, GetCurrentProcess()) })?;
        Ok(job)
    }

    /// Leaves processes that start from now on outside the job.
    fn let_children_leave(&self) -> io::Result<()> {
        self.limit(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK)
    }

    /// Lets everything that is still in the job live on when the handle is closed.
    fn end_nothing(&self) -> io::Result<()> {
        self.limit(0)
    }

    fn limit(&self, flags: JOB_OBJECT_LIMIT) -> io::Result<()> {
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = flags;
        let length = u32::try_from(size_of::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>())
            .map_err(io::Error::other)?;
        let limits = from_ref(&limits).cast();
        // SAFETY: the pointer and the length are those of the structure of this class.
        let set = unsafe {
            SetInformationJobObject(self.0, JobObjectExtendedLimitInformation, limits, length)
        };
        checked(set)
    }
}

fn has_console() -> bool {
    // SAFETY: the call takes nothing. It fails, with 0, for a process without a console.
    unsafe { GetConsoleCP() != 0 }
}

/// Not `SetConsoleCtrlHandler(NULL, TRUE)`: Python would inherit that, and ignore Ctrl-C too. When the console is closed
/// or the user logs off, the handler waits, so that Python has the time that the system gives to both.
fn leave_interrupts_to_python() -> io::Result<()> {
    unsafe extern "system" fn handler(event: u32) -> BOOL {
        if matches!(event, CTRL_C_EVENT | CTRL_BREAK_EVENT) {
            return TRUE;
        }
        loop {
            std::thread::park();
        }
    }
    // SAFETY: the handler is a function, and so lives for ever.
    checked(unsafe { SetConsoleCtrlHandler(Some(handler), TRUE) })
}

fn checked(result: BOOL) -> io::Result<()> {
    if result == FALSE { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Does nothing: Windows has no process groups of this kind.
pub fn lead_a_group(_command: &mut Command) {}

/// Ends a process; the processes that it started go on.
pub fn end_group(leader: &mut Child) {
    let _ = leader.kill();
}
