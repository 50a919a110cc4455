//! Files: reads small ones, replaces the launcher's own, and tests what a path leads to.

#[cfg(windows)]
mod access_list;
mod opened;
mod problem;
mod trust;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::debug;

use crate::display::Printable;
use crate::interrupt::RetriedReader;
use opened::{Opened, OpenedBy};
use trust::distrust;

pub use problem::{FileProblem, IoMessage, is_missing};
pub use system::{
    Output, file_id, is_closed_to_others, is_sticky, is_writable_by_all, keep_open_in_exec,
    leads_to, network_kind, path_from_bytes, take_over, user_id, write_all,
};
pub use trust::{Distrust, distrust_folder, distrust_place, is_of_another_user, is_planted};

/// Joins parts to a folder. A launch joins some twenty paths, and `Path::join` allocates for each part.
pub fn join(folder: &Path, parts: &[&str]) -> PathBuf {
    let mut length = folder.as_os_str().len();
    for part in parts {
        length += 1 + part.len();
    }
    let mut path = PathBuf::with_capacity(length);
    path.push(folder);
    path.extend(parts);
    path
}

/// Bytes; far more than any file of Toolkit or the settings holds.
const LARGEST: u64 = 1024 * 1024;

/// Bytes; a secret is passed on through a pipe, and a pipe holds 64 KiB.
const LARGEST_SECRET: u64 = 16 * 1024;

/// Reads a text of 1 MiB at most; `None` if there is no such file.
pub fn read(path: &Path) -> Result<Option<String>, FileProblem> {
    read_up_to(LARGEST, path)
}

/// Reads a text that holds a secret; `None` if there is no such file. Fails if others may read it, or it is not trusted.
pub fn read_secret(path: &Path, launcher: Option<&Path>) -> Result<Option<String>, FileProblem> {
    let Some(opened) = open(path)? else { return Ok(None) };
    // A device such as `/dev/null` keeps its permissions: the hint to close it would be wrong.
    if opened.data.is_file() && system::is_open_to_others(&opened.file) {
        return Err(FileProblem::OpenToOthers);
    }
    check_trust(&opened, path, launcher)?;
    Ok(Some(text_of(bytes_of(opened, LARGEST_SECRET)?)?))
}

/// Reads a text of the launcher's own; `None` if there is no such file. Fails if it is not trusted.
pub fn read_trusted(path: &Path, launcher: Option<&Path>) -> Result<Option<String>, FileProblem> {
    read_trusted_bytes(LARGEST, path, launcher)?.map(text_of).transpose()
}

/// Reads a file of the launcher's own, of `most` bytes at most; `None` if there is no such file. Fails if it is not
/// trusted.
pub fn read_trusted_bytes(
    most: u64,
    path: &Path,
    launcher: Option<&Path>,
) -> Result<Option<Vec<u8>>, FileProblem> {
    let Some(opened) = open(path)? else { return Ok(None) };
    check_trust(&opened, path, launcher)?;
    Ok(Some(bytes_of(opened, most)?))
}

/// Reads a text of `most` bytes at most; `None` if there is no such file.
pub fn read_up_to(most: u64, path: &Path) -> Result<Option<String>, FileProblem> {
    read_bytes_up_to(most, path)?.map(text_of).transpose()
}

/// Reads a file of `most` bytes at most; `None` if there is no such file.
pub fn read_bytes_up_to(most: u64, path: &Path) -> Result<Option<Vec<u8>>, FileProblem> {
    match open(path)? {
        Some(opened) => Ok(Some(bytes_of(opened, most)?)),
        None => Ok(None),
    }
}

/// Returns `None` if there is no such file. A dangling link is an error: its file was meant to count, and the
/// rule for a missing file would choose something else.
fn open(path: &Path) -> Result<Option<Opened>, FileProblem> {
    let opened = match system::open(path) {
        Ok(opened) => opened,
        Err(FileProblem::Missing) => {
            debug!("no file {}", Printable::new(path));
            return Ok(None);
        }
        Err(problem) => return Err(problem),
    };
    debug!("reads {}", Printable::new(path));
    if system::is_special(&opened.data) {
        return Err(FileProblem::Special);
    }
    Ok(Some(opened))
}

fn check_trust(opened: &Opened, path: &Path, launcher: Option<&Path>) -> Result<(), FileProblem> {
    let own = match opened.by {
        OpenedBy::Name => None,
        OpenedBy::Link(_) => Some(without_links(path)),
    };
    match distrust(path, own.as_deref(), opened, launcher) {
        Some(why) => Err(FileProblem::Untrusted(why)),
        None => Ok(()),
    }
}

fn bytes_of(opened: Opened, most: u64) -> Result<Vec<u8>, FileProblem> {
    // With room for all, and for the 32 bytes with which the standard library asks for more.
    let size = opened.data.len().min(most) + 32;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    match RetriedReader(opened.file).take(most + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > most => Err(FileProblem::TooLarge(most)),
        Ok(_) => Ok(bytes),
        // Unix opens a folder, and fails to read it; Windows does not even open it.
        Err(error) if error.kind() == ErrorKind::IsADirectory => Err(FileProblem::Folder),
        Err(error) => Err(FileProblem::Io(error)),
    }
}

fn text_of(bytes: Vec<u8>) -> Result<String, FileProblem> {
    String::from_utf8(bytes).map_err(|error| FileProblem::NotUtf8(error.utf8_error().valid_up_to()))
}

