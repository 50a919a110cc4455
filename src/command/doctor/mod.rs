//! Tells what is wrong with a studio: every check with what it found, the file, and what to do.

mod cfg_texts;
mod configs;
mod pythons;
mod report;
mod scope;
mod site;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use serde::Serialize;

use super::launch::show_progress;
use crate::bootstrap::Refresh;
use crate::cli::Format;
use crate::console;
use crate::context::Context;
use crate::environment::value_of;
use crate::error::{Code, Error};
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::inputs::Inputs;
use crate::interpreter::Words;
use crate::origin::Origin;
use crate::plan::plan_all;
use crate::project::choose_project;
use crate::request::Request;

pub use pythons::TriedPython;
pub use scope::Scope;

/// What the doctor looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The roots exist.
    Roots,
    /// Every configuration can be read.
    Configs,
    /// No two projects have one id or name, and no project two Primaries.
    Names,
    /// Not everybody may write to what decides which code runs.
    Permissions,
    /// All readers of the one-line files read the same.
    Texts,
    /// Toolkit would find where each configuration lies.
    Places,
    /// Every configuration has a core and a Python that fits it.
    Cores,
    /// Every Python starts and can import its core.
    Pythons,
    /// The site can be asked, as far as that shows here.
    Site,
    /// Everything in the settings is used.
    Settings,
    /// The caller's `PYTHONPATH` holds no API proxy.
    Proxy,
    /// Nothing beside the script hides the core.
    Script,
}

impl Check {
    const ALL: [Check; 12] = [
        Check::Roots,
        Check::Configs,
        Check::Names,
        Check::Permissions,
        Check::Texts,
        Check::Places,
        Check::Cores,
        Check::Pythons,
        Check::Site,
        Check::Settings,
        Check::Proxy,
        Check::Script,
    ];
}

/// Something that is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    #[serde(skip)]
    check: Check,
    /// The project, by the name to choose it by.
    pub project: Option<String>,
    /// The file or folder.
    pub file: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub advice: String,
}

impl Finding {
    fn new(check: Check, problem: impl Into<String>, advice: impl Into<String>) -> Self {
        let (problem, advice) = (problem.into(), advice.into());
        Finding { check, project: None, file: None, problem, advice }
    }

    fn of(mut self, project: impl Into<String>) -> Self {
        self.project = Some(project.into());
        self
    }

    fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_string_lossy().into_owned());
        self
    }
}

/// What the doctor found.
#[derive(Debug)]
pub struct Diagnosis {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// The Pythons that were started, and their answers.
    pub pythons: Vec<TriedPython>,
}

/// Examines all projects, or the chosen one, and prints the findings. Exits with 122 if there are any.
pub fn run(format: Format, context: &Context) -> Result<ExitCode> {
    let scope = scope(context)?;
    let diagnosis = examine(&context.scan_all(), &scope, context, &|done, all| {
        console::show_progress(&format!("asked {done} of {all} Pythons"));
    });
    console::show_progress("");
    diagnosis.print(format)?;
    Ok(if diagnosis.is_well() { ExitCode::SUCCESS } else { ExitCode::from(Code::Broken as u8) })
}

fn scope(context: &Context) -> Result<Scope, Error> {
    if context.request.choices.is_empty() {
        return Ok(Scope::All);
    }
    match choose_project(context, Refresh::Never, &show_progress) {
        Ok(chosen) => Ok(Scope::Config(chosen.selection.config.path)),
        // Several configurations of one name are a finding.
        Err(Error::Ambiguous { .. }) => Ok(Scope::All),
        Err(why @ Error::NotRealised { .. }) => Ok(Scope::NotHere(why)),
        Err(error) => Err(error),
    }
}

