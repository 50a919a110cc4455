//! The Python that asks the site: `shims/bootstrap/`, run by the site's Python with the site's core. It finds the
//! project, and realises its configuration if it is distributed. Each message is one line of JSON.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cache_lock::cache_error;
use crate::context::Context;
use crate::disk;
use crate::display::Printable;
use crate::error::{Error, SiteError, SiteFailure, SiteFailureKind};
use crate::helper::{HelperProcess, ProcessGroup};
use crate::inputs::has_terminal;
use crate::lock::Lock;
use crate::resolve::Pythons;
use crate::select::Distributed;
use crate::site::{Credentials, ProjectKey, Site, SiteCache};

static PROGRAM: &str = include_str!(concat!(env!("OUT_DIR"), "/bootstrap.py"));

/// The first message to the program.
#[derive(Serialize)]
struct HelperRequest<'a> {
    host: &'a str,
    credentials: Option<Credentials>,
    /// Descriptors of the locks that the program's own children must not inherit.
    locks: Vec<i32>,
    /// True if a person can be asked to log in.
    terminal: bool,
    project: &'a ProjectKey,
    pipeline: ConfigKey<'a>,
    plugin_id: &'a str,
    base_configuration: Option<&'a str>,
    engine: &'a str,
    /// In seconds, as `realise_timeout` is.
    timeout: f64,
    realise_timeout: f64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ConfigKey<'a> {
    Id(i64),
    Name(&'a str),
}

/// A message of the program. After `Project` it waits until it may realise; `errors` are those that Toolkit survived.
#[derive(Deserialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
pub enum HelperReply {
    Project { id: i64, name: String },
    Progress { value: f64, message: String },
    Centralized { id: i64, name: String, path: PathBuf },
    Realised { path: PathBuf, errors: Vec<String> },
    Failed { kind: SiteFailureKind, message: String },
}

/// The running program. Dropping it ends it.
pub struct SiteProcess<'a> {
    helper: HelperProcess,
    distributed: &'a Distributed<'a>,
}

impl<'a> SiteProcess<'a> {
    /// Starts the program and sends it the query. It also holds the lock `turn`, so that no other launch asks while it
    /// survives this one. Its standard error goes to the log.
    pub fn start(
        context: &Context,
        distributed: &'a Distributed<'a>,
        turn: &Lock,
    ) -> Result<Self, Error> {
        let Context { settings, inputs, .. } = context;
        let mut environment = context.environment(None);
        let credentials = Credentials::read(&environment, settings, inputs)?;
        let core = core(distributed.site).map_err(|failure| site_error(distributed, failure))?;
        environment.set("PYTHONPATH", core, "the site's core");
        let pythons = Pythons { location: &inputs.location, environment: &environment };
        let interpreter = pythons.of_site(settings)?;
        turn.outlive_launch().map_err(Error::Handover)?;
        let log = SiteCache::of(distributed.site).file(&distributed.query, "log");
        let errors = disk::open_private(&log).map_err(|source| cache_error(&log, source))?;
        errors.set_len(0).map_err(|source| cache_error(&log, source))?;
        let group = if has_terminal() { ProcessGroup::Foreground } else { ProcessGroup::Own };
        let helper = HelperProcess::start(&interpreter, &environment, &[], PROGRAM, errors, group);
        let path = interpreter.path;
        let mut helper = helper.map_err(|source| Error::Exec { path, source, longest: None })?;
        let request = request(distributed, credentials, turn);
        if let Ok(request) = serde_json::to_string(&request) {
            // Fails for a Python that ends at once; the log says why.
            let _ = helper.write_line(&request);
        }
        Ok(SiteProcess { helper, distributed })
    }

    /// Waits for the next message. Fails if the program ends without one.
    pub fn read_reply(&mut self) -> Result<HelperReply, Error> {
        let Ok(Some(line)) = self.helper.read_line(None) else { return Err(self.ended_early()) };
        serde_json::from_str(&line).map_err(|_| self.ended_early())
    }

    /// Lets the program realise the configuration.
    pub fn realise(&mut self) -> Result<(), Error> {
        self.helper.write_line("go").map_err(|_| self.ended_early())
    }

    fn ended_early(&self) -> Error {
        let failure =
            SiteFailure::of(SiteFailureKind::Other, "the program that asks the site ended early");
        site_error(self.distributed, failure)
    }
}

/// Returns the error of a failure; it names the project, the site and the log.
pub fn site_error(distributed: &Distributed, failure: SiteFailure) -> Error {
    let Distributed { site, project, query, .. } = distributed;
    let (project, host) = (project.value.clone(), site.host.value.clone());
    let log = SiteCache::of(site).file(query, "log");
    Error::Site(Box::new(SiteError { project, host, failure, log }))
}

fn request<'a>(
    distributed: &'a Distributed,
    credentials: Option<Credentials>,
    turn: &Lock,
) -> HelperRequest<'a> {
    let Distributed { site, query, .. } = distributed;
    let config_name = query.config_name.as_deref().unwrap_or("Primary");
    HelperRequest {
        host: &site.host.value,
        credentials,
        locks: turn.inherited(),
        terminal: has_terminal(),
        project: &query.project,
        pipeline: config_name.parse().map_or(ConfigKey::Name(config_name), ConfigKey::Id),
        plugin_id: &site.plugin_id,
        base_configuration: site.base_configuration.as_deref(),
        engine: &site.engine.value,
        timeout: site.timeout.as_secs_f64(),
        realise_timeout: site.realise_timeout.as_secs_f64(),
    }
}

/// Returns the folder with `sgtk`. Fails if the settings name none, or `sgtk` is missing.
fn core(site: &Site) -> Result<&Path, SiteFailure> {
    let Some(core) = &site.core else {
        return Err(SiteFailure::of(SiteFailureKind::NoCore, "'core' in [site] is not set"));
    };
    if disk::exists(&core.value.join("sgtk")).unwrap_or(true) {
        return Ok(&core.value);
    }
    let message =
        format!("folder contains no 'sgtk': {} ({})", Printable::new(&core.value), core.origin);
    Err(SiteFailure::of(SiteFailureKind::NoCore, message))
}
