//! `sgtk-python` becomes the Python of a Toolkit project, with that project's core (`sgtk`) and
//! nothing left of another project or another Python.
//!
//! ```text
//! Inputs ─▶ Request ─▶ Selection ─▶ Resolution ─▶ LaunchPlan ─▶ exec
//! capture   parse      choose  │    read disk     decide         ├▶ worker  (the same value, sent)
//!              │          ▲    │        ▲                         └▶ explain (the same value, printed)
//!              │          │    └ bootstrap (what is distributed: realised here, else asked of the site)
//!              │          └ finding       │ (configurations by id, name or path)
//!              └─▶ Environment ───────────┘
//!                  what Python may inherit
//! ```
//!
//! For several projects ([`each`]) the launcher starts itself, once for each.
//!
//! The process is read once, at the left edge ([`inputs`]); what a job in a worker has to have of it besides
//! is read where it is sent ([`worker`]). The disk is read in the middle, and nothing is written but the
//! index of configurations in the user's cache folder ([`finding::index`]), there a lock if only one run is
//! to go on at a time ([`exclusive`]), what is kept of the site's answers beside the configurations that
//! Toolkit realises ([`bootstrap`]), and the sockets of workers ([`worker`]). The plan
//! is a pure value. Only the right edge acts. Each value carries what decided it
//! ([`origin`]), so that explaining costs nothing: `--explain`, the tests and the launch are readers of
//! one struct, [`plan::LaunchPlan`].
//!
//! Modules import strictly downwards, which `tests/it/layers.rs` checks.

#![cfg_attr(not(windows), forbid(unsafe_code))]

pub mod bootstrap;
pub mod cli;
pub mod credentials;
pub mod disk;
pub mod doctor;
pub mod each;
pub mod environment;
pub mod error;
pub mod exclusive;
pub mod exec;
pub mod explain;
pub mod finding;
pub mod fingerprint;
pub mod inherit;
pub mod inputs;
pub mod listing;
pub mod lock;
pub mod near;
pub mod origin;
pub mod os;
pub mod parallel;
pub mod plan;
pub mod request;
pub mod resolve;
pub mod select;
pub mod settings;
pub mod shim;
pub mod shown;
pub mod site;
pub mod situation;
pub mod toolkit;
pub mod worker;