/// Examines what a scan found, or one project. `progress` is told how many of how many Pythons have
/// answered.
fn examine(
    all: &Scan,
    scope: &Scope,
    context: &Context,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Diagnosis {
    let Context { request, roots, inputs, .. } = context;
    let chosen = scope.config();
    let alone = scope.scan(context);
    let scan = alone.as_ref().unwrap_or(all);
    let plans = plan_all(scan, context);
    let mut findings = missing_roots(roots);
    findings.extend(configs::faults(scan, roots));
    if let Scope::NotHere(why) = scope {
        let advice = "launch the project once, or use --refresh";
        findings.push(Finding::new(Check::Configs, why.to_string(), advice));
    } else {
        findings.extend(configs::names(all, chosen, roots));
    }
    findings.extend(site::site(context));
    for (found, plan) in scan.records.iter().zip(&plans) {
        let name = roots.name_of(found);
        let mut of_config = configs::files(found, plan.as_ref().ok());
        of_config.extend(plan.as_ref().err().map(failure));
        findings.extend(of_config.into_iter().map(|finding| finding.of(name.clone())));
    }
    let pythons = pythons::ask(plans.into_iter().flatten(), progress);
    findings.extend(pythons.iter().filter_map(TriedPython::finding));
    if matches!(scope, Scope::All) {
        findings.extend(unused(context, scan));
    }
    findings.extend(proxies(inputs));
    findings.extend(beside_script(request, inputs));
    Diagnosis { findings, pythons }
}

/// Why a configuration would not launch, as a finding.
fn failure(error: &Error) -> Finding {
    let advice = error.hint().unwrap_or_else(|| "correct the file".into());
    let finding = Finding::new(Check::Cores, error.to_string(), advice);
    match error.file() {
        Some(file) => finding.in_file(file),
        None => finding,
    }
}

fn missing_roots(roots: &ConfigRoots) -> Vec<Finding> {
    let missing = roots.folders.iter().filter(|root| !root.value.is_dir());
    let finding = |root: &crate::origin::Decided<PathBuf>| {
        let problem = format!("root does not exist ({})", root.origin);
        let advice = if root.value.to_string_lossy().contains('$') {
            "set the variable in the path, or write the path without it"
        } else {
            "create the folder, or remove it from SHOTGUN_BASE or 'roots' in the settings"
        };
        Finding::new(Check::Roots, problem, advice).in_file(&root.value)
    };
    let mut findings: Vec<Finding> = missing.map(finding).collect();
    if roots.folders.is_empty() && roots.named.is_empty() {
        let advice = "set SHOTGUN_BASE, or 'roots' in the settings";
        findings.push(Finding::new(Check::Roots, "no root is set", advice));
    }
    let open = roots.folders.iter().filter_map(|root| configs::open_to_all(&root.value));
    findings.extend(open);
    findings
}

/// Settings that change nothing: tables of projects that are not here, nor can be on a site, and roots
/// that `SHOTGUN_BASE` hides.
fn unused(context: &Context, scan: &Scan) -> Vec<Finding> {
    let Context { settings, roots, site, inputs, .. } = context;
    let found = scan.records.iter().map(|found| &found.path);
    let faulty = scan.faults.iter().map(|(path, _)| path);
    let known: Vec<Option<String>> = found.chain(faulty).map(|path| roots.known_as(path)).collect();
    let is_known = |name: &str| known.iter().any(|known| known.as_deref() == Some(name));
    let table = |(name, file): (&str, &Path)| {
        let problem = format!("table is not used, there is no such project here: '{name}'");
        Finding::new(Check::Settings, problem, "correct the name or 'config', or delete the table")
            .in_file(file)
    };
    let is_unused = |name: &str| site.is_none() && !is_known(name);
    let mut findings: Vec<Finding> =
        settings.tables().filter(|(name, _)| is_unused(name)).map(table).collect();
    if let Some(roots) = settings.roots()
        && inputs.variable("SHOTGUN_BASE").is_some()
        && let Origin::Setting { file, .. } = &roots.origin
    {
        let problem = "'roots' is not used, SHOTGUN_BASE is set";
        findings.push(Finding::new(Check::Settings, problem, "remove one of them").in_file(file));
    }
    findings
}

/// Entries of `PYTHONPATH` with a `tank` that is no core but the proxy that a shared configuration
/// holds: it lacks `tank_vendor`, and fails on Python 3.
fn proxies(inputs: &Inputs) -> Vec<Finding> {
    let list = value_of(&inputs.variables, "PYTHONPATH".as_ref()).unwrap_or_default();
    let entries = std::env::split_paths(list).filter(|entry| entry.is_absolute());
    let is_proxy = |e: &PathBuf| e.join("tank").is_dir() && !e.join("tank_vendor").exists();
    let finding = |entry: PathBuf| {
        let problem =
            "PYTHONPATH contains the API proxy of a shared configuration, which fails on Python 3";
        let advice = "remove the entry; the launcher adds the core itself";
        Finding::new(Check::Proxy, problem, advice).in_file(&entry)
    };
    entries.filter(is_proxy).map(finding).collect()
}

/// What Python would find before the core: the script's folder comes first on its path.
fn beside_script(request: &Request, inputs: &Inputs) -> Vec<Finding> {
    let words = Words::read(&request.arguments);
    let folder = match words.script().map(|script| inputs.place.absolute(Path::new(script))) {
        Some(script) => script.as_deref().and_then(Path::parent).map(Path::to_owned),
        // With -c, -m and - the working directory comes first.
        None if !request.arguments.is_empty() => inputs.place.directory().map(Path::to_owned),
        None => None,
    };
    let Some(folder) = folder else { return Vec::new() };
    let names = ["sgtk.py", "sgtk/__init__.py", "tank.py", "tank/__init__.py"];
    let hiding = names.iter().map(|name| folder.join(name)).filter(|path| path.exists());
    let advice = "rename the file, or set PYTHONSAFEPATH=1 (Python 3.11 and newer)";
    let finding = |path: PathBuf| {
        Finding::new(
            Check::Script,
            "file hides the core, its folder comes before PYTHONPATH",
            advice,
        )
        .in_file(&path)
    };
    hiding.map(finding).collect()
}
