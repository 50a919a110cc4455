//! Settings that change nothing, and the way to the site as far as it can be checked without a request.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::finding::{Check, Finding};
use crate::context::Context;
use crate::disk;
use crate::finding::scan::Scan;
use crate::origin::Origin;
use crate::os::is_same_name;
use crate::resolve::Pythons;
use crate::settings::Settings;
use crate::site::{Credentials, Site};

/// Finds tables of projects that have no configuration here. With a site each may be a project of the site.
pub fn unused_tables(context: &Context, scan: &Scan) -> Vec<Finding> {
    let Context { settings, roots, site, .. } = context;
    if site.is_some() {
        return Vec::new();
    }
    let mut known = Vec::new();
    known.extend(scan.records.iter().map(|record| roots.known_as(&record.path)));
    known.extend(scan.faults.iter().map(|(path, _)| roots.known_as(path)));
    known.extend(scan.without_roots_file().into_iter().map(|path| roots.known_as(path)));
    let mut findings = Vec::new();
    for (name, file) in settings.tables() {
        if !known.iter().flatten().any(|known| is_same_name(known.as_ref(), name.as_ref())) {
            let problem = format!("table is not used, there is no such project here: '{name}'");
            let advice = "correct the name or 'config', or delete the table";
            findings.push(Finding::warning(Check::Settings, problem, advice).in_file(file));
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
    Some(Finding::note(Check::Settings, problem, "remove one of them").in_file(file))
}

/// Finds settings of the share that another file hides: the file beside the launcher, and single values.
pub fn hidden(context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(file) = Settings::unread_share_file(&context.inputs)
        && !context.settings.files.iter().any(|read| disk::is_same(read, &file))
    {
        let problem = "file is not read, SGTK_PYTHON_SETTINGS names another one";
        let advice = "unset SGTK_PYTHON_SETTINGS to use the share's settings";
        findings.push(Finding::note(Check::Settings, problem, advice).in_file(&file));
    }
    let mut replaced: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
    for origin in &context.settings.replaced {
        if let Origin::Setting { key, file } = origin {
            replaced.entry(file).or_default().push(format!("'{key}'"));
        }
    }
    let user = context.settings.files.first();
    for (file, keys) in replaced {
        let by = user.map(|user| user.to_string_lossy()).unwrap_or_default();
        let problem = format!("not used for this user: {}; replaced by {by}", keys.join(", "));
        let advice = "remove the keys from the user's settings to use the studio's";
        findings.push(Finding::note(Check::Settings, problem, advice).in_file(file));
    }
    findings
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
    let advice = "name the site with 'host' in [site], or SGTK_SITE";
    Some(Finding::warning(Check::Site, problem, advice))
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
    Finding::wrong(Check::Site, problem, advice)
}
