//! Looks up each choice: a project's name or id, a configuration's folder, a path, the working directory.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf, is_separator};

use log::debug;

use super::search::{NoMatch, candidates, find, similar_projects};
use super::selection::{CONFIG_VARIABLE, Chosen, Distributed, Selection};
use crate::context::Context;
use crate::disk;
use crate::display::Printable;
use crate::environment::Variables;
use crate::error::{Error, quoted};
use crate::finding::may_be_here;
use crate::finding::scan::Scan;
use crate::origin::{Decided, Origin};
use crate::os::{below, is_same_name};
use crate::request::Choice;
use crate::site::{ProjectKey, RealisedConfigs, Site, SiteCache, SiteQuery};
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::expand;
use crate::toolkit::record::{ConfigName, ConfigRecord, Query};

/// Looks up every choice of the request, else the working directory. Asks nothing of the site: with a
/// `site`, a project that is not on disk may still be on the site.
pub fn select<'a>(context: &'a Context, site: Option<&'a Site>) -> Result<Vec<Chosen<'a>>, Error> {
    let request = &context.request;
    let name = request.config_name.as_ref().map(|name| ConfigName::Named(name.value.clone()));
    let selector = Selector { context, site, name };
    if !request.choices.is_empty() {
        return request.choices.iter().map(|choice| selector.by_choice(choice)).collect();
    }
    let inside_launch = context.inputs.variable(CONFIG_VARIABLE).is_some();
    let none = Error::NoProject { misplaced: request.misplaced.clone(), inside_launch };
    Ok(vec![selector.by_working_directory()?.ok_or(none)?])
}

struct Selector<'a> {
    context: &'a Context,
    site: Option<&'a Site>,
    /// The project's configuration that is wanted, where the request names one.
    name: Option<ConfigName>,
}

