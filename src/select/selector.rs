//! Looks a choice up: by a project's name or id, a configuration's folder, or a path.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf, is_separator};

use super::search::NoMatch;
use super::{Chosen, Distributed, Selection};
use crate::disk;
use crate::error::Error;
use crate::finding::answers::{Asked, Question};
use crate::finding::places::Places;
use crate::finding::{Found, Pipeline, Wanted};
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::request::Choice;
use crate::site::Site;
use crate::toolkit::config::PipelineConfig;

/// Finds what a choice means.
pub struct Selector<'a> {
    /// Where configurations may be.
    pub places: &'a Places,
    /// Who knows of others.
    pub site: Option<&'a Site>,
    /// What the launcher was started with.
    pub inputs: &'a Inputs,
    /// Whether what the site answered before counts for nothing.
    pub refresh: bool,
    /// Which of a project's configurations, if that is said.
    pub pipeline: Option<Pipeline>,
}

impl<'a> Selector<'a> {
    /// What a choice comes to.
    pub fn by(&self, choice: &Decided<Choice>) -> Result<Chosen<'a>, Error> {
        let origin = &choice.origin;
        match &choice.value {
            Choice::Project(name) => self.by_name(name, origin),
            Choice::Id(id) => self.by_id(*id, origin),
            Choice::Config(path) => self.by_config(path, origin),
            Choice::Path(path) => {
                let path = self.absolute(path)?;
                if let Some(chosen) = self.by_path(&path, origin)? {
                    return Ok(chosen);
                }
                self.places.need_a_root()?;
                Err(Error::NothingAbove { path, origin: origin.clone() })
            }
        }
    }

    fn by_name(&self, name: &OsStr, origin: &Origin) -> Result<Chosen<'a>, Error> {
        if is_hostile(name) {
            return Err(Error::HostileName { name: name.into(), origin: origin.clone() });
        }
        let project = Decided::new(name.to_owned(), origin.clone());
        let named = self.places.named.iter().find(|(known, _)| name == known.as_str());
        if let Some((_, config)) = named {
            let selection = self.config(project, config.value.clone(), config.origin.clone())?;
            return self.pipeline_of(selection).map(Chosen::Here);
        }
        let (mut fault, mut folders) = (None, Vec::new());
        let folder: PathBuf = Path::new(name).iter().collect();
        for root in &self.places.roots {
            let path = root.value.join(&folder);
            let origin =
                Origin::Below { root: root.value.clone(), origin: root.origin.clone().into() };
            // One root that cannot be read must not hide those after it.
            match PipelineConfig::at(&path).is_one() {
                Ok(true) => {
                    let selection = Selection::of(self.places, project, path, origin);
                    return self.pipeline_of(selection).map(Chosen::Here);
                }
                Ok(false) => folders.push((path, origin)),
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        let text = name.to_str();
        let question = text.map(|name| self.question(Asked::Name(name.into())));
        self.find_or_ask(project, text.map(Wanted::Name), question, |NoMatch { unreadable }| {
            let folder = |(path, origin): (PathBuf, Origin)| {
                let exists = disk::exists(&path).unwrap_or(false);
                exists.then_some(Error::NotAConfig { path, exists, origin })
            };
            let fault = fault.or_else(|| folders.into_iter().find_map(folder));
            let fault = fault.or_else(|| self.places.need_a_root().err());
            fault.unwrap_or_else(|| Error::UnknownProject {
                name: name.into(),
                origin: origin.clone(),
                near: self.near(name).into(),
                roots: self.places.roots.clone().into(),
                unreadable,
            })
        })
    }

    pub fn by_id(&self, id: i64, origin: &Origin) -> Result<Chosen<'a>, Error> {
        let project = Decided::new(id.to_string().into(), origin.clone());
        let question = self.question(Asked::Id(id));
        let otherwise = |NoMatch { unreadable }| {
            let (origin, roots) = (origin.clone(), self.places.roots.clone());
            let no_root = self.places.need_a_root().err();
            no_root.unwrap_or(Error::UnknownId { id, origin, roots, unreadable })
        };
        self.find_or_ask(project, Some(Wanted::Id(id)), Some(question), otherwise)
    }

    /// The configuration that is here, else the site's, of which a kept answer needs no search here.
    fn find_or_ask(
        &self,
        project: Decided<OsString>,
        wanted: Option<Wanted>,
        question: Option<Question>,
        otherwise: impl FnOnce(NoMatch) -> Error,
    ) -> Result<Chosen<'a>, Error> {
        let asked = self.site.zip(question).map(|(site, question)| {
            let kept = site.kept(&question);
            let is_fresh = kept.as_ref().is_some_and(|kept| !kept.is_due(site));
            let is_fresh = is_fresh && !self.refresh;
            let project = project.clone();
            (Distributed { site, project, question, kept, here: None }, is_fresh)
        });
        let asked = match asked {
            Some((distributed, true)) => return Ok(Chosen::OnSite(distributed)),
            Some((distributed, false)) => Some(distributed),
            None => None,
        };
        let found = match &wanted {
            Some(wanted) => self.find(wanted, &project.value.to_string_lossy())?,
            None => Err(NoMatch { unreadable: 0 }),
        };
        match (found, asked) {
            (Ok(found), _) => {
                let mut project = project;
                if let (Some(Wanted::Id(_)), Some(name)) = (wanted, &found.metadata.project) {
                    project.value = name.into();
                }
                Ok(Chosen::Here(self.found(project, found)))
            }
            (Err(_), Some(distributed)) => Ok(Chosen::OnSite(distributed)),
            (Err(none), None) => Err(otherwise(none)),
        }
    }

    pub fn question(&self, project: Asked) -> Question {
        let pipeline = self.pipeline.as_ref().map(ToString::to_string);
        Question { project, pipeline }
    }

    fn by_config(&self, path: &Path, origin: &Origin) -> Result<Chosen<'a>, Error> {
        let path = self.absolute(path)?;
        if let Some(distributed) = self.realised_around(&path, origin)? {
            return Ok(Chosen::OnSite(distributed));
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_owned();
        self.config(Decided::new(name, origin.clone()), path, origin.clone()).map(Chosen::Here)
    }

    /// The project that the working directory is in.
    pub fn by_working_directory(&self) -> Result<Option<Chosen<'a>>, Error> {
        let Some(directory) = self.inputs.place.directory() else { return Ok(None) };
        self.by_path(directory, &Origin::Default("the working directory"))
    }

    /// The project that a path is in the config or the data of. Only where configurations may be is
    /// one looked for: what somebody put above a path must not choose what runs.
    fn by_path(&self, path: &Path, origin: &Origin) -> Result<Option<Chosen<'a>>, Error> {
        let path = without_dots(path);
        if let Some(distributed) = self.realised_around(&path, origin)? {
            return Ok(Some(Chosen::OnSite(distributed)));
        }
        for folder in self.places.above(&path) {
            let name = folder.file_name().unwrap_or(folder.as_os_str()).to_owned();
            let project = Decided::new(name, origin.clone());
            match self.config(project, folder.to_owned(), origin.clone()) {
                Err(Error::NotAConfig { .. }) => {}
                selection => return Ok(Some(Chosen::Here(self.pipeline_of(selection?)?))),
            }
        }
        let Ok(found) = self.find(&Wanted::Data(&path), &path.to_string_lossy())? else {
            return self.by_realised_data(&path, origin);
        };
        let name = found.metadata.project.clone().unwrap_or_default();
        let data = found.data_around(&path).unwrap_or(&path).to_owned();
        let project = Decided::new(name.into(), origin.clone());
        let origin = Origin::Data(data);
        Ok(Some(Chosen::Here(Selection::of(self.places, project, found.path, origin))))
    }

    fn config(
        &self,
        project: Decided<OsString>,
        path: PathBuf,
        origin: Origin,
    ) -> Result<Selection, Error> {
        if PipelineConfig::at(&path).is_one()? {
            return Ok(Selection::of(self.places, project, path, origin));
        }
        let exists = disk::exists(&path).unwrap_or(false);
        Err(Error::NotAConfig { path, exists, origin })
    }

    pub fn found(&self, project: Decided<OsString>, found: Found) -> Selection {
        let file = PipelineConfig::at(&found.path).metadata_file();
        Selection::of(self.places, project, found.path, Origin::File(file))
    }

    fn absolute(&self, path: &Path) -> Result<PathBuf, Error> {
        self.inputs.place.absolute(path).ok_or_else(|| Error::no_directory(path))
    }
}

/// Whether a name could lead out of the roots: it may come from an event that anyone can make.
fn is_hostile(name: &OsStr) -> bool {
    let is_separator = |byte: &u8| is_separator((*byte).into());
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
