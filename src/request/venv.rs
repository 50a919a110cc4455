//! A virtual environment of `--make-venv`. Its `bin/python` is a script whose interpreter is the launcher, not a link:
//! before 3.11 Python looks for its libraries where a link leads. Editors keep the path of `bin/python`, because Python
//! calls itself by it.

use std::ffi::OsString;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use crate::disk;
use crate::display::Printable;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::interpreter::{self, Interpreter, Version};
use crate::origin::Origin;

/// The key of `pyvenv.cfg` that names the project (`shims/venv_maker.py` writes it).
const PROJECT_KEY: &str = "sgtk-python-project";

/// The launcher's first argument in the first line of `bin/python`; the path of `bin/python` follows it.
const SCRIPT_WORD: &str = "--venv-python";

/// Such a script is one line (bytes).
const LONGEST_SCRIPT: u64 = 1024;

/// More environments than that are not made one from another.
const LONGEST_CHAIN: usize = 8;

/// The virtual environment whose Python the caller started.
#[derive(Debug)]
pub(crate) struct Venv {
    /// The environment's Python as the caller started it. Python finds the environment by this path.
    pub python: PathBuf,
    pub arguments: Vec<OsString>,
    pub project: String,
    /// The file that names the project.
    file: PathBuf,
    interpreter: Option<PathBuf>,
    version: Option<Version>,
    core: Option<PathBuf>,
}

impl Venv {
    /// Reads the virtual environment whose Python runs the launcher; `None` if none does. An environment that
    /// `python -m venv` made from another one names that as its home, and belongs to the same project. Fails if no
    /// environment names a project.
    pub fn of(inputs: &Inputs) -> Result<Option<Self>, Error> {
        let [word, python, arguments @ ..] = inputs.arguments.as_slice() else { return Ok(None) };
        if word != SCRIPT_WORD {
            return Ok(None);
        }
        let python = inputs.location.need_absolute(python.as_ref())?;
        let mut program = python.clone();
        for _ in 0..LONGEST_CHAIN {
            let Some(folder) = program.ancestors().nth(2) else { break };
            let file = folder.join("pyvenv.cfg");
            let text = disk::read(&file).map_err(|problem| Error::of_file(&file, problem))?;
            let Some(text) = text else { break };
            if let Some(project) = value(&text, PROJECT_KEY) {
                return Ok(Some(Venv {
                    project: project.into(),
                    interpreter: value(&text, "sgtk-python-interpreter").map(PathBuf::from),
                    version: value(&text, "version").and_then(Version::parse),
                    core: value(&text, "sgtk-python-core").map(PathBuf::from),
                    arguments: arguments.to_owned(),
                    python,
                    file,
                }));
            }
            let Some(programs) = value(&text, "home") else { break };
            program = Path::new(programs).join("python");
        }
        Err(Error::VenvWithoutProject { python })
    }

    /// Returns true for a folder that is a virtual environment of `--make-venv`, also one that was not finished.
    pub fn is_at(folder: &Path) -> bool {
        ["pyvenv.cfg", "pyvenv.cfg.new"].iter().any(|name| match disk::read(&folder.join(name)) {
            Ok(Some(text)) => value(&text, PROJECT_KEY).is_some(),
            _ => false,
        })
    }

    pub fn origin(&self) -> Origin {
        Origin::Setting { key: PROJECT_KEY.into(), file: self.file.clone() }
    }

    /// Returns the folder of the environment whose Python the caller started.
    pub fn folder(&self) -> Option<&Path> {
        self.python.parent()?.parent()
    }

    /// Fails if the environment was made for another Python, which would load the wrong standard library.
    pub fn check_interpreter(&self, interpreter: &Interpreter) -> Result<(), Error> {
        let version = interpreter::version(&interpreter.path);
        let is_other_version =
            version.is_some() && self.version.is_some() && version != self.version;
        match &self.interpreter {
            Some(made_for) if *made_for == interpreter.path && !is_other_version => Ok(()),
            _ => Err(Error::VenvOutdated {
                venv: self.file.clone(),
                python: interpreter.path.clone(),
                origin: interpreter.origin.clone(),
                again: self.how_to_make(),
            }),
        }
    }

    /// Returns the warning that the environment names another core: Python imports that one with `-I` or `-E`.
    pub fn core_warning(&self, python_path: &Path) -> Option<String> {
        if self.core.as_deref() == Some(python_path) {
            return None;
        }
        let again = self.how_to_make();
        let (file, again) = (Printable::new(&self.file), Printable::new(&again));
        Some(format!(
            "virtual environment names another core, for -I and -E: {file}; update it: {again}"
        ))
    }

    fn how_to_make(&self) -> String {
        let folder = self.file.parent().unwrap_or(&self.file);
        let words = ["sgtk-python", "--make-venv", &self.project, &folder.to_string_lossy()];
        shell_words::join(words)
    }
}

/// Returns true for the script that `--make-venv` puts in the place of an environment's Python.
pub(crate) fn is_script(path: &Path, data: &Metadata) -> bool {
    if !data.is_file() || data.len() >= LONGEST_SCRIPT {
        return false;
    }
    let Ok(Some(text)) = disk::read(path) else { return false };
    let line = text.lines().next().unwrap_or_default();
    line.starts_with("#!") && line.ends_with(SCRIPT_WORD)
}

/// Returns a key's value, as Python reads the file (CPython: `Lib/site.py`).
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    for line in text.lines() {
        if let Some((name, value)) = line.split_once('=')
            && name.trim().eq_ignore_ascii_case(key)
        {
            return Some(value.trim());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_pyvenv_cfg() {
        let text = "home = /usr/bin\nSGTK-Python-Project=a = b \n";
        assert_eq!(value(text, "home"), Some("/usr/bin"));
        assert_eq!(value(text, PROJECT_KEY), Some("a = b"));
        assert_eq!(value(text, "version"), None);
    }
}
