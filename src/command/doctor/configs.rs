//! The files of configurations: unreadable ones, one-line `.cfg` files, permissions, install locations, and the
//! reason why a configuration does not launch.

use std::fs;
use std::path::{Path, PathBuf};

use super::finding::{Check, Finding};
use crate::disk;
use crate::error::Error;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::os::Os;
use crate::plan::LaunchPlan;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::metadata;
use crate::toolkit::record::ConfigRecord;

/// Finds configurations that cannot be read, and so cannot be found by id, name on disk or data.
pub fn unreadable(scan: &Scan, roots: &ConfigRoots) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, fault) in &scan.faults {
        let advice =
            "correct the file: without it the project is not found by id, tank_name or data";
        let finding = Finding::new(Check::Configs, fault.to_string(), advice);
        let file = fault.file().unwrap_or(path);
        findings.push(finding.in_project(&roots.name_at(path)).in_file(file));
    }
    findings
}

/// Checks the files of one configuration, and reports the reason why it does not launch.
pub fn config(
    record: &ConfigRecord,
    plan: &Result<LaunchPlan, Error>,
    roots: &ConfigRoots,
) -> Vec<Finding> {
    let config = PipelineConfig::at(&record.path);
    let mut findings = cfg_file(&config.core_link_file(), CfgFile::CoreLink);
    findings.extend(install_location(&config));
    if let Ok(plan) = plan {
        findings.extend(cfg_file(&plan.core.interpreter_file(), CfgFile::Interpreter));
    }
    if record.realised.is_some() {
        findings.extend(open_cache(&record.path));
    } else {
        let files = deciding_files(&config, plan.as_ref().ok());
        findings.extend(files.iter().filter_map(|file| open_to_all(file)));
    }
    findings.extend(plan.as_ref().err().map(failure));
    let name = roots.name_of(record);
    findings.into_iter().map(|finding| finding.in_project(&name)).collect()
}

/// Returns the files and folders that decide which code a configuration runs.
fn deciding_files(config: &PipelineConfig, plan: Option<&LaunchPlan>) -> Vec<PathBuf> {
    let mut files = vec![
        config.path.clone(),
        config.metadata_file(),
        config.roots_file(),
        config.core_link_file(),
    ];
    for folder in ["config", "config/core", "install", "install/core"] {
        files.push(config.path.join(folder));
    }
    if let Some(LaunchPlan { core, .. }) = plan {
        let packages = core.python_path();
        files.extend([core.interpreter_file(), core.path()]);
        files.extend([packages.join("tank"), packages.join("sgtk"), packages]);
    }
    files.sort();
    files.dedup();
    files
}

/// Finds a configuration without an install location for this system: `sgtk.sgtk_from_path` fails in the script
/// (tk-core: `pipelineconfig_utils.get_config_install_location`).
fn install_location(config: &PipelineConfig) -> Option<Finding> {
    let advice = "write the configuration's folder into the file, for each system";
    let problem = match metadata::install_location(config) {
        Ok(Some(_)) => return None,
        Ok(None) => format!("no folder for {}, so sgtk_from_path fails", Os::CURRENT.name()),
        Err(error) => error.to_string(),
    };
    Some(
        Finding::new(Check::InstallLocations, problem, advice)
            .in_file(&config.install_location_file()),
    )
}

fn failure(error: &Error) -> Finding {
    let advice = error.hint().unwrap_or_else(|| "correct the file".into());
    let finding = Finding::new(Check::Cores, error.to_string(), advice);
    match error.file() {
        Some(file) => finding.in_file(file),
        None => finding,
    }
}

/// A one-line file. Its readers differ: tk-core, this launcher, the `tank` command (a shell script), `tank.bat`
/// and the API proxy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CfgFile {
    CoreLink,
    Interpreter,
}

/// Finds text in a file that its readers read differently. Text that no reader can use makes the plan fail, and
/// is another finding.
fn cfg_file(path: &Path, kind: CfgFile) -> Vec<Finding> {
    let Ok(Some(text)) = disk::read(path) else { return Vec::new() };
    let mut findings = Vec::new();
    for problem in problems(&text, kind) {
        let advice = "write the path alone, on one line";
        findings.push(Finding::new(Check::CfgFiles, problem, advice).in_file(path));
    }
    findings
}

fn problems(text: &str, kind: CfgFile) -> Vec<&'static str> {
    let path = text.trim();
    let line = text.strip_suffix('\n').unwrap_or(text).trim_end_matches('\r');
    let mut problems = Vec::new();
    if text.contains('\r') {
        problems.push("Windows line ends: 'tank' reads them as part of the path");
    }
    if path.contains('\n') {
        problems.push("more than one line: only some readers use the first one");
    }
    if line != path {
        problems.push("space around the path: 'tank' reads the space as part of the path");
    }
    if path.contains(' ') && kind == CfgFile::Interpreter {
        problems.push("a space in the path: 'tank' reads the rest as an argument");
    }
    if path.contains(['"', '\'']) {
        problems.push("quotes: only 'tank' removes them");
    }
    if path.contains("$(") || path.contains('`') {
        problems.push("a command: only 'tank' runs it");
    }
    problems
}

/// Finds a file or folder that every user may write to.
pub fn open_to_all(path: &Path) -> Option<Finding> {
    let metadata = fs::metadata(path).ok()?;
    if !disk::is_writable_by_all(&metadata) {
        return None;
    }
    let problem = "every user can change the code that others run";
    let advice = "remove the permission: chmod o-w";
    Some(Finding::new(Check::Permissions, problem, advice).in_file(path))
}

/// Finds a realised configuration that other users can reach. Toolkit makes what it realises writable for all
/// users, so a folder above must be closed to them.
fn open_cache(config: &Path) -> Option<Finding> {
    for folder in config.ancestors() {
        if fs::metadata(folder).is_ok_and(|metadata| disk::is_closed_to_others(&metadata)) {
            return None;
        }
    }
    let problem = "every user can change the code that Toolkit realises here";
    let advice = "restrict the folder to its owner: chmod 700";
    let folder = config.ancestors().nth(2).unwrap_or(config);
    Some(Finding::new(Check::Permissions, problem, advice).in_file(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_readers_read_differently_is_found() {
        for (text, part) in [
            ("/a\r\n", "Windows"),
            ("/a\n/b\n", "more than one line"),
            (" /a\n", "space around"),
            ("/a \n", "space around"),
            ("/a b", "a space in"),
            ("'/a'", "quotes"),
            ("/a/$(b)", "a command"),
            ("`b`", "a command"),
        ] {
            let found = problems(text, CfgFile::Interpreter);
            assert!(matches!(&found[..], [one] if one.contains(part)), "{text:?}: {found:?}");
        }
        for text in ["/a", "/a\n", "$A/${B}\n", "~/x", "C:\\a\\b\n"] {
            assert!(problems(text, CfgFile::Interpreter).is_empty(), "{text:?}");
        }
        assert!(problems("/a b\n", CfgFile::CoreLink).is_empty());
    }
}
