//! The settings files: a studio's and, over it, the user's. Read once; what they say is kept with the
//! file and key that say it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::Error as DeError;
use serde::{Deserialize, Deserializer};

use crate::disk::{self, Problem};
use crate::environment::{NamePattern, Variables, is_name};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::os::Os;

/// The studio's settings file, beside the launcher or in `/etc`.
const FILE_NAME: &str = "sgtk-python.toml";

/// What the settings files say, the weakest file first.
#[derive(Debug, Default)]
pub struct Settings {
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    document: Document,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    #[serde(deserialize_with = "some_texts")]
    roots: Option<Vec<String>>,
    #[serde(deserialize_with = "some_text")]
    studio: Option<String>,
    #[serde(deserialize_with = "some_text")]
    python: Option<String>,
    environment: EnvironmentTable,
    projects: BTreeMap<String, ProjectTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ProjectTable {
    #[serde(deserialize_with = "some_text")]
    config: Option<String>,
    #[serde(deserialize_with = "some_text")]
    studio: Option<String>,
    #[serde(deserialize_with = "some_text")]
    python: Option<String>,
    environment: EnvironmentTable,
}

/// The `[environment]` of a settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvironmentTable {
    /// The variables to remove.
    #[serde(deserialize_with = "patterns")]
    pub unset: Vec<NamePattern>,
    /// The variables to set.
    #[serde(deserialize_with = "assignments")]
    pub set: Variables,
}

fn some_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match String::deserialize(deserializer)? {
        text if is_text(&text) => Ok(Some(text)),
        _ => Err(D::Error::custom("is empty or holds a NUL; leave the key out instead")),
    }
}

fn some_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    if texts.iter().all(|text| is_text(text)) {
        Ok(Some(texts))
    } else {
        Err(D::Error::custom("holds an empty path, or one with a NUL"))
    }
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\0')
}

fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NamePattern>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    let pattern = |word: String| NamePattern::new(&word).ok_or_else(|| not_a_name(&word));
    words.into_iter().map(pattern).collect()
}

fn assignments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Variables, D::Error> {
    let table = BTreeMap::<String, String>::deserialize(deserializer)?;
    let assignment = |(name, value): (String, String)| {
        if !is_name(name.as_ref()) {
            Err(not_a_name(&name))
        } else if value.contains('\0') {
            Err(D::Error::custom(format!("the value of '{name}' holds a NUL")))
        } else {
            Ok((name.into(), value.into()))
        }
    };
    table.into_iter().map(assignment).collect()
}

fn not_a_name<E: DeError>(word: &str) -> E {
    E::custom(format!("'{word}' cannot be a variable's name"))
}

impl Settings {
    /// Reads the settings files that are there.
    pub fn read(inputs: &Inputs) -> Result<Self, Error> {
        let mut files = Vec::new();
        if let Some(path) = inputs.variable("SGTK_PYTHON_SETTINGS").map(Path::new) {
            let path = inputs.place.absolute(path).ok_or_else(|| Error::no_directory(path))?;
            let file = File::read(path.clone())?;
            files.push(file.ok_or_else(|| Error::file(path, Problem::Missing))?);
        } else if let Some(file) = studio_file(inputs)? {
            files.push(file);
        }
        if let Some(path) = users_place(inputs) {
            files.extend(File::read_if_allowed(path)?);
        }
        Ok(Settings { files })
    }

    /// The folders below which configs lie, as written.
    pub fn roots(&self) -> Option<Decided<&[String]>> {
        self.strongest(|document| document.roots.as_deref(), "roots")
    }

    /// The studio's core below a root, as written.
    pub fn studio(&self, project: Option<&str>) -> Option<Decided<&str>> {
        self.of_project(project, "studio", |table| table.studio.as_deref())
            .or_else(|| self.strongest(|document| document.studio.as_deref(), "studio"))
    }

    /// The Python, as written.
    pub fn python(&self, project: Option<&str>) -> Option<Decided<&str>> {
        self.of_project(project, "python", |table| table.python.as_deref())
            .or_else(|| self.strongest(|document| document.python.as_deref(), "python"))
    }

    /// The config of a project, as written.
    pub fn config(&self, project: &str) -> Option<Decided<&str>> {
        self.of_project(Some(project), "config", |table| table.config.as_deref())
    }

    /// The projects whose config the settings name, with that config as written.
    pub fn projects(&self) -> impl Iterator<Item = (&str, Decided<&str>)> {
        let names = self.files.iter().rev().flat_map(|file| file.document.projects.keys());
        names.filter_map(|name| Some((name.as_str(), self.config(name)?)))
    }

