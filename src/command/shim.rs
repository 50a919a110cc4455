//! Makes `PROJECT-python`, a Python for one project in one file, for programs that take no arguments: a link to
//! the launcher, on Windows a copy. The launcher reads the project from the name by which it is called.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf, is_separator};
use std::process::ExitCode;

use anyhow::Result;

use super::choose::choose;
use crate::bootstrap::Refresh;
use crate::console;
use crate::context::Context;
use crate::disk::{self, IoMessage};
use crate::display::Printable;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::origin::Decided;
use crate::request::{Choice, Request};
use crate::toolkit::expand;

/// Makes the shim of a project that can be chosen, and prints its path.
#[cold]
pub fn run(context: &Context) -> Result<ExitCode> {
    choose(context, Refresh::IfStale)?;
    let shim = make(&context.request, &context.inputs)?;
    console::print(&format!("{}\n", Printable::new(&shim)))
}

/// Makes the shim in the folder that the caller names, else in the working directory. Leaves a shim of this
/// launcher as it is, and replaces one of a launcher that has moved and, on Windows, every shim.
fn make(request: &Request, inputs: &Inputs) -> Result<PathBuf, Error> {
    let folder = folder(request, inputs)?;
    let mut file = project(request).to_owned();
    let has_levels = file.to_string_lossy().contains(is_separator);
    file.push(if cfg!(windows) { "-python.exe" } else { "-python" });
    let shim = folder.join(file);
    if has_levels {
        let why = "a project of two levels cannot name a file".into();
        return Err(Error::Shim { path: shim, why });
    }
    let launcher = launcher(inputs).ok_or(Error::NoLauncher)?;
    if disk::is_same(&shim, &launcher) {
        return Ok(shim);
    }
    let why = match disk::create_shim(&launcher, &shim) {
        Ok(()) => return Ok(shim),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            "another file has this name".into()
        }
        Err(_) if !folder.is_dir() => "the folder does not exist".into(),
        Err(error) => IoMessage(&error).to_string(),
    };
    Err(Error::Shim { path: shim, why })
}

/// Returns the name of the project that `--make-shim` or `--make-venv` chooses.
pub(super) fn project(request: &Request) -> &OsStr {
    match request.choices.as_slice() {
        [Decided { value: Choice::Project(name), .. }, ..] => name,
        _ => OsStr::new(""),
    }
}

/// Returns the folder that the caller names after the project.
pub(super) fn named_folder<'a>(
    request: &'a Request,
    option: &str,
) -> Result<Option<&'a Path>, Error> {
    if let [_, word, ..] = request.arguments.as_slice() {
        let word = Printable::new(word);
        let message = format!("{option} takes one project and one folder: '{word}'");
        return Err(Error::CommandLine { message, hint: None });
    }
    Ok(request.arguments.first().map(Path::new))
}

/// Returns the shim's folder, without a doubled or trailing separator.
fn folder(request: &Request, inputs: &Inputs) -> Result<PathBuf, Error> {
    let folder = named_folder(request, "--make-shim")?.unwrap_or(Path::new("."));
    Ok(inputs.location.need_absolute(folder)?.components().collect())
}

/// Returns the path by which the launcher was called, else its own file. The former may be a link that stays
/// when a new version comes.
pub(super) fn launcher(inputs: &Inputs) -> Option<PathBuf> {
    let own = inputs.location.launcher.clone()?;
    match called_path(inputs) {
        Some(called) if disk::is_same(&called, &own) => Some(called),
        _ => Some(own),
    }
}

fn called_path(inputs: &Inputs) -> Option<PathBuf> {
    let called = Path::new(&inputs.program);
    if called.components().count() > 1 {
        return Some(expand::without_dots(&inputs.location.absolute(called)?));
    }
    for folder in std::env::split_paths(inputs.variable("PATH")?) {
        let path = folder.join(called);
        if folder.is_absolute() && path.exists() {
            return Some(path);
        }
    }
    None
}
