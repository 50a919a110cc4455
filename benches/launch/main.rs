//! The cost of a launch before Python starts, with `/bin/true` as the Python, beside other launchers in the same
//! run: time, paths, system calls, instructions.
//!
//! `cargo bench --bench launch [-- ROUNDS]`. Times are medians of runs that take turns; compare the ratios. System
//! calls and paths are counted with `strace`, instructions with `valgrind`, if they are installed.
#![allow(clippy::disallowed_methods, reason = "a benchmark is a caller: it has its own process")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark stops if it cannot measure"
)]

#[cfg(target_os = "linux")]
#[path = "../count.rs"]
mod count;
#[cfg(target_os = "linux")]
mod launches;
#[cfg(target_os = "linux")]
#[path = "../../tests/it/scene.rs"]
#[allow(dead_code, clippy::panic, clippy::indexing_slicing, reason = "the tests use all of it")]
mod scene;
#[cfg(target_os = "linux")]
#[path = "../../tests/it/support.rs"]
#[allow(dead_code, clippy::panic, clippy::indexing_slicing, reason = "the tests use all of it")]
mod support;

fn main() {
    #[cfg(target_os = "linux")]
    launches::measure();
    #[cfg(not(target_os = "linux"))]
    println!("nothing to measure: the tools that count are those of Linux");
}
