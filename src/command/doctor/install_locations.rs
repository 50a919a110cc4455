//! `install_location.yml`: the folder that a configuration names as its own. The script's `sgtk_from_path` follows
//! it (tk-core: `pipelineconfig_utils.get_config_install_location`), so a configuration that was copied or renamed
//! fails, or uses another one.

use std::path::{Path, PathBuf};

use super::finding::{Check, Finding};
use crate::context::Context;
use crate::disk;
use crate::environment::Variables;
use crate::error::Error;
use crate::os::{Os, is_same_path};
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::record::ConfigRecord;
use crate::toolkit::{expand, metadata};

/// Finds a configuration whose file names no folder, or another one.
pub fn elsewhere(record: &ConfigRecord, context: &Context) -> Option<Finding> {
    let config = PipelineConfig::at(&record.path);
    let system = Os::CURRENT.name();
    let line = format!(
        "write the configuration's folder into the file, for each system a line such as {system}: {}",
        config.path.display()
    );
    let (problem, advice) = match folder(&config, &context.inputs.variables) {
        Err(error) => (error.to_string(), line),
        Ok(None) => (format!("no folder for {system}, so sgtk_from_path fails"), line),
        Ok(Some(folder)) if is_same_folder(&folder, &config.path) => return None,
        Ok(Some(folder)) => of_another_folder(&folder, record, &context.inputs.variables),
    };
    let name = context.roots.name_of(record);
    let finding = Finding::wrong(Check::InstallLocations, problem, advice);
    Some(finding.in_project(&name).in_file(&config.install_location_file()))
}

/// Returns true if a configuration's file names another configuration: it was copied from there.
pub fn is_copy(record: &ConfigRecord, variables: &Variables) -> bool {
    match folder(&PipelineConfig::at(&record.path), variables) {
        Ok(Some(folder)) => !is_same_folder(&folder, &record.path) && is_config(&folder),
        _ => false,
    }
}

fn of_another_folder(
    folder: &Path,
    record: &ConfigRecord,
    variables: &Variables,
) -> (String, String) {
    let shown = folder.display();
    if is_config(folder) {
        let both = shared_name(record, folder, variables);
        let problem = format!(
            "file names another configuration, which sgtk_from_path uses instead: {shown}{both}"
        );
        let advice = "write this configuration's folder into the file; a copy also needs a pc_name and pc_id of its own in pipeline_configuration.yml";
        return (problem, advice.into());
    }
    let problem =
        format!("file names a folder that is no configuration, so sgtk_from_path fails: {shown}");
    let advice = "write this configuration's folder into the file, or move the configuration back";
    (problem, advice.into())
}

/// Returns the words about the name that a copy shares with its original: only one of them can be chosen by it.
fn shared_name(copy: &ConfigRecord, original: &Path, variables: &Variables) -> String {
    let (copy, original) = (&copy.metadata, ConfigRecord::read(original, variables).0.metadata);
    let is_same_name = copy.config_name == original.config_name;
    match &copy.config_name {
        Some(name) if is_same_name && copy.is_same_project(&original) => {
            format!(" (both are the project's '{name}')")
        }
        _ => String::new(),
    }
}

/// Returns the folder that the file names for this system. Like tk-core, takes a text that is no absolute path, such
/// as `None`, for no folder.
fn folder(config: &PipelineConfig, variables: &Variables) -> Result<Option<PathBuf>, Error> {
    let Some(text) = metadata::install_location(config)? else { return Ok(None) };
    let path = PathBuf::from(expand::text(&text, variables));
    Ok((path.is_absolute() || path.has_root()).then_some(path))
}

fn is_config(folder: &Path) -> bool {
    PipelineConfig::at(folder).exists().unwrap_or(false)
}

/// Compares folders with links followed. Windows ignores case, also where a drive or share cannot be asked.
fn is_same_folder(one: &Path, other: &Path) -> bool {
    is_same_path(one, other) || disk::is_same(one, other)
}
