//! Gets the configuration of a distributed project: the one that is realised on this machine while it is complete and
//! young, else the site's answer. The site is asked rarely, between choosing the project and reading its configuration,
//! by a Python of its own; the result is an ordinary configuration.
//!
//! One launch at a time asks a query, and one at a time realises a project's configuration; the others use its result.
//! Jobs share the project's lock while they run: realising moves the core away, which would break their imports.

mod acquire;
mod cache_lock;
mod realising_lock;
mod refresh;
pub mod site_process;

pub use acquire::Bootstrap;
pub use refresh::{Progress, Refresh, Watch};
