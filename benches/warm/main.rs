//! The cost of a job in a worker, beside the standard library's forkserver and a bare Python in the same run.
//!
//! `SGTK_PYTHON_TEST_CORE=… cargo bench --bench warm [-- ROUNDS]`, with the folder that `tests/run` fetches the
//! real core into, or a whole core. The contenders take turns; compare the ratios, not the times. Build the static
//! launcher with `packaging/static` first.
#![allow(clippy::disallowed_methods, reason = "a benchmark is a caller: it has its own process")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark stops if it cannot measure"
)]

#[cfg(target_os = "linux")]
mod contenders;
#[cfg(target_os = "linux")]
#[path = "../count.rs"]
mod count;
#[cfg(target_os = "linux")]
mod jobs;
#[cfg(target_os = "linux")]
#[path = "../../tests/it/scene.rs"]
#[allow(dead_code, clippy::panic, clippy::indexing_slicing, reason = "the tests use all of it")]
mod scene;
#[cfg(target_os = "linux")]
#[path = "../slow_server/mod.rs"]
mod slow_server;
#[cfg(target_os = "linux")]
mod studio;
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
