//! The data that a configuration claims: the folder with the project's name in each storage.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::finding::{Check, Finding};
use crate::context::Context;
use crate::display::Printable;
use crate::finding::scan::Scan;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::record::ConfigRecord;
use crate::toolkit::{expand, metadata};

/// Finds configurations whose data is a whole storage or disk, or lies in another project's. Data in a folder below
/// another project's, by a `tank_name` with a slash, is meant so.
pub fn claims(scan: &Scan, all: &Scan, context: &Context) -> Vec<Finding> {
    let variables = &context.inputs.variables;
    let owners = owners(all);
    let mut findings = Vec::new();
    for record in &scan.records {
        let config = PipelineConfig::at(&record.path);
        let storages = metadata::storages(&config, |text| expand::text(&text, variables));
        let Ok(storages) = storages else { continue };
        let finding = whole_storage(record, &config, &storages)
            .or_else(|| whole_disk(&config, &storages))
            .or_else(|| of_another_project(record, &config, &storages, &owners, context));
        let name = context.roots.name_of(record);
        findings.extend(finding.map(|finding| finding.in_project(&name)));
    }
    findings
}

/// The configurations by the folder of their project's data.
type Owners<'a> = HashMap<&'a Path, Vec<&'a ConfigRecord>>;

fn owners(scan: &Scan) -> Owners<'_> {
    let mut owners = Owners::new();
    for record in &scan.records {
        for data in &record.data {
            owners.entry(data).or_default().push(record);
        }
    }
    owners
}

fn whole_storage(
    record: &ConfigRecord,
    config: &PipelineConfig,
    storages: &[PathBuf],
) -> Option<Finding> {
    let storage = storages.first()?;
    // The project's name of a realised configuration may be on the site alone; an unreadable file is another finding.
    if record.realised.is_some() || metadata::read(config, |text| text).is_err() {
        return None;
    }
    let name = record.metadata.tank_name.as_deref().unwrap_or_default();
    let storage = Printable::new(storage);
    let problem = if name.trim_matches('/').is_empty() {
        format!("project_name is empty, so the project's data is the whole storage: {storage}")
    } else if name.split('/').any(|part| matches!(part, "." | "..")) {
        let name = Printable::new(name);
        format!("project_name leads out of the project's folder: '{name}' below {storage}")
    } else {
        return None;
    };
    let advice = "set project_name to the project's tank_name on the site";
    Some(Finding::wrong(Check::Data, problem, advice).in_file(&config.metadata_file()))
}

/// Finds the root folder as a storage. On Windows a drive is an ordinary storage.
fn whole_disk(config: &PipelineConfig, storages: &[PathBuf]) -> Option<Finding> {
    if cfg!(windows) || !storages.contains(&PathBuf::from("/")) {
        return None;
    }
    let problem = "storage is the whole disk: /";
    let advice = "name the folder above the projects' data for the storage";
    Some(Finding::wrong(Check::Data, problem, advice).in_file(&config.roots_file()))
}

/// Finds data that another project has too, or a storage inside another project's data. Projects with one
/// `tank_name` are a finding about names.
fn of_another_project(
    record: &ConfigRecord,
    config: &PipelineConfig,
    storages: &[PathBuf],
    owners: &Owners,
    context: &Context,
) -> Option<Finding> {
    let mut folders: Vec<&Path> = Vec::new();
    for storage in storages {
        folders.extend(storage.ancestors());
    }
    folders.extend(record.data.iter().map(PathBuf::as_path));
    for data in folders {
        for other in owners.get(data).into_iter().flatten() {
            // Of two projects with equal data the second is found.
            let is_second = !record.data.iter().any(|own| own == data) || other.path < record.path;
            if is_second && !record.metadata.is_same_project(&other.metadata) {
                let name = context.roots.name_of(other);
                let (data, name) = (Printable::new(data), Printable::new(&name));
                let problem = format!("data of another project is claimed: {data} of '{name}'");
                let advice = "correct the storages in roots.yml, or project_name";
                let finding = Finding::wrong(Check::Data, problem, advice);
                return Some(finding.in_file(&config.roots_file()));
            }
        }
    }
    None
}
