//! Windows cannot replace a process: start Python, wait for it and leave with its code. A job object
//! ends Python with the launcher, however the launcher ends; Ctrl-C and Ctrl-Break are left to Python,
//! which shares the console.
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

use crate::error::Error;
use crate::plan::LaunchPlan;

/// Runs the plan's Python and leaves with its code. Only failure returns.
pub fn become_python(plan: &LaunchPlan) -> Result<Infallible, Error> {
    let code = run(plan).map_err(|source| Error::Exec {
        path: plan.interpreter.path.clone(),
        source,
        longest: None,
    })?;
    #[expect(clippy::disallowed_methods, reason = "this is where the launcher ends as Python did")]
    std::process::exit(code)
}

fn run(plan: &LaunchPlan) -> io::Result<i32> {
    leave_interrupts_to_python()?;
    let job = job()?;
    let mut command = super::command(&plan.interpreter, &plan.environment);
    let mut child = command.args(plan.argv.get(1..).unwrap_or_default()).spawn()?;
    // A Python that has ended already cannot be put anywhere, and need not be.
    if let Err(error) = put_into(&job, &child)
        && child.try_wait()?.is_none()
    {
        let _ = child.kill();
        return Err(error);
    }
    // Python's exit code is any 32 bits; without one it cannot have ended.
    Ok(child.wait()?.code().unwrap_or_default())
}

/// Leaves a handle to the program that this process starts, which knows it by this number.
pub fn hand_over(handle: OwnedHandle) -> io::Result<String> {
    let handle = handle.into_raw_handle();
    // SAFETY: the handle is open, and stays so until this process ends.
    let done = unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) };
    if done == FALSE {
        return Err(io::Error::last_os_error());
    }
    Ok((handle as usize).to_string())
}

/// A job whose processes end when its last handle is closed, as the system does for a launcher that
/// is killed. What Python itself starts is not in the job: it may outlive Python, as it does without
/// a launcher.
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
    // SAFETY: the handle was just made, is not null, and nobody else owns it.
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

/// Not `SetConsoleCtrlHandler(NULL, TRUE)`: Python would inherit that, and ignore Ctrl-C too. When the
/// console is closed or the user logs off, Python has the time that the system gives: the handler waits,
/// and with it the launcher, until Python has ended or the system ends both.
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

/// Nothing to do: a process is ended by itself.
pub fn lead_a_group(_command: &mut Command) {}

/// Ends a process; what it started goes on.
pub fn end_group(leader: &mut Child) {
    let _ = leader.kill();
}