/// Replaces a file of this user in one step: another process reads the old content or the new one.
pub fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    put_in_place(file, |new| {
        write_all(&mut in_private_folder(new, system::create_private)?, content)
    })
}

/// Creates a link to the launcher, on Windows a copy. Replaces one of another launcher in one step, and fails if anything
/// else is there.
pub fn create_shim(launcher: &Path, shim: &Path) -> io::Result<()> {
    if fs::symlink_metadata(shim).is_ok() && !system::is_shim(shim, launcher)? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    put_in_place(shim, |new| system::make_shim(launcher, new))
}

/// Makes a file under a temporary name beside its place, and renames it. Then removes those temporary files for the
/// same place that killed processes have left.
fn put_in_place(file: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let (folder, name) = (file.parent().unwrap_or(file), file.file_name().unwrap_or_default());
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}-{nanos:09}{TEMPORARY_SUFFIX}", std::process::id()));
    let new = folder.join(temporary);
    let result = make(&new).and_then(|()| fs::rename(&new, file));
    if result.is_err() {
        let _ = fs::remove_file(&new);
    } else if let Some(name) = name.to_str() {
        remove_left_behind(folder, |other| is_temporary_of(name, other));
    }
    result
}

/// The end of the names under which files are made: `NAME.PID-NANOSECONDS.new`.
const TEMPORARY_SUFFIX: &str = ".new";

fn is_temporary_of(name: &str, other: &str) -> bool {
    let Some((pid, nanos)) = stamp_in(name, other) else { return false };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    is_number(pid) && is_number(nanos) && nanos.len() == 9
}

fn stamp_in<'a>(name: &str, other: &'a str) -> Option<(&'a str, &'a str)> {
    let stamp = other.strip_prefix(name)?.strip_prefix('.')?;
    stamp.strip_suffix(TEMPORARY_SUFFIX)?.split_once('-')
}

/// Age at which a temporary file was left by a process that was killed.
const LEFT_BEHIND: Duration = Duration::from_secs(60 * 60);

/// Removes those of a folder's temporary files that killed processes have left; `is_temporary` gets their names.
pub fn remove_left_behind(folder: &Path, is_temporary: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(&is_temporary)
            && age(&entry.path()).is_some_and(|age| age > LEFT_BEHIND)
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Opens a file to lock or write it. Creates it, and the folders above it, for this user alone. Fails for all but files: a
/// pipe or device would keep its reader waiting. Fails for a file that another user has made where every user can.
pub fn open_private(path: &Path) -> io::Result<File> {
    let file = in_private_folder(path, system::open_private);
    let data = match &file {
        Ok(file) => file.metadata(),
        Err(_) => fs::symlink_metadata(path),
    };
    match data {
        Ok(data) if !data.is_file() => Err(io::Error::other(FileProblem::Special.to_string())),
        Ok(_) if is_planted(path) => Err(io::Error::other("it belongs to another user")),
        _ => file,
    }
}

/// Opens a file, and creates its folder only where that fails: most times the folder exists.
fn in_private_folder(path: &Path, open: fn(&Path) -> io::Result<File>) -> io::Result<File> {
    match (open(path), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == ErrorKind::NotFound => {
            system::create_private_folder(folder)?;
            open(path)
        }
        (result, _) => result,
    }
}

/// Returns true if a path exists, links followed. Fails if the system cannot say.
pub fn exists(path: &Path) -> io::Result<bool> {
    let exists = match fs::metadata(path) {
        Ok(_) => true,
        Err(error) if is_missing(&error) => false,
        Err(error) => return Err(error),
    };
    debug!("{} {}", if exists { "found" } else { "no" }, Printable::new(path));
    Ok(exists)
}

/// Returns the time since a file changed; `None` if its time cannot be read. A time in the future, which a wrong clock
/// wrote, counts by its distance from now: else what it dates would never grow old.
pub fn age(path: &Path) -> Option<Duration> {
    let changed = fs::symlink_metadata(path).ok()?.modified().ok()?;
    Some(changed.elapsed().unwrap_or_else(|ahead| ahead.duration()))
}

/// Returns true if two paths lead to the same file or folder.
pub fn is_same(one: &Path, other: &Path) -> bool {
    file_id(one).is_some_and(|one| file_id(other).as_ref() == Some(&one))
}

/// Returns a path without links, which is the same on every machine that has the file there; an unreadable
/// path unchanged. Only to compare: studios rely on paths as written.
#[expect(clippy::disallowed_methods, reason = "compared, never used as a path")]
pub fn without_links(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// A reason why a program cannot run.
#[derive(Debug)]
pub enum NotRunnable {
    Missing,
    Because(String),
}

/// Returns a program's metadata. Fails if it cannot run, as far as the system says without running it.
pub fn runnable(path: &Path) -> Result<Metadata, NotRunnable> {
    let why = match fs::metadata(path) {
        Ok(data) if data.is_dir() => "it is a folder".into(),
        Ok(_) if !system::may_execute(path) => "no permission to execute it".into(),
        Ok(data) => return Ok(data),
        Err(error) if is_missing(&error) => return Err(NotRunnable::Missing),
        Err(error) => IoMessage(&error).to_string(),
    };
    Err(NotRunnable::Because(why))
}
