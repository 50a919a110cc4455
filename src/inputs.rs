//! Reads the process: its arguments, variables, working directory and own file. No other module does.

#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the process")]

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::disk;
use crate::environment::{Variables, value_of};
use crate::error::Error;
use crate::os::{Os, below, has_parent_part};

/// The process, as it was started.
#[derive(Debug)]
pub struct Inputs {
    /// The name by which the launcher was called: `argv[0]`.
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    /// The variables, in the caller's order. Shared: a farm's launch has many, and a copy costs as much as the search.
    pub variables: Arc<Variables>,
    /// The process id of the caller with which the program ends.
    pub(crate) parent: Option<OsString>,
    pub(crate) location: Location,
}

/// The variables that name folders of the user.
const HOMES: [&str; 4] = ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"];

/// The variable with the caller's process id: only launchers read it.
pub(crate) const PARENT: &str = "SGTK_PYTHON_PARENT";

/// The variable of a job in a worker, and of all that the job starts: a launcher that has it is part of that job.
pub(crate) const IN_A_JOB: &str = "SGTK_PYTHON_IN_A_JOB";

/// Variables that `sgtk_python` sets for one run: whether it may have begun before, and the mark of its processes
/// (`shims/sgtk_python/left_over.py`). The job has them whatever else is removed; a worker has none of them.
pub(crate) const OF_ONE_RUN: [&str; 2] = ["SGTK_PYTHON_AGAIN", "SGTK_PYTHON_RUN"];

/// Variables of batch systems, and each one's companion: together they say that this process is part of a batch job.
/// Alone, Grid Engine's `JOB_ID` may be anything.
const BATCH_JOB_MARKS: [(&str, &str); 6] = [
    ("SLURM_JOB_ID", "SLURM_JOB_ID"),
    ("PBS_JOBID", "PBS_JOBID"),
    ("LSB_JOBID", "LSB_JOBID"),
    ("JOB_ID", "SGE_TASK_ID"),
    ("JOB_ID", "SGE_ROOT"),
    ("_CONDOR_JOB_AD", "_CONDOR_JOB_AD"),
];

/// Returns true if the launcher can ask the user.
pub(crate) fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The launcher's file and working directory.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    /// The launcher's own file, links followed; `None` if the system does not say.
    pub(crate) launcher: Option<PathBuf>,
    /// The working directory as the caller's shell names it: `PWD`, not yet checked.
    shell_directory: Option<PathBuf>,
    directory: OnceLock<Option<PathBuf>>,
}

impl Inputs {
    /// Reads the process.
    pub fn capture() -> Self {
        let mut arguments = env::args_os();
        let program = arguments.next().unwrap_or_default();
        let mut variables: Variables = env::vars_os().collect();
        let parent = variables.iter().position(|(name, _)| name == PARENT);
        let parent = parent.map(|at| variables.remove(at).1);
        let location = Location {
            launcher: env::current_exe().ok(),
            shell_directory: value_of(&variables, "PWD".as_ref()).map(PathBuf::from),
            directory: OnceLock::new(),
        };
        let (arguments, variables) = (arguments.collect(), variables.into());
        Inputs { program, arguments, variables, parent, location }
    }

    /// Returns the value of a variable; `None` for an empty one.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        let value = value_of(&self.variables, name.as_ref())?;
        (!value.is_empty()).then_some(value)
    }

    /// Returns the variable by which a batch system marks its jobs; `None` if this process is part of none.
    pub(crate) fn batch_variable(&self) -> Option<&'static str> {
        for (name, companion) in BATCH_JOB_MARKS {
            if self.variable(name).is_some() && self.variable(companion).is_some() {
                return Some(name);
            }
        }
        None
    }

    /// Returns the folder that a variable names; `None` for a relative one (XDG Base Directory
    /// Specification).
    pub(crate) fn folder(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.variable(name)?);
        path.is_absolute().then_some(path)
    }

    /// Returns the launcher's cache folder: `SGTK_PYTHON_CACHE`, else `sgtk-python` in the user's cache folder
    /// (XDG Base Directory Specification); `None` without a home folder of this user, which is normal.
    pub(crate) fn cache_folder(&self) -> Option<PathBuf> {
        let folder = match (self.folder("SGTK_PYTHON_CACHE"), self.folder("XDG_CACHE_HOME")) {
            (Some(folder), _) => folder,
            (None, Some(caches)) => caches.join("sgtk-python"),
            (None, None) => match Os::CURRENT {
                Os::Windows => self.folder("LOCALAPPDATA")?.join("sgtk-python"),
                _ => disk::join(&self.folder("HOME")?, &[".cache", "sgtk-python"]),
            },
        };
        (!self.is_in_home_of_another(&folder)).then_some(folder)
    }

    /// Returns true for a path below a `HOME` or `XDG_*` folder of another user, as `su` and `sudo -E` leave them, or below
    /// a folder that another user has made in one, as in `HOME=/tmp`. The launcher makes nothing there, and uses nothing:
    /// the launcher's user could not change or delete it, and the other one can.
    pub(crate) fn is_in_home_of_another(&self, path: &Path) -> bool {
        for name in HOMES {
            let Some(home) = self.folder(name) else { continue };
            let mut folders = path.ancestors().take_while(|folder| below(folder, &home).is_some());
            // `HOME=/` is above all that `SHOTGUN_HOME` may name, and only root can make a folder in it.
            if home.parent().is_some() && folders.any(disk::is_of_another_user) {
                return true;
            }
        }
        false
    }

    /// Returns the folder of the user's workers, which need not exist.
    pub(crate) fn workers_folder(&self) -> PathBuf {
        if let Some(folder) = self.folder("XDG_RUNTIME_DIR")
            && folder.is_dir()
            && !self.is_in_home_of_another(&folder)
        {
            return folder.join("sgtk-python");
        }
        let temporary = self.folder("TMPDIR").unwrap_or_else(|| "/tmp".into());
        temporary.join(format!("sgtk-python-{}", disk::user_id()))
    }
}

impl Location {
    /// Returns the working directory, as `PWD` names it if that is true (POSIX, `pwd -L`): studios know their
    /// folders by links. Reads it on the first call; `None` if it was deleted or cannot be read.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.directory.get_or_init(|| self.read_directory()).as_deref()
    }

    fn read_directory(&self) -> Option<PathBuf> {
        match &self.shell_directory {
            Some(path)
                if path.is_absolute()
                    && !has_parent_part(path)
                    && disk::is_same(path, Path::new(".")) =>
            {
                Some(path.clone())
            }
            _ => env::current_dir().ok(),
        }
    }

    /// Joins a relative path to the working directory. Fails if there is no working directory.
    pub(crate) fn need_absolute(&self, path: &Path) -> Result<PathBuf, Error> {
        self.absolute(path).ok_or_else(|| Error::NoWorkingDirectory { path: path.to_owned() })
    }

    /// The same; `None` if there is no working directory.
    pub(crate) fn absolute(&self, path: &Path) -> Option<PathBuf> {
        if path.is_absolute() {
            return Some(path.to_owned());
        }
        let path = self.directory()?.join(path);
        // Windows' `C:x` is relative to a working directory of that drive.
        if path.is_absolute() { Some(path) } else { std::path::absolute(path).ok() }
    }
}
