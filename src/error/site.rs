//! Why a site gave no configuration, as `shims/bootstrap/` reports it.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::report::{Code, Report, row};
use super::wording::{quoted, shown};

/// The hint for a thing that the site does not have.
pub const NEW_ON_SITE: &str =
    "changes on the site are seen after five minutes, or at once with --refresh";

/// A site that gave no configuration for a project.
#[derive(Debug)]
pub struct SiteError {
    /// The project.
    pub project: OsString,
    /// The site's address.
    pub host: String,
    /// The reason.
    pub failure: SiteFailure,
    /// The log of Toolkit's bootstrap.
    pub log: PathBuf,
}

/// The reason why a site gave no configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SiteFailure {
    /// The kind of failure.
    pub kind: SiteFailureKind,
    /// What Toolkit or the system said of it.
    pub message: String,
}

/// The kinds of a site's failures, by the names that `shims/bootstrap/` gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteFailureKind {
    /// There is neither a script key nor a saved login.
    NoCredentials,
    /// The site refuses the credentials.
    LoginRefused,
    /// The site has no such project.
    NoProject,
    /// The site has no configuration for the project.
    NoConfig,
    /// The site has no configuration of that name or id for the project.
    NoPipeline,
    /// The site cannot be reached, or does not answer as a site does.
    Unreachable,
    /// The configuration that the site describes cannot be found or fetched.
    NoDescriptor,
    /// The site's core is too old for the configuration.
    CoreTooOld,
    /// The site's core cannot be imported, or there is none.
    NoCore,
    /// Any other failure.
    Other,
}

impl SiteError {
    /// The rows of the table that are about a site.
    #[rustfmt::skip]
    pub(super) fn report(&self) -> Report<'_> {
        use SiteFailureKind as Kind;
        let (host, log, said) = (shown(&self.host), shown(&self.log), shown(&self.failure.message));
        let start = format!("the site {host} gave no configuration for {}", quoted(&self.project));
        match self.failure.kind {
            Kind::NoCredentials => row!(Code::Broken, "site-no-credentials", "{start}: no credentials: {said}";
                "set SHOTGUN_FARM_SCRIPT_USER and SHOTGUN_FARM_SCRIPT_KEY, set 'credentials_file' in [site], or log in once by running the command in a terminal"),
            Kind::LoginRefused => row!(Code::Broken, "site-login-refused", "{start}: login refused: {said}"; "see the log {log}"),
            Kind::NoProject => row!(Code::NoProject, "site-no-project", "{start}: {said}"; "{NEW_ON_SITE}"),
            Kind::NoConfig => row!(Code::NoProject, "site-no-config", "{start}: {said}";
                "check 'plugin_id' in [site] and --pipeline, or set 'base_configuration' in [site]; {NEW_ON_SITE}"),
            Kind::NoPipeline => row!(Code::NoProject, "site-unknown-config", "{start}: {said}";
                "use --pipeline with the name or id of another configuration; {NEW_ON_SITE}"),
            Kind::Unreachable => row!(Code::Broken, "site-unreachable",
                "{start}: the site cannot be reached or gave no valid answer: {said}"; "see the log {log}"),
            Kind::NoDescriptor => row!(Code::Broken, "site-no-descriptor",
                "{start}: the configuration cannot be fetched: {said}"; "see the log {log}"),
            Kind::CoreTooOld => row!(Code::Broken, "site-core-too-old", "{start}: the site's core is too old: {said}"; "see the log {log}"),
            Kind::NoCore => row!(Code::Broken, "site-no-core", "{start}: {said}";
                "set 'core' in [site] to a folder that contains 'sgtk' and fits the site's Python"),
            Kind::Other => row!(Code::Broken, "site-failed", "{start}: {said}"; "see the log {log}"),
        }
    }
}

impl SiteFailure {
    /// A failure of a kind.
    pub fn of(kind: SiteFailureKind, message: impl Into<String>) -> Self {
        SiteFailure { kind, message: message.into() }
    }
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
