//! Looks into every folder that may be a configuration.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use log::debug;

use super::roots::ConfigRoots;
use crate::disk;
use crate::environment::Variables;
use crate::error::Error;
use crate::parallel::in_parallel;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::record::ConfigRecord;

/// The configurations that a scan found.
#[derive(Debug, Default)]
pub struct Scan {
    /// In the order of the roots, then by path.
    pub records: Vec<ConfigRecord>,
    /// Configurations and folders that cannot be read, and the reason.
    pub faults: Vec<(PathBuf, Error)>,
    /// Folders in the place of configurations that are none.
    pub others: Vec<PathBuf>,
}

/// A folder to look into, and its subfolders too if `has_levels`.
struct ScanTarget {
    folder: PathBuf,
    has_levels: bool,
}

/// A folder that may be a configuration.
enum Sighting {
    Config(ConfigRecord, Option<Error>),
    Other(PathBuf),
    Unreadable(PathBuf, Error),
}

/// Scan threads; network file systems answer each stat slowly.
pub fn scan_threads(folders: usize) -> usize {
    if folders < 32 { 1 } else { 8 }
}

/// Scans the configurations that the settings name, and two levels of folders below each root.
pub fn scan(roots: &ConfigRoots, variables: &Variables) -> Scan {
    let mut scan = Scan::default();
    let mut targets = Vec::new();
    for (_, config) in &roots.named {
        targets.push(ScanTarget { folder: config.value.clone(), has_levels: false });
    }
    for root in &roots.folders {
        match subfolders(&root.value) {
            Ok(folders) => {
                for folder in folders {
                    targets.push(ScanTarget { folder, has_levels: true });
                }
            }
            Err(fault) => scan.faults.push((root.value.clone(), fault)),
        }
    }
    let sightings =
        in_parallel(scan_threads(targets.len()), &targets, |target| look_into(target, variables));
    debug!("scanned {} folders for configurations", targets.len());
    let mut seen = HashSet::new();
    for sighting in sightings.into_iter().flatten() {
        // A second path to one configuration does not count, where the system can compare them.
        let is_new = match &sighting {
            Sighting::Config(record, _) => {
                disk::file_id(&record.path).is_none_or(|identity| seen.insert(identity))
            }
            Sighting::Other(_) | Sighting::Unreadable(..) => true,
        };
        if is_new {
            scan.add(sighting);
        }
    }
    scan
}

impl Scan {
    /// Scans one configuration.
    pub fn of_config(config: &Path, variables: &Variables) -> Self {
        let mut scan = Scan::default();
        scan.add(look_at(config, variables));
        scan
    }

    /// Returns the folders that were configurations, and lost their `roots.yml`.
    pub fn without_roots_file(&self) -> Vec<&Path> {
        let has_lost = in_parallel(scan_threads(self.others.len()), &self.others, |folder| {
            PipelineConfig::at(folder).has_lost_roots_file()
        });
        let mut folders = Vec::new();
        for (folder, has_lost) in self.others.iter().zip(has_lost) {
            if has_lost {
                folders.push(folder.as_path());
            }
        }
        folders
    }

    fn add(&mut self, sighting: Sighting) {
        match sighting {
            Sighting::Config(record, fault) => {
                self.faults.extend(fault.map(|fault| (record.path.clone(), fault)));
                self.records.push(record);
            }
            Sighting::Other(folder) => self.others.push(folder),
            Sighting::Unreadable(folder, fault) => self.faults.push((folder, fault)),
        }
    }
}

fn look_into(target: &ScanTarget, variables: &Variables) -> Vec<Sighting> {
    let mut sightings = vec![look_at(&target.folder, variables)];
    if target.has_levels && matches!(sightings.as_slice(), [Sighting::Other(_)]) {
        match subfolders(&target.folder) {
            Ok(folders) => {
                for folder in &folders {
                    sightings.push(look_at(folder, variables));
                }
            }
            Err(fault) => sightings.push(Sighting::Unreadable(target.folder.clone(), fault)),
        }
    }
    sightings
}

fn look_at(folder: &Path, variables: &Variables) -> Sighting {
    match PipelineConfig::at(folder).exists() {
        Ok(true) => {
            let (record, fault) = ConfigRecord::read(folder, variables);
            Sighting::Config(record, fault)
        }
        Ok(false) => Sighting::Other(folder.to_owned()),
        Err(fault) => Sighting::Unreadable(folder.to_owned(), fault),
    }
}

/// Returns a folder's subfolders by name, links last: a folder that is reached in two ways is known by its own
/// name. Hidden folders are left out, because file servers keep snapshots there, and so is the folder that `fsck(8)`
/// needs and only the system's administrator can read. A folder that does not exist has none.
fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten(),
        Err(error) if disk::is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(Error::unreachable(folder, error)),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let name = entry.file_name();
        let is_hidden = name.as_encoded_bytes().starts_with(b".") || name == "lost+found";
        let Ok(kind) = entry.file_type() else { continue };
        if !is_hidden && (kind.is_dir() || kind.is_symlink()) {
            folders.push((kind.is_symlink(), entry.path()));
        }
    }
    folders.sort();
    Ok(folders.into_iter().map(|(_, folder)| folder).collect())
}
