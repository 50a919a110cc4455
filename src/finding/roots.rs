//! The folders that may hold configurations: those below the roots, and those that the settings name.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::disk::{self, IoMessage};
use crate::display::Printable;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::os::{below, is_same_path};
use crate::settings::Settings;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::expand;
use crate::toolkit::record::ConfigRecord;

/// The root where nothing names another (the rule of the common `import_sgtk` recipes).
const DEFAULT_ROOT: &str = "/mnt/sgtk/configs";

/// Levels below a root at which a configuration may lie: a project's name has two at most.
const DEEPEST: usize = 2;

/// The folders that may hold configurations.
#[derive(Debug)]
pub struct ConfigRoots {
    pub folders: Vec<Decided<PathBuf>>,
    /// The configurations that the settings name, by project.
    pub named: Vec<(String, Decided<PathBuf>)>,
}

impl ConfigRoots {
    pub fn new(settings: &Settings, inputs: &Inputs) -> Result<Self, Error> {
        let mut named = Vec::new();
        for project in &settings.projects {
            let Some(config) = &project.config else { continue };
            let path = expand::setting(&config.value, &config.origin, inputs)?;
            named.push((project.name.clone(), Decided::new(path, config.origin.clone())));
        }
        Ok(ConfigRoots { folders: folders(settings, inputs)?, named })
    }

    /// Returns the name of a configuration's table in the settings: the project whose `config` it is, else
    /// its path below a root.
    pub fn known_as(&self, path: &Path) -> Option<String> {
        for (name, config) in &self.named {
            if is_same_path(&config.value, path) {
                return Some(name.clone());
            }
        }
        let (_, below) = self.root_above(path)?;
        let parts: Option<Vec<&str>> = below.iter().map(OsStr::to_str).collect();
        Some(parts?.join("/"))
    }

    /// Returns the name by which a configuration can be chosen: of a realised one its `tank_name`, else its name in
    /// the settings or below a root, else its path.
    pub fn name_of(&self, record: &ConfigRecord) -> String {
        match &record.metadata.tank_name {
            Some(name) if record.realised.is_some() => name.clone(),
            _ => self.name_at(&record.path),
        }
    }

    /// The same for a folder that cannot be read.
    pub fn name_at(&self, path: &Path) -> String {
        self.known_as(path).unwrap_or_else(|| path.to_string_lossy().into_owned())
    }

    /// Returns the nearest root above a path, and the rest of the path. Reads the path as written: a path
    /// with `..` is below no root.
    pub fn root_above<'a>(&self, path: &'a Path) -> Option<(&Decided<PathBuf>, &'a Path)> {
        let mut nearest: Option<(&Decided<PathBuf>, &'a Path)> = None;
        for root in &self.folders {
            let Some(below) = below(path, &root.value) else { continue };
            let is_plain = below.components().all(|part| matches!(part, Component::Normal(_)));
            let is_nearer = nearest.is_none_or(|(_, other)| depth(below) < depth(other));
            if !below.as_os_str().is_empty() && is_plain && is_nearer {
                nearest = Some((root, below));
            }
        }
        nearest
    }

    /// Returns the error that no root can be read, with the reason for the first.
    pub fn no_root(&self) -> Error {
        let reason = match self.unreadable().first() {
            Some((_, error)) if !disk::is_missing(error) => Some(IoMessage(error).to_string()),
            _ => None,
        };
        Error::NoRoot { roots: self.folders.clone(), reason }
    }

    /// Returns false if the only root is the default.
    pub fn are_named(&self) -> bool {
        self.folders.iter().any(|root| !matches!(root.origin, Origin::Default(_)))
    }

    /// Returns true for a root itself.
    pub fn is_root(&self, folder: &Path) -> bool {
        self.folders.iter().any(|root| root.value == folder)
    }

    /// Returns true if there are roots, and none can be read.
    pub fn is_unreachable(&self) -> bool {
        !self.folders.is_empty() && self.unreadable().len() == self.folders.len()
    }

    /// Returns the roots that cannot be read, and the reasons.
    pub fn unreadable(&self) -> Vec<(&Decided<PathBuf>, io::Error)> {
        let mut unreadable = Vec::new();
        for root in &self.folders {
            unreadable.extend(fs::read_dir(&root.value).err().map(|error| (root, error)));
        }
        unreadable
    }

    /// Returns a sentence about each root that does not exist; none where the only root is the default.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for (root, error) in self.unreadable() {
            if self.are_named() && disk::is_missing(&error) {
                missing.push(root_problem(root, &error));
            }
        }
        missing
    }

    /// Returns true if a configuration may lie at a path: named by the settings, or at most [`DEEPEST`]
    /// levels below a root.
    pub fn may_hold(&self, path: &Path) -> bool {
        self.named.iter().any(|(_, config)| is_same_path(&config.value, path))
            || self.root_above(path).is_some_and(|(_, below)| depth(below) <= DEEPEST)
    }

    /// Returns the folders at and above a path that may be configurations, the outermost first: a folder in a
    /// configuration is none, see [`Self::is_in_a_config`].
    pub fn candidates_above<'a>(&self, path: &'a Path) -> Vec<&'a Path> {
        let mut folders: Vec<_> = path.ancestors().filter(|folder| self.may_hold(folder)).collect();
        folders.reverse();
        folders
    }

    /// Returns true if a path below a root lies in a configuration. The scan does not look there, and every user can write
    /// to some of the folders there: Toolkit makes `cache` so.
    pub fn is_in_a_config(&self, path: &Path) -> bool {
        let Some((root, _)) = self.root_above(path) else { return false };
        let mut above = path.ancestors().skip(1).take_while(|folder| *folder != root.value);
        above.any(|folder| PipelineConfig::at(folder).exists().unwrap_or(false))
    }
}

/// Returns the sentence about a root that cannot be read, for warnings and hints.
pub fn root_problem(root: &Decided<PathBuf>, error: &io::Error) -> String {
    format!("{}: {} ({})", root_fault(error), Printable::new(&root.value), root.origin)
}

/// Returns the fault of a root that cannot be read, without its path.
pub fn root_fault(error: &io::Error) -> String {
    if disk::is_missing(error) {
        return "root does not exist".into();
    }
    format!("root cannot be read ({})", IoMessage(error))
}

fn depth(path: &Path) -> usize {
    path.components().count()
}

/// Returns the roots: `SHOTGUN_BASE`, else `roots` in the settings, else the default.
fn folders(settings: &Settings, inputs: &Inputs) -> Result<Vec<Decided<PathBuf>>, Error> {
    let mut folders = Vec::new();
    if let Some(list) = inputs.variable("SHOTGUN_BASE") {
        for path in std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()) {
            let root = inputs.location.need_absolute(&path)?;
            folders
                .push(Decided::new(expand::without_dots(&root), Origin::Variable("SHOTGUN_BASE")));
        }
    } else if let Some(roots) = &settings.roots {
        for text in &roots.value {
            let root = expand::setting(text, &roots.origin, inputs)?;
            folders.push(Decided::new(expand::without_dots(&root), roots.origin.clone()));
        }
    } else {
        folders.push(Decided::new(DEFAULT_ROOT.into(), Origin::Default("the default")));
    }
    Ok(folders)
}
