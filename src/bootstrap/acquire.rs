//! Acquires the configuration of a distributed project, and the lock that keeps it as it is while a job runs from it.

use std::path::PathBuf;
use std::time::SystemTime;

use log::debug;

use super::cache_lock::{take, try_take};
use super::realising_lock::RealisingLock;
use super::refresh::{Progress, Refresh, Watch};
use super::site_process::{HelperReply, SiteProcess, site_error};
use crate::context::Context;
use crate::disk;
use crate::display::{Printable, between};
use crate::error::{Candidate, Error, SiteFailure, SiteFailureKind, quoted};
use crate::lock::{Lock, LockMode};
use crate::origin::Origin;
use crate::select::{Distributed, Selection, select};
use crate::site::{
    CachedConfig, ConfigKind, ProjectKey, RealisedConfigs, Site, SiteCache, SiteQuery,
};
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::record::{ConfigName, ConfigRecord};

/// A selection, and the lock against realising its configuration again; none for a centralized configuration or in a
/// read-only cache.
type Held = (Selection, Option<Lock>);

/// One distributed project and the ways to its configuration.
pub struct Bootstrap<'a> {
    context: &'a Context,
    site: &'a Site,
    cache: SiteCache<'a>,
    realised: RealisedConfigs<'a>,
    distributed: Distributed<'a>,
    refresh: Refresh,
    watch: &'a Watch,
}

impl<'a> Bootstrap<'a> {
    pub fn new(
        context: &'a Context,
        distributed: Distributed<'a>,
        refresh: Refresh,
        watch: &'a Watch,
    ) -> Self {
        let (site, cache) = (distributed.site, SiteCache::of(distributed.site));
        let realised = RealisedConfigs::of(site, &context.inputs.variables);
        Bootstrap { context, site, cache, realised, distributed, refresh, watch }
    }

    /// Returns the project's configuration.
    ///
    /// `Never` uses what is known on this machine. `IfStale` uses it until it is due, and then asks the site; while
    /// another launch asks, jobs run from the old configuration or the site does not answer, the old one stays in use.
    /// `Always` asks the site, whatever is known. Fails if the result is no complete configuration.
    #[cold]
    pub fn acquire(&self) -> Result<Held, Error> {
        let query = &self.distributed.query;
        let known = self.known();
        if let Some(held) = self.use_known(known.as_ref()) {
            return Ok(held);
        }
        if self.refresh == Refresh::Never {
            let (project, host) = (self.distributed.project.value.clone(), self.host());
            return Err(Error::NotRealised { project, host });
        }
        if self.refresh == Refresh::IfStale
            && let Some(failure) = self.cache.recent_not_found(query)
        {
            return self.fall_back(None, site_error(&self.distributed, failure));
        }
        let began = SystemTime::now();
        let old = known.filter(|old| self.refresh == Refresh::IfStale && old.is_still_complete());
        let file = self.cache.file(query, "lock");
        let turn = try_take(&file, LockMode::Exclusive);
        // Another launch is asking, or the cache is read-only.
        if !matches!(turn, Ok(Some(_)))
            && let Some(held) = self.hold(old.as_ref())
        {
            return Ok(held);
        }
        let turn = match turn? {
            Some(turn) => turn,
            None => take(&file, LockMode::Exclusive, self.watch)?,
        };
        if let Some(held) = self.hold(self.answer_of_another_launch(began).as_ref()) {
            return Ok(held);
        }
        match self.cache.failure(query, began) {
            Some(failure) => self.fall_back(old, site_error(&self.distributed, failure)),
            None => self.ask(old, &turn),
        }
    }

    /// Returns the answer that is known without asking: the configuration whose path was chosen, else the cached answer
    /// to this query while it is young, else the cached answer by the project's id or a realised configuration.
    fn known(&self) -> Option<CachedConfig> {
        let Distributed { query, cached, here, .. } = &self.distributed;
        match (here, cached) {
            (Some(here), _) => Some(here.clone()),
            (None, Some(cached)) if cached.is_due(self.site) => {
                let by_id = self.answer(&query.by_id(cached.project_id));
                Some(by_id.unwrap_or_else(|| cached.clone()))
            }
            (None, Some(cached)) => Some(cached.clone()),
            (None, None) => self.realised.answer(query),
        }
    }

