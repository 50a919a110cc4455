//! Finds the one configuration that is wanted among those that are here.

use std::ffi::OsStr;

use super::Selection;
use super::selector::Selector;
use crate::error::{Candidate, Error};
use crate::finding::index::Index;
use crate::finding::scan::scan;
use crate::finding::{self, Findings, Found, Pipeline, Wanted};
use crate::near::near;

/// No configuration matches; how many could not be read.
pub struct NoMatch {
    pub unreadable: usize,
}

impl Selector<'_> {
    /// The one configuration that is wanted of those that match.
    pub fn find(&self, wanted: &Wanted, project: &str) -> Result<Result<Found, NoMatch>, Error> {
        let index = Index::of(self.places, self.inputs);
        let pipeline = self.pipeline.as_ref().unwrap_or(&Pipeline::Primary);
        let Findings { found, unreadable } =
            finding::find(wanted, pipeline, self.places, self.site, &self.inputs.variables, &index);
        if found.is_empty() {
            return Ok(Err(NoMatch { unreadable }));
        }
        let (wanted, project) = (pipeline.to_string(), project.to_owned());
        let (mut fitting, others): (Vec<Found>, Vec<Found>) =
            found.into_iter().partition(|found| found.is_pipeline(pipeline));
        match (fitting.pop(), fitting.is_empty()) {
            (Some(found), true) => Ok(Ok(found)),
            (Some(last), false) => {
                let configs = fitting.iter().chain([&last]).map(candidate).collect();
                Err(Error::Ambiguous { wanted, project, configs })
            }
            (None, _) => {
                let configs = others.iter().map(candidate).collect();
                Err(Error::UnknownConfig { wanted, project, configs })
            }
        }
    }

    /// The selection, or if another pipeline is wanted that one of the same project.
    pub fn pipeline_of(&self, selection: Selection) -> Result<Selection, Error> {
        let Some(pipeline) = &self.pipeline else { return Ok(selection) };
        let (found, fault) = Found::read(&selection.config.path, &self.inputs.variables);
        if found.is_pipeline(pipeline) {
            return Ok(selection);
        }
        let project = found.metadata.project.clone().unwrap_or_default();
        let others = match found.metadata.project_id {
            Some(id) => self.find(&Wanted::Id(id), &project)?.ok(),
            // Two projects without a name are not one.
            None if project.is_empty() => None,
            None => self.find(&Wanted::Name(&project), &project)?.ok(),
        };
        match (others, fault) {
            (Some(other), _) => Ok(self.found(selection.project, other)),
            (None, Some(fault)) => Err(fault),
            (None, None) => Err(Error::UnknownConfig {
                wanted: pipeline.to_string(),
                project,
                configs: vec![candidate(&found)],
            }),
        }
    }

    /// The projects whose names are most like one that is not there: by folder, and by name on disk.
    pub fn near(&self, name: &OsStr) -> Vec<String> {
        let scan = scan(self.places, &self.inputs.variables);
        let names = scan.found.into_iter().flat_map(|found| {
            [self.places.known_as(&found.path), found.metadata.project].into_iter().flatten()
        });
        near(&name.to_string_lossy(), names)
    }
}

fn candidate(found: &Found) -> Candidate {
    let pipeline = found.metadata.pipeline.clone().unwrap_or_default();
    Candidate { path: found.path.clone(), pipeline }
}
