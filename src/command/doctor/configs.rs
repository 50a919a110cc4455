//! What is wrong with configurations and their files, and with several of them together.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Check, Finding, cfg_texts};
use crate::disk;
use crate::error::Error;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::os::Os;
use crate::plan::LaunchPlan;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::core::Core;
use crate::toolkit::metadata;
use crate::toolkit::record::{ConfigName, ConfigRecord};

/// Configurations that cannot be read, and so cannot be found by id, name on disk or data.
pub fn faults(scan: &Scan, roots: &ConfigRoots) -> Vec<Finding> {
    let finding = |(path, fault): &(PathBuf, Error)| {
        let advice =
            "correct the file: without it the project is not found by id, tank_name or data";
        let file = fault.file().unwrap_or(path);
        Finding::new(Check::Configs, fault.to_string(), advice)
            .of(roots.name_at(path))
            .in_file(file)
    };
    scan.faults.iter().map(finding).collect()
}

/// Projects that cannot be told from each other: all, or those that the chosen one is among.
pub fn names(scan: &Scan, chosen: Option<&Path>, roots: &ConfigRoots) -> Vec<Finding> {
    let mut folder_names: BTreeMap<String, Vec<&ConfigRecord>> = BTreeMap::new();
    let mut ids: BTreeMap<i64, Vec<&ConfigRecord>> = BTreeMap::new();
    let mut names: BTreeMap<&str, Vec<&ConfigRecord>> = BTreeMap::new();
    for found in &scan.records {
        folder_names.entry(roots.name_of(found)).or_default().push(found);
        if let Some(id) = found.metadata.project_id {
            ids.entry(id).or_default().push(found);
        }
        if let Some(name) = found.metadata.tank_name.as_deref().filter(|name| !name.is_empty()) {
            names.entry(name).or_default().push(found);
        }
    }
    let folders = |found: &[&ConfigRecord]| {
        let paths = found.iter().map(|found| found.path.to_string_lossy().into_owned());
        paths.collect::<Vec<_>>().join(", ")
    };
    let differ = |found: &[&ConfigRecord], by: fn(&ConfigRecord) -> String| {
        found.windows(2).any(|pair| matches!(pair, [one, other] if by(one) != by(other)))
    };
    let mut findings = Vec::new();
    let mut tell = |found: &[&ConfigRecord], problem: String, advice: &str| {
        let is_chosen =
            |found: &&ConfigRecord| chosen.is_none_or(|chosen| disk::is_same(&found.path, chosen));
        if let Some(first) = found.iter().find(|found| is_chosen(found)) {
            let finding = Finding::new(Check::Names, problem, advice).in_file(&first.path);
            findings.push(finding.of(roots.name_of(first)));
        }
    };
    for (name, found) in folder_names.iter().filter(|(_, found)| found.len() > 1) {
        let problem = format!("several folders are named '{name}': {}", folders(found));
        tell(found, problem, "rename all but one: only the first is found by that name");
    }
    for (id, found) in &ids {
        if differ(found, |found| found.metadata.tank_name.clone().unwrap_or_default()) {
            let problem = format!("several projects have the id {id}: {}", folders(found));
            tell(found, problem, "set project_id in each configuration to the id on the site");
        }
        let is_primary = |found: &&&ConfigRecord| found.is_named(&ConfigName::Primary);
        let primaries: Vec<&ConfigRecord> = found.iter().filter(is_primary).copied().collect();
        if primaries.len() > 1 {
            let problem =
                format!("project {id} has several Primary configurations: {}", folders(&primaries));
            tell(&primaries, problem, "set another pc_name in all but one");
        }
    }
    for (name, found) in &names {
        let is_primary = |found: &&&ConfigRecord| {
            found.metadata.project_id.is_none() && found.is_named(&ConfigName::Primary)
        };
        let primaries: Vec<&ConfigRecord> = found.iter().filter(is_primary).copied().collect();
        if primaries.len() > 1 {
            let problem = format!(
                "project '{name}' has several Primary configurations: {}",
                folders(&primaries)
            );
            tell(&primaries, problem, "set another pc_name in all but one");
        }
        if differ(found, |found| found.metadata.project_id.unwrap_or_default().to_string()) {
            let problem = format!("several projects are named '{name}': {}", folders(found));
            tell(
                found,
                problem,
                "set project_name in each configuration to the tank_name on the site",
            );
        }
    }
    findings
}

/// What is wrong with the files that decide which code a configuration runs.
pub fn files(found: &ConfigRecord, plan: Option<&LaunchPlan>) -> Vec<Finding> {
    let config = PipelineConfig::at(&found.path);
    let link = config.core_link_file();
    let core = plan.map(|plan| &plan.core);
    let interpreter = core.map(Core::interpreter_file);
    let mut findings = cfg_texts::read(&link, cfg_texts::Meaning::Core);
    findings.extend(place(&config));
    findings.extend(
        interpreter.iter().flat_map(|file| cfg_texts::read(file, cfg_texts::Meaning::Python)),
    );
    if found.realised.is_some() {
        findings.extend(open_cache(&found.path));
        return findings;
    }
    let below = ["config", "config/core", "install", "install/core"];
    let mut deciding: Vec<PathBuf> = below.iter().map(|below| found.path.join(below)).collect();
    deciding.extend([found.path.clone(), config.metadata_file(), config.roots_file(), link]);
    deciding.extend(interpreter);
    deciding.extend(core.into_iter().flat_map(|core| {
        let packages = core.python_path();
        [core.path(), packages.join("tank"), packages.join("sgtk"), packages]
    }));
    deciding.sort();
    deciding.dedup();
    findings.extend(deciding.iter().filter_map(|path| open_to_all(path)));
    findings
}

/// Without a place for this system `sgtk.sgtk_from_path` fails in the script (tk-core:
/// `pipelineconfig_utils.get_config_install_location`).
fn place(config: &PipelineConfig) -> Option<Finding> {
    let advice = "write the configuration's folder into the file, for each system";
    let problem = match metadata::install_location(config) {
        Ok(Some(_)) => return None,
        Ok(None) => format!("no folder for {}, so sgtk_from_path fails", Os::CURRENT.name()),
        Err(error) => error.to_string(),
    };
    let file = config.install_location_file();
    Some(Finding::new(Check::Places, problem, advice).in_file(&file))
}

/// Toolkit lets everybody write to what it realises, so a folder above it has to keep others out.
fn open_cache(config: &Path) -> Option<Finding> {
    let is_closed =
        |folder: &Path| fs::metadata(folder).is_ok_and(|found| disk::is_closed_to_others(&found));
    let is_open = !config.ancestors().any(is_closed);
    let problem = "every user can change the code that Toolkit realises here";
    let folder = config.ancestors().nth(2).unwrap_or(config);
    is_open.then(|| {
        Finding::new(Check::Permissions, problem, "restrict the folder to its owner: chmod 700")
            .in_file(folder)
    })
}

/// What is wrong with a file or folder that everybody may write to.
pub fn open_to_all(path: &Path) -> Option<Finding> {
    let is_open = fs::metadata(path).is_ok_and(|found| disk::is_open_to_all(&found));
    let problem = "every user can change the code that others run";
    is_open.then(|| {
        Finding::new(Check::Permissions, problem, "remove the permission: chmod o-w").in_file(path)
    })
}
