//! Toolkit's files on disk, in Toolkit's words. The rules are those of tk-core's
//! `InstalledConfigDescriptor`; nothing from a file is evaluated, and no path is canonicalised.

pub mod cfg_file;
pub mod config;
pub mod core;
pub mod expand;
pub mod metadata;
pub mod realised;
pub mod record;
pub mod yaml;
