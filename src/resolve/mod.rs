//! Resolves a configuration's core and the Python that runs it; checks that both exist.

mod pythons;
mod resolver;

pub use pythons::Pythons;
pub use resolver::{Resolution, resolve};
