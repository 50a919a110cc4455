//! The cost of a job in a worker, beside a plain launch and a bare Python in the same run.
//!
//! `SGTK_PYTHON_TEST_CORE=… cargo bench --bench warm [-- JOBS]`, with the folder that `tests/run` fetches the
//! real core into. Times are medians of runs that take turns; compare the ratios.
#![allow(clippy::disallowed_methods, reason = "a benchmark is a caller: it has its own process")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark stops if it cannot measure"
)]

#[cfg(target_os = "linux")]
mod jobs;
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
    jobs::measure();
    #[cfg(not(target_os = "linux"))]
    println!("nothing to measure: workers are for Linux");
}
