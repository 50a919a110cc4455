//! The roots, settings that change nothing, and the way to the site as far as it can be checked without a request.

use std::fs;

use super::configs::open_to_all;
use super::finding::{Check, Finding};
use crate::context::Context;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::origin::Origin;
use crate::resolve::Pythons;
use crate::site::{Credentials, Site};

pub fn roots(roots: &ConfigRoots) -> Vec<Finding> {
    let mut findings = Vec::new();
    for root in &roots.folders {
        if root.value.is_dir() {
            continue;
        }
        let problem = format!("root does not exist ({})", root.origin);
        let advice = if root.value.to_string_lossy().contains('$') {
            "set the variable in the path, or write the path without it"
        } else {
            "create the folder, or remove it from SHOTGUN_BASE or 'roots' in the settings"
        };
        findings.push(Finding::new(Check::Roots, problem, advice).in_file(&root.value));
    }
    if roots.folders.is_empty() && roots.named.is_empty() {
        let advice = "set SHOTGUN_BASE, or 'roots' in the settings";
        findings.push(Finding::new(Check::Roots, "no root is set", advice));
    }
    findings.extend(roots.folders.iter().filter_map(|root| open_to_all(&root.value)));
    findings
}

/// Finds tables of projects that have no configuration here. With a site each may be a project of the site.
pub fn unused_tables(context: &Context, scan: &Scan) -> Vec<Finding> {
    let Context { settings, roots, site, .. } = context;
    if site.is_some() {
        return Vec::new();
    }
    let mut known = Vec::new();
    known.extend(scan.records.iter().map(|record| roots.known_as(&record.path)));
    known.extend(scan.faults.iter().map(|(path, _)| roots.known_as(path)));
    let mut findings = Vec::new();
    for (name, file) in settings.tables() {
        if !known.iter().flatten().any(|known| known == name) {
            let problem = format!("table is not used, there is no such project here: '{name}'");
            let advice = "correct the name or 'config', or delete the table";
            findings.push(Finding::new(Check::Settings, problem, advice).in_file(file));
        }
    }
    findings
}

/// Finds roots in the settings that `SHOTGUN_BASE` overrides.
pub fn unused_roots(context: &Context) -> Option<Finding> {
    let roots = context.settings.roots.as_ref()?;
    context.inputs.variable("SHOTGUN_BASE")?;
    let Origin::Setting { file, .. } = &roots.origin else { return None };
    let problem = "'roots' is not used, SHOTGUN_BASE is set";
    Some(Finding::new(Check::Settings, problem, "remove one of them").in_file(file))
}

pub fn site(context: &Context) -> Vec<Finding> {
    match &context.site {
        Some(site) => of_site(site, context),
        None => without_site(context).into_iter().collect(),
    }
}

fn without_site(context: &Context) -> Option<Finding> {
    if let Some(host) = Site::host(&context.settings, &context.inputs) {
        let problem = format!("no folder for the configurations of the site: {}", host.value);
        return Some(site_finding(problem, "set SHOTGUN_HOME, or HOME"));
    }
    let core = context.settings.site.core.as_ref()?;
    let problem = format!("core is not used, no site is named: {}", core.origin);
    Some(site_finding(problem, "name the site with 'host' in [site], or SGTK_SITE"))
}

fn of_site(site: &Site, context: &Context) -> Vec<Finding> {
    let Context { settings, inputs, .. } = context;
    let mut findings = Vec::new();
    match &site.core {
        None => findings.push(site_finding(
            format!("no core is set that can ask the site: {}", site.host.value),
            "set 'core' in [site] to a folder that contains 'sgtk'",
        )),
        Some(core) if !core.value.join("sgtk").exists() => findings.push(site_finding(
            format!("folder contains no 'sgtk': {} ({})", core.value.display(), core.origin),
            "name the folder that contains sgtk: in a core it is install/core/python",
        )),
        Some(_) => {}
    }
    let environment = context.environment(None);
    let pythons = Pythons { location: &inputs.location, environment: &environment };
    if let Err(error) = pythons.of_site(settings) {
        findings
            .push(site_finding(error.to_string(), "name another Python with 'python' in [site]"));
    }
    if let Err(error) = Credentials::read(&environment, settings, inputs) {
        let advice = error.hint().unwrap_or_else(|| "correct the file".into());
        findings.push(site_finding(error.to_string(), &advice));
    }
    // The folder need not exist yet; Toolkit makes it below the nearest that does.
    let folder = site.folder.ancestors().find_map(|folder| fs::metadata(folder).ok());
    if folder.is_some_and(|folder| folder.permissions().readonly()) {
        let problem = format!("folder cannot be written to: {}", site.folder.display());
        let advice = "set SHOTGUN_HOME to another folder";
        findings.push(site_finding(problem, advice));
    }
    findings
}

fn site_finding(problem: String, advice: &str) -> Finding {
    Finding::new(Check::Site, problem, advice)
}