impl<'a> Selector<'a> {
    fn by_choice(&self, choice: &Decided<Choice>) -> Result<Chosen<'a>, Error> {
        let origin = &choice.origin;
        debug!("choice: {:?} ({origin})", choice.value);
        match &choice.value {
            Choice::Project(name) => self.by_name(name, origin),
            Choice::Id(id) => self.by_id(*id, origin),
            Choice::Config(path) => self.by_config(path, origin),
            Choice::Path(path) => {
                let path = self.context.inputs.location.need_absolute(path)?;
                let none = match self.by_path(&path, origin)? {
                    Ok(chosen) => return Ok(chosen),
                    Err(none) => none,
                };
                self.context.need_a_root()?;
                Err(none.explain(Error::NothingAbove { path, origin: origin.clone() }))
            }
        }
    }

    fn by_name(&self, name: &OsStr, origin: &Origin) -> Result<Chosen<'a>, Error> {
        if is_hostile(name) {
            return Err(Error::HostileName { name: name.into(), origin: origin.clone() });
        }
        let roots = &self.context.roots;
        let project = Decided::new(name.to_owned(), origin.clone());
        for (known, Decided { value, origin }) in &roots.named {
            if is_same_name(name, known.as_ref()) {
                let selection = self.selection(project, value.clone(), origin.clone())?;
                return Ok(Chosen::Here(self.with_name(selection)?));
            }
        }
        let folder: PathBuf = Path::new(name).iter().collect();
        let (mut fault, mut no_configs) = (None, Vec::new());
        for root in &roots.folders {
            let path = root.value.join(&folder);
            let origin =
                Origin::Below { root: root.value.clone(), origin: root.origin.clone().into() };
            match PipelineConfig::at(&path).exists() {
                Ok(true) if roots.is_in_a_config(&path) => {}
                Ok(true) => {
                    let selection = Selection::of(roots, project, path, origin);
                    return Ok(Chosen::Here(self.with_name(selection)?));
                }
                Ok(false) => no_configs.push((path, origin)),
                // A root that cannot be read does not hide those after it.
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        let text = name.to_str();
        let key = text.map(|name| ProjectKey::Name(name.into()));
        self.find_or_ask(project, text.map(Query::TankName), key, |none| {
            if let Some(fault) = fault {
                return fault;
            }
            for (path, origin) in no_configs {
                if disk::exists(&path).unwrap_or(false) {
                    return Error::NotAConfig { path, exists: true, origin };
                }
            }
            if let Err(no_root) = self.context.need_a_root() {
                return no_root;
            }
            none.explain(Error::UnknownProject {
                name: name.into(),
                origin: origin.clone(),
                near: similar_projects(name, self.context).into(),
                roots: roots.folders.clone().into(),
            })
        })
    }

    #[inline(never)]
    fn by_id(&self, id: i64, origin: &Origin) -> Result<Chosen<'a>, Error> {
        let roots = &self.context.roots;
        let project = Decided::new(id.to_string().into(), origin.clone());
        let key = ProjectKey::Id(id);
        self.find_or_ask(project, Some(Query::Id(id)), Some(key), |none| {
            let (origin, folders) = (origin.clone(), roots.folders.clone());
            let unknown = none.explain(Error::UnknownId { id, origin, roots: folders });
            self.context.need_a_root().err().unwrap_or(unknown)
        })
    }

    /// Returns the configuration on disk, else the site's. A fresh answer of the site saves the search, unless the project
    /// has a configuration here.
    #[inline(never)]
    fn find_or_ask(
        &self,
        project: Decided<OsString>,
        mut query: Option<Query>,
        key: Option<ProjectKey>,
        otherwise: impl FnOnce(NoMatch) -> Error,
    ) -> Result<Chosen<'a>, Error> {
        let mut distributed = None;
        if let (Some(site), Some(key)) = (self.site, key) {
            let site_query = self.site_query(key);
            let cached = SiteCache::of(site).config(&site_query, self.variables());
            let is_fresh = cached.as_ref().is_some_and(|cached| !cached.is_due(site));
            let mut may_be_here = false;
            if let Some(cached) = &cached
                && self.may_be_here(cached.project_id)
            {
                // The name may be one that only the site knows.
                (may_be_here, query) = (true, Some(Query::Id(cached.project_id)));
            }
            let project = project.clone();
            let found = Distributed { site, project, query: site_query, cached, here: None };
            if is_fresh && !may_be_here && !self.context.request.refresh {
                return Ok(Chosen::OnSite(found));
            }
            distributed = Some(found);
        }
        let found = match &query {
            Some(Query::Id(id)) => self.find(&Query::Id(*id), &format!("id {id}"))?,
            Some(query) => self.find(query, &quoted(&project.value))?,
            None => Err(NoMatch::default()),
        };
        match (found, distributed) {
            (Ok(record), _) => {
                let mut project = project;
                if let (Some(Query::Id(_)), Some(name)) = (query, &record.metadata.tank_name) {
                    project.value = name.into();
                }
                Ok(Chosen::Here(self.selection_of(project, record)))
            }
            (Err(_), Some(distributed)) => Ok(Chosen::OnSite(distributed)),
            (Err(none), None) => Err(otherwise(none)),
        }
    }

    #[inline(never)]
    fn by_config(&self, path: &Path, origin: &Origin) -> Result<Chosen<'a>, Error> {
        let path = self.context.inputs.location.need_absolute(path)?;
        if let Some(distributed) = self.realised_around(&path, origin)? {
            return Ok(Chosen::OnSite(distributed));
        }
        let project = Decided::new(file_name(&path), origin.clone());
        Ok(Chosen::Here(self.selection(project, path, origin.clone())?))
    }

    #[inline(never)]
    fn by_working_directory(&self) -> Result<Option<Chosen<'a>>, Error> {
        debug!("no project was named: looking at the working directory");
        let Some(directory) = self.context.inputs.location.directory() else { return Ok(None) };
        Ok(self.by_path(directory, &Origin::Default("the working directory"))?.ok())
    }

    /// Returns the project whose configuration or data holds a path. Only folders that the roots may hold
    /// count: a `config/` that another user put above a path must not choose what runs.
    #[inline(never)]
    fn by_path(&self, path: &Path, origin: &Origin) -> Result<Result<Chosen<'a>, NoMatch>, Error> {
        let path = expand::without_dots(path);
        if let Some(distributed) = self.realised_around(&path, origin)? {
            return Ok(Ok(Chosen::OnSite(distributed)));
        }
        for folder in self.context.roots.candidates_above(&path) {
            let project = Decided::new(file_name(folder), origin.clone());
            match self.selection(project, folder.to_owned(), origin.clone()) {
                Err(Error::NotAConfig { .. }) => {}
                selection => return Ok(Ok(Chosen::Here(self.with_name(selection?)?))),
            }
        }
        let record = match self
            .find(&Query::Data(&path), &format!("with the data {}", Printable::new(&path)))?
        {
            Ok(record) => record,
            Err(none) => return Ok(self.by_realised_data(&path, origin)?.ok_or(none)),
        };
        let name = record.metadata.tank_name.clone().unwrap_or_default();
        let data = record.data_around(&path).unwrap_or(&path).to_owned();
        let project = Decided::new(name.into(), origin.clone());
        let selection =
            Selection::of(&self.context.roots, project, record.path, Origin::Data(data));
        Ok(Ok(Chosen::Here(selection)))
    }

    /// Returns the realised configuration that is or holds a path or, if the request names another
    /// configuration, that one of the same project. Fails if the configuration is incomplete.
    fn realised_around(
        &self,
        path: &Path,
        origin: &Origin,
    ) -> Result<Option<Distributed<'a>>, Error> {
        let Some(site) = self.site.filter(|site| site.holds(path)) else { return Ok(None) };
        let Scan { records, faults, .. } = self.realised_configs(site).scan();
        for record in records {
            if below(path, &record.path).is_some() {
                return Ok(self.distributed(site, record, origin));
            }
        }
        for (config, fault) in faults {
            if below(path, &config).is_some() {
                return Err(fault);
            }
        }
        Ok(None)
    }

    fn distributed(
        &self,
        site: &'a Site,
        record: ConfigRecord,
        origin: &Origin,
    ) -> Option<Distributed<'a>> {
        let id = record.metadata.project_id?;
        let mut query = self.site_query(ProjectKey::Id(id));
        let is_wanted = self.name.as_ref().is_none_or(|name| record.is_named(name));
        if is_wanted {
            query.config_name = record.metadata.config_id.map(|id| id.to_string());
        }
        let project = record.metadata.tank_name.clone().unwrap_or_else(|| id.to_string());
        let project = Decided::new(project.into(), origin.clone());
        let here = if is_wanted { self.realised_configs(site).answer_of(record) } else { None };
        let cached = SiteCache::of(site).config(&query, self.variables());
        Some(Distributed { site, project, query, cached, here })
    }

    /// Returns the realised project whose data holds a path.
    fn by_realised_data(&self, path: &Path, origin: &Origin) -> Result<Option<Chosen<'a>>, Error> {
        let Some(site) = self.site else { return Ok(None) };
        let records = self.realised_configs(site).scan_current().records;
        for record in Query::Data(path).best(records) {
            if let Some(id) = record.metadata.project_id {
                return Ok(Some(self.by_id(id, origin)?));
            }
        }
        Ok(None)
    }

    /// Returns the selection, or the project's configuration that the request names.
    fn with_name(&self, selection: Selection) -> Result<Selection, Error> {
        let Some(name) = &self.name else { return Ok(selection) };
        let (record, fault) = ConfigRecord::read(&selection.config.path, self.variables());
        if record.is_named(name) {
            return Ok(selection);
        }
        let project = record.metadata.tank_name.clone().unwrap_or_default();
        let shown = quoted(&project);
        let other = match record.metadata.project_id {
            Some(id) => self.find(&Query::Id(id), &shown)?.ok(),
            // Projects without a name are not the same project.
            None if project.is_empty() => None,
            None => self.find(&Query::TankName(&project), &shown)?.ok(),
        };
        match (other, fault) {
            (Some(other), _) => Ok(self.selection_of(selection.project, other)),
            (None, Some(fault)) => Err(fault),
            (None, None) => Err(Error::UnknownConfig {
                wanted: name.to_string(),
                project: shown,
                configs: candidates(&[record]),
            }),
        }
    }

    fn may_be_here(&self, project_id: i64) -> bool {
        let name = self.name.as_ref().unwrap_or(&ConfigName::Primary);
        may_be_here(project_id, name, &self.context.roots, &self.context.index())
    }

    fn find(&self, query: &Query, project: &str) -> Result<Result<ConfigRecord, NoMatch>, Error> {
        let name = self.name.as_ref().unwrap_or(&ConfigName::Primary);
        find(query, name, project, self.context)
    }

    fn realised_configs(&self, site: &'a Site) -> RealisedConfigs<'a> {
        RealisedConfigs::of(site, self.variables())
    }

    fn variables(&self) -> &'a Variables {
        &self.context.inputs.variables
    }

    fn site_query(&self, project: ProjectKey) -> SiteQuery {
        SiteQuery { project, config_name: self.name.as_ref().map(ToString::to_string) }
    }

    /// Fails if the path is no configuration.
    fn selection(
        &self,
        project: Decided<OsString>,
        path: PathBuf,
        origin: Origin,
    ) -> Result<Selection, Error> {
        if PipelineConfig::at(&path).exists()? {
            return Ok(Selection::of(&self.context.roots, project, path, origin));
        }
        let exists = disk::exists(&path).unwrap_or(false);
        Err(Error::NotAConfig { path, exists, origin })
    }

    fn selection_of(&self, project: Decided<OsString>, record: ConfigRecord) -> Selection {
        let file = PipelineConfig::at(&record.path).metadata_file();
        Selection::of(&self.context.roots, project, record.path, Origin::File(file))
    }
}

/// The last part of a path; for `/` the path itself.
fn file_name(path: &Path) -> OsString {
    path.file_name().unwrap_or(path.as_os_str()).to_owned()
}

/// Returns true if a name could lead out of the roots. Names may come from events, which anyone can make.
pub fn is_hostile(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    if bytes.contains(&0) || (cfg!(windows) && bytes.contains(&b':')) {
        return true;
    }
    bytes.split(|byte| is_separator((*byte).into())).any(is_bad_part)
}

/// Windows drops the dots and spaces at a name's end.
fn is_bad_part(part: &[u8]) -> bool {
    matches!(part, b"" | b"." | b"..") || (cfg!(windows) && matches!(part, [.., b'.' | b' ']))
}
