//! Which Python runs a core, and that it is one.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf, is_separator};

use super::Resolver;
use crate::disk;
use crate::display::Printable;
use crate::environment::Environment;
use crate::error::Error;
use crate::inputs::Location;
use crate::interpreter::Interpreter;
use crate::origin::{Decided, Origin};
use crate::settings::Settings;
use crate::toolkit::core::{Core, Kind};
use crate::toolkit::{cfg_file, expand};

impl Resolver<'_> {
    /// The Python by option or variable, by the settings, by the core's interpreter file, else
    /// `python3` on `PATH`. A realised configuration's file names the Python of whoever realised it; if
    /// that is not here, the site's takes its place.
    pub fn interpreter(
        &mut self,
        spoken: Option<&Decided<OsString>>,
        core: &Core,
    ) -> Result<Interpreter, Error> {
        if let Some(python) = spoken {
            return self.pythons().named(&python.value, &python.origin);
        }
        let settings = &self.context.settings;
        if let Some(python) = settings.python(self.selection.known_as.as_deref()) {
            let value = self.expanded_with_home(&python.value);
            return self.pythons().named(&value, &python.origin);
        }
        let file = core.interpreter_file();
        let Some(text) = cfg_file::read(&file)? else { return self.pythons().default() };
        let written = self.expanded(&text);
        let path = self.absolute(PathBuf::from(&written), &file)?;
        let origin = Origin::File(file);
        match self.pythons().checked(Interpreter { path, args: Vec::new(), origin }, &written) {
            Err(missing @ Error::PythonMissing { .. }) if core.kind == Kind::Realised => {
                let python = self.pythons().of_site(&self.context.settings)?;
                self.warnings
                    .push(format!("{missing}: {} takes its place", Printable::new(&python.path)));
                Ok(python)
            }
            result => result,
        }
    }

    fn pythons(&self) -> Pythons<'_> {
        Pythons { location: &self.context.inputs.location, environment: self.environment }
    }
}

/// Finds Pythons where a launcher runs, in the environment that they will have.
pub struct Pythons<'a> {
    /// Where the launcher runs.
    pub location: &'a Location,
    /// The planned environment.
    pub environment: &'a Environment,
}

impl Pythons<'_> {
    /// The Python that runs the site's core: that of `[site]`, else of all projects, else `python3` on
    /// `PATH`.
    pub fn of_site(&self, settings: &Settings) -> Result<Interpreter, Error> {
        let python = settings.site.python.as_ref().or(settings.python(None));
        let Some(python) = python else { return self.default() };
        let mut lookup = |name: &str| self.environment.get(name).map(OsStr::to_owned);
        let value = expand::home(expand::variables(&python.value, &mut lookup), &mut lookup);
        self.named(&value, &python.origin)
    }

    /// `python3` on `PATH`.
    fn default(&self) -> Result<Interpreter, Error> {
        let origin = Origin::Default("the default, for nothing names another");
        let name = if cfg!(windows) { "python.exe" } else { "python3" };
        self.on_path(name.as_ref(), Vec::new(), origin)
    }

    /// A Python that a person named: a path, which may hold spaces, or else words as a shell splits
    /// them, the first a path or a name on `PATH`.
    fn named(&self, value: &OsStr, origin: &Origin) -> Result<Interpreter, Error> {
        let first = value.as_encoded_bytes().split(u8::is_ascii_whitespace).next();
        let whole = first.filter(|first| is_path(first));
        let whole = whole.and_then(|_| self.named_path(value, origin));
        if let Some(path) = whole.filter(|path| disk::exists(path).unwrap_or(false)) {
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

    /// The path that a word is, `None` if it is a mere name.
    fn named_path(&self, word: &OsStr, origin: &Origin) -> Option<PathBuf> {
        if !is_path(word.as_encoded_bytes()) {
            return None;
        }
        let path = origin.folder().map_or(PathBuf::from(word), |folder| folder.join(word));
        Some(self.location.absolute(&path).unwrap_or(path))
    }

    /// A program on the `PATH` that Python will have, other than this launcher under another name.
    /// Entries that are not absolute are passed over: what lies in the working directory must not
    /// choose what runs.
    fn on_path(
        &self,
        name: &OsStr,
        args: Vec<OsString>,
        origin: Origin,
    ) -> Result<Interpreter, Error> {
        let usual = OsStr::new(if cfg!(windows) { "" } else { "/usr/local/bin:/usr/bin:/bin" });
        let list = self.environment.get("PATH").unwrap_or(usual);
        let folders = std::env::split_paths(list).filter(|folder| {
            folder.is_absolute() && !(cfg!(windows) && folder.ends_with("WindowsApps"))
        });
        let folders = std::env::join_paths(folders).unwrap_or_default();
        let found = which::which_in_all(name, Some(folders), "/").into_iter().flatten();
        let (launchers, others): (Vec<_>, Vec<_>) = found.partition(|path| self.is_launcher(path));
        match others.into_iter().chain(launchers).next() {
            Some(path) => self.checked(Interpreter { path, args, origin }, name),
            None => Err(Error::PythonNotOnPath { name: name.into(), origin }),
        }
    }

    fn is_launcher(&self, path: &Path) -> bool {
        self.location.launcher.as_ref().is_some_and(|launcher| disk::is_same(launcher, path))
    }

    /// A Python that is there, can be run as far as that shows, and is not this launcher; `written`
    /// is what names it.
    fn checked(&self, python: Interpreter, written: &OsStr) -> Result<Interpreter, Error> {
        let Interpreter { path, origin, .. } = &python;
        let (path, origin) = (path.clone(), origin.clone());
        match disk::why_not_runnable(&path) {
            Some(disk::NotRunnable::Missing) => {
                Err(Error::PythonMissing { path, written: written.into(), origin })
            }
            Some(disk::NotRunnable::Because(why)) => {
                Err(Error::NotExecutable { path, why, origin })
            }
            None if self.is_launcher(&path) => Err(Error::Launcher { path, origin }),
            None => Ok(python),
        }
    }
}

/// Whether a word is a path, and not a mere name.
fn is_path(word: &[u8]) -> bool {
    word.iter().any(|byte| is_separator((*byte).into()))
}

/// Words as a POSIX shell splits them; a Windows path's backslashes are no quotes.
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
