//! What Toolkit keeps on disk, in Toolkit's words. The rules are those of tk-core's
//! `InstalledConfigDescriptor`; nothing that a file says is ever evaluated, and no path canonicalised.

pub mod cfg_file;
pub mod config;
pub mod core;
pub mod expand;
pub mod metadata;
pub mod realised;
pub mod record;
