//! The cost of `import sgtk` in a plain launch, with and without an image of the core, beside a bare Python.
//!
//! `SGTK_PYTHON_TEST_CORE=… cargo bench --bench import [-- ROUNDS]`, with the folder that `tests/run` fetches the real
//! core into, or with `python` of a source tree of the core. Times are medians of runs that take turns; compare the ratios.
#![allow(clippy::disallowed_methods, reason = "a benchmark is a caller: it has its own process")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops if it cannot measure"
)]

#[cfg(target_os = "linux")]
mod imports;
#[cfg(target_os = "linux")]
#[path = "../../tests/it/scene.rs"]
#[allow(dead_code, clippy::panic, clippy::indexing_slicing, reason = "the tests use all of it")]
mod scene;
#[cfg(target_os = "linux")]
#[path = "../slow_server/mod.rs"]
mod slow_server;
#[cfg(target_os = "linux")]
#[path = "../../tests/it/support.rs"]
#[allow(dead_code, clippy::panic, clippy::indexing_slicing, reason = "the tests use all of it")]
mod support;

fn main() {
    #[cfg(target_os = "linux")]
    imports::measure();
    #[cfg(not(target_os = "linux"))]
    println!("nothing to measure: the slow file server is imitated on Linux only");
}