    fn answer(&self, query: &SiteQuery) -> Option<CachedConfig> {
        self.cache.config(query, &self.context.inputs.variables)
    }

    /// Holds what is known if it may be used without asking the site.
    fn use_known(&self, known: Option<&CachedConfig>) -> Option<Held> {
        let Distributed { query, cached, here, .. } = &self.distributed;
        let known = known?;
        let is_usable = match self.refresh {
            // A configuration that was chosen by its path is used as it is.
            Refresh::IfStale => here.is_some() || !known.is_due(self.site),
            Refresh::Never => true,
            Refresh::Always => false,
        };
        let held = if is_usable { self.hold(Some(known))? } else { return None };
        // The next launch finds the answer of another query at once.
        if self.refresh == Refresh::IfStale && here.is_none() && cached.as_ref() != Some(known) {
            self.cache.keep(query, known);
        }
        Some(held)
    }

    /// Returns the answer that another launch got while this one waited for its turn.
    fn answer_of_another_launch(&self, began: SystemTime) -> Option<CachedConfig> {
        let answer = self.answer(&self.distributed.query)?;
        let is_new = self.refresh == Refresh::IfStale || answer.was_asked_since(began);
        let is_other = self.distributed.cached.as_ref() != Some(&answer);
        (is_new && is_other && self.is_meant(&answer)).then_some(answer)
    }

    /// Asks the site. Where that would disturb jobs, or the site does not answer, the old configuration stays in use.
    fn ask(&self, mut old: Option<CachedConfig>, turn: &Lock) -> Result<Held, Error> {
        if let Some(known) = &old
            && !self.lacks_only_its_name(known)
        {
            // An old configuration can wait until no job runs from it. New jobs may begin while the site is asked.
            match try_take(&self.jobs_file(known.project_id), LockMode::Exclusive) {
                // Without marks of the core, the launcher's mark alone says that realising was interrupted.
                Ok(Some(jobs)) if jobs.is_marked() && known.kind == ConfigKind::Unmarked => {
                    old = None;
                }
                // The core's marks say that the configuration is complete, whatever the launcher's says.
                Ok(Some(mut jobs)) => drop(jobs.clear_mark()),
                _ => {
                    if let Some((mut selection, lock)) = self.hold(Some(known)) {
                        selection.warnings.extend(self.engine_warning(known));
                        return Ok((selection, lock));
                    }
                }
            }
        }
        self.cache.remove_old_failures();
        let mut realising = RealisingLock::default();
        let answer = self.ask_site(turn, &mut realising);
        (self.watch)(Progress::Over);
        realising.end(answer.is_ok() || old.is_some(), &self.realised);
        match answer {
            Ok((answer, warnings)) => self.use_answer(&answer, warnings),
            Err(error) => {
                if let Error::Site(error) = &error {
                    self.cache.keep_failure(&self.distributed.query, &error.failure);
                }
                self.fall_back(old, error)
            }
        }
    }

    /// Returns true if a configuration is due for its project's name alone: nothing will be realised, so running jobs
    /// need not finish.
    fn lacks_only_its_name(&self, known: &CachedConfig) -> bool {
        known.age() < self.site.refresh_after
            && known.has_engine_of(self.site)
            && self.hold(Some(known)).is_some()
    }

