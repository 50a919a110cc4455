//! Chooses the project: from what was asked for to a configuration that is there.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::disk;
use crate::error::{Candidate, Error};
use crate::finding::index::Index;
use crate::finding::places::Places;
use crate::finding::{self, Found, Pipeline, Wanted};
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::request::{Choice, Request};
use crate::toolkit::config::PipelineConfig;

/// The names suggested for one that is not found: this many, and at least this like it.
const MOST_SUGGESTIONS: usize = 3;
const LEAST_LIKENESS: f64 = 0.8;

/// No folder has a longer name (bytes); comparing one with thousands of others would take long.
const LONGEST_NAME: usize = 255;

/// The chosen project.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The name that the project was chosen by, or that it has; and what chose it.
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

impl Selection {
    /// The selection of a configuration that is one.
    pub fn of(places: &Places, project: Decided<OsString>, path: PathBuf, origin: Origin) -> Self {
        let roots = match places.root_above(&path) {
            Some((root, _)) => vec![root.value.clone()],
            None => places.roots.iter().map(|root| root.value.clone()).collect(),
        };
        let known_as = places.known_as(&path);
        Selection { project, known_as, config: PipelineConfig::at(path), origin, roots }
    }
}

/// Chooses the project.
pub fn select(request: &Request, places: &Places, inputs: &Inputs) -> Result<Selection, Error> {
    let pipeline = request.pipeline.as_ref().map(|pipeline| pipeline.value.clone());
    let selector = Selector { places, inputs, pipeline: pipeline.map(Pipeline::Named) };
    let mut selections = request.choices.iter().map(|choice| selector.by(choice));
    let Some(first) = selections.next().transpose()? else {
        let inside_launch = inputs.variable("SGTK_PYTHON_CONFIG").is_some();
        let none = Error::NoProject { misplaced: request.misplaced.clone(), inside_launch };
        return selector.by_working_directory()?.ok_or(none);
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

struct Selector<'a> {
    places: &'a Places,
    inputs: &'a Inputs,
    pipeline: Option<Pipeline>,
}

impl Selector<'_> {
    fn by(&self, choice: &Decided<Choice>) -> Result<Selection, Error> {
        let origin = &choice.origin;
        match &choice.value {
            Choice::Project(name) => self.by_name(name, origin),
            Choice::Id(id) => self.by_id(*id, origin),
            Choice::Config(path) => self.by_config(path, origin),
            Choice::Path(path) => {
                let path = self.absolute(path)?;
                let none = || Error::NothingAbove { path: path.clone(), origin: origin.clone() };
                self.by_path(&path, origin)?.ok_or_else(none)
            }
        }
    }

    fn by_name(&self, name: &OsStr, origin: &Origin) -> Result<Selection, Error> {
        if is_hostile(name) {
            return Err(Error::HostileName { name: name.into(), origin: origin.clone() });
        }
        let project = Decided::new(name.to_owned(), origin.clone());
        let named = self.places.named.iter().find(|(known, _)| name == known.as_str());
        if let Some((_, config)) = named {
            return self.config(project, config.value.clone(), config.origin.clone());
        }
        let mut fault = None;
        let folder: PathBuf = Path::new(name).iter().collect();
        for root in &self.places.roots {
            let path = root.value.join(&folder);
            let origin =
                Origin::Below { root: root.value.clone(), origin: root.origin.clone().into() };
            // One root that cannot be read must not hide those after it.
            match PipelineConfig::at(&path).is_one() {
                Ok(true) => {
                    return self.pipeline_of(Selection::of(self.places, project, path, origin));
                }
                Ok(false) if disk::exists(&path).unwrap_or(false) => {
                    fault = fault.or(Some(Error::NotAConfig { path, exists: true, origin }));
                }
                Ok(false) => {}
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        if let Some(name) = name.to_str()
            && let Some(found) = self.find(&Wanted::Name(name), name)?
        {
            return Ok(self.found(project, found));
        }
        Err(fault.unwrap_or_else(|| Error::UnknownProject {
            name: name.into(),
            origin: origin.clone(),
            near: self.near(name),
            roots: self.places.roots.clone(),
        }))
    }

    fn by_id(&self, id: i64, origin: &Origin) -> Result<Selection, Error> {
        match self.find(&Wanted::Id(id), &format!("id {id}"))? {
            Some(found) => {
                let name = found.metadata.project.clone().unwrap_or_else(|| id.to_string());
                Ok(self.found(Decided::new(name.into(), origin.clone()), found))
            }
            None => Err(Error::UnknownId {
                id,
                origin: origin.clone(),
                roots: self.places.roots.clone(),
            }),
        }
    }

    fn by_config(&self, path: &Path, origin: &Origin) -> Result<Selection, Error> {
        let path = self.absolute(path)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_owned();
        self.config(Decided::new(name, origin.clone()), path, origin.clone())
    }

    fn by_working_directory(&self) -> Result<Option<Selection>, Error> {
        let Some(directory) = self.inputs.place.directory() else { return Ok(None) };
        self.by_path(directory, &Origin::Default("the working directory"))
    }

    /// The project that a path is in the config or the data of. Only where configurations may be is
    /// one looked for: what somebody put above a path must not choose what runs.
    fn by_path(&self, path: &Path, origin: &Origin) -> Result<Option<Selection>, Error> {
        let path = without_dots(path);
        for folder in self.places.above(&path) {
            if PipelineConfig::at(folder).is_one()? {
                let selection = self.by_config(folder, origin)?;
                return self.pipeline_of(selection).map(Some);
            }
        }
        let Some(found) = self.find(&Wanted::Data(&path), &path.to_string_lossy())? else {
            return Ok(None);
        };
        let name = found.metadata.project.clone().unwrap_or_default();
        Ok(Some(self.found(Decided::new(name.into(), origin.clone()), found)))
    }

    /// The one configuration that is wanted of those that match; `None` if none matches.
    fn find(&self, wanted: &Wanted, project: &str) -> Result<Option<Found>, Error> {
        let index = Index::of(self.places, self.inputs);
        let pipeline = self.pipeline.as_ref().unwrap_or(&Pipeline::Primary);
        let all = finding::find(wanted, pipeline, self.places, &self.inputs.variables, &index);
        let candidates = |configs: &[Found]| configs.iter().map(candidate).collect();
        let mut fitting = all.iter().filter(|found| found.is_pipeline(pipeline));
        let (wanted, project) = (pipeline.to_string(), project.to_owned());
        match (fitting.next(), fitting.next()) {
            (Some(found), None) => Ok(Some(found.clone())),
            (None, _) if all.is_empty() => Ok(None),
            (None, _) => Err(Error::NoPipeline { wanted, project, configs: candidates(&all) }),
            _ => {
                let fitting = all.iter().filter(|found| found.is_pipeline(pipeline)).cloned();
                let configs = candidates(&fitting.collect::<Vec<_>>());
                Err(Error::Ambiguous { wanted, project, configs })
            }
        }
    }

    /// The selection, or if another pipeline is wanted that one of the same project.
    fn pipeline_of(&self, selection: Selection) -> Result<Selection, Error> {
        let Some(pipeline) = &self.pipeline else { return Ok(selection) };
        let path = &selection.config.path;
        let (found, _) = Found::read(path, &self.inputs.variables).map_err(Error::Unreadable)?;
        if found.is_pipeline(pipeline) {
            return Ok(selection);
        }
        let project = found.metadata.project.clone().unwrap_or_default();
        let wanted = match found.metadata.project_id {
            Some(id) => Wanted::Id(id),
            None => Wanted::Name(&project),
        };
        match self.find(&wanted, &project)? {
            Some(other) => Ok(self.found(selection.project, other)),
            None => Err(Error::NoPipeline {
                wanted: pipeline.to_string(),
                project: project.clone(),
                configs: vec![candidate(&found)],
            }),
        }
    }

    fn config(
        &self,
        project: Decided<OsString>,
        path: PathBuf,
        origin: Origin,
    ) -> Result<Selection, Error> {
        if PipelineConfig::at(&path).is_one()? {
            return self.pipeline_of(Selection::of(self.places, project, path, origin));
        }
        let exists = disk::exists(&path).unwrap_or(false);
        Err(Error::NotAConfig { path, exists, origin })
    }

    fn found(&self, project: Decided<OsString>, found: Found) -> Selection {
        let file = PipelineConfig::at(&found.path).metadata_file();
        Selection::of(self.places, project, found.path, Origin::File(file))
    }

    fn absolute(&self, path: &Path) -> Result<PathBuf, Error> {
        self.inputs.place.absolute(path).ok_or_else(|| Error::no_directory(path))
    }

    /// The projects whose names are most like one that is not there, the most like it first.
    fn near(&self, name: &OsStr) -> Vec<OsString> {
        if name.len() > LONGEST_NAME {
            return Vec::new();
        }
        let wanted = name.to_string_lossy().to_lowercase();
        let likeness =
            |name: &OsStr| strsim::jaro_winkler(&wanted, &name.to_string_lossy().to_lowercase());
        let folders = self.places.roots.iter().filter_map(|root| fs::read_dir(&root.value).ok());
        let folders = folders.flatten().flatten().map(|folder| (folder.file_name(), folder.path()));
        let named =
            self.places.named.iter().map(|(name, config)| (name.into(), config.value.clone()));
        let likely = folders.chain(named).map(|(name, path)| (likeness(&name), name, path));
        let likely = likely.filter(|(likeness, _, _)| *likeness >= LEAST_LIKENESS);
        let mut near: Vec<(f64, OsString)> = likely
            .filter(|(_, _, path)| PipelineConfig::at(path).is_one().unwrap_or(false))
            .map(|(likeness, name, _)| (likeness, name))
            .collect();
        near.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
        near.dedup();
        near.into_iter().map(|(_, name)| name).take(MOST_SUGGESTIONS).collect()
    }
}

fn candidate(found: &Found) -> Candidate {
    let pipeline = found.metadata.pipeline.clone().unwrap_or_default();
    Candidate { path: found.path.clone(), pipeline }
}

/// Whether a name could lead out of the roots: it may come from an event that anyone can make.
fn is_hostile(name: &OsStr) -> bool {
    let is_separator = |byte: &u8| *byte == b'/' || (cfg!(windows) && *byte == b'\\');
    let is_bad_byte = |byte: &u8| *byte == 0 || (cfg!(windows) && *byte == b':');
    let bytes = name.as_encoded_bytes();
    bytes.iter().any(is_bad_byte)
        || bytes.split(is_separator).any(|part| matches!(part, b"" | b"." | b".."))
}

/// An absolute path without `.` and `..`, as it reads (Python's `os.path.normpath`): a path that need
/// not exist cannot be asked where its links lead.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}
