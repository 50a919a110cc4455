//! The site: the server that knows the configurations which lie on no shared disk, who asks it for
//! them, and the folder where Toolkit keeps those that it has realised.

mod cache;
pub mod credentials;
pub mod query;
mod realised;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;
use crate::inherit::inherit;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::request::Request;
use crate::settings::Settings;
use crate::toolkit::expand;
use crate::toolkit::realised::{cache_root, site_folder};

/// A day: configurations change rarely, and asking costs a second at least.
const REFRESH_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Long for an answer, short for an artist.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What is fetched may be large.
const REALISE_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Python takes no longer one.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The site, and all that the settings say of asking it.
#[derive(Debug)]
pub struct Site {
    /// Its address.
    pub host: Decided<String>,
    /// Where Toolkit keeps the configurations that it realises for this user.
    pub folder: PathBuf,
    /// The core that realises them, a folder that holds `sgtk`.
    pub core: Option<Decided<PathBuf>>,
    /// Whose configurations are meant, of those that the site has for a project.
    pub plugin_id: String,
    /// The engine whose apps are made ready: the one that the program runs with, if it does.
    pub engine: Decided<String>,
    /// The descriptor of the configuration of a project for which the site has none.
    pub base_configuration: Option<String>,
    /// After how long the site is asked again.
    pub refresh_after: Duration,
    /// How long it may take for one answer.
    pub timeout: Duration,
    /// How long realising may go on without a sign of progress.
    pub realise_timeout: Duration,
}

impl Site {
    /// The site that the variable or the settings name, `None` if they name none or there is no place
    /// for its configurations.
    pub fn of(
        request: &Request,
        settings: &Settings,
        inputs: &Inputs,
    ) -> Result<Option<Self>, Error> {
        let Some(host) = Self::host(settings, inputs) else { return Ok(None) };
        let Some(name) = site_folder(&host.value) else {
            return Err(Error::BadSite(host));
        };
        // Toolkit looks for its cache in the environment that Python will have.
        let tables = settings.environment(None);
        let environment = inherit(inputs.variables.clone(), &request.environment, &tables);
        let mut lookup = |name: &str| environment.get(name).map(OsStr::to_owned);
        let root = cache_root(&mut lookup).and_then(|root| inputs.location.absolute(&root));
        let Some(root) = root else { return Ok(None) };
        let table = &settings.site;
        let mut core = None;
        if let Some(Decided { value, origin }) = &table.core {
            core = Some(Decided::new(expand::setting(value, origin, inputs)?, origin.clone()));
        }
        let plugin_id = table.plugin_id.as_ref().map_or("basic.", |id| &id.value);
        let time_limit = |setting: &Option<Decided<Duration>>, default| {
            setting.as_ref().map_or(default, |limit: &Decided<Duration>| limit.value.min(LONGEST))
        };
        Ok(Some(Site {
            host,
            folder: root.join(name),
            core,
            plugin_id: plugin_id.to_owned(),
            engine: engine(request, settings),
            base_configuration: table.base_configuration.clone().map(|setting| setting.value),
            refresh_after: table.refresh_after.as_ref().map_or(REFRESH_AFTER, |age| age.value),
            timeout: time_limit(&table.timeout, TIMEOUT),
            realise_timeout: time_limit(&table.realise_timeout, REALISE_TIMEOUT),
        }))
    }

    /// The address that the variable or the settings name.
    pub fn host(settings: &Settings, inputs: &Inputs) -> Option<Decided<String>> {
        let variable = inputs.variable("SGTK_SITE").map(|host| {
            Decided::new(host.to_string_lossy().into_owned(), Origin::Variable("SGTK_SITE"))
        });
        let mut host = variable.or_else(|| settings.site.host.clone())?;
        if !host.value.contains("://") {
            host.value.insert_str(0, "https://");
        }
        Some(host)
    }

    /// Whether a path is a configuration that was realised from this site, or in one.
    pub fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.folder)
    }
}

fn engine(request: &Request, settings: &Settings) -> Decided<String> {
    let named = request.engine.clone();
    named
        .map(|engine| Decided::new(engine, Origin::Option("--engine")))
        .or_else(|| settings.site.engine.clone())
        .unwrap_or_else(|| Decided::new("tk-shell".into(), Origin::Default("Toolkit's shell")))
}