    /// Puts the query to the site, and has the configuration realised if it is distributed. Returns warnings too.
    fn ask_site(
        &self,
        turn: &Lock,
        realising: &mut RealisingLock,
    ) -> Result<(CachedConfig, Vec<String>), Error> {
        debug!("asks the site {}", Printable::new(&self.site.host.value));
        let mut process = SiteProcess::start(self.context, &self.distributed, turn)?;
        (self.watch)(Progress::At(0.0, format!("asking the site {}", self.host())));
        let engine = &self.site.engine.value;
        let mut project = (0, String::new());
        loop {
            match process.read_reply()? {
                HelperReply::Project { id, name } => {
                    realising.take_turn(id, &self.cache, self.watch)?;
                    if self.refresh == Refresh::IfStale
                        && let Some(answer) = self.realised_already(id, &name, realising)?
                    {
                        return Ok((answer, Vec::new()));
                    }
                    realising.begin(id, &self.cache, self.watch)?;
                    process.realise()?;
                    project = (id, name);
                }
                HelperReply::Progress { value, message } => {
                    (self.watch)(Progress::At(value, message));
                }
                HelperReply::Centralized { id, name, path } => {
                    let answer = CachedConfig::new(id, name, path, ConfigKind::Centralized, engine);
                    return Ok((answer, Vec::new()));
                }
                HelperReply::Realised { path, errors } => {
                    let Some(kind) = ConfigKind::of_realised(&PipelineConfig::at(&path)) else {
                        return Err(Error::Incomplete { path });
                    };
                    let mut warnings = Vec::new();
                    for error in &errors {
                        warnings.push(format!("Toolkit: {}", Printable::new(error)));
                    }
                    if realising.is_busy() {
                        let config = Printable::new(&path);
                        warnings.push(format!(
                            "configuration was realised again while jobs ran from it: {config}"
                        ));
                    }
                    let (id, name) = project;
                    return Ok((CachedConfig::new(id, name, path, kind, engine), warnings));
                }
                HelperReply::Failed { kind, message } => {
                    return Err(site_error(&self.distributed, SiteFailure { kind, message }));
                }
            }
        }
    }

    /// Returns the result of another query for the same project if it is young or jobs run from it, with the project's
    /// present name. Otherwise new jobs are held off from now on.
    fn realised_already(
        &self,
        project_id: i64,
        name: &str,
        realising: &mut RealisingLock,
    ) -> Result<Option<CachedConfig>, Error> {
        let query = self.distributed.query.by_id(project_id);
        let Some(mut answer) = self.realised.answer(&query) else { return Ok(None) };
        if !answer.is_realised() || !self.is_meant(&answer) {
            return Ok(None);
        }
        name.clone_into(&mut answer.project);
        let stays =
            !answer.is_due(self.site) || !realising.hold_off_jobs(project_id, &self.cache)?;
        Ok((stays && self.hold(Some(&answer)).is_some()).then_some(answer))
    }

    /// Caches an answer and holds its configuration.
    fn use_answer(&self, answer: &CachedConfig, warnings: Vec<String>) -> Result<Held, Error> {
        let query = &self.distributed.query;
        self.check(answer)?;
        self.cache.drop_replaced(query, answer, &self.context.inputs.variables);
        self.cache.keep(query, answer);
        if answer.is_realised() && answer.has_engine_of(self.site) {
            self.cache.keep_engine(&answer.config);
        }
        let (mut selection, lock) = self.hold_complete(answer)?;
        selection.warnings.extend(warnings);
        Ok((selection, lock))
    }

    /// Checks that the site gave the configuration that was asked for: its path may lead to another project's, and if the
    /// site has none of the name, the bootstrap API falls back to another one.
    fn check(&self, answer: &CachedConfig) -> Result<(), Error> {
        let Distributed { query, here, .. } = &self.distributed;
        let (record, _) = ConfigRecord::read(&answer.config, &self.context.inputs.variables);
        if let Some(found) = record.metadata.project_id.filter(|id| *id != answer.project_id) {
            let (path, wanted) = (record.path, answer.project_id);
            return Err(Error::OtherProject { path, wanted, found });
        }
        let wanted = match (here, &query.config_name) {
            (Some(here), _) if !self.is_meant(answer) => here.config.to_string_lossy().into_owned(),
            (_, Some(name)) if !record.is_named(&ConfigName::Named(name.clone())) => name.clone(),
            _ => return Ok(()),
        };
        let pipeline = record.metadata.config_name.unwrap_or_default();
        let configs = vec![Candidate { path: record.path, pipeline }];
        Err(Error::UnknownConfig { wanted, project: quoted(&answer.project), configs })
    }

