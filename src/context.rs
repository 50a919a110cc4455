//! All that a command starts from: the request, the settings, the roots, the site and the process.

use std::collections::HashSet;

use crate::console::{self, Colour};
use crate::environment::Environment;
use crate::error::Error;
use crate::finding::index::Index;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::{Scan, scan};
use crate::inherit::inherit;
use crate::inputs::Inputs;
use crate::request::Request;
use crate::settings::Settings;
use crate::site::{RealisedConfigs, Site, SiteCache};

/// The state before a project is chosen; read once, then handed on whole.
pub struct Context {
    pub(crate) request: Request,
    pub(crate) settings: Settings,
    pub(crate) roots: ConfigRoots,
    /// `None` if no site is named, or Toolkit has no cache folder.
    pub(crate) site: Option<Site>,
    pub(crate) inputs: Inputs,
}

impl Context {
    /// Reads the settings. Fails if a settings file, a root or the site's address is invalid.
    #[inline(never)]
    pub fn new(request: Request, inputs: Inputs) -> Result<Self, Error> {
        let settings = Settings::read(&inputs)?;
        let roots = ConfigRoots::new(&settings, &inputs)?;
        let site = Site::of(&request, &settings, &inputs)?;
        Ok(Context { request, settings, roots, site, inputs })
    }

    pub(crate) fn colour(&self) -> Colour {
        Colour::of(&self.inputs.variables)
    }

    /// Fails if no root can be read: a share that is not mounted must not look like a studio without projects. The
    /// default root counts where nothing else holds configurations.
    pub(crate) fn need_a_root(&self) -> Result<(), Error> {
        let has_site = Site::host(&self.settings, &self.inputs).is_some();
        let counts = self.roots.are_named() || (!has_site && self.roots.named.is_empty());
        if counts && self.roots.is_unreachable() { Err(self.roots.no_root()) } else { Ok(()) }
    }

    /// Returns the variables that Python inherits, with the settings of a project or, for `None`, those of
    /// all projects.
    pub(crate) fn environment(&self, project: Option<&str>) -> Environment {
        let tables = self.settings.environment(project);
        inherit(self.inputs.variables.clone(), &self.request.environment, &tables)
    }

    pub(crate) fn index(&self) -> Index {
        Index::of(&self.roots, &self.inputs)
    }

    /// Scans the roots, on a terminal not in silence, and writes the index. Drops the site's cached answers about the projects that the scan
    /// found: their configurations on disk count.
    pub(crate) fn scan(&self) -> Scan {
        let scan = console::show_while("searching the roots for configurations", || {
            scan(&self.roots, &self.inputs.variables)
        });
        self.index().write(&scan.records);
        if let Some(site) = &self.site {
            SiteCache::of(site).drop_on_disk(&scan.records);
        }
        scan
    }

    /// Scans the roots, and adds the realised configurations of projects that have none below a root.
    pub(crate) fn scan_all(&self) -> Scan {
        let mut scan = self.scan();
        let Some(site) = &self.site else { return scan };
        let ids: HashSet<i64> = scan.records.iter().filter_map(|r| r.metadata.project_id).collect();
        let mut realised = RealisedConfigs::of(site, &self.inputs.variables).scan_current();
        realised.records.retain(|r| r.metadata.project_id.is_none_or(|id| !ids.contains(&id)));
        scan.records.extend(realised.records);
        scan.faults.extend(realised.faults);
        scan
    }
}
