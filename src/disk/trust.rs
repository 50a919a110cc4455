//! Trust in the launcher's own files that decide what runs: settings, credentials, cached answers of the site, the index.
//!
//! Such a file counts if it, and the link by which it is named, belong to root, to the effective user or, beside the
//! launcher, to the launcher's owner, and if not every user can write to it or to its folder; a sticky folder counts as
//! open. A group's right to write is the studio's choice. On Windows, where access lists are not read, every file counts.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use super::opened::{Opened, OpenedBy};
#[cfg(unix)]
use super::unix as system;
#[cfg(windows)]
use super::windows as system;
use crate::display::Printable;

/// A reason why a file does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// It belongs to this user.
    Owner(u32),
    /// Its name is a link, and the link belongs to this user.
    Link(u32),
    /// It lies in the home of another user.
    Home,
    /// Every user can write to it.
    File,
    /// Every user can write to this folder: the one in which its name stands or, for a link, the file's own.
    Folder(PathBuf),
}

/// Returns why an opened file does not count; `None` if it does. `own` is the file's path without links, where its name
/// is a link.
pub fn distrust(
    path: &Path,
    own: Option<&Path>,
    opened: &Opened,
    launcher: Option<&Path>,
) -> Option<Distrust> {
    let data = &opened.data;
    let counts = |owner| !is_foreign(owner) || is_beside_its_owners_launcher(path, owner, launcher);
    let owner = system::owner(data);
    if !counts(owner) {
        return Some(Distrust::Owner(owner));
    }
    // The text of some files of root's is another user's: `/proc/PID/comm` of a program that runs as root.
    if let OpenedBy::Link(owner) = opened.by
        && !counts(owner)
    {
        return Some(Distrust::Link(owner));
    }
    // To write to `/dev/null` changes nothing.
    if data.is_file() && system::is_writable_by_all(data) {
        return Some(Distrust::File);
    }
    let mut folders = [Some(path), own].into_iter().flatten().filter_map(Path::parent);
    folders.find(|folder| is_open(folder)).map(|folder| Distrust::Folder(folder.into()))
}

/// Returns true if a folder, or the link that leads to it, belongs to another user than root and this one. Of a folder that
/// does not exist the nearest one above it counts, in which it would be made.
pub fn is_of_another_user(folder: &Path) -> bool {
    let nearest =
        folder.ancestors().find_map(|folder| Some((folder, fs::symlink_metadata(folder).ok()?)));
    let Some((folder, data)) = nearest else { return false };
    let target = if data.is_symlink() { fs::metadata(folder).ok() } else { None };
    [Some(data), target].into_iter().flatten().any(|data| is_foreign(system::owner(&data)))
}

/// Returns why what lies in a folder does not count: the folder or a link to it is another user's, or every user can write to
/// it. `None` for a folder that counts, or does not exist.
pub fn distrust_folder(folder: &Path) -> Option<Distrust> {
    let link = system::owner(&fs::symlink_metadata(folder).ok()?);
    let data = fs::metadata(folder).ok()?;
    if is_foreign(system::owner(&data)) {
        Some(Distrust::Owner(system::owner(&data)))
    } else if is_foreign(link) {
        Some(Distrust::Link(link))
    } else {
        system::is_writable_by_all(&data).then(|| Distrust::Folder(folder.to_owned()))
    }
}

/// Returns why a folder in another one does not count: every user can write to that one and, as it is not sticky, put another
/// folder in its place.
pub fn distrust_place(outer: &Path) -> Option<Distrust> {
    let data = fs::metadata(outer).ok()?;
    let is_open = system::is_writable_by_all(&data) && !system::is_sticky(&data);
    is_open.then(|| Distrust::Folder(outer.to_owned()))
}

/// Returns true if another user than root and this one has made a file or folder where every user can make some.
pub fn is_planted(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|data| is_foreign(system::owner(&data)))
        && path.parent().is_some_and(is_open)
}

/// Returns true if every user can write to a folder, also if it is sticky.
fn is_open(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|data| system::is_writable_by_all(&data))
}

fn is_foreign(owner: u32) -> bool {
    owner != 0 && owner != system::user_id()
}

fn is_beside_its_owners_launcher(path: &Path, owner: u32, launcher: Option<&Path>) -> bool {
    launcher.is_some_and(|launcher| {
        path.parent() == launcher.parent()
            && fs::metadata(launcher).is_ok_and(|launcher| system::owner(&launcher) == owner)
    })
}

impl Display for Distrust {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Distrust::Owner(user) => write!(f, "it belongs to another user ({user})"),
            Distrust::Link(user) => write!(f, "its link belongs to another user ({user})"),
            Distrust::Home => f.write_str("it lies in the home of another user"),
            Distrust::File => f.write_str("every user can write to it"),
            Distrust::Folder(folder) => {
                write!(f, "every user can write to the folder {}", Printable::new(folder))
            }
        }
    }
}