    /// Returns true if an answer names the configuration whose path was chosen, or none was chosen by path.
    fn is_meant(&self, answer: &CachedConfig) -> bool {
        self.distributed.here.as_ref().is_none_or(|here| here.config == answer.config)
    }

    /// Uses the old configuration, and turns the error into a warning. Fails with the error if there is no old one, or
    /// the site has no such project or configuration any more.
    fn fall_back(&self, old: Option<CachedConfig>, error: Error) -> Result<Held, Error> {
        let is_not_found = matches!(&error, Error::Site(e) if e.failure.kind.is_not_found());
        let (Some(old), false) = (old, is_not_found) else {
            return Err(self.with_error_on_disk(error));
        };
        let (mut selection, lock) = self.hold_complete(&old)?;
        let config = Printable::new(&old.config).to_string();
        let hint = between(" (", error.hint(), ")");
        selection
            .warnings
            .push(format!("{error}{hint}; the realised configuration stays in use: {config}"));
        self.cache.keep(&self.distributed.query, &old.tried_now());
        Ok((selection, lock))
    }

    /// Selects a configuration if it is complete and no launch is realising it, and locks it against realising.
    fn hold(&self, answer: Option<&CachedConfig>) -> Option<Held> {
        let answer = answer?;
        let mut lock = None;
        if answer.is_realised() {
            // In a read-only cache there is no lock, and no launch can realise.
            lock = take(&self.jobs_file(answer.project_id), LockMode::Shared, self.watch).ok();
        }
        let is_marked = lock.as_ref().is_some_and(Lock::is_marked);
        (!is_marked && answer.is_still_complete()).then(|| (self.selection(answer), lock))
    }

    /// Does the same; fails if the configuration is missing or incomplete.
    fn hold_complete(&self, answer: &CachedConfig) -> Result<Held, Error> {
        if let Some(held) = self.hold(Some(answer)) {
            return Ok(held);
        }
        let path = answer.config.clone();
        if answer.is_realised() {
            return Err(Error::Incomplete { path });
        }
        let exists = disk::exists(&path).unwrap_or(false);
        Err(Error::NotAConfig { path, exists, origin: Origin::Site(self.host()) })
    }

    fn selection(&self, answer: &CachedConfig) -> Selection {
        let mut project = self.distributed.project.clone();
        let name = Some(&answer.project).filter(|name| !name.is_empty());
        if let (ProjectKey::Id(_), Some(name)) = (&self.distributed.query.project, name) {
            project.value = name.into();
        }
        let (path, origin) = (answer.config.clone(), Origin::Site(self.host()));
        let mut selection = Selection::of(&self.context.roots, project, path, origin);
        if answer.is_realised() {
            selection.realised = Some(answer.age());
            selection.known_as = name.cloned();
        }
        selection
    }

    /// Returns the warning for a configuration that stays as it is for its jobs, if it lacks the wanted engine's apps.
    fn engine_warning(&self, known: &CachedConfig) -> Option<String> {
        if known.has_engine_of(self.site) {
            return None;
        }
        let (engine, config) =
            (Printable::new(&self.site.engine.value), Printable::new(&known.config));
        Some(format!(
            "engine '{engine}' is not prepared while jobs run from the configuration: {config}; --refresh prepares it now"
        ))
    }

    /// Adds to the error of a project that the site does not know the reason why the disk has none either.
    fn with_error_on_disk(&self, error: Error) -> Error {
        if !matches!(&error, Error::Site(e) if e.failure.kind == SiteFailureKind::NoProject) {
            return error;
        }
        if let Err(here) = select(self.context, None) {
            return Error::NotOnSite { here: here.into(), host: self.host() };
        }
        let failure = SiteFailure::of(SiteFailureKind::Other, "the site has no such project");
        site_error(&self.distributed, failure)
    }

    fn jobs_file(&self, project_id: i64) -> PathBuf {
        self.cache.project_file(project_id, "lock")
    }

    fn host(&self) -> String {
        self.site.host.value.clone()
    }
}
