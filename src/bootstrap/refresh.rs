//! When the site is asked, and what is used while it is not, or does not answer.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::SystemTime;

use super::realising_lock::Realising;
use super::site_process::Trouble;
use super::{Bootstrap, Held, Progress, Refresh, try_for};
use crate::display::Printable;
use crate::error::{Error, SiteFailure};
use crate::lock::{Lock, LockMode};
use crate::select::Distributed;
use crate::site::query::{CachedConfig, ConfigKind};

impl Bootstrap<'_> {
    /// What is realised here, if it may be used, else what the site answers.
    pub fn acquire(&self, asking: Refresh) -> Result<Held, Error> {
        let query = &self.distributed.query;
        let (kept, here) = (self.distributed.cached.as_ref(), self.distributed.here.as_ref());
        let known = self.known();
        let usable = known.as_ref().filter(|known| match asking {
            // What was chosen by its folder is used as it lies there.
            Refresh::IfStale => here.is_some() || !known.is_due(self.site),
            Refresh::Never => true,
            Refresh::Always => false,
        });
        if let Some(held) = self.held(usable) {
            // What was found elsewhere need not be searched for again.
            let is_news = usable != kept && here.is_none() && asking == Refresh::IfStale;
            if let Some(found) = usable.filter(|_| is_news) {
                self.site.keep(query, found);
            }
            return Ok(held);
        }
        if asking == Refresh::Never {
            return Err(Error::NotRealised { project: self.name(), host: self.host() });
        }
        if asking == Refresh::IfStale
            && let Some(failure) = self.site.denied(query)
        {
            return Err(self.error_of(failure));
        }
        let began = SystemTime::now();
        let spare = known.filter(|known| asking == Refresh::IfStale && known.is_whole());
        let file = self.site.file(query, "lock");
        let taken = try_for(&file, LockMode::Exclusive);
        // While another launch asks, what is merely old will do.
        if matches!(taken, Ok(None))
            && let Some(held) = self.held(spare.as_ref())
        {
            return Ok(held);
        }
        let turn = taken.and_then(|turn| match turn {
            Some(turn) => Ok(turn),
            None => self.wait_for(&file, LockMode::Exclusive),
        });
        let turn = match turn {
            Ok(turn) => turn,
            // A cache that is only read, and that somebody else fills.
            Err(error) => return self.held(spare.as_ref()).ok_or(error),
        };
        // Another launch may have asked while this one waited.
        let since = self.site.cached(query);
        let is_asked =
            |since: &CachedConfig| asking == Refresh::IfStale || since.is_asked_since(began);
        let since =
            since.filter(|since| Some(since) != kept && self.is_meant(since) && is_asked(since));
        match (self.held(since.as_ref()), self.site.refused(query, began)) {
            (Some(held), _) => Ok(held),
            (None, Some(failure)) => self.refused(spare, failure),
            (None, None) => self.ask(asking, spare, &turn),
        }
    }

    /// What is known without asking: what was answered to this query, as long as it is young, else what
    /// was answered to others about the project, or is realised of it.
    fn known(&self) -> Option<CachedConfig> {
        let Distributed { query, cached: kept, here, .. } = &self.distributed;
        let is_old = |kept: &CachedConfig| kept.is_due(self.site);
        match here.as_ref().or(kept.as_ref()) {
            Some(kept) if here.is_none() && is_old(kept) => {
                self.site.cached(&query.by_id(kept.project_id)).or_else(|| Some(kept.clone()))
            }
            Some(known) => Some(known.clone()),
            None => self.site.found(query, &self.context.inputs.variables),
        }
    }

    /// Asks the site; what is realised already has to do if it does not answer.
    fn ask(
        &self,
        asking: Refresh,
        spare: Option<CachedConfig>,
        turn: &Lock,
    ) -> Result<Held, Error> {
        let query = &self.distributed.query;
        let mut spare = spare;
        // Of what is young and usable the site is asked for the name alone.
        let lacks_name = |known: &CachedConfig| {
            known.age() < self.site.refresh_after
                && known.is_ready_for(&self.site.engine)
                && self.held(Some(known)).is_some()
        };
        if let Some(known) = spare.as_ref().filter(|known| !lacks_name(known)) {
            // What is merely old can wait for a moment without jobs. While the site is asked they may begin.
            match try_for(&self.jobs_file(known.project_id), LockMode::Exclusive) {
                // Without marks of the core's, ours alone tells that realising it broke off.
                Ok(Some(jobs)) if jobs.is_marked() && known.kind == ConfigKind::Unmarked => {
                    spare = None;
                }
                // The core's tell that it is whole: somebody was killed before he could say so.
                Ok(Some(mut jobs)) => drop(jobs.mark(false)),
                _ => {
                    if let Some((mut selection, lock)) = self.held(Some(known)) {
                        selection.warnings.extend(self.unready(known));
                        return Ok((selection, lock));
                    }
                }
            }
        }
        self.site.tidy();
        let mut realising = Realising::default();
        let answered = self.converse(asking, turn, &mut realising);
        (self.progress)(Progress::Over);
        let busy = realising.is_busy();
        realising.end(answered.is_ok() || spare.is_some(), self);
        let (answer, complaints) = match answered {
            Ok(answered) => answered,
            Err(Trouble::Here(error)) => return self.fall_back(spare, error),
            Err(Trouble::Site(failure)) => {
                self.site.refuse(query, &failure);
                return self.refused(spare, failure);
            }
        };
        self.check_pipeline(&answer)?;
        self.site.drop_replaced(query, &answer, &self.context.inputs.variables);
        self.site.keep(query, &answer);
        if answer.kind != ConfigKind::Centralized && answer.is_ready_for(&self.site.engine) {
            self.site.note_engine(&answer.config);
        }
        let (mut selection, lock) = self.held_whole(&answer)?;
        let shown = |complaint: &String| format!("Toolkit: {}", Printable::new(complaint));
        selection.warnings.extend(complaints.iter().map(shown));
        if busy {
            let config = Printable::new(&answer.config);
            let warning =
                format!("configuration was realised again while jobs ran from it: {config}");
            selection.warnings.push(warning);
        }
        Ok((selection, lock))
    }

    /// Uses what is realised already, unless the site says that there is no such thing any more.
    fn refused(&self, spare: Option<CachedConfig>, failure: SiteFailure) -> Result<Held, Error> {
        let spare = spare.filter(|_| !failure.kind.is_not_found());
        self.fall_back(spare, self.error_of(failure))
    }

    /// Uses what is realised already, if anything is.
    fn fall_back(&self, spare: Option<CachedConfig>, error: Error) -> Result<Held, Error> {
        let Some(spare) = spare else { return Err(error) };
        let (mut selection, lock) = self.held_whole(&spare)?;
        let config = Printable::new(&spare.config).to_string();
        let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
        selection
            .warnings
            .push(format!("{error}{hint}; the realised configuration stays in use: {config}"));
        self.site.keep(&self.distributed.query, &spare.tried_now());
        Ok((selection, lock))
    }

    /// What another query about the same project led to, if it is young, or jobs run from it; by the
    /// name that the site tells now. If not, new jobs are held off from here on.
    pub fn realised_already(
        &self,
        project_id: i64,
        name: &str,
        realising: &mut Realising,
    ) -> Result<Option<CachedConfig>, Error> {
        let query = self.distributed.query.by_id(project_id);
        let found = self.site.found(&query, &self.context.inputs.variables);
        let is_usable =
            |found: &CachedConfig| found.kind != ConfigKind::Centralized && self.is_meant(found);
        let Some(mut answer) = found.filter(is_usable) else { return Ok(None) };
        name.clone_into(&mut answer.project);
        let stays = !answer.is_due(self.site) || !realising.hold_off(project_id, self)?;
        Ok((stays && self.held(Some(&answer)).is_some()).then_some(answer))
    }

    /// What to say of a configuration that stays as it is for the sake of its jobs.
    fn unready(&self, known: &CachedConfig) -> Option<String> {
        let (engine, config) =
            (Printable::new(&self.site.engine.value), Printable::new(&known.config));
        let wants = format!(
            "engine '{engine}' is not prepared while jobs run from the configuration: {config}"
        );
        (!known.is_ready_for(&self.site.engine)).then(|| wants + "; --refresh prepares it now")
    }

    pub fn jobs_file(&self, project_id: i64) -> PathBuf {
        self.site.project_file(project_id, "lock")
    }

    pub fn name(&self) -> OsString {
        self.distributed.project.value.clone()
    }

    pub fn host(&self) -> String {
        self.site.host.value.clone()
    }
}
