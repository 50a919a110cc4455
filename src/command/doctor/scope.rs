//! What the doctor is to look at.

use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::error::Error;
use crate::finding::scan::Scan;

/// What the doctor is to look at.
#[derive(Debug)]
pub enum Scope {
    /// All that a scan found.
    All,
    /// One configuration.
    Config(PathBuf),
    /// A project that has no configuration here yet; why not.
    NotHere(Error),
}

impl Scope {
    /// The one configuration.
    pub fn config(&self) -> Option<&Path> {
        match self {
            Scope::Config(config) => Some(config),
            Scope::All | Scope::NotHere(_) => None,
        }
    }

    /// What a scan finds of it alone; `None` for all.
    pub fn scan(&self, context: &Context) -> Option<Scan> {
        match self {
            Scope::All => None,
            Scope::Config(config) => Some(scan_of(config, context)),
            Scope::NotHere(_) => Some(Scan::default()),
        }
    }
}

/// Of the realised, one that does not count may be chosen too.
fn scan_of(config: &Path, context: &Context) -> Scan {
    let variables = &context.inputs.variables;
    let realised =
        context.site.as_ref().map(|site| site.realised(variables)).unwrap_or_default().records;
    match realised.into_iter().find(|found| found.path == config) {
        Some(found) => Scan { records: vec![found], ..Scan::default() },
        None => Scan::of_config(config, variables),
    }
}
