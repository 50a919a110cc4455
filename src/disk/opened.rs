//! An open file.

use std::fs::{File, Metadata};
use std::io;

/// A file that is open, so that nothing else can take its place.
pub struct Opened {
    pub file: File,
    pub data: Metadata,
    pub by: OpenedBy,
}

/// The way to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedBy {
    Name,
    /// The file's name is a link, which belongs to this user.
    Link(u32),
}

impl Opened {
    pub fn new(file: File, by: OpenedBy) -> io::Result<Self> {
        Ok(Opened { data: file.metadata()?, file, by })
    }
}
