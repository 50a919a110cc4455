//! Searches the roots for the one configuration that a query and a name select.

use std::ffi::OsStr;

use crate::context::Context;
use crate::error::{Candidate, Error};
use crate::finding::indexed;
use crate::suggest::suggest;
use crate::toolkit::record::{ConfigName, ConfigRecord, Query};

/// No configuration matches.
pub struct NoMatch {
    /// The faults of configurations that cannot be read, and might match.
    pub faults: Vec<Error>,
}

/// Returns the configuration of the project with that name. Fails if the project has several of that name, or
/// none.
pub fn find(
    query: &Query,
    name: &ConfigName,
    project: &str,
    context: &Context,
) -> Result<Result<ConfigRecord, NoMatch>, Error> {
    let variables = &context.inputs.variables;
    let mut faults = Vec::new();
    let indexed = indexed(query, name, &context.roots, variables, &context.index());
    let records = indexed.unwrap_or_else(|| {
        let mut scan = context.scan();
        faults = scan.take_faults_without_id();
        query.best(scan.records)
    });
    if records.is_empty() {
        return Ok(Err(NoMatch { faults }));
    }
    let (wanted, project) = (name.to_string(), project.to_owned());
    let (mut named, others): (Vec<ConfigRecord>, Vec<ConfigRecord>) =
        records.into_iter().partition(|record| record.is_named(name));
    if named.len() > 1 {
        return Err(Error::Ambiguous { wanted, project, configs: candidates(&named) });
    }
    match named.pop() {
        Some(record) => Ok(Ok(record)),
        None => Err(Error::UnknownConfig { wanted, project, configs: candidates(&others) }),
    }
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
    let name = |record: &ConfigRecord| record.metadata.config_name.clone().unwrap_or_default();
    records
        .iter()
        .map(|record| Candidate { path: record.path.clone(), pipeline: name(record) })
        .collect()
}
