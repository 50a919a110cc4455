//! The selection that an answer stands for, and the lock that keeps it as it is while a job runs from it.

use super::{Bootstrap, Held};
use crate::disk;
use crate::error::{Candidate, Error};
use crate::lock::{Lock, LockMode};
use crate::origin::Origin;
use crate::select::{Distributed, Selection};
use crate::site::query::{CachedConfig, ConfigKind, ProjectKey};
use crate::toolkit::record::{ConfigName, ConfigRecord};

impl Bootstrap<'_> {
    /// The selection of a configuration that is here, whole, and not being realised by anybody.
    pub fn held(&self, answer: Option<&CachedConfig>) -> Option<Held> {
        let answer = answer?;
        if answer.kind == ConfigKind::Centralized {
            return answer.is_whole().then(|| (self.selection(answer), None));
        }
        // Where a lock cannot be had nobody can realise either: a cache that is only read.
        let lock = self.wait_for(&self.jobs_file(answer.project_id), LockMode::Shared).ok();
        let is_marked = lock.as_ref().is_some_and(Lock::is_marked);
        (!is_marked && answer.is_whole()).then(|| (self.selection(answer), lock))
    }

    /// The same; it is an error if there is none.
    pub fn held_whole(&self, answer: &CachedConfig) -> Result<Held, Error> {
        let not_whole = || match answer.kind {
            ConfigKind::Centralized => {
                let (path, origin) = (answer.config.clone(), Origin::Site(self.host()));
                let exists = disk::exists(&path).unwrap_or(false);
                Error::NotAConfig { path, exists, origin }
            }
            ConfigKind::Realised | ConfigKind::Unmarked => {
                Error::Incomplete { path: answer.config.clone() }
            }
        };
        self.held(Some(answer)).ok_or_else(not_whole)
    }

    fn selection(&self, answer: &CachedConfig) -> Selection {
        let mut project = self.distributed.project.clone();
        let name = Some(&answer.project).filter(|name| !name.is_empty());
        if let (ProjectKey::Id(_), Some(name)) = (&self.distributed.query.project, name) {
            project.value = name.into();
        }
        let origin = Origin::Site(self.host());
        let path = answer.config.clone();
        let mut selection = Selection::of(&self.context.roots, project, path, origin);
        if answer.kind != ConfigKind::Centralized {
            selection.realised = Some(answer.age());
            selection.known_as = name.cloned();
        }
        selection
    }

    /// Whether an answer names the very configuration that was chosen, if one was.
    pub fn is_meant(&self, answer: &CachedConfig) -> bool {
        self.distributed.here.as_ref().is_none_or(|here| here.config == answer.config)
    }

    /// Checks that the site gave the configuration that was asked for: the bootstrap API falls back to
    /// another one if there is none of a name.
    pub fn check_pipeline(&self, answer: &CachedConfig) -> Result<(), Error> {
        let Distributed { query, here, .. } = &self.distributed;
        let (found, _) = ConfigRecord::read(&answer.config, &self.context.inputs.variables);
        let wanted = match (here, &query.config_name) {
            (Some(here), _) if !self.is_meant(answer) => here.config.to_string_lossy().into_owned(),
            (_, Some(name)) if !found.is_named(&ConfigName::Named(name.clone())) => name.clone(),
            _ => return Ok(()),
        };
        let project = answer.project.clone();
        let pipeline = found.metadata.config_name.unwrap_or_default();
        Err(Error::UnknownConfig {
            wanted,
            project,
            configs: vec![Candidate { path: found.path, pipeline }],
        })
    }
}
