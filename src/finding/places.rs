//! Where configurations may be: below the roots, and where the settings say.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::error::Error;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::settings::Settings;
use crate::toolkit::expand;

/// Where configurations are, if nobody says (the rule of the many `import_sgtk` recipes).
const DEFAULT_ROOT: &str = "/mnt/sgtk/configs";

/// How far below a root a configuration may be: names of projects may have two levels.
const DEEPEST: usize = 2;

/// Where configurations may be.
#[derive(Debug)]
pub struct Places {
    /// The folders below which they lie.
    pub roots: Vec<Decided<PathBuf>>,
    /// Those that the settings name, with the projects' names.
    pub named: Vec<(String, Decided<PathBuf>)>,
}

impl Places {
    /// The places that the caller and the settings name.
    pub fn new(settings: &Settings, inputs: &Inputs) -> Result<Self, Error> {
        let named = settings.projects().map(|(name, config)| {
            let path = expand::setting(config.value, &config.origin, inputs)?;
            Ok((name.to_owned(), Decided::new(path, config.origin)))
        });
        let named = named.collect::<Result<_, Error>>()?;
        Ok(Places { roots: roots(settings, inputs)?, named })
    }

    /// The name by which the settings can know a configuration: that of the project whose `config`
    /// it is, else its path below a root.
    pub fn known_as(&self, path: &Path) -> Option<String> {
        if let Some((name, _)) = self.named.iter().find(|(_, config)| config.value == path) {
            return Some(name.clone());
        }
        let (_, below) = self.root_above(path)?;
        let parts: Option<Vec<&str>> = below.iter().map(OsStr::to_str).collect();
        parts.map(|parts| parts.join("/"))
    }

    /// The root that a path lies below, and the way from there; of several roots the nearest. As the
    /// path reads: one with `..` in it is below none.
    pub fn root_above<'a>(&self, path: &'a Path) -> Option<(&Decided<PathBuf>, &'a Path)> {
        let below = |root: &Decided<PathBuf>| path.strip_prefix(&root.value).ok();
        let roots = self.roots.iter().filter_map(|root| Some((root, below(root)?)));
        let is_plain = |below: &Path| below.components().all(|c| matches!(c, Component::Normal(_)));
        roots
            .filter(|(_, below)| !below.as_os_str().is_empty() && is_plain(below))
            .min_by_key(|(_, below)| below.components().count())
    }

    /// Fails where roots were named and none is a folder that can be read (a share that is away, a word
    /// mistyped): then nobody can say that a project is not here.
    pub fn need_a_root(&self) -> Result<(), Error> {
        let is_named = |root: &Decided<PathBuf>| !matches!(root.origin, Origin::Default(_));
        let is_away = |root: &Decided<PathBuf>| fs::read_dir(&root.value).is_err();
        if self.roots.iter().any(is_named) && self.roots.iter().all(is_away) {
            return Err(Error::NoRoot { roots: self.roots.clone() });
        }
        Ok(())
    }

    /// Whether a configuration may lie at a path. (Neither a scan nor an index makes it be there.)
    pub fn hold(&self, path: &Path) -> bool {
        self.named.iter().any(|(_, config)| config.value == path)
            || self.root_above(path).is_some_and(|(_, below)| below.components().count() <= DEEPEST)
    }

    /// The folders at and above a path at which a configuration may lie, the deepest first.
    pub fn above<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Path> {
        path.ancestors().filter(|folder| self.hold(folder))
    }
}

/// The folders below which configurations lie: `SHOTGUN_BASE`, else the settings', else the default.
fn roots(settings: &Settings, inputs: &Inputs) -> Result<Vec<Decided<PathBuf>>, Error> {
    if let Some(list) = inputs.variable("SHOTGUN_BASE") {
        let paths = std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty());
        return paths
            .map(|path| match inputs.place.absolute(&path) {
                Some(root) => Ok(Decided::new(root, Origin::Variable("SHOTGUN_BASE"))),
                None => Err(Error::no_directory(path)),
            })
            .collect();
    }
    let Some(roots) = settings.roots() else {
        return Ok(vec![Decided::new(DEFAULT_ROOT.into(), Origin::Default("the default"))]);
    };
    let root = |text: &String| {
        let path = expand::setting(text, &roots.origin, inputs)?;
        Ok(Decided::new(path, roots.origin.clone()))
    };
    roots.value.iter().map(root).collect()
}
