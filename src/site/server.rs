//! The site's address, and the settings for asking it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::disk;
use crate::environment::Variables;
use crate::error::Error;
use crate::inherit::inherit;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::os::{below, has_parent_part};
use crate::request::Request;
use crate::settings::{Settings, value_or};
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::expand;
use crate::toolkit::realised::{UNNAMED, cache_root, realised_at, site_folder};
use crate::toolkit::record::ConfigRecord;

/// Configurations change rarely, and asking takes a second at least.
const REFRESH_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Pause after the site gave no answer, or answered that it has no such project.
const RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

const TIMEOUT: Duration = Duration::from_secs(60);

/// Toolkit may fetch large archives.
const REALISE_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Python accepts no longer timeout on every system.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// The Flow Production Tracking server, with the settings of the table `[site]`.
#[derive(Debug)]
pub struct Site {
    pub host: Decided<String>,
    /// The folder in which Toolkit realises the site's configurations for this user.
    pub folder: PathBuf,
    /// The core that realises them: a folder with `sgtk`.
    pub core: Option<Decided<PathBuf>>,
    /// Selects among the site's configurations of a project, as Toolkit's plugin ids do.
    pub plugin_id: String,
    /// The engine whose apps are fetched: `--engine`, else the setting.
    pub engine: Decided<String>,
    /// The descriptor for projects without a configuration on the site.
    pub base_configuration: Option<String>,
    /// Age from which a cached answer is old.
    pub refresh_after: Duration,
    /// Limit for one answer of the site.
    pub timeout: Duration,
    /// Limit for realising without progress.
    pub realise_timeout: Duration,
    /// The launcher's own file: its owner may be trusted.
    pub launcher: Option<PathBuf>,
}

impl Site {
    /// Returns the site that `SGTK_SITE` or the settings name; `None` if neither does, or if there is no home folder
    /// of this user for Toolkit's caches. Fails if the address or the path of the core is invalid.
    pub fn of(
        request: &Request,
        settings: &Settings,
        inputs: &Inputs,
    ) -> Result<Option<Self>, Error> {
        let Some(host) = Self::host(settings, inputs) else { return Ok(None) };
        let Some(name) = site_folder(&host.value) else {
            return Err(Error::BadSite(host));
        };
        // Toolkit finds its caches by the variables that Python gets.
        let tables = settings.environment(None);
        let environment = inherit(inputs.variables.clone(), &request.environment, &tables);
        let root = cache_root(&mut |name: &str| Some(environment.get(name)?.to_owned()));
        let Some(root) = root.and_then(|root| inputs.location.absolute(&root)) else {
            return Ok(None);
        };
        if inputs.is_in_home_of_another(&root) || disk::is_planted(&root) {
            return Ok(None);
        }
        let table = &settings.site;
        let mut core = None;
        if let Some(Decided { value, origin }) = &table.core {
            core = Some(Decided::new(expand::setting(value, origin, inputs)?, origin.clone()));
        }
        Ok(Some(Site {
            host,
            folder: root.join(name),
            core,
            plugin_id: value_or(table.plugin_id.as_ref(), "basic.".into()),
            engine: engine(request, settings),
            base_configuration: table.base_configuration.clone().map(|setting| setting.value),
            refresh_after: value_or(table.refresh_after.as_ref(), REFRESH_AFTER),
            timeout: limit(table.timeout.as_ref(), TIMEOUT),
            realise_timeout: limit(table.realise_timeout.as_ref(), REALISE_TIMEOUT),
            launcher: inputs.location.launcher.clone(),
        }))
    }

    /// Returns the address that `SGTK_SITE` or the settings name, with `https://` if it has no scheme.
    pub fn host(settings: &Settings, inputs: &Inputs) -> Option<Decided<String>> {
        let mut host = match inputs.variable("SGTK_SITE") {
            Some(host) => {
                Decided::new(host.to_string_lossy().into_owned(), Origin::Variable("SGTK_SITE"))
            }
            None => settings.site.host.clone()?,
        };
        if !host.value.contains("://") {
            host.value.insert_str(0, "https://");
        }
        Some(host)
    }

    /// Returns true if a path is a configuration realised from this site, or lies in one. Reads the path as written: one
    /// with `..` may lead elsewhere.
    pub fn holds(&self, path: &Path) -> bool {
        below(path, &self.folder).is_some_and(|rest| !has_parent_part(rest))
    }

    /// The pause after a failed try.
    pub fn retry_after(&self) -> Duration {
        RETRY_AFTER.min(self.refresh_after)
    }

    /// Reads a configuration that the site named. A realised one gets its age, and loses the name `unnamed`, which
    /// Toolkit gives every project without a `tank_name`.
    pub fn read(&self, path: &Path, variables: &Variables) -> (ConfigRecord, Option<Error>) {
        let (mut record, fault) = ConfigRecord::read(path, variables);
        if self.holds(path) {
            let realised_at = realised_at(&PipelineConfig::at(path));
            record.realised = realised_at.map(|time| time.elapsed().unwrap_or_default());
            if record.metadata.tank_name.as_deref() == Some(UNNAMED) {
                (record.metadata.tank_name, record.data) = (None, Vec::new());
            }
        }
        (record, fault)
    }
}

fn engine(request: &Request, settings: &Settings) -> Decided<String> {
    if let Some(engine) = &request.engine {
        return Decided::new(engine.clone(), Origin::Option("--engine"));
    }
    match &settings.site.engine {
        Some(engine) => engine.clone(),
        None => Decided::new("tk-shell".into(), Origin::Default("Toolkit's shell")),
    }
}

fn limit(setting: Option<&Decided<Duration>>, default: Duration) -> Duration {
    value_or(setting, default).min(LONGEST_TIMEOUT)
}
