//! Starts programs: becomes Python, starts a Python that the launcher asks something, or runs the launcher itself for a
//! project. Only this room, `helper` and `worker` may.

mod become_python;
pub mod program;
mod python;
pub mod relay;
mod session;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub use become_python::become_python;
pub use python::python_command;
pub use system::{end_group, lead_a_group};
