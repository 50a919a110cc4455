//! Puts a query to the site: `shims/bootstrap/`, run by the site's Python with the site's core,
//! asks it, and realises what it describes.

use std::path::{Path, PathBuf};

use super::protocol::{ConfigKey, HelperReply, HelperRequest};
use super::realising_lock::Realising;
use super::{Bootstrap, Progress, Refresh, uncached};
use crate::context::Context;
use crate::disk;
use crate::display::Printable;
use crate::error::{Error, SiteError, SiteFailure, SiteFailureKind};
use crate::helper::conversation::Conversation;
use crate::inputs::has_terminal;
use crate::lock::Lock;
use crate::resolve::Pythons;
use crate::select::select;
use crate::site::credentials::Credentials;
use crate::site::query::{CachedConfig, ConfigKind};
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::realised::{self, Finish};

/// The program that asks.
const PROGRAM: &str = include_str!(concat!(env!("OUT_DIR"), "/bootstrap.py"));

/// Why there is no answer.
pub enum Trouble {
    /// The site gave none.
    Site(SiteFailure),
    /// It was not asked, for something is wrong here.
    Here(Error),
}

impl From<SiteFailure> for Trouble {
    fn from(failure: SiteFailure) -> Self {
        Trouble::Site(failure)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Here(error)
    }
}

impl Bootstrap<'_> {
    /// Asks the site, and tells what Toolkit complained of besides. The program holds the turn too, so
    /// that nobody follows while it lives on without this launch.
    pub fn converse(
        &self,
        asking: Refresh,
        turn: &Lock,
        realising: &mut Realising,
    ) -> Result<(CachedConfig, Vec<String>), Trouble> {
        let mut conversation = self.begin(turn)?;
        let engine = &self.site.engine.value;
        let (mut id, mut name) = (0, String::new());
        let broken_off = || {
            SiteFailure::of(SiteFailureKind::Other, "the program that asks the site ended early")
        };
        loop {
            let line = conversation.hear().ok().flatten().ok_or_else(broken_off)?;
            match serde_json::from_str(&line).map_err(|_| broken_off())? {
                HelperReply::Project { id: known, name: its_name } => {
                    (id, name) = (known, its_name);
                    realising.take_turn(id, self)?;
                    if asking == Refresh::IfStale
                        && let Some(answer) = self.realised_already(id, &name, realising)?
                    {
                        return Ok((answer, Vec::new()));
                    }
                    realising.begin(id, self)?;
                    conversation.say("go").map_err(|_| broken_off())?;
                }
                HelperReply::Progress { value, message } => {
                    (self.progress)(Progress::At(value, message));
                }
                HelperReply::Centralized { id, name, path } => {
                    return Ok((
                        CachedConfig::new(id, name, path, ConfigKind::Centralized, engine),
                        Vec::new(),
                    ));
                }
                HelperReply::Realised { path, errors } => {
                    let kind = match realised::finish(&PipelineConfig::at(&path)) {
                        Some(Finish::Marked) => ConfigKind::Realised,
                        Some(Finish::Unmarked) => ConfigKind::Unmarked,
                        None => return Err(Error::Incomplete { path }.into()),
                    };
                    return Ok((CachedConfig::new(id, name, path, kind, engine), errors));
                }
                HelperReply::Failed { kind, message } => {
                    return Err(SiteFailure { kind, message }.into());
                }
            }
        }
    }

    fn begin(&self, turn: &Lock) -> Result<Conversation, Trouble> {
        let Context { settings, inputs, .. } = self.context;
        let mut environment = self.context.environment(None);
        let credentials = Credentials::read(&environment, settings, inputs)?;
        environment.set("PYTHONPATH", self.core()?, "the site's core");
        let pythons = Pythons { location: &inputs.location, environment: &environment };
        let interpreter = pythons.of_site(settings)?;
        let log = self.log_file();
        let failed = |error| uncached(&log, error);
        turn.outlive_launch().map_err(Error::Handover)?;
        let file = disk::open_private(&log).and_then(|file| file.set_len(0).map(|()| file));
        let started = Conversation::begin(
            &interpreter,
            &environment,
            PROGRAM,
            file.map_err(failed)?,
            has_terminal(),
        );
        let mut conversation = started.map_err(|source| Error::Exec {
            path: interpreter.path.clone(),
            source,
            longest: None,
        })?;
        let asked = serde_json::to_string(&self.request(credentials, turn));
        // One that ends at once has told why in the log.
        if let Ok(asked) = asked {
            let _ = conversation.say(&asked);
        }
        Ok(conversation)
    }

    fn request(&self, credentials: Option<Credentials>, turn: &Lock) -> HelperRequest<'_> {
        let query = &self.distributed.query;
        let pipeline = query.config_name.as_deref().unwrap_or("Primary");
        HelperRequest {
            host: &self.site.host.value,
            credentials,
            locks: turn.inherited(),
            terminal: has_terminal(),
            project: &query.project,
            pipeline: pipeline.parse().map_or(ConfigKey::Name(pipeline), ConfigKey::Id),
            plugin_id: &self.site.plugin_id,
            base_configuration: self.site.base_configuration.as_deref(),
            engine: &self.site.engine.value,
            timeout: self.site.timeout.as_secs_f64(),
            realise_timeout: self.site.realise_timeout.as_secs_f64(),
        }
    }

    /// The site's core, which has to be one.
    fn core(&self) -> Result<&Path, SiteFailure> {
        let Some(core) = &self.site.core else {
            return Err(SiteFailure::of(SiteFailureKind::NoCore, "'core' in [site] is not set"));
        };
        if disk::exists(&core.value.join("sgtk")).unwrap_or(true) {
            return Ok(&core.value);
        }
        let message =
            format!("folder contains no 'sgtk': {} ({})", Printable::new(&core.value), core.origin);
        Err(SiteFailure::of(SiteFailureKind::NoCore, message))
    }

    /// What is wrong when the site has no such project: what was wrong here already.
    fn unknown(&self) -> Error {
        match select(self.context, None) {
            Err(here) => Error::NotOnSite { here: here.into(), host: self.host() },
            Ok(_) => self
                .error_of(SiteFailure::of(SiteFailureKind::Other, "the site has no such project")),
        }
    }

    /// A failure as the error that it is for this query.
    pub fn error_of(&self, failure: SiteFailure) -> Error {
        if failure.kind == SiteFailureKind::NoProject {
            return self.unknown();
        }
        let (project, host, log) = (self.name(), self.host(), self.log_file());
        Error::Site(Box::new(SiteError { project, host, failure, log }))
    }

    fn log_file(&self) -> PathBuf {
        self.site.file(&self.distributed.query, "log")
    }
}
