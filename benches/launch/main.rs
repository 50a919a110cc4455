//! What a launch costs before Python starts, with `/bin/true` as the Python, beside what other
//! launchers cost in the same run: time, paths looked at, system calls and instructions.
//!
//! `cargo bench --bench launch [-- ROUNDS]`. Times are medians of runs that take turns, so that
//! whatever else the machine does weighs on all alike; compare the ratios. System calls and paths are
//! counted where `strace` is, instructions where `valgrind` is: neither depends on the machine's mood.
#![allow(clippy::disallowed_methods, reason = "a benchmark is a caller: it has its own process")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what cannot be measured should stop")]

#[cfg(unix)]
#[path = "../count.rs"]
mod count;
#[cfg(unix)]
mod launches;
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
