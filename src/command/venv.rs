//! Makes a virtual environment whose Python is the launcher: an editor that keeps the path by which Python calls
//! itself keeps the project too. `shims/venv_maker.py` does the work in the project's own Python.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use anyhow::Result;

use super::choose::choose;
use super::shim;
use crate::bootstrap::Refresh;
use crate::console;
use crate::context::Context;
use crate::disk::{self, IoMessage};
use crate::display::Printable;
use crate::error::Error;
use crate::exec::python_command;
use crate::interpreter::{self, Version};
use crate::plan::{LaunchPlan, plan};
use crate::request::Venv;
use crate::toolkit::expand;

static PROGRAM: &str = include_str!(concat!(env!("OUT_DIR"), "/venv_maker.py"));

/// The oldest Python whose virtual environments the program can make.
const OLDEST: &str = "3.6";

/// Makes the virtual environment of a project that can be chosen, or updates it, and prints its Python's path.
#[cold]
pub fn run(context: &Context) -> Result<ExitCode> {
    let Context { request, inputs, .. } = context;
    let chosen = choose(context, Refresh::IfStale)?;
    let project = shim::project(request);
    let folder = folder(context, project)?;
    let failed = |why: &str| Error::Shim { path: folder.clone(), why: why.into() };
    if cfg!(windows) {
        return Err(failed("Python on Windows does not start through a launcher").into());
    }
    if !is_free(&folder) {
        return Err(failed("another folder or file has this name").into());
    }
    // Links in it could lead to any file of this user.
    if folder.exists() && disk::is_of_another_user(&folder) {
        return Err(failed("the folder belongs to another user").into());
    }
    let plan = plan(chosen.selection, context)?;
    let launcher = shim::launcher(inputs).ok_or(Error::NoLauncher)?;
    make(&plan, &folder, &launcher, project).map_err(|why| failed(&why))?;
    console::print(&format!("{}\n", Printable::new(&folder.join("bin/python"))))
}

/// Returns the folder that the caller names, else `PROJECT-venv` in the working directory. Without `..`, as Python's `venv`
/// reads it.
fn folder(context: &Context, project: &OsStr) -> Result<PathBuf, Error> {
    let mut default = Path::new(project).file_name().unwrap_or(project).to_owned();
    default.push("-venv");
    let folder = shim::named_folder(&context.request, "--make-venv")?.unwrap_or(default.as_ref());
    Ok(expand::without_dots(&context.inputs.location.need_absolute(folder)?))
}

/// Returns true if a folder does not exist, is empty, or is one that `--make-venv` made.
fn is_free(folder: &Path) -> bool {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none() || Venv::is_at(folder),
        Err(_) => folder.symlink_metadata().is_err(),
    }
}

/// Runs the program in the plan's Python. Fails with the last line of what it writes to standard error.
fn make(plan: &LaunchPlan, folder: &Path, launcher: &Path, project: &OsStr) -> Result<(), String> {
    let python = &plan.interpreter;
    let version = interpreter::version(&python.path);
    if version.is_some_and(|version| Some(version) < Version::parse(OLDEST)) {
        let path = Printable::new(&python.path);
        return Err(format!("Python is older than {OLDEST}: {path} ({})", python.origin));
    }
    let packages = plan.core.python_path();
    let mut command = python_command(python, &plan.environment);
    command.args(&python.args).args(["-I", "-c", PROGRAM]);
    command.args([folder, launcher, &python.path]).arg(project).arg(packages);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| IoMessage(&error).to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    let last = error.lines().last().unwrap_or("Python failed");
    Err(Printable::new(last).to_string())
}
