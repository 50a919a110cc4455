//! The cost of finding a project in a studio of 5,000 configurations on two roots, beside a launch by name and a
//! studio of six: `cargo bench --bench finding`.
//!
//! Times are medians of runs that take turns; compare the ratios. Paths are counted with `strace`, if it is
//! installed.
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
mod findings;
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
    findings::measure();
    #[cfg(not(unix))]
    println!("nothing to measure: only on Unix does the launcher become its Python");
}