    /// The projects that have a table, with the file that has it.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &Path)> {
        let tables = self.files.iter().map(|file| (file.document.projects.keys(), &file.path));
        tables.flat_map(|(names, path)| names.map(|name| (name.as_str(), path.as_path())))
    }

    /// What to do to the environment, in this order: the general before the project's, and of each
    /// the studio's before the user's.
    pub fn environment(&self, project: Option<&str>) -> Vec<Decided<&EnvironmentTable>> {
        let general =
            self.files.iter().map(|file| (file, "environment".into(), &file.document.environment));
        let special = self.files.iter().filter_map(|file| {
            let table = file.document.projects.get(project?)?;
            Some((file, format!("projects.{}.environment", project?), &table.environment))
        });
        let decided = |(file, key, table): (&File, String, _)| {
            Decided::new(table, Origin::Setting { key, file: file.path.clone() })
        };
        general.chain(special).map(decided).collect()
    }

    fn strongest<'a, T: ?Sized>(
        &'a self,
        pick: impl Fn(&'a Document) -> Option<&'a T>,
        key: &str,
    ) -> Option<Decided<&'a T>> {
        self.files.iter().rev().find_map(|file| {
            let origin = Origin::Setting { key: key.into(), file: file.path.clone() };
            Some(Decided::new(pick(&file.document)?, origin))
        })
    }

    fn of_project<'a>(
        &'a self,
        project: Option<&str>,
        key: &str,
        pick: impl Fn(&'a ProjectTable) -> Option<&'a str>,
    ) -> Option<Decided<&'a str>> {
        let project = project?;
        let pick = |document: &'a Document| pick(document.projects.get(project)?);
        self.strongest(pick, &format!("projects.{project}.{key}"))
    }
}

impl File {
    /// The same, for a file that nobody named: somebody else's home (`su` and `cron` leave `HOME` as it
    /// was) is closed to this user.
    fn read_if_allowed(path: PathBuf) -> Result<Option<Self>, Error> {
        match Self::read(path) {
            Err(Error::File { problem: Problem::Io(_), .. }) => Ok(None),
            result => result,
        }
    }

    /// Reads one settings file; `None` where there is none.
    fn read(path: PathBuf) -> Result<Option<Self>, Error> {
        let Some(text) = disk::read(&path).map_err(|problem| Error::file(&path, problem))? else {
            return Ok(None);
        };
        match toml::from_str(&text) {
            Ok(document) => Ok(Some(File { path, document })),
            Err(error) => Err(fault(path, &text, &error)),
        }
    }
}

/// The studio's file: beside the launcher, so that a share carries its own, else the machine's.
fn studio_file(inputs: &Inputs) -> Result<Option<File>, Error> {
    let beside =
        inputs.place.launcher.as_deref().map(|launcher| launcher.with_file_name(FILE_NAME));
    match beside.map(File::read).transpose()?.flatten() {
        Some(file) => Ok(Some(file)),
        None if cfg!(unix) => File::read(Path::new("/etc").join(FILE_NAME)),
        None => Ok(None),
    }
}

/// The user's file. A relative `XDG_CONFIG_HOME` is to be ignored (XDG Base Directory
/// Specification); having no home folder is normal.
fn users_place(inputs: &Inputs) -> Option<PathBuf> {
    let folder = |name| inputs.variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || match Os::CURRENT {
        Os::Windows => folder("APPDATA"),
        _ => Some(folder("HOME")?.join(".config")),
    };
    Some(folder("XDG_CONFIG_HOME").or_else(home)?.join("sgtk-python").join("settings.toml"))
}

/// What is wrong with a file's text, and where.
fn fault(path: PathBuf, text: &str, error: &toml::de::Error) -> Error {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let key = line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let message = without_value(error.message()).replace('\n', ", ");
    Error::Settings { path, line: before.matches('\n').count() + 1, key, message }
}

/// A message of serde's without the value that it quotes, which may be a secret in a wrong place:
/// ``invalid type: integer `1`, expected a string``.
fn without_value(message: &str) -> String {
    let value = message.strip_prefix("invalid type: ").and_then(|rest| rest.find(['`', '"']));
    match (value, message.rsplit_once(", expected ")) {
        (Some(at), Some((_, expected))) => {
            let kind = message.get(..at + "invalid type: ".len()).unwrap_or_default();
            format!("{}, expected {expected}", kind.trim_end())
        }
        _ => message.to_owned(),
    }
}
