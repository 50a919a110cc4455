//! `sgtk-python` becomes the Python of a Toolkit project, with that project's core (`sgtk`) and
//! nothing left of another project or another Python.
//!
//! ```text
//! Inputs ─▶ Request ─▶ Context ─▶ ChosenProject ─▶ LaunchPlan ─▶ exec
//! capture   parse      settings,  choose, and      resolve,      ├▶ worker  (the same value, sent)
//!                      roots,     realise where    decide        └▶ explain (the same value, printed)
//!                      site       needed
//! ```
//!
//! | rooms, from the top down | responsibility |
//! |---|---|
//! | `main` | parse, build the context, run the command, report |
//! | `fuzzing` | for `fuzz/` alone: each reader of the crate, and the property that holds for all bytes |
//! | [`command`] | one file a verb; the only rooms that print |
//! | `project` | choose the project, and have its configuration realised if it is distributed |
//! | `bootstrap` | realise a distributed configuration with the bootstrap API |
//! | `helper`, `worker` | ask another Python something; run a plan in the project's worker |
//! | `exec` | become Python |
//! | `plan`, `resolve`, `select` | decide what runs: configuration, core, interpreter, environment |
//! | [`context`] | all that a command starts from |
//! | `site` | the site: address, credentials, query, cached answers, realised configurations |
//! | `finding` | the search for configurations on disk |
//! | `toolkit`, `inherit` | Toolkit's files and rules; the variables that Python inherits |
//! | [`request`], `settings` | what the caller and the settings files ask for |
//! | [`console`], `table`, [`narration`], [`status`], [`inputs`] | the process' streams, `--status-fd`, and everything else read from the process |
//! | `error`, `fast_import`, `interpreter`, `lock` | every failure; images of cores; facts about a Python; locks on files |
//! | `disk`, `environment`, `origin` | files; variables as values; what decided a value |
//! | [`cli`], `display`, `fingerprint`, `interrupt`, `os`, `parallel`, `suggest` | know nothing of the crate |
//!
//! The process is read once, at the left edge ([`inputs`]); the plan is a pure value; only the right edge
//! acts. Each value carries its origin, so `--explain`, the tests and the launch read one struct.
//! `tests/it/layers.rs` checks that imports run strictly downwards; docs/architecture.md says where each kind
//! of change goes.

#![cfg_attr(not(windows), forbid(unsafe_code))]
#![cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has workers"))]

mod bootstrap;
pub mod cli;
pub mod command;
pub mod console;
pub mod context;
mod disk;
mod display;
mod environment;
mod error;
mod exec;
mod fast_import;
mod finding;
mod fingerprint;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod helper;
mod inherit;
pub mod inputs;
mod interpreter;
mod interrupt;
mod lock;
pub mod narration;
mod origin;
mod os;
mod parallel;
mod plan;
mod project;
pub mod request;
mod resolve;
mod select;
mod settings;
mod site;
pub mod status;
mod suggest;
mod table;
mod toolkit;
mod worker;
