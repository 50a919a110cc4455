//! The only reader of the process: its arguments, variables, working directory and own file.

#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the process")]

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use crate::disk;
use crate::environment::{Variables, value_of};
use crate::os::Os;

/// What the launcher was started with.
#[derive(Debug)]
pub struct Inputs {
    /// The name it was called by (`argv[0]`).
    pub called: OsString,
    /// The words after that.
    pub arguments: Vec<OsString>,
    /// The caller's variables.
    pub variables: Variables,
    /// The launcher that runs this one for one of its projects, by its process' number.
    pub parent: Option<OsString>,
    /// Where it runs.
    pub location: Location,
}

/// The variable that names the parent: between launchers, and nobody else's.
pub const PARENT: &str = "SGTK_PYTHON_PARENT";

/// Whether there is a person to ask.
pub fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Where the launcher runs.
#[derive(Clone, Debug)]
pub struct Location {
    /// The launcher's own file, links followed; `None` where the system does not tell.
    pub launcher: Option<PathBuf>,
    by_shell: Option<PathBuf>,
    directory: OnceLock<Option<PathBuf>>,
}

impl Inputs {
    /// Reads the process, once.
    pub fn capture() -> Self {
        let mut arguments = env::args_os();
        let called = arguments.next().unwrap_or_default();
        let mut variables: Variables = env::vars_os().collect();
        let parent = variables.iter().position(|(name, _)| name == PARENT);
        let parent = parent.map(|at| variables.remove(at).1);
        let place = Location {
            launcher: env::current_exe().ok(),
            by_shell: value_of(&variables, "PWD".as_ref()).map(PathBuf::from),
            directory: OnceLock::new(),
        };
        Inputs { called, arguments: arguments.collect(), variables, parent, place }
    }

    /// The value of a variable; an empty one counts as none.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        value_of(&self.variables, name.as_ref()).filter(|value| !value.is_empty())
    }

    /// The folder that a variable names; a relative one is to be ignored (XDG Base Directory
    /// Specification).
    pub fn folder(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// Returns the launcher's cache folder: `SGTK_PYTHON_CACHE`, else `sgtk-python` in the user's cache folder (XDG
    /// Base Directory Specification). Having no home folder is normal.
    pub fn cache_folder(&self) -> Option<PathBuf> {
        if let Some(folder) = self.folder("SGTK_PYTHON_CACHE") {
            return Some(folder);
        }
        let caches = self.folder("XDG_CACHE_HOME").or_else(|| match Os::CURRENT {
            Os::Windows => self.folder("LOCALAPPDATA"),
            _ => Some(self.folder("HOME")?.join(".cache")),
        });
        Some(caches?.join("sgtk-python"))
    }

    /// The folder of this user's workers, which need not be there.
    pub fn workers_folder(&self) -> PathBuf {
        if let Some(folder) = self.folder("XDG_RUNTIME_DIR").filter(|folder| folder.is_dir()) {
            return folder.join("sgtk-python");
        }
        let temporary = self.folder("TMPDIR").unwrap_or_else(|| "/tmp".into());
        temporary.join(format!("sgtk-python-{}", disk::user_id()))
    }
}

impl Location {
    /// The working directory, `None` where it was deleted or cannot be read. It has the name that the
    /// caller's shell has for it (`PWD`, if that is true: POSIX, `pwd -L`), for studios know their
    /// folders by links; else the system's. Most launches need it not, and do not ask the system.
    pub fn directory(&self) -> Option<&Path> {
        let is_plain = |path: &PathBuf| {
            path.is_absolute() && !path.components().any(|part| part == Component::ParentDir)
        };
        let by_shell = || self.by_shell.clone().filter(is_plain);
        let by_shell = || by_shell().filter(|path| disk::is_same(path, Path::new(".")));
        self.directory.get_or_init(|| by_shell().or_else(|| env::current_dir().ok())).as_deref()
    }

    /// A path as it was given, joined to the working directory if it is relative; `None` if there is
    /// no working directory to join it to.
    pub fn absolute(&self, path: &Path) -> Option<PathBuf> {
        if path.is_absolute() {
            return Some(path.to_owned());
        }
        self.directory().map(|directory| directory.join(path))
    }
}
