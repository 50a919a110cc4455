//! Chooses the project: from what was asked for to a configuration that is there.

mod realised;
mod search;
mod selector;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::disk;
use crate::error::Error;
use crate::finding::Pipeline;
use crate::finding::answers::{Answer, Question};
use crate::finding::places::Places;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::request::Request;
use crate::site::Site;
use crate::toolkit::config::PipelineConfig;
use selector::Selector;

/// The variable that tells Python which configuration it was launched for.
pub const CONFIG_VARIABLE: &str = "SGTK_PYTHON_CONFIG";

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
    /// For one that was realised from the site's description: how long ago the site was asked.
    pub realised: Option<Duration>,
    /// What is odd about it, but not wrong.
    pub warnings: Vec<String>,
}

/// What a choice came to.
#[derive(Debug)]
pub enum Chosen<'a> {
    /// A configuration that lies here.
    Here(Selection),
    /// A project that only the site can know.
    OnSite(Distributed<'a>),
}

/// A project that no configuration here is of, unless one was realised already.
#[derive(Debug)]
pub struct Distributed<'a> {
    /// The site.
    pub site: &'a Site,
    /// What it was chosen by.
    pub project: Decided<OsString>,
    /// What to ask the site for.
    pub question: Question,
    /// What it answered before.
    pub kept: Option<Answer>,
    /// The realised configuration that it was chosen by: that one, and no other of the project.
    pub here: Option<Answer>,
}

impl Selection {
    /// The selection of a configuration that is one.
    pub fn of(places: &Places, project: Decided<OsString>, path: PathBuf, origin: Origin) -> Self {
        let roots = match places.root_above(&path) {
            Some((root, _)) => vec![root.value.clone()],
            None => places.roots.iter().map(|root| root.value.clone()).collect(),
        };
        let known_as = places.known_as(&path);
        let config = PipelineConfig::at(path);
        Selection { project, known_as, config, origin, roots, realised: None, warnings: Vec::new() }
    }
}

/// Chooses the project: what each choice came to, for the configurations must be one.
pub fn select<'a>(
    request: &Request,
    places: &'a Places,
    site: Option<&'a Site>,
    inputs: &'a Inputs,
) -> Result<Vec<Chosen<'a>>, Error> {
    let pipeline = request.pipeline.as_ref().map(|pipeline| pipeline.value.clone());
    let selector = Selector {
        places,
        site,
        inputs,
        refresh: request.refresh,
        pipeline: pipeline.map(Pipeline::Named),
    };
    if !request.choices.is_empty() {
        return request.choices.iter().map(|choice| selector.by(choice)).collect();
    }
    let inside_launch = inputs.variable(CONFIG_VARIABLE).is_some();
    let none = Error::NoProject { misplaced: request.misplaced.clone(), inside_launch };
    Ok(vec![selector.by_working_directory()?.ok_or(none)?])
}

/// The one configuration that all choices came to.
pub fn agreed(selections: impl IntoIterator<Item = Selection>) -> Result<Selection, Error> {
    let mut selections = selections.into_iter();
    let none = Error::NoProject { misplaced: None, inside_launch: false };
    let first = selections.next().ok_or(none)?;
    for other in selections {
        if !disk::is_same(&first.config.path, &other.config.path) {
            let decided = |s: Selection| Decided::new(s.config.path, s.project.origin);
            return Err(Error::Conflict([decided(first), decided(other)].into()));
        }
    }
    Ok(first)
}
