//! What the launcher and `shims/bootstrap.py` say to each other: a line of JSON each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::SiteFailureKind;
use crate::site::credentials::Credentials;
use crate::site::query::ProjectKey;

/// What the program is asked for.
#[derive(Serialize)]
pub struct HelperRequest<'a> {
    pub host: &'a str,
    pub credentials: Option<Credentials>,
    pub locks: Vec<i32>,
    pub terminal: bool,
    pub project: &'a ProjectKey,
    pub pipeline: ConfigKey<'a>,
    pub plugin_id: &'a str,
    pub base_configuration: Option<&'a str>,
    pub engine: &'a str,
    pub timeout: f64,
    pub realise_timeout: f64,
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum ConfigKey<'a> {
    Id(i64),
    Name(&'a str),
}

/// What the program answers, a line each.
#[derive(Deserialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
pub enum HelperReply {
    Project { id: i64, name: String },
    Progress { value: f64, message: String },
    Centralized { id: i64, name: String, path: PathBuf },
    Realised { path: PathBuf, errors: Vec<String> },
    Failed { kind: SiteFailureKind, message: String },
}
