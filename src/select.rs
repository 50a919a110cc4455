//! Chooses the project: from what was asked for to a configuration that is there.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::disk;
use crate::environment::value_of;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::request::{Choice, Request};
use crate::settings::Settings;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::expand;

/// Where configurations are, if nobody says (the rule of the many `import_sgtk` recipes).
const DEFAULT_ROOT: &str = "/mnt/sgtk/configs";

/// The names suggested for one that is not found: this many, and at least this like it.
const MOST_SUGGESTIONS: usize = 3;
const LEAST_LIKENESS: f64 = 0.8;

/// The chosen project.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The name that the project was chosen by, or that its configuration's folder has; and what
    /// chose it.
    pub project: Decided<OsString>,
    /// The name of its table in the settings, should there be one.
    pub known_as: Option<String>,
    /// Its configuration, which is one.
    pub config: PipelineConfig,
    /// What led to the configuration.
    pub origin: Origin,
    /// Where a studio core may be: the root that the configuration lies below, else every root.
    pub roots: Vec<PathBuf>,
}

/// Chooses the project.
pub fn select(request: &Request, settings: &Settings, inputs: &Inputs) -> Result<Selection, Error> {
    let places = Places { settings, inputs, roots: roots(settings, inputs)? };
    let mut selections = request.choices.iter().map(|choice| match &choice.value {
        Choice::Project(name) => places.by_name(name, &choice.origin),
        Choice::Config(path) => places.by_path(path, &choice.origin),
    });
    let Some(first) = selections.next().transpose()? else {
        let inside_launch = inputs.variable("SGTK_PYTHON_CONFIG").is_some();
        return Err(Error::NoProject { misplaced: request.misplaced.clone(), inside_launch });
    };
    for other in selections {
        let other = other?;
        if !disk::is_same(&first.config.path, &other.config.path) {
            let decided = |s: Selection| Decided::new(s.config.path, s.project.origin);
            return Err(Error::Conflict([decided(first), decided(other)].into()));
        }
    }
    Ok(first)
}

/// Where configurations can be looked for.
struct Places<'a> {
    settings: &'a Settings,
    inputs: &'a Inputs,
    roots: Vec<Decided<PathBuf>>,
}

