//! Finds the Python that a person, a file or `PATH` names, and checks it.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::path::{Path, PathBuf, is_separator};

use crate::disk::{self, NotRunnable};
use crate::environment::Environment;
use crate::error::Error;
use crate::inputs::Location;
use crate::interpreter::Interpreter;
use crate::origin::Origin;
use crate::request::is_script;
use crate::settings::Settings;
use crate::toolkit::expand;

/// The Pythons that a launcher can name, in the planned environment.
pub struct Pythons<'a> {
    pub location: &'a Location,
    pub environment: &'a Environment,
}

impl Pythons<'_> {
    /// Returns the Python that runs the site's core: `python` in `[site]`, else the settings' for all projects,
    /// else `python3` on `PATH`.
    pub fn of_site(&self, settings: &Settings) -> Result<Interpreter, Error> {
        let python = settings.site.python.as_ref().or(settings.python(None));
        let Some(python) = python else { return self.default() };
        let mut lookup = |name: &str| Some(self.environment.get(name)?.to_owned());
        let value = expand::home(expand::variables(&python.value, &mut lookup), &mut lookup);
        self.named(&value, &python.origin)
    }

    /// Returns `python3` on `PATH`.
    pub fn default(&self) -> Result<Interpreter, Error> {
        let origin = Origin::Default("the default");
        let name = if cfg!(windows) { "python.exe" } else { "python3" };
        self.on_path(name.as_ref(), Vec::new(), origin)
    }

    /// Returns the Python that a person named: a path, which may hold spaces, else words as a shell splits them,
    /// the first a path or a name on `PATH`.
    pub fn named(&self, value: &OsStr, origin: &Origin) -> Result<Interpreter, Error> {
        let first = value.as_encoded_bytes().split(u8::is_ascii_whitespace).next();
        if is_path(first.unwrap_or_default())
            && let Some(path) = self.named_path(value, origin)
            && disk::exists(&path).unwrap_or(false)
        {
            let whole = Interpreter { path, args: Vec::new(), origin: origin.clone() };
            return self.checked(whole, value);
        }
        let mut words = words(value, origin)?.into_iter();
        let program = words.next().unwrap_or_default();
        let (args, origin) = (words.collect(), origin.clone());
        match self.named_path(&program, &origin) {
            Some(path) => self.checked(Interpreter { path, args, origin }, &program),
            None => self.on_path(&program, args, origin),
        }
    }

    /// Returns a word as a path, joined to the settings file's folder or the working directory; `None` for a mere
    /// name.
    fn named_path(&self, word: &OsStr, origin: &Origin) -> Option<PathBuf> {
        if !is_path(word.as_encoded_bytes()) {
            return None;
        }
        let path = origin.folder().unwrap_or(Path::new("")).join(word);
        Some(self.location.absolute(&path).unwrap_or(path))
    }

    /// Returns the first program of that name on the planned `PATH` that is not this launcher. Relative entries do
    /// not count: a file in the working directory must not choose what runs.
    fn on_path(
        &self,
        name: &OsStr,
        args: Vec<OsString>,
        origin: Origin,
    ) -> Result<Interpreter, Error> {
        let default = OsStr::new(if cfg!(windows) { "" } else { "/usr/local/bin:/usr/bin:/bin" });
        let list = self.environment.get("PATH").unwrap_or(default);
        let folders = std::env::split_paths(list).filter(|folder| {
            folder.is_absolute() && !(cfg!(windows) && folder.ends_with("WindowsApps"))
        });
        let folders = std::env::join_paths(folders).unwrap_or_default();
        // `which` takes the endings of programs from PATHEXT, which an emptied environment lacks.
        let with_ending = cfg!(windows).then(|| [name, ".exe".as_ref()].join("".as_ref()));
        let names = [Some(name), with_ending.as_deref()].into_iter().flatten();
        let (mut launchers, mut others) = (Vec::new(), Vec::new());
        for path in names.flat_map(|name| which::which_in_all(name, Some(&folders), "/")).flatten()
        {
            match path.metadata() {
                Ok(data) if self.is_launcher(&path, &data) => launchers.push(path),
                _ => others.push(path),
            }
        }
        match others.into_iter().chain(launchers).next() {
            Some(path) => self.checked(Interpreter { path, args, origin }, name),
            None => Err(Error::PythonNotOnPath { name: name.into(), origin }),
        }
    }

    fn is_launcher(&self, path: &Path, data: &Metadata) -> bool {
        let launcher = self.location.launcher.as_ref();
        is_script(path, data)
            || launcher.is_some_and(|launcher| disk::leads_to(path, data, launcher))
    }

    /// Fails if a Python is missing, not executable, or this launcher. `written` is the text that names it.
    pub fn checked(&self, python: Interpreter, written: &OsStr) -> Result<Interpreter, Error> {
        let Interpreter { path, origin, .. } = &python;
        let (path, origin) = (path.clone(), origin.clone());
        match disk::runnable(&path) {
            Ok(data) if self.is_launcher(&path, &data) => {
                Err(Error::PythonIsLauncher { path, origin })
            }
            Ok(_) => Ok(python),
            Err(NotRunnable::Missing) => {
                Err(Error::PythonMissing { path, written: written.into(), origin })
            }
            Err(NotRunnable::Because(why)) => Err(Error::NotExecutable { path, why, origin }),
        }
    }
}

fn is_path(word: &[u8]) -> bool {
    word.iter().any(|byte| is_separator((*byte).into()))
}

/// Splits words as a POSIX shell does; on Windows a backslash is no quote.
fn words(value: &OsStr, origin: &Origin) -> Result<Vec<OsString>, Error> {
    let Some(text) = value.to_str() else { return Ok(vec![value.to_owned()]) };
    let text = if cfg!(windows) { text.replace('\\', "\\\\") } else { text.to_owned() };
    let why = match shell_words::split(&text) {
        Ok(words) if words.is_empty() => "it is empty",
        Ok(words) => return Ok(words.into_iter().map(OsString::from).collect()),
        Err(_) => "a quote is not closed",
    };
    Err(Error::BadPython { value: value.to_owned(), why, origin: origin.clone() })
}
