//! Tests of the launcher through its binary, against whole studios on disk. Tests that need the real core are
//! ignored here; `tests/run` fetches the core and runs them.
#![allow(clippy::disallowed_methods, reason = "a test is a caller: it has a process of its own")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "that is how a test fails"
)]
#![cfg_attr(windows, allow(dead_code, reason = "some helpers serve tests of Unix alone"))]

#[cfg(unix)]
mod as_main;
mod bad_input;
#[cfg(unix)]
mod calling;
mod command_line;
#[cfg(unix)]
mod completion;
mod console;
#[cfg(unix)]
mod demo;
#[cfg(unix)]
mod differential;
#[cfg(unix)]
mod distributed;
#[cfg(unix)]
mod distributed_support;
mod docs;
mod doctor;
#[cfg(unix)]
mod doctor_studio;
#[cfg(unix)]
mod each;
#[cfg(unix)]
mod editor;
#[cfg(unix)]
mod engines;
mod environment;
#[cfg(unix)]
mod exclusive;
mod explaining;
#[cfg(target_os = "linux")]
mod fast_import;
mod finding;
#[cfg(unix)]
mod launching;
#[cfg(windows)]
mod launching_windows;
mod layers;
mod listing;
#[cfg(unix)]
mod ntpath;
#[cfg(target_os = "linux")]
mod pages;
#[cfg(windows)]
mod paths_windows;
#[cfg(unix)]
mod properties;
#[cfg(unix)]
mod pythons;
#[cfg(unix)]
mod real_core;
mod realised;
mod resolving;
mod scene;
mod selecting;
mod settings;
#[cfg(unix)]
mod shims;
#[cfg(unix)]
mod site_faults;
#[cfg(unix)]
mod snapshots;
#[cfg(unix)]
mod standin;
#[cfg(target_os = "linux")]
mod status;
mod support;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod trust;
#[cfg(target_os = "linux")]
mod warm;
#[cfg(target_os = "linux")]
mod warm_descriptors;
#[cfg(target_os = "linux")]
mod warm_engine;
#[cfg(target_os = "linux")]
mod warm_faults;
#[cfg(target_os = "linux")]
mod warm_files;
#[cfg(target_os = "linux")]
mod warm_life;
#[cfg(target_os = "linux")]
mod warm_protocol;
#[cfg(target_os = "linux")]
mod warm_reasons;
#[cfg(target_os = "linux")]
mod warm_stalls;
#[cfg(target_os = "linux")]
mod warm_support;
#[cfg(target_os = "linux")]
mod warm_terminal;
