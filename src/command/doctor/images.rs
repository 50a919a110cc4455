//! The images of fast import: why a core has none, and where they lie.

use std::path::Path;

use super::finding::{Check, Finding};
use crate::disk;
use crate::error::Error;
use crate::fast_import::{ImageFolder, ImageState};
use crate::plan::LaunchPlan;

/// Finds cores that have no images although the settings ask for some, and images on a network share.
pub fn images(plans: &[Result<LaunchPlan, Error>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for plan in plans.iter().flatten() {
        let Some(images) = &plan.images else { continue };
        match &images.value.folder {
            Ok(folder) => findings.extend(in_folder(folder)),
            Err(why) => {
                let problem = format!("fast import is off: {why}");
                let advice = "see docs/fast-import.md, or turn fast_import off";
                let finding = Finding::warning(Check::FastImport, problem, advice);
                findings.push(finding.in_file(&plan.core.path()));
            }
        }
    }
    findings
}

fn in_folder(folder: &ImageFolder) -> Vec<Finding> {
    let mut findings = Vec::new();
    for image in folder.images() {
        if let ImageState::Failed(_) = image.state {
            let problem = format!("image for {} {}", image.python, image.state);
            let advice = "correct that; the next launch after two minutes tries again";
            let finding = Finding::warning(Check::FastImport, problem, advice);
            findings.push(finding.in_file(&folder.path));
        }
    }
    let cache = folder.path.parent().and_then(Path::parent);
    if let Some((cache, kind)) = cache.and_then(|cache| Some((cache, disk::network_kind(cache)?))) {
        let problem = format!(
            "cache folder is on a network share ({kind}): each start reads an image from it"
        );
        let advice = "set SGTK_PYTHON_CACHE to a folder on a local disk";
        findings.push(Finding::warning(Check::FastImport, problem, advice).in_file(cache));
    }
    findings
}
