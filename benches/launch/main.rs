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

#[cfg(unix)]
#[path = "../count.rs"]
mod count;
#[cfg(unix)]
mod launches;
#[cfg(unix)]
#[path = "../../tests/it/scene.rs"]
#[allow(dead_code, clippy::panic, clippy::indexing_slicing, reason = "the tests use all of it")]
mod scene;
#[cfg(unix)]
#[path = "../../tests/it/support.rs"]
#[allow(dead_code, clippy::panic, clippy::indexing_slicing, reason = "the tests use all of it")]
mod support;

fn main() {
    #[cfg(unix)]
    launches::measure();
    #[cfg(not(unix))]
    println!("nothing to measure: only on Unix does the launcher become its Python");
}
