//! The site: its address and limits, the credentials to ask it with, the launcher's query, the cached answers and the
//! configurations that Toolkit has realised from it. Nothing here asks the site.

mod cache;
mod cached_config;
mod credentials;
mod query;
mod realised;
mod server;

pub use cache::SiteCache;
pub use cached_config::{CachedConfig, ConfigKind};
pub use credentials::Credentials;
#[cfg(target_os = "linux")]
pub use credentials::Secret;
pub use query::{ProjectKey, SiteQuery};
pub use realised::RealisedConfigs;
pub use server::Site;
