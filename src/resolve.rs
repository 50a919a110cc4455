//! Reads the disk: which core a configuration uses and which Python runs it, both checked to be
//! there. The rules are those of tk-core's `InstalledConfigDescriptor`; where it gives up, a
//! configuration without a core link uses the studio's core, and a core without an interpreter file
//! the `python3` on `PATH`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::disk;
use crate::environment::Environment;
use crate::error::Error;
use crate::inputs::Place;
use crate::origin::{Decided, Origin};
use crate::request::Request;
use crate::select::Selection;
use crate::settings::Settings;
use crate::shown::Shown;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::core::{Core, Kind};
use crate::toolkit::{expand, interpreter, metadata, path_file};

/// The studio core's folder below a root, if the settings name no other.
const STUDIO: &str = "studio";

/// What was found on the disk.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The core.
    pub core: Core,
    /// The Python.
    pub interpreter: Interpreter,
    /// The configuration's name, if it is not the project's Primary and that matters to the core.
    pub sandbox: Option<String>,
    /// Entries of `PYTHONPATH` that hold another core.
    pub other_cores: Vec<PathBuf>,
    /// What is odd, but not wrong.
    pub warnings: Vec<String>,
}

/// The Python to become, and the words that come before the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The program.
    pub path: PathBuf,
    /// Its first arguments.
    pub args: Vec<OsString>,
    /// What decided it.
    pub origin: Origin,
}

/// Reads the disk for a selection. Variables in Toolkit's files are those that Python will have, so
/// that Toolkit reads there what the launcher read; `environment` learns which ones they name.
pub fn resolve(
    request: &Request,
    settings: &Settings,
    place: &Place,
    selection: &Selection,
    environment: &mut Environment,
) -> Result<Resolution, Error> {
    let mut resolver = Resolver { settings, place, selection, environment, warnings: Vec::new() };
    let core = resolver.core()?;
    core.check()?;
    let interpreter = resolver.interpreter(request.python.as_ref(), &core)?;
    if let Some(version) = interpreter::version(&interpreter.path) {
        core.check_supports(&version, &interpreter.path)?;
    }
    let sandbox = match core.kind {
        Kind::Localized => None,
        Kind::Shared | Kind::Studio => resolver.sandbox(),
    };
    let other_cores = resolver.other_cores();
    Ok(Resolution { core, interpreter, sandbox, other_cores, warnings: resolver.warnings })
}

struct Resolver<'a> {
    settings: &'a Settings,
    place: &'a Place,
    selection: &'a Selection,
    environment: &'a mut Environment,
    warnings: Vec<String>,
}

