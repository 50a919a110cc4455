//! Makes `PROJECT-python`, a Python for one project that is one file without arguments: a link to the
//! launcher, on Windows a copy of it. By its name the launcher knows the project.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf, is_separator};
use std::process::ExitCode;

use anyhow::Result;

use super::launch::show_progress;
use crate::bootstrap::Refresh;
use crate::console;
use crate::context::Context;

use crate::disk::{self, Reason};
use crate::display::Printable;
use crate::error::Error;
use crate::inputs::{Inputs, Place};
use crate::project::choose_project;
use crate::request::{Choice, Request};

/// Makes a Python for a project that is here, and prints its path.
pub fn run(context: &Context) -> Result<ExitCode> {
    choose_project(context, Refresh::IfStale, &show_progress)?;
    let shim = make(&context.request, &context.inputs)?;
    console::print(&format!("{}\n", Printable::new(&shim)))
}

/// Makes one for the chosen project, in the folder that is named or else the working directory, and
/// tells its path. One that is there already is fine; one of a launcher that was elsewhere, and on
/// Windows each, is made anew.
fn make(request: &Request, inputs: &Inputs) -> Result<PathBuf, Error> {
    let (folder, rest) = match request.arguments.as_slice() {
        [] => (PathBuf::from("."), [].as_slice()),
        [folder, rest @ ..] => (PathBuf::from(folder), rest),
    };
    if let Some(word) = rest.first() {
        let message =
            format!("--make-shim takes one project and one folder: '{}'", Printable::new(word));
        return Err(Error::CommandLine { message, hint: None });
    }
    let folder = inputs.place.absolute(&folder).ok_or_else(|| Error::no_directory(folder))?;
    let folder: PathBuf = folder.components().collect();
    let name = request.choices.iter().find_map(|choice| match &choice.value {
        Choice::Project(name) => Some(name),
        _ => None,
    });
    let mut file = name.cloned().unwrap_or_default();
    let has_levels = file.to_string_lossy().contains(is_separator);
    file.push(if cfg!(windows) { "-python.exe" } else { "-python" });
    let shim = folder.join(file);
    let failed = |why: String| Error::Shim { path: shim.clone(), why };
    if has_levels {
        return Err(failed("a project of two levels cannot name a file".into()));
    }
    let launcher = launcher(inputs).ok_or(Error::NoLauncher)?;
    if disk::is_same(&shim, &launcher) {
        return Ok(shim);
    }
    match disk::stand_in(&launcher, &shim) {
        Ok(()) => Ok(shim),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(failed("another file has this name".into()))
        }
        Err(_) if !folder.is_dir() => Err(failed("the folder does not exist".into())),
        Err(error) => Err(failed(Reason(&error).to_string())),
    }
}

/// The launcher as it was called: what leads there may be a link that stays when a new version comes.
fn launcher(inputs: &Inputs) -> Option<PathBuf> {
    let Place { launcher, .. } = &inputs.place;
    let own = launcher.clone()?;
    let called = as_called(&inputs.called, inputs).filter(|path| disk::is_same(path, &own));
    Some(called.unwrap_or(own))
}

fn as_called(called: &OsString, inputs: &Inputs) -> Option<PathBuf> {
    let path = Path::new(called);
    if path.components().count() > 1 {
        return Some(inputs.place.absolute(path)?.components().collect());
    }
    let folders = std::env::split_paths(inputs.variable("PATH")?);
    folders
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(path))
        .find(|p| p.exists())
}
