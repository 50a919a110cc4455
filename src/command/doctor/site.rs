//! What is wrong with the way to the site, as far as that shows without asking it.

use std::fs;

use super::{Check, Finding};
use crate::context::Context;
use crate::resolve::Pythons;
use crate::site::Site;
use crate::site::credentials::Credentials;

/// What would keep the site from being asked.
pub fn site(context: &Context) -> Vec<Finding> {
    let Context { settings, site, inputs, .. } = context;
    let mut findings = Vec::new();
    let mut tell = |problem: String, advice: &str| {
        findings.push(Finding::new(Check::Site, problem, advice));
    };
    let Some(site) = site else {
        if let Some(host) = Site::host(settings, inputs) {
            let problem = format!("no folder for the configurations of the site: {}", host.value);
            tell(problem, "set SHOTGUN_HOME, or HOME");
            return findings;
        }
        if let Some(core) = settings.site("core", |site| site.core.as_deref()) {
            let problem = format!("core is not used, no site is named: {}", core.origin);
            tell(problem, "name the site with 'host' in [site], or SGTK_SITE");
        }
        return findings;
    };
    match &site.core {
        None => tell(
            format!("no core is set that can ask the site: {}", site.host.value),
            "set 'core' in [site] to a folder that contains 'sgtk'",
        ),
        Some(core) if !core.value.join("sgtk").exists() => tell(
            format!("folder contains no 'sgtk': {} ({})", core.value.display(), core.origin),
            "name the folder that contains sgtk: in a core it is install/core/python",
        ),
        Some(_) => {}
    }
    let environment = context.environment(None);
    let pythons = Pythons { place: &inputs.place, environment: &environment };
    if let Err(error) = pythons.of_site(settings) {
        tell(error.to_string(), "name another Python with 'python' in [site]");
    }
    if let Err(error) = Credentials::read(&environment, settings, inputs) {
        tell(error.to_string(), &error.hint().unwrap_or_else(|| "correct the file".into()));
    }
    let folder = site.folder.ancestors().find_map(|folder| fs::metadata(folder).ok());
    if folder.is_some_and(|folder| folder.permissions().readonly()) {
        let problem = format!("folder cannot be written to: {}", site.folder.display());
        tell(problem, "set SHOTGUN_HOME to another folder");
    }
    findings
}
