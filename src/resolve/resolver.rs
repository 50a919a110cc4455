//! Reads the files that name a configuration's core and Python.
//!
//! The rules are those of tk-core's `InstalledConfigDescriptor`. Two defaults go beyond it: a configuration without
//! a core link uses the studio's core, and a core without an interpreter file the `python3` on `PATH`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use log::debug;

use super::pythons::Pythons;
use crate::context::Context;
use crate::disk;
use crate::display::Printable;
use crate::environment::Environment;
use crate::error::Error;
use crate::interpreter::{self, Interpreter};
use crate::origin::Origin;
use crate::select::Selection;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::core::{Core, CoreKind};
use crate::toolkit::{cfg_file, expand, metadata};

/// The studio core's folder below a root, unless the settings name another.
const STUDIO: &str = "studio";

/// The core and Python of a selection.
#[derive(Clone, Debug)]
pub struct Resolution {
    pub core: Core,
    pub interpreter: Interpreter,
    /// The configuration's name, if it shares its core and is not the project's Primary.
    pub sandbox: Option<String>,
    /// Entries of `PYTHONPATH` that hold another core.
    pub other_cores: Vec<PathBuf>,
    pub warnings: Vec<String>,
}

/// Resolves a selection. Toolkit's files may name variables: their values are those that Python will have, and
/// `environment` keeps the variables that the files name.
pub fn resolve(
    context: &Context,
    selection: &Selection,
    environment: &mut Environment,
) -> Result<Resolution, Error> {
    let mut resolver = Resolver { context, selection, environment, warnings: Vec::new() };
    let core = resolver.core()?;
    debug!("core: {} ({})", Printable::new(&core.path()), core.origin);
    core.check_exists()?;
    let interpreter = resolver.interpreter(&core)?;
    debug!("python: {} ({})", Printable::new(&interpreter.path), interpreter.origin);
    if core.depends_on_version()
        && let Some(version) = interpreter::version(&interpreter.path)
    {
        core.check_supports(version, &interpreter.path)?;
    }
    let sandbox = match core.kind {
        CoreKind::Localized | CoreKind::Realised => None,
        CoreKind::Shared | CoreKind::Studio => resolver.sandbox(),
    };
    let other_cores = resolver.other_cores();
    Ok(Resolution { core, interpreter, sandbox, other_cores, warnings: resolver.warnings })
}

struct Resolver<'a> {
    context: &'a Context,
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
        if self.selection.realised.is_some() {
            let origin = self.selection.origin.clone();
            return Ok(Core { kind: CoreKind::Realised, root: config.path, origin });
        }
        if config.is_localized()? {
            let origin = Origin::File(config.localized_mark());
            return Ok(Core { kind: CoreKind::Localized, root: config.path, origin });
        }
        let file = config.core_link_file();
        match cfg_file::read(&file)? {
            Some(text) => self.shared_core(&text, file),
            None => self.studio_core(file),
        }
    }

    fn shared_core(&mut self, text: &str, file: PathBuf) -> Result<Core, Error> {
        let written = self.expanded_with_home(text);
        if written == "None" || written == "undefined" {
            return Err(Error::CoreNotSetUp { file, text: written });
        }
        let root = self.absolute(PathBuf::from(&written), &file)?;
        match disk::exists(&root) {
            Ok(true) => Ok(Core { kind: CoreKind::Shared, root, origin: Origin::File(file) }),
            Ok(false) => Err(Error::CoreMissing { core: root, written, file }),
            Err(error) => Err(Error::unreachable(root, error)),
        }
    }

    /// Returns the default core of the configurations below a root. `link` is the missing link file.
    fn studio_core(&mut self, link: PathBuf) -> Result<Core, Error> {
        let setting = self.context.settings.studio(self.selection.known_as.as_deref());
        let (studio, origin) = match setting {
            Some(studio) => (self.expanded_with_home(&studio.value), studio.origin.clone()),
            None => (STUDIO.into(), Origin::Default("the default studio core")),
        };
        let mut missing = None;
        for root in &self.selection.roots {
            let root = root.join(&studio);
            let core = Core { kind: CoreKind::Studio, root, origin: origin.clone() };
            // A core that cannot be reached is not missing: the next check names the reason.
            if disk::exists(&core.path()).unwrap_or(true) {
                return Ok(core);
            }
            missing = missing.or(Some(core.path()));
        }
        Err(Error::NoCore { config: self.config().path.clone(), link, studio: missing })
    }

    /// Returns the Python named by option or variable, else by the settings, else by the core's interpreter
    /// file, else `python3` on `PATH`. A realised configuration's file names the Python that realised it; if that
    /// one is missing, the site's Python takes its place.
    fn interpreter(&mut self, core: &Core) -> Result<Interpreter, Error> {
        let Context { request, settings, .. } = self.context;
        if let Some(python) = &request.python {
            return self.pythons().named(&python.value, &python.origin);
        }
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
            Err(missing @ Error::PythonMissing { .. }) if core.kind == CoreKind::Realised => {
                let python = self.pythons().of_site(settings)?;
                let path = Printable::new(&python.path);
                self.warnings.push(format!("{missing}; {path} is used instead"));
                Ok(python)
            }
            result => result,
        }
    }

    fn pythons(&self) -> Pythons<'_> {
        Pythons { location: &self.context.inputs.location, environment: self.environment }
    }

    fn sandbox(&mut self) -> Option<String> {
        let config = self.config().clone();
        metadata::sandbox(&config, |text| self.expanded(&text).to_string_lossy().into_owned())
    }

    /// Returns the entries of `PYTHONPATH` that hold `tank`, such as a core in a bundle cache. A folder of `pip`'s
    /// stays: it holds other packages too, and the core before it hides its `tank`. (Entries below an
    /// `install/core` are recognised by their path alone.)
    fn other_cores(&self) -> Vec<PathBuf> {
        let mut cores = Vec::new();
        for entry in std::env::split_paths(self.environment.get("PYTHONPATH").unwrap_or_default()) {
            let is_pips = entry.ends_with("site-packages") || entry.ends_with("dist-packages");
            let is_own = !entry.as_os_str().is_empty() && !is_pips;
            if is_own && disk::exists(&entry.join("tank")).unwrap_or(false) {
                cores.push(entry);
            }
        }
        cores
    }

    fn expanded(&mut self, text: &str) -> OsString {
        expand::variables(text, &mut |name| self.environment.named(name))
    }

    fn expanded_with_home(&mut self, text: &str) -> OsString {
        let path = self.expanded(text);
        expand::home(path, &mut |name| self.environment.named(name))
    }

    /// Joins a relative path to the working directory, with a warning: other readers of the file may join it to
    /// another folder.
    fn absolute(&mut self, path: PathBuf, file: &Path) -> Result<PathBuf, Error> {
        if path.is_absolute() {
            return Ok(path);
        }
        let absolute = self.context.inputs.location.need_absolute(&path)?;
        self.warnings.push(format!(
            "relative path in {}: {}; used as {}",
            Printable::new(file),
            Printable::new(&path),
            Printable::new(&absolute)
        ));
        Ok(absolute)
    }
}
