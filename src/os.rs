//! The operating systems that Toolkit knows, and how this one compares names and paths.

use std::ffi::OsStr;
use std::path::{Component, Path};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Os {
    /// And any other Unix but macOS.
    Linux,
    Darwin,
    Windows,
}

impl Os {
    /// The system that the launcher was built for.
    pub const CURRENT: Os = if cfg!(windows) {
        Os::Windows
    } else if cfg!(target_os = "macos") {
        Os::Darwin
    } else {
        Os::Linux
    };

    /// Returns the name in file names such as `core_Linux.cfg` (tk-core:
    /// `ShotgunPath.get_file_name_from_template`).
    pub fn name(self) -> &'static str {
        match self {
            Os::Linux => "Linux",
            Os::Darwin => "Darwin",
            Os::Windows => "Windows",
        }
    }
}

/// Returns true if two names of files are one file's, or two names of projects one project's, which are named for its
/// folder. Windows ignores case, takes `/` for `\\`, and drops dots and spaces at the end of a part.
pub fn is_same_name(one: &OsStr, other: &OsStr) -> bool {
    match (one.to_str(), other.to_str()) {
        (Some(one), Some(other)) if cfg!(windows) => folded(one) == folded(other),
        _ => one == other,
    }
}

fn folded(name: &str) -> String {
    let name = name.to_lowercase().replace('/', "\\");
    let parts: Vec<&str> = name.split('\\').map(without_end).collect();
    parts.join("\\")
}

fn without_end(part: &str) -> &str {
    let kept = part.trim_end_matches(['.', ' ']);
    // `.` and `..` are no names.
    if kept.is_empty() { part } else { kept }
}

/// Returns true if a path has a part `..`: as written, it may lead out of the folder that it begins with.
pub fn has_parent_part(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

/// Returns true if two paths have the same parts.
pub fn is_same_path(one: &Path, other: &Path) -> bool {
    below(one, other).is_some_and(|rest| rest.as_os_str().is_empty())
}

/// Returns the part of a path below a folder, empty for the folder itself; `None` if the path does not begin with the
/// folder's parts. Reads both as written.
#[cfg(not(windows))]
pub fn below<'a>(path: &'a Path, folder: &Path) -> Option<&'a Path> {
    path.strip_prefix(folder).ok()
}

#[cfg(windows)]
pub fn below<'a>(path: &'a Path, folder: &Path) -> Option<&'a Path> {
    let mut parts = path.components();
    for part in folder.components() {
        if !is_same_name(parts.next()?.as_os_str(), part.as_os_str()) {
            return None;
        }
    }
    Some(parts.as_path())
}
