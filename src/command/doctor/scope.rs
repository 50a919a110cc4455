//! The configurations that the doctor examines.

use std::path::{Path, PathBuf};

use crate::bootstrap::Refresh;
use crate::command::choose::choose;
use crate::context::Context;
use crate::error::Error;
use crate::finding::scan::Scan;
use crate::site::RealisedConfigs;

pub enum Scope {
    /// All that a scan finds.
    All,
    Config(PathBuf),
    /// A project whose configuration is not realised yet, and the reason.
    NotHere(Error),
}

impl Scope {
    /// Returns the scope of the request: the configuration that it chooses, else all.
    pub fn new(context: &Context) -> Result<Self, Error> {
        if context.request.choices.is_empty() {
            return Ok(Scope::All);
        }
        match choose(context, Refresh::Never) {
            Ok(chosen) => Ok(Scope::Config(chosen.selection.config.path)),
            // Several configurations of one name are a finding.
            Err(Error::Ambiguous { .. }) => Ok(Scope::All),
            Err(error @ Error::NotRealised { .. }) => Ok(Scope::NotHere(error)),
            Err(error) => Err(error),
        }
    }

    /// Returns a scan of the scope alone; `None` for all.
    pub fn scan(&self, context: &Context) -> Option<Scan> {
        match self {
            Scope::All => None,
            Scope::Config(config) => Some(scan_of(config, context)),
            Scope::NotHere(_) => Some(Scan::default()),
        }
    }
}

/// Scans one configuration. A realised one may be chosen by its path although it does not count in a scan of all.
fn scan_of(config: &Path, context: &Context) -> Scan {
    let variables = &context.inputs.variables;
    if let Some(site) = &context.site {
        for record in RealisedConfigs::of(site, variables).scan().records {
            if record.path == config {
                return Scan { records: vec![record], ..Scan::default() };
            }
        }
    }
    Scan::of_config(config, variables)
}
