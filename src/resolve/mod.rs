//! Reads the disk: which core a configuration uses and which Python runs it, both checked to be
//! there. The rules are those of tk-core's `InstalledConfigDescriptor`; where it gives up, a
//! configuration without a core link uses the studio's core, and a core without an interpreter file
//! the `python3` on `PATH`.

mod python;

pub use python::Pythons;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::disk;
use crate::display::Printable;
use crate::environment::Environment;
use crate::error::Error;
use crate::interpreter::{self, Interpreter};
use crate::origin::Origin;
use crate::select::Selection;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::core::{Core, Kind};
use crate::toolkit::{cfg_file, expand, metadata};

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

/// Reads the disk for a selection. Variables in Toolkit's files are those that Python will have, so
/// that Toolkit reads there what the launcher read; `environment` learns which ones they name.
pub fn resolve(
    context: &Context,
    selection: &Selection,
    environment: &mut Environment,
) -> Result<Resolution, Error> {
    let mut resolver = Resolver { context, selection, environment, warnings: Vec::new() };
    let core = resolver.core()?;
    core.check()?;
    let interpreter = resolver.interpreter(context.request.python.as_ref(), &core)?;
    if let Some(version) = interpreter::version(&interpreter.path) {
        core.check_supports(&version, &interpreter.path)?;
    }
    let sandbox = match core.kind {
        Kind::Localized | Kind::Realised => None,
        Kind::Shared | Kind::Studio => resolver.sandbox(),
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
            return Ok(Core { kind: Kind::Realised, root: config.path, origin });
        }
        if config.is_localized()? {
            let origin = Origin::File(config.localized_mark());
            return Ok(Core { kind: Kind::Localized, root: config.path, origin });
        }
        let file = config.core_link_file();
        let Some(text) = cfg_file::read(&file)? else { return self.studio_core(file) };
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
        let settings = &self.context.settings;
        let (studio, origin) = match settings.studio(self.selection.known_as.as_deref()) {
            Some(studio) => (self.expanded_with_home(&studio.value), studio.origin.clone()),
            None => {
                (STUDIO.into(), Origin::Default("the studio's core, for the config names none"))
            }
        };
        let roots = self.selection.roots.iter().map(|root| root.join(&studio));
        let mut cores = roots.map(|root| Core { kind: Kind::Studio, root, origin: origin.clone() });
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
        let absolute = self
            .context
            .inputs
            .location
            .absolute(&path)
            .ok_or_else(|| Error::no_directory(&path))?;
        self.warnings.push(format!(
            "{} names a relative path, {}: taken as {}",
            Printable::new(file),
            Printable::new(&path),
            Printable::new(&absolute)
        ));
        Ok(absolute)
    }
}
