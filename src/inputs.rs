//! The only reader of the process: its arguments, variables, working directory and own file.

#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the process")]

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::disk;
use crate::environment::{Name, Variables};

/// What the launcher was started with.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The name it was called by (`argv[0]`).
    pub called: OsString,
    /// The words after that.
    pub arguments: Vec<OsString>,
    /// The caller's variables.
    pub variables: Variables,
    /// The working directory; `None` where it was deleted or cannot be read.
    pub directory: Option<PathBuf>,
    /// The launcher's own file, links followed; `None` where the system does not tell.
    pub launcher: Option<PathBuf>,
}

impl Inputs {
    /// Reads the process, once.
    pub fn capture() -> Self {
        let mut arguments = env::args_os();
        let called = arguments.next().unwrap_or_default();
        let variables: Variables = env::vars_os().map(|(name, v)| (Name::from(name), v)).collect();
        let directory = working_directory(variables.get(&"PWD".into()).map(Path::new));
        let launcher = env::current_exe().ok();
        Inputs { called, arguments: arguments.collect(), variables, directory, launcher }
    }

    /// The value of a variable; an empty one counts as none.
    pub fn variable(&self, name: &str) -> Option<&OsString> {
        self.variables.get(&name.into()).filter(|value| !value.is_empty())
    }

    /// A path as it was given, joined to the working directory if it is relative; `None` if there is
    /// no working directory to join it to.
    pub fn absolute(&self, path: &Path) -> Option<PathBuf> {
        if path.is_absolute() {
            return Some(path.to_owned());
        }
        self.directory.as_ref().map(|directory| directory.join(path))
    }
}

/// The working directory by the name that the caller's shell has for it (`PWD`, if that is true:
/// POSIX, `pwd -L`), for studios know their folders by links; else by the system's name.
fn working_directory(by_shell: Option<&Path>) -> Option<PathBuf> {
    match by_shell {
        Some(path) if path.is_absolute() && disk::is_same(path, Path::new(".")) => {
            Some(path.to_owned())
        }
        _ => env::current_dir().ok(),
    }
}