impl Places<'_> {
    fn by_name(&self, name: &OsStr, origin: &Origin) -> Result<Selection, Error> {
        if is_hostile(name) {
            return Err(Error::HostileName { name: name.into(), origin: origin.clone() });
        }
        let project = Decided::new(name.to_owned(), origin.clone());
        if let Some(config) = name.to_str().and_then(|name| self.settings.config(name)) {
            let path = from_setting(config.value, &config.origin, self.inputs)?;
            return self.selection(project, path, config.origin);
        }
        let mut other_folder = None;
        let folder: PathBuf = Path::new(name).iter().collect();
        for root in &self.roots {
            let path = root.value.join(&folder);
            let config = PipelineConfig::at(&path);
            let origin =
                Origin::Below { root: root.value.clone(), origin: root.origin.clone().into() };
            if config.is_one()? {
                let known_as = self.known_as(&path)?;
                let roots = vec![root.value.clone()];
                return Ok(Selection { project, known_as, config, origin, roots });
            }
            if other_folder.is_none() && disk::exists(&path).unwrap_or(false) {
                other_folder = Some(Error::NotAConfig { path, exists: true, origin });
            }
        }
        Err(other_folder.unwrap_or_else(|| Error::UnknownProject {
            name: name.into(),
            origin: origin.clone(),
            near: self.near(name),
            roots: self.roots.clone(),
        }))
    }

    fn by_path(&self, path: &Path, origin: &Origin) -> Result<Selection, Error> {
        let absolute = self.inputs.place.absolute(path).ok_or_else(|| Error::no_directory(path))?;
        let name = absolute.file_name().unwrap_or(absolute.as_os_str()).to_owned();
        self.selection(Decided::new(name, origin.clone()), absolute, origin.clone())
    }

    fn selection(
        &self,
        project: Decided<OsString>,
        path: PathBuf,
        origin: Origin,
    ) -> Result<Selection, Error> {
        let config = PipelineConfig::at(path);
        if !config.is_one()? {
            let exists = disk::exists(&config.path).unwrap_or(false);
            return Err(Error::NotAConfig { path: config.path, exists, origin });
        }
        let known_as = self.known_as(&config.path)?;
        let roots = self.roots.iter().map(|root| root.value.clone());
        let above: Vec<PathBuf> =
            roots.clone().filter(|root| config.path.starts_with(root)).collect();
        let roots = if above.is_empty() { roots.collect() } else { above };
        Ok(Selection { project, known_as, config, origin, roots })
    }

    /// The name by which the settings can know a configuration, however it was chosen: that of the
    /// project whose `config` it is, else its path below a root.
    fn known_as(&self, path: &Path) -> Result<Option<String>, Error> {
        for (name, config) in self.settings.projects() {
            if from_setting(config.value, &config.origin, self.inputs)? == path {
                return Ok(Some(name.into()));
            }
        }
        let below = self.roots.iter().find_map(|root| path.strip_prefix(&root.value).ok());
        let parts =
            below.and_then(|below| below.iter().map(OsStr::to_str).collect::<Option<Vec<_>>>());
        Ok(parts.map(|parts| parts.join("/")))
    }

    /// The projects whose names are most like one that is not there, the most like it first.
    fn near(&self, name: &OsStr) -> Vec<OsString> {
        let wanted = name.to_string_lossy().to_lowercase();
        let folders = self.roots.iter().filter_map(|root| fs::read_dir(&root.value).ok()).flatten();
        let configs = folders.flatten().map(|folder| folder.path());
        let configs = configs.filter_map(|path| Some((path.file_name()?.to_owned(), path)));
        let listed = self.settings.projects().map(|(name, _)| (name.into(), PathBuf::new()));
        let mut near: Vec<(f64, OsString)> = configs
            .chain(listed)
            .map(|(name, path)| {
                let likeness =
                    strsim::jaro_winkler(&wanted, &name.to_string_lossy().to_lowercase());
                (likeness, name, path)
            })
            .filter(|(likeness, _, _)| *likeness >= LEAST_LIKENESS)
            .filter(|(_, _, path)| {
                path.as_os_str().is_empty() || PipelineConfig::at(path).is_one().unwrap_or(false)
            })
            .map(|(likeness, name, _)| (likeness, name))
            .collect();
        near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        near.dedup_by(|one, other| one.1 == other.1);
        near.into_iter().map(|(_, name)| name).take(MOST_SUGGESTIONS).collect()
    }
}

/// Whether a name could lead out of the roots: it may come from an event that anyone can make.
fn is_hostile(name: &OsStr) -> bool {
    let is_separator = |byte: &u8| *byte == b'/' || (cfg!(windows) && *byte == b'\\');
    let is_bad_byte = |byte: &u8| *byte == 0 || (cfg!(windows) && *byte == b':');
    let bytes = name.as_encoded_bytes();
    bytes.iter().any(is_bad_byte)
        || bytes.split(is_separator).any(|part| matches!(part, b"" | b"." | b".."))
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
        let path = from_setting(text, &roots.origin, inputs)?;
        Ok(Decided::new(path, roots.origin.clone()))
    };
    roots.value.iter().map(root).collect()
}

/// A path in the settings, its variables expanded; a relative one is joined to the file's folder.
fn from_setting(text: &str, origin: &Origin, inputs: &Inputs) -> Result<PathBuf, Error> {
    let mut lookup = |name: &str| value_of(&inputs.variables, name.as_ref()).map(OsStr::to_owned);
    let path = PathBuf::from(expand::home(expand::variables(text, &mut lookup), &mut lookup));
    let path = origin.folder().map_or(path.clone(), |folder| folder.join(path));
    inputs.place.absolute(&path).ok_or_else(|| Error::no_directory(path))
}