impl Resolver<'_> {
    fn config(&self) -> &PipelineConfig {
        &self.selection.config
    }

    fn core(&mut self) -> Result<Core, Error> {
        let config = self.config().clone();
        if config.is_localized()? {
            let origin = Origin::File(config.localized_mark());
            return Ok(Core { kind: Kind::Localized, root: config.path, origin });
        }
        let file = config.core_link_file();
        let Some(text) = path_file::read(&file)? else { return self.studio_core(file) };
        let root = self.expanded_with_home(&text);
        if root == "None" || root == "undefined" {
            return Err(Error::CoreNotSetUp { file, text: root });
        }
        let written = root.clone();
        let root = self.absolute(PathBuf::from(root), &file)?;
        match disk::exists(&root) {
            Ok(true) => Ok(Core { kind: Kind::Shared, root, origin: Origin::File(file) }),
            Ok(false) => Err(Error::CoreMissing { core: root, written, file }),
            Err(error) => Err(Error::unreachable(root, error)),
        }
    }

    /// The core that all configurations below a root share which name none.
    fn studio_core(&mut self, link: PathBuf) -> Result<Core, Error> {
        let settings = self.settings;
        let (studio, origin) = match settings.studio(self.selection.known_as.as_deref()) {
            Some(studio) => (self.expanded_with_home(studio.value), studio.origin),
            None => {
                (STUDIO.into(), Origin::Default("the studio's core, for the config names none"))
            }
        };
        let places = self.selection.roots.iter().map(|root| root.join(&studio));
        let mut cores =
            places.map(|root| Core { kind: Kind::Studio, root, origin: origin.clone() });
        let first = cores.next();
        // One that cannot be reached is not absent: looking at it more closely will tell why.
        let is_there = |core: &Core| disk::exists(&core.path()).unwrap_or(true);
        match first.iter().cloned().chain(cores).find(is_there) {
            Some(core) => Ok(core),
            None => Err(Error::NoCore {
                config: self.config().path.clone(),
                link,
                studio: first.map(|core| core.path()),
            }),
        }
    }

    fn interpreter(
        &mut self,
        spoken: Option<&Decided<OsString>>,
        core: &Core,
    ) -> Result<Interpreter, Error> {
        if let Some(python) = spoken {
            return self.named_python(&python.value, &python.origin);
        }
        let settings = self.settings;
        if let Some(python) = settings.python(self.selection.known_as.as_deref()) {
            let value = self.expanded_with_home(python.value);
            return self.named_python(&value, &python.origin);
        }
        let file = core.interpreter_file();
        if let Some(text) = path_file::read(&file)? {
            let written = self.expanded(&text);
            let path = self.absolute(PathBuf::from(&written), &file)?;
            let origin = Origin::File(file);
            return self.checked(Interpreter { path, args: Vec::new(), origin }, &written);
        }
        let origin = Origin::Default("python3 on PATH, for nothing names a Python");
        let name = if cfg!(windows) { "python.exe" } else { "python3" };
        self.on_path(name.as_ref(), Vec::new(), origin)
    }

    /// A Python that a person named: a path, which may hold spaces, or else words as a shell splits
    /// them, the first a path or a name on `PATH`.
    fn named_python(&self, value: &OsStr, origin: &Origin) -> Result<Interpreter, Error> {
        let first = value.as_encoded_bytes().split(u8::is_ascii_whitespace).next();
        let whole = first.filter(|first| first.iter().copied().any(is_separator));
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
        if !word.as_encoded_bytes().iter().copied().any(is_separator) {
            return None;
        }
        let path = origin.folder().map_or(PathBuf::from(word), |folder| folder.join(word));
        Some(self.place.absolute(&path).unwrap_or(path))
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
        self.place.launcher.as_ref().is_some_and(|launcher| disk::is_same(launcher, path))
    }

    /// A Python that is there, can be run as far as that shows, and is not this launcher; `written`
    /// is what names it.
    fn checked(&self, python: Interpreter, written: &OsStr) -> Result<Interpreter, Error> {
        let Interpreter { path, origin, .. } = &python;
        let (path, origin) = (path.clone(), origin.clone());
        match disk::unfit_to_run(&path) {
            Some(disk::Unfit::Missing) => {
                Err(Error::PythonMissing { path, written: written.into(), origin })
            }
            Some(disk::Unfit::Because(why)) => Err(Error::NotExecutable { path, why, origin }),
            None if self.is_launcher(&path) => Err(Error::Launcher { path, origin }),
            None => Ok(python),
        }
    }

    fn sandbox(&mut self) -> Option<String> {
        let config = self.config().clone();
        metadata::sandbox(&config, |text| self.expanded(&text).to_string_lossy().into_owned())
    }

    /// The entries of `PYTHONPATH` that hold `tank`, such as a core in a bundle cache. Where `pip` puts
    /// packages other ones lie beside it, and those stay: the core in front hides that `tank`. (What
    /// is below an `install/core` is known by its path alone.)
    fn other_cores(&self) -> Vec<PathBuf> {
        let list = self.environment.get("PYTHONPATH").unwrap_or_default();
        let is_pips = |entry: &PathBuf| {
            ["site-packages", "dist-packages"].iter().any(|name| entry.ends_with(name))
        };
        let entries =
            std::env::split_paths(list).filter(|e| !e.as_os_str().is_empty() && !is_pips(e));
        entries.filter(|entry| disk::exists(&entry.join("tank")).unwrap_or(false)).collect()
    }

    fn expanded(&mut self, text: &str) -> OsString {
        expand::variables(text, &mut |name| self.environment.named(name))
    }

    fn expanded_with_home(&mut self, text: &str) -> OsString {
        let path = self.expanded(text);
        expand::home(path, &mut |name| self.environment.named(name))
    }

    /// A path in one of Toolkit's files. What a relative one means depends on who reads it where.
    fn absolute(&mut self, path: PathBuf, file: &Path) -> Result<PathBuf, Error> {
        if path.is_absolute() {
            return Ok(path);
        }
        let absolute = self.place.absolute(&path).ok_or_else(|| Error::no_directory(&path))?;
        self.warnings.push(format!(
            "{} names a relative path, {}: taken as {}",
            Shown::new(file),
            Shown::new(&path),
            Shown::new(&absolute)
        ));
        Ok(absolute)
    }
}

fn is_separator(byte: u8) -> bool {
    byte == b'/' || (cfg!(windows) && byte == b'\\')
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
