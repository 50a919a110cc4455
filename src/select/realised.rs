//! Looks up by a path what was realised from the site's description.

use std::path::Path;

use super::selector::Selector;
use super::{Chosen, Distributed};
use crate::error::Error;
use crate::finding::answers::Asked;
use crate::finding::{Found, Wanted};
use crate::origin::{Decided, Origin};
use crate::site::Site;
use crate::toolkit::metadata::Metadata;

impl<'a> Selector<'a> {
    /// The realised configuration that a path is, or is in; another of its project, if another pipeline
    /// is wanted. One that is not whole is an error: it is nobody's folder either.
    pub fn realised_around(
        &self,
        path: &Path,
        origin: &Origin,
    ) -> Result<Option<Distributed<'a>>, Error> {
        let Some(site) = self.site.filter(|site| site.holds(path)) else { return Ok(None) };
        let realised = site.realised(&self.inputs.variables);
        let broken = realised.faults.iter().find(|(config, _)| path.starts_with(config));
        if let Some((config, Error::Incomplete { .. })) = broken {
            return Err(Error::Incomplete { path: config.clone() });
        }
        let around = realised.found.into_iter().find(|found| path.starts_with(&found.path));
        Ok(around.and_then(|found| self.itself(site, found, origin)))
    }

    fn itself(&self, site: &'a Site, found: Found, origin: &Origin) -> Option<Distributed<'a>> {
        let Metadata { project_id, pipeline_id, project, .. } = found.metadata.clone();
        let id = project_id?;
        let mut question = self.question(Asked::Id(id));
        let is_meant = self.pipeline.as_ref().is_none_or(|pipeline| found.is_pipeline(pipeline));
        if is_meant {
            question.pipeline = pipeline_id.map(|id| id.to_string());
        }
        let here = site.answer_of(found).filter(|_| is_meant);
        let project = project.unwrap_or_else(|| id.to_string());
        let project = Decided::new(project.into(), origin.clone());
        Some(Distributed { site, project, kept: site.kept(&question), question, here })
    }

    /// The project that was realised, and in whose data a path is.
    pub fn by_realised_data(
        &self,
        path: &Path,
        origin: &Origin,
    ) -> Result<Option<Chosen<'a>>, Error> {
        let realised = self.site.map(|site| site.counting(&self.inputs.variables));
        let found = Wanted::Data(path).best(realised.unwrap_or_default().found);
        let id = found.into_iter().find_map(|found| found.metadata.project_id);
        id.map(|id| self.by_id(id, origin)).transpose()
    }
}
