//! Searches the roots for the one configuration that a query and a name select.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::context::Context;
use crate::error::{Candidate, Error};
use crate::finding::indexed;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::suggest::suggest;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::metadata::Metadata;
use crate::toolkit::record::{ConfigName, ConfigRecord, Query};

/// No configuration matches.
#[derive(Default)]
pub struct NoMatch {
    /// The files of configurations that cannot be read, and may match.
    unreadable: Vec<PathBuf>,
    /// A sentence about each root that is missing; the configuration may lie there.
    missing_roots: Vec<String>,
}

impl NoMatch {
    fn new(query: &Query, scan: &Scan, roots: &ConfigRoots) -> Self {
        let mut unreadable = Vec::new();
        for (path, fault) in &scan.faults {
            // With its names and ids known, only its data may match.
            let is_known = scan
                .records
                .iter()
                .any(|record| record.path == *path && record.metadata != Metadata::default());
            if matches!(query, Query::Data(_)) || !is_known {
                unreadable.push(fault.file().unwrap_or(path).to_owned());
            }
        }
        for folder in scan.without_roots_file() {
            unreadable.push(PipelineConfig::at(folder).roots_file());
        }
        NoMatch { unreadable, missing_roots: roots.missing() }
    }

    /// Adds to an error that a configuration that cannot be read, or one below a missing root, may be the one that is
    /// meant.
    pub fn explain(self, error: Error) -> Error {
        if self.unreadable.is_empty() && self.missing_roots.is_empty() {
            return error;
        }
        let (files, roots) = (self.unreadable.into(), self.missing_roots.into());
        Error::PartlySearched { here: error.into(), files, roots }
    }
}

/// Returns the configuration of the project with that name. Fails if the project has several of that name, or
/// none; `project` names it in the message.
pub fn find(
    query: &Query,
    name: &ConfigName,
    project: &str,
    context: &Context,
) -> Result<Result<ConfigRecord, NoMatch>, Error> {
    let variables = &context.inputs.variables;
    let mut none = NoMatch::default();
    let indexed = indexed(query, name, &context.roots, variables, &context.index());
    let records = indexed.unwrap_or_else(|| {
        let scan = context.scan();
        if !scan.records.iter().any(|record| query.matches(record) && record.is_named(name)) {
            none = NoMatch::new(query, &scan, &context.roots);
        }
        query.best(scan.records)
    });
    if records.is_empty() {
        return Ok(Err(none));
    }
    let (wanted, project) = (name.to_string(), project.to_owned());
    let (mut named, others): (Vec<ConfigRecord>, Vec<ConfigRecord>) =
        records.into_iter().partition(|record| record.is_named(name));
    if named.len() > 1 {
        return Err(Error::Ambiguous { wanted, project, configs: candidates(&named) });
    }
    if let Some(record) = named.pop() {
        return Ok(Ok(record));
    }
    let configs = candidates(&others);
    Err(none.explain(Error::UnknownConfig { wanted, project, configs }))
}

/// Returns the names of projects, by folder and by `tank_name`, that resemble an unknown one.
pub fn similar_projects(name: &OsStr, context: &Context) -> Vec<String> {
    let mut names = Vec::new();
    for record in context.scan().records {
        names.extend(context.roots.known_as(&record.path));
        names.extend(record.metadata.tank_name);
    }
    suggest(&name.to_string_lossy(), names.into_iter())
}

pub fn candidates(records: &[ConfigRecord]) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for ConfigRecord { path, metadata, .. } in records {
        let pipeline = metadata.config_name.clone().unwrap_or_default();
        candidates.push(Candidate { path: path.clone(), pipeline });
    }
    candidates
}
