//! Windows cannot replace a process: the launcher starts Python, waits for it and exits with its code. A job object
//! ends Python with the launcher, however the launcher ends. Ctrl-C and Ctrl-Break are Python's, which shares the
//! console.
#![expect(unsafe_code, reason = "the job object and the console have no safe interface")]

use std::convert::Infallible;
use std::io;
use std::mem::size_of;
use std::os::windows::io::{AsRawHandle, FromRawHandle, IntoRawHandle, OwnedHandle};
use std::process::{Child, Command};
use std::ptr::{from_ref, null};

use windows_sys::Win32::Foundation::{FALSE, HANDLE_FLAG_INHERIT, SetHandleInformation, TRUE};
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::core::BOOL;

use super::python::python_command;
use crate::error::Error;
use crate::plan::LaunchPlan;

/// Runs the plan's Python and exits with its code. Returns only if it fails.
pub fn become_python(plan: &LaunchPlan) -> Result<Infallible, Error> {
    let code = run(plan).map_err(|source| Error::Exec {
        path: plan.interpreter.path.clone(),
        source,
        longest: None,
    })?;
    #[expect(clippy::disallowed_methods, reason = "the launcher exits with Python's code")]
    std::process::exit(code)
}

fn run(plan: &LaunchPlan) -> io::Result<i32> {
    leave_interrupts_to_python()?;
    let job = job()?;
    let mut command = python_command(&plan.interpreter, &plan.environment);
    let mut child = command.args(plan.argv.get(1..).unwrap_or_default()).spawn()?;
    // A Python that has already ended cannot join a job, and need not.
    if let Err(error) = put_into(&job, &child)
        && child.try_wait()?.is_none()
    {
        let _ = child.kill();
        return Err(error);
    }
    // Any 32 bits are an exit code, and every ended process has one.
    Ok(child.wait()?.code().unwrap_or_default())
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

/// Makes a job whose processes end when its last handle is closed; the system closes it for a launcher that is killed.
/// Processes that Python starts are outside the job: they may outlive Python, as they do without a launcher.
fn job() -> io::Result<OwnedHandle> {
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
    let length = u32::try_from(size_of::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>())
        .map_err(io::Error::other)?;
    // SAFETY: no attributes and no name are allowed to be null.
    let handle = unsafe { CreateJobObjectW(null(), null()) };
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle was just made, is not null, and has no other owner.
    let job = unsafe { OwnedHandle::from_raw_handle(handle) };
    // SAFETY: the pointer and the length are those of `limits`, the structure of this class.
    let set = unsafe {
        SetInformationJobObject(
            job.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            from_ref(&limits).cast(),
            length,
        )
    };
    checked(set)?;
    Ok(job)
}

fn put_into(job: &OwnedHandle, child: &Child) -> io::Result<()> {
    // SAFETY: both handles are open for as long as they are borrowed.
    checked(unsafe { AssignProcessToJobObject(job.as_raw_handle(), child.as_raw_handle()) })
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
