//! The files of configurations: lost and unreadable ones, one-line `.cfg` files, and the reason why a configuration
//! does not launch.

use std::path::Path;

use super::finding::{Check, Finding, REINSTALL};
use crate::disk::{self, FileProblem};
use crate::error::Error;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::plan::LaunchPlan;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::core::Core;
use crate::toolkit::metadata;
use crate::toolkit::record::ConfigRecord;

const RESTORE_METADATA: &str = "restore the file from a backup, or write pc_id, pc_name, project_id and project_name into a new one as the site has them";

/// Finds configurations that cannot be read, and so cannot be found by id, name on disk or data.
pub fn unreadable(scan: &Scan, roots: &ConfigRoots) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, fault) in &scan.faults {
        // An unreadable root is another finding.
        if roots.is_root(path) {
            continue;
        }
        let is_missing = matches!(fault, Error::File { problem: FileProblem::Missing, .. });
        let advice = if is_missing {
            RESTORE_METADATA
        } else {
            "correct the file: without it the project is not found by id, tank_name or data"
        };
        let finding = Finding::wrong(Check::Configs, fault.to_string(), advice);
        let file = fault.file().unwrap_or(path);
        findings.push(finding.in_project(&roots.name_at(path)).in_file(file));
    }
    findings
}

/// Finds folders that were configurations. Without `roots.yml` neither Toolkit nor the launcher finds them.
pub fn without_roots_file(scan: &Scan, roots: &ConfigRoots) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in scan.without_roots_file() {
        let file = PipelineConfig::at(folder).roots_file();
        let problem = "configuration has lost this file, so its project cannot be found";
        let advice = "restore the file from a backup or a configuration with the same storages, or move the folder out of the root";
        let finding = Finding::wrong(Check::Configs, problem, advice);
        findings.push(finding.in_project(&roots.name_at(folder)).in_file(&file));
    }
    findings
}

/// Checks the one-line files of a configuration, and reports the reason why it does not launch.
pub fn config(
    record: &ConfigRecord,
    plan: &Result<LaunchPlan, Error>,
    roots: &ConfigRoots,
) -> Vec<Finding> {
    let config = PipelineConfig::at(&record.path);
    let mut findings = cfg_file(&config.core_link_file(), CfgFile::CoreLink);
    findings.extend(empty_metadata(&config));
    findings.extend(templates_without_storage(&config));
    match plan {
        Ok(plan) => {
            findings.extend(cfg_file(&plan.core.interpreter_file(), CfgFile::Interpreter));
            findings.extend(core_without_hooks(&plan.core));
        }
        Err(error) => findings.push(Finding::of_error(Check::Cores, error)),
    }
    let name = roots.name_of(record);
    findings.into_iter().map(|finding| finding.in_project(&name)).collect()
}

/// Finds a configuration without names and ids, which the core refuses (tk-core: `pipelineconfig.py`).
fn empty_metadata(config: &PipelineConfig) -> Option<Finding> {
    if !metadata::is_empty(config).unwrap_or(false) {
        return None;
    }
    let problem = "file is empty, so sgtk_from_path fails";
    let file = config.metadata_file();
    Some(Finding::wrong(Check::Configs, problem, RESTORE_METADATA).in_file(&file))
}

/// Finds templates of paths in a configuration that names no storage for them: `sgtk_from_path` fails (tk-core:
/// `template.py`). Without templates of paths it needs no storage.
fn templates_without_storage(config: &PipelineConfig) -> Option<Finding> {
    let has_storage = metadata::has_storages(config).unwrap_or(true);
    if has_storage || !metadata::has_path_templates(config).unwrap_or(false) {
        return None;
    }
    let problem = "file names no storage, but templates.yml has paths, so sgtk_from_path fails";
    let advice = "restore the storages in the file, or remove 'paths' from templates.yml";
    Some(Finding::wrong(Check::Configs, problem, advice).in_file(&config.roots_file()))
}

/// Finds a core without its hooks, as the package on `PyPI` is: `sgtk_from_path` runs them (tk-core:
/// `PipelineConfiguration.execute_core_hook_internal`).
fn core_without_hooks(core: &Core) -> Option<Finding> {
    let hook = core.first_hook();
    if hook.is_file() {
        return None;
    }
    let problem = "core is incomplete, it lacks this file, so sgtk_from_path fails";
    Some(Finding::wrong(Check::Cores, problem, REINSTALL).in_file(&hook))
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
        findings.push(Finding::warning(Check::CfgFiles, problem, advice).in_file(path));
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
