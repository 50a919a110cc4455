//! The caller's side: `PYTHONPATH`, and the folder of the script.

use std::path::{Path, PathBuf};

use super::finding::{Check, Finding};
use crate::inputs::Inputs;
use crate::interpreter::Words;
use crate::request::Request;

/// Finds entries of `PYTHONPATH` with the API proxy of a shared configuration. The proxy's `tank` comes without
/// `tank_vendor`, and fails on Python 3.
pub fn proxies(inputs: &Inputs) -> Vec<Finding> {
    let list = inputs.variable("PYTHONPATH").unwrap_or_default();
    let mut findings = Vec::new();
    for entry in std::env::split_paths(list) {
        let is_proxy = entry.join("tank").is_dir() && !entry.join("tank_vendor").exists();
        if entry.is_absolute() && is_proxy {
            let problem = "PYTHONPATH contains the API proxy of a shared configuration, which fails on Python 3";
            let advice = "remove the entry; the launcher adds the core itself";
            findings.push(Finding::warning(Check::Proxy, problem, advice).in_file(&entry));
        }
    }
    findings
}

/// Finds packages that Python imports before the core's: the script's folder comes first on `sys.path`.
pub fn hidden_core(request: &Request, inputs: &Inputs) -> Vec<Finding> {
    let Some(folder) = first_folder(request, inputs) else { return Vec::new() };
    let mut findings = Vec::new();
    for name in ["sgtk.py", "sgtk/__init__.py", "tank.py", "tank/__init__.py"] {
        let path = folder.join(name);
        if path.exists() {
            let problem = "file hides the core, its folder comes before PYTHONPATH";
            let advice = "rename the file, or set PYTHONSAFEPATH=1 (Python 3.11 and newer)";
            findings.push(Finding::wrong(Check::Script, problem, advice).in_file(&path));
        }
    }
    findings
}

/// Finds a script that does not exist.
pub fn missing_script(request: &Request, inputs: &Inputs) -> Option<Finding> {
    let words = Words::read(&request.arguments);
    let script = inputs.location.absolute(Path::new(words.script()?))?;
    if script.exists() {
        return None;
    }
    let finding = Finding::wrong(Check::Script, "script does not exist", "correct its path");
    Some(finding.in_file(&script))
}

/// Returns the first folder on `sys.path`: the script's or, with `-c`, `-m` and `-`, the working directory.
fn first_folder(request: &Request, inputs: &Inputs) -> Option<PathBuf> {
    match Words::read(&request.arguments).script() {
        Some(script) => Some(inputs.location.absolute(Path::new(script))?.parent()?.to_owned()),
        None if request.arguments.is_empty() => None,
        None => Some(inputs.location.directory()?.to_owned()),
    }
}
