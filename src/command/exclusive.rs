//! The lock behind `--exclusive`: one run at a time for a configuration and a program. It lies in the user's
//! cache folder, and the Python holds it until it ends. The program's arguments do not count.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::cli::Exclusive;
use crate::console;
use crate::disk;
use crate::display::between;
use crate::error::Error;
use crate::fingerprint::Fingerprint;
use crate::inputs::Inputs;
use crate::interpreter::Program;
use crate::lock::{Lock, LockMode};
use crate::plan::LaunchPlan;

/// Takes the lock of a plan's program, and signs it with this process' id. Fails if another run holds it and
/// the caller does not want to wait.
pub fn lock(plan: &LaunchPlan, exclusive: Exclusive, inputs: &Inputs) -> Result<Lock, Error> {
    let program = plan.words().program;
    let path = file(plan, &program, inputs)?;
    let lock = match exclusive {
        Exclusive::Wait => console::show_while(&waiting(&path), || {
            Ok(Some(Lock::wait_for(&path, LockMode::Exclusive)?))
        }),
        Exclusive::Fail => Lock::try_for(&path, LockMode::Exclusive),
    };
    match lock {
        Ok(Some(lock)) => {
            lock.sign();
            Ok(lock)
        }
        Ok(None) => {
            let config = plan.selection.config.path.clone();
            Err(Error::Busy { what: name(program), config, holder: Lock::holder(&path) })
        }
        Err(source) => Err(Error::Lock { path, source }),
    }
}

/// Returns the folder of the locks.
pub fn folder(inputs: &Inputs) -> Result<PathBuf, Error> {
    inputs.cache_folder().ok_or(Error::NoLockFolder)
}

fn waiting(path: &Path) -> String {
    let holder = between(" (process ", Lock::holder(path), ")");
    format!("waiting for the end of another run{holder}")
}

/// Returns the lock's file: one for each configuration and program, by whichever path each is reached. Paths are
/// compared without links, not by device and inode: a file server has another device number on each machine.
fn file(plan: &LaunchPlan, program: &Program, inputs: &Inputs) -> Result<PathBuf, Error> {
    let (kind, text) = match program {
        Program::Code(text) => ("code", text.clone()),
        Program::Module(name) => ("module", name.clone()),
        Program::Script(script) => {
            let path = plan.location.need_absolute(script.as_ref())?;
            ("script", disk::without_links(&path).into())
        }
        Program::Input | Program::Prompt => ("input", OsString::new()),
    };
    let mut fingerprint = Fingerprint::default();
    fingerprint.add(disk::without_links(&plan.selection.config.path));
    fingerprint.add(kind);
    fingerprint.add(text);
    Ok(folder(inputs)?.join(format!("exclusive-1-{}", fingerprint.text())))
}

/// Returns the name of a program in a message.
fn name(program: Program) -> OsString {
    match program {
        Program::Code(_) => "this code".into(),
        Program::Module(name) => [OsStr::new("-m "), &name].into_iter().collect(),
        Program::Script(script) => script,
        Program::Input | Program::Prompt => "a Python that reads standard input".into(),
    }
}
