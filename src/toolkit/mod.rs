//! What Toolkit keeps on disk, in Toolkit's words. The rules are those of tk-core's
//! `InstalledConfigDescriptor`; nothing that a file says is ever evaluated, and no path canonicalised.

pub mod config;
pub mod core;
pub mod expand;
pub mod interpreter;
pub mod metadata;
pub mod path_file;
pub mod realised;
