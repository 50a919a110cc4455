//! One run at a time for a project and what runs: a lock in the user's cache folder, which the Python
//! holds until it ends. What the script gets as arguments does not matter.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use crate::cli::Exclusive;
use crate::disk;
use crate::error::Error;
use crate::fingerprint::Fingerprint;
use crate::inputs::Inputs;
use crate::interpreter::Program;
use crate::lock::{Lock, LockMode};
use crate::plan::LaunchPlan;

/// Takes the lock for what a plan runs, at once or when it is free.
pub fn lock(plan: &LaunchPlan, exclusive: Exclusive, inputs: &Inputs) -> Result<Lock, Error> {
    let program = plan.words().program;
    let path = file(plan, &program, inputs)?;
    let failed = |source: io::Error| Error::Lock { path: path.clone(), source };
    let taken = match exclusive {
        Exclusive::Wait => Some(Lock::wait_for(&path, LockMode::Exclusive)),
        Exclusive::Fail => Lock::try_for(&path, LockMode::Exclusive).transpose(),
    };
    let Some(lock) = taken else {
        let config = plan.selection.config.path.clone();
        return Err(Error::Busy { what: name(&program), config, holder: Lock::holder(&path) });
    };
    let lock = lock.map_err(failed)?;
    lock.sign();
    Ok(lock)
}

/// The lock's file: one for each configuration and program, whatever ways lead to them.
fn file(plan: &LaunchPlan, program: &Program, inputs: &Inputs) -> Result<PathBuf, Error> {
    let folder = inputs.cache_folder().ok_or(Error::NoLockFolder)?;
    let config = &plan.selection.config.path;
    // Not by device and number: one file server has another device on each machine.
    let (kind, what) = match program {
        Program::Code(text) => ("code", text.clone()),
        Program::Module(name) => ("module", name.clone()),
        Program::Script(script) => {
            let path = plan.location.absolute(script.as_ref());
            (
                "script",
                disk::without_links(&path.ok_or_else(|| Error::no_directory(script))?).into(),
            )
        }
        Program::Input | Program::Prompt => ("input", OsString::new()),
    };
    let mut fingerprint = Fingerprint::default();
    fingerprint.add(disk::without_links(config));
    fingerprint.add(kind);
    fingerprint.add(what);
    Ok(folder.join(format!("exclusive-1-{}", fingerprint.text())))
}

/// What to call a program in a message.
fn name(program: &Program) -> OsString {
    match program {
        Program::Code(_) => "this code".into(),
        Program::Module(name) => [OsStr::new("-m "), name].into_iter().collect(),
        Program::Script(script) => script.clone(),
        Program::Input | Program::Prompt => "a Python that reads standard input".into(),
    }
}
