//! The roots: unreadable ones, and a studio without a configuration.

use super::finding::{Check, Finding};
use crate::context::Context;
use crate::disk;
use crate::display::Printable;
use crate::finding::roots::root_fault;
use crate::finding::scan::Scan;
use crate::origin::Origin;

/// Finds roots that cannot be read. One of several is a warning: its projects are missing. The default root counts
/// only where nothing else holds configurations.
pub fn unreadable(context: &Context) -> Vec<Finding> {
    let roots = &context.roots;
    let mut findings = Vec::new();
    if !roots.are_named() && (context.site.is_some() || !roots.named.is_empty()) {
        return findings;
    }
    for (root, error) in roots.unreadable() {
        let problem = format!("{} ({})", root_fault(&error), root.origin);
        let advice = if !disk::is_missing(&error) {
            "let this user read the folder"
        } else if root.value.to_string_lossy().contains('$') {
            "set the variable in the path, or write the path without it"
        } else if matches!(root.origin, Origin::Default(_)) {
            "mount the share there, or name the folder above the configurations in SHOTGUN_BASE, or in 'roots' in the settings"
        } else {
            "mount the share or create the folder, or remove it from SHOTGUN_BASE or 'roots' in the settings"
        };
        let finding = if roots.is_unreachable() {
            Finding::wrong(Check::Roots, problem, advice)
        } else {
            Finding::warning(Check::Roots, problem, advice)
        };
        findings.push(finding.in_file(&root.value));
    }
    if roots.folders.is_empty() && roots.named.is_empty() {
        let advice = "set SHOTGUN_BASE, or 'roots' in the settings";
        findings.push(Finding::wrong(Check::Roots, "no root is set", advice));
    }
    findings
}

/// Finds a studio in which there is nothing to check. Unreadable roots are another finding.
pub fn nothing_checked(scan: &Scan, context: &Context) -> Option<Finding> {
    let Context { roots, site, .. } = context;
    let is_empty = scan.records.is_empty() && scan.faults.is_empty();
    if !is_empty || !scan.without_roots_file().is_empty() {
        return None;
    }
    if site.is_some() {
        let problem = "no configuration of the site is realised yet, so none was checked";
        return Some(Finding::warning(Check::Roots, problem, "launch a project once"));
    }
    if roots.folders.is_empty() || roots.is_unreachable() {
        return None;
    }
    let folders: Vec<String> =
        roots.folders.iter().map(|root| Printable::new(&root.value).to_string()).collect();
    let problem = format!("no configurations below {}", folders.join(", "));
    let advice =
        "name the folder above the configurations in SHOTGUN_BASE, or in 'roots' in the settings";
    Some(Finding::wrong(Check::Roots, problem, advice))
}
