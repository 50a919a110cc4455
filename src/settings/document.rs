//! What may stand in a settings file, and where and how it fails to.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::Error as DeError;
use serde::{Deserialize, Deserializer};

use crate::environment::{NamePattern, Variables, is_name};
use crate::error::Error;

/// A settings file's text.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Document {
    /// The folders below which configs lie.
    #[serde(deserialize_with = "some_texts")]
    pub roots: Option<Vec<String>>,
    /// The studio's core below a root.
    #[serde(deserialize_with = "some_text")]
    pub studio: Option<String>,
    /// The Python.
    #[serde(deserialize_with = "some_text")]
    pub python: Option<String>,
    /// The site that knows distributed configurations.
    pub site: SiteTable,
    /// Whether jobs run in a worker.
    pub warm: Option<bool>,
    /// Whether a worker starts the engine of its jobs itself, once for all of them.
    pub keep_engine: Option<bool>,
    /// What a worker imports besides `sgtk`.
    #[serde(deserialize_with = "some_modules")]
    pub preload: Option<Vec<String>>,
    /// Further variables that tell workers apart.
    #[serde(deserialize_with = "some_patterns")]
    pub worker_variables: Option<Vec<NamePattern>>,
    /// How long a worker waits for the next job.
    #[serde(deserialize_with = "some_duration")]
    pub idle_after: Option<Duration>,
    /// How many workers a user may have.
    pub max_workers: Option<NonZeroU32>,
    /// How many jobs a worker runs at once.
    pub max_jobs: Option<NonZeroU32>,
    /// The MiB of a worker and its jobs above which further jobs wait.
    pub max_memory: Option<NonZeroU32>,
    /// What Python gets.
    pub environment: EnvironmentTable,
    /// The tables of single projects.
    pub projects: BTreeMap<String, ProjectTable>,
}

/// The `[site]` of a settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteTable {
    /// Its address, such as `https://mystudio.shotgrid.autodesk.com`.
    #[serde(deserialize_with = "some_text")]
    pub host: Option<String>,
    /// The core that realises configurations: a folder that holds `sgtk`.
    #[serde(deserialize_with = "some_text")]
    pub core: Option<String>,
    /// The Python that runs it.
    #[serde(deserialize_with = "some_text")]
    pub python: Option<String>,
    /// Whose configurations are meant, of those that the site has for a project.
    #[serde(deserialize_with = "some_text")]
    pub plugin_id: Option<String>,
    /// The engine whose apps are made ready.
    #[serde(deserialize_with = "some_text")]
    pub engine: Option<String>,
    /// The descriptor of the configuration of a project for which the site has none.
    #[serde(deserialize_with = "some_text")]
    pub base_configuration: Option<String>,
    /// After how long the site is asked again.
    #[serde(deserialize_with = "some_duration")]
    pub refresh_after: Option<Duration>,
    /// How long the site may take for one answer.
    #[serde(deserialize_with = "some_time_limit")]
    pub timeout: Option<Duration>,
    /// How long realising may take for each step.
    #[serde(deserialize_with = "some_time_limit")]
    pub realise_timeout: Option<Duration>,
    /// A file with a script's name and key.
    #[serde(deserialize_with = "some_text")]
    pub credentials_file: Option<String>,
    /// Whether every launch is authenticated before its code runs.
    pub authenticate: Option<bool>,
}

/// A project's table.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectTable {
    /// The config's folder.
    #[serde(deserialize_with = "some_text")]
    pub config: Option<String>,
    /// The studio's core below a root.
    #[serde(deserialize_with = "some_text")]
    pub studio: Option<String>,
    /// The Python.
    #[serde(deserialize_with = "some_text")]
    pub python: Option<String>,
    /// Whether jobs run in a worker.
    pub warm: Option<bool>,
    /// Whether a worker starts the engine of its jobs itself, once for all of them.
    pub keep_engine: Option<bool>,
    /// What a worker imports besides `sgtk`.
    #[serde(deserialize_with = "some_modules")]
    pub preload: Option<Vec<String>>,
    /// What Python gets.
    pub environment: EnvironmentTable,
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
        _ => Err(D::Error::custom(
            "value is empty or contains a NUL byte; leave the key out instead",
        )),
    }
}

fn some_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    if texts.iter().all(|text| is_text(text)) {
        Ok(Some(texts))
    } else {
        Err(D::Error::custom("a path is empty or contains a NUL byte"))
    }
}

fn some_modules<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let is_part = |part: &str| {
        !part.starts_with(|c: char| c.is_ascii_digit())
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !part.is_empty()
    };
    match names.iter().find(|name| !name.split('.').all(is_part)) {
        Some(name) => Err(D::Error::custom(format!("invalid module name: '{name}'"))),
        None => Ok(Some(names)),
    }
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = humantime::parse_duration(&text);
    duration
        .map(Some)
        .map_err(|_| D::Error::custom("expected a duration such as \"1d\", \"12h\" or \"10m\""))
}

fn some_time_limit<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    match some_duration(deserializer)? {
        Some(Duration::ZERO) => Err(D::Error::custom("duration must be longer than zero")),
        limit => Ok(limit),
    }
}

fn some_patterns<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<NamePattern>>, D::Error> {
    patterns(deserializer).map(Some)
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
            Err(D::Error::custom(format!("the value of '{name}' contains a NUL byte")))
        } else {
            Ok((name.into(), value.into()))
        }
    };
    table.into_iter().map(assignment).collect()
}

fn not_a_name<E: DeError>(word: &str) -> E {
    E::custom(format!("invalid variable name: '{word}'"))
}

/// Reads a settings file's text.
pub fn parse(path: &Path, text: &str) -> Result<Document, Error> {
    toml::from_str(text).map_err(|error| fault(path.to_owned(), text, &error))
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
