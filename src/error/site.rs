//! Why a site gave no configuration, as `shims/bootstrap.py` tells it.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a site was asked for in vain.
#[derive(Debug)]
pub struct SiteError {
    /// The project.
    pub project: OsString,
    /// The site's address.
    pub host: String,
    /// Why it gave no configuration.
    pub failure: SiteFailure,
    /// Where the whole story is.
    pub log: PathBuf,
}

/// Why the site gave no configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SiteFailure {
    /// What kind of failure it is.
    pub kind: SiteFailureKind,
    /// What Toolkit or the system said of it.
    pub message: String,
}

impl SiteFailure {
    /// A failure of a kind.
    pub fn of(kind: SiteFailureKind, message: impl Into<String>) -> Self {
        SiteFailure { kind, message: message.into() }
    }
}

/// The kinds of a site's failures, by the names that `shims/bootstrap.py` gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteFailureKind {
    /// Nobody to ask as.
    NoCredentials,
    /// The site does not accept who asks.
    LoginRefused,
    /// The site has no such project.
    NoProject,
    /// The site has no configuration for the project.
    NoConfig,
    /// The site has no configuration of that name or id for the project.
    NoPipeline,
    /// The site cannot be reached, or does not answer as a site does.
    Unreachable,
    /// What the site describes cannot be found or fetched.
    NoDescriptor,
    /// The site's core is too old for the configuration.
    CoreTooOld,
    /// The site's core cannot be imported, or there is none.
    NoCore,
    /// Another one.
    Other,
}

impl SiteFailureKind {
    /// Whether the site did answer: that it has no such thing.
    pub fn is_not_found(self) -> bool {
        matches!(
            self,
            SiteFailureKind::NoProject | SiteFailureKind::NoConfig | SiteFailureKind::NoPipeline
        )
    }
}
