//! Looks at every folder where a configuration may be, two levels below the roots at the most.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use super::Found;
use super::places::Places;
use crate::disk;
use crate::environment::Variables;
use crate::error::Error;
use crate::parallel::in_parallel;
use crate::toolkit::config::PipelineConfig;

/// How many folders are looked at together, where there are so many: a file server keeps each waiting.
pub fn at_once(folders: usize) -> usize {
    if folders < 32 { 1 } else { 8 }
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct Scan {
    /// The configurations, in the order of the roots and then by path.
    pub found: Vec<Found>,
    /// What cannot be read, or not whole, and why: configurations, and folders where some may be.
    pub faults: Vec<(PathBuf, Error)>,
}

/// A folder that was looked at.
enum Seen {
    /// A configuration, and what is wrong with it.
    Config(Found, Option<Error>),
    /// One that cannot be looked into.
    Closed(PathBuf, Error),
}

/// Scans the places.
pub fn scan(places: &Places, variables: &Variables) -> Scan {
    let named = places.named.iter().map(|(_, config)| (config.value.clone(), false));
    let mut scan = Scan::default();
    let mut folders: Vec<(PathBuf, bool)> = named.collect();
    for root in &places.roots {
        match subfolders(&root.value) {
            Ok(below) => folders.extend(below.into_iter().map(|folder| (folder, true))),
            Err(fault) => scan.faults.push((root.value.clone(), fault)),
        }
    }
    let seen = in_parallel(at_once(folders.len()), &folders, |(folder, deeper)| {
        look(folder, *deeper, variables)
    });
    let mut identities = HashSet::new();
    for seen in seen.into_iter().flatten() {
        // A second way to a configuration is passed over, if the system can tell.
        let is_new = match &seen {
            Seen::Config(found, _) => {
                disk::identity(&found.path).is_none_or(|identity| identities.insert(identity))
            }
            Seen::Closed(..) => true,
        };
        if is_new {
            scan.take(seen);
        }
    }
    scan
}

impl Scan {
    /// What a scan finds that looks at one configuration alone.
    pub fn of(config: &Path, variables: &Variables) -> Self {
        let mut scan = Scan::default();
        if let Some(seen) = look_at(config, variables) {
            scan.take(seen);
        }
        scan
    }

    fn take(&mut self, seen: Seen) {
        match seen {
            Seen::Config(found, fault) => {
                self.faults.extend(fault.map(|fault| (found.path.clone(), fault)));
                self.found.push(found);
            }
            Seen::Closed(folder, fault) => self.faults.push((folder, fault)),
        }
    }
}

/// The configurations at a folder or, if it is none and `deeper`, in it.
fn look(folder: &Path, deeper: bool, variables: &Variables) -> Vec<Seen> {
    match look_at(folder, variables) {
        Some(seen) => vec![seen],
        None if deeper => match subfolders(folder) {
            Ok(inside) => inside.iter().filter_map(|folder| look_at(folder, variables)).collect(),
            Err(fault) => vec![Seen::Closed(folder.to_owned(), fault)],
        },
        None => Vec::new(),
    }
}

fn look_at(folder: &Path, variables: &Variables) -> Option<Seen> {
    match PipelineConfig::at(folder).is_one() {
        Ok(true) => {
            let (found, fault) = Found::read(folder, variables);
            Some(Seen::Config(found, fault))
        }
        Ok(false) => None,
        Err(fault) => Some(Seen::Closed(folder.to_owned(), fault)),
    }
}

/// The folders in a folder, by name, links last: what is there by itself goes by its own name. Hidden
/// ones are passed over, for file servers keep old states there. A folder that is not there holds none.
fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten(),
        Err(error) if disk::is_absence(&error) => return Ok(Vec::new()),
        Err(error) => return Err(Error::unreachable(folder, error)),
    };
    let visible = entries.filter(|e| !e.file_name().as_encoded_bytes().starts_with(b"."));
    let is_link = |entry: &DirEntry| {
        let kind = entry.file_type().ok()?;
        (kind.is_dir() || kind.is_symlink()).then_some(kind.is_symlink())
    };
    let mut folders: Vec<(bool, PathBuf)> =
        visible.filter_map(|entry| Some((is_link(&entry)?, entry.path()))).collect();
    folders.sort();
    Ok(folders.into_iter().map(|(_, folder)| folder).collect())
}
