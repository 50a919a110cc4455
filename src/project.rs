//! Chooses the project, and has its configuration realised if it is distributed.

use crate::bootstrap::{Bootstrap, Refresh, Watch};
use crate::context::Context;
use crate::disk;
use crate::display::Printable;
use crate::error::Error;
use crate::lock::Lock;
use crate::origin::Decided;
use crate::select::{Chosen, Selection, select};
use crate::site::Site;

/// The chosen project's configuration, and the locks that Python holds while it runs.
pub struct ChosenProject {
    pub selection: Selection,
    pub locks: Vec<Lock>,
}

/// Chooses the project. Fails if nothing names one, no configuration belongs to it, or two choices lead to
/// different configurations.
pub fn choose_project(
    context: &Context,
    refresh: Refresh,
    progress: &Watch,
) -> Result<ChosenProject, Error> {
    let chosen = select(context, context.site.as_ref());
    let (mut selections, mut locks) = (Vec::new(), Vec::new());
    for chosen in chosen.map_err(|error| with_site_not_asked(error, context))? {
        match chosen {
            Chosen::Here(mut selection) => {
                if refresh == Refresh::Always {
                    let config = Printable::new(&selection.config.path);
                    let warning = format!(
                        "nothing to refresh, the configuration does not come from the site: {config}"
                    );
                    selection.warnings.push(warning);
                }
                selections.push(selection);
            }
            Chosen::OnSite(distributed) => {
                let bootstrap = Bootstrap::new(context, distributed, refresh, progress);
                let (selection, lock) = bootstrap.acquire()?;
                selections.push(selection);
                locks.extend(lock);
            }
        }
    }
    Ok(ChosenProject { selection: agreed(selections)?, locks })
}

/// Adds to an unknown project's error that the site was not asked: Toolkit has no cache folder.
#[cold]
fn with_site_not_asked(error: Error, context: &Context) -> Error {
    let unknown = if let Error::PartlySearched { here, .. } = &error { here } else { &error };
    let is_unknown = matches!(unknown, Error::UnknownProject { .. } | Error::UnknownId { .. });
    match Site::host(&context.settings, &context.inputs) {
        Some(host) if is_unknown && context.site.is_none() => {
            Error::NotAsked { here: Box::new(error), host: host.value }
        }
        _ => error,
    }
}

/// Returns the one configuration that all choices lead to.
fn agreed(selections: Vec<Selection>) -> Result<Selection, Error> {
    let mut selections = selections.into_iter();
    let none = Error::NoProject { misplaced: None, inside_launch: false };
    let first = selections.next().ok_or(none)?;
    for other in selections {
        if !disk::is_same(&first.config.path, &other.config.path) {
            return Err(Error::Conflict([decided(first), decided(other)].into()));
        }
    }
    Ok(first)
}

fn decided(selection: Selection) -> Decided<std::path::PathBuf> {
    Decided::new(selection.config.path, selection.project.origin)
}
