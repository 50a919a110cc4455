//! Asks another Python something: runs one of the launcher's programs in it, and exchanges lines of text with it.

pub mod probe;
mod process;

pub use process::{HelperProcess, ProcessGroup};
