//! What the doctor is to look at.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::finding::scan::Scan;
use crate::situation::Situation;

/// What the doctor is to look at.
#[derive(Debug)]
pub enum Patient {
    /// All that a scan found.
    All,
    /// One configuration.
    Config(PathBuf),
    /// A project that has no configuration here yet; why not.
    NotHere(Error),
}

impl Patient {
    /// The one configuration.
    pub fn config(&self) -> Option<&Path> {
        match self {
            Patient::Config(config) => Some(config),
            Patient::All | Patient::NotHere(_) => None,
        }
    }

    /// What a scan finds of it alone; `None` for all.
    pub fn scan(&self, situation: &Situation) -> Option<Scan> {
        match self {
            Patient::All => None,
            Patient::Config(config) => Some(scan_of(config, situation)),
            Patient::NotHere(_) => Some(Scan::default()),
        }
    }
}

/// Of the realised, one that does not count may be chosen too.
fn scan_of(config: &Path, situation: &Situation) -> Scan {
    let variables = &situation.inputs.variables;
    let realised = situation.site.map(|site| site.realised(variables)).unwrap_or_default().found;
    match realised.into_iter().find(|found| found.path == config) {
        Some(found) => Scan { found: vec![found], ..Scan::default() },
        None => Scan::of(config, variables),
    }
}
