//! Looks at every folder where a configuration may be, two levels below the roots at the most.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Found;
use super::places::Places;
use crate::disk;
use crate::environment::Variables;
use crate::toolkit::config::PipelineConfig;

/// So many folders or more are looked at by several threads, which wait for a file server together.
pub const MANY_FOLDERS: usize = 32;
const THREADS: usize = 8;

/// A file that changed within so many seconds may change again without looking different.
const TOO_RECENT: i64 = 3;

/// What a scan found.
#[derive(Debug, Default)]
pub struct Scan {
    /// The configurations, in the order of the roots and then by path.
    pub found: Vec<Found>,
    /// For each of them the mark that its files had (see [`mark`]).
    pub marks: Vec<Option<u64>>,
    /// Configurations that cannot be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Folders in which a configuration may come or go, with their marks.
    pub watched: Vec<(PathBuf, Option<u64>)>,
}

/// What is known of configurations, by folder, with the mark that their files had.
pub type Known = HashMap<PathBuf, (u64, Found)>;

/// One folder at which a configuration is, or what was wrong with it.
struct Seen {
    path: PathBuf,
    mark: Option<u64>,
    result: Result<Found, String>,
}

/// Scans the places. What is `known` of a configuration whose files have not changed is not read again.
pub fn scan(places: &Places, variables: &Variables, known: &Known) -> Scan {
    let mut scan = Scan::default();
    let mut folders: Vec<PathBuf> =
        places.named.iter().map(|(_, config)| config.value.clone()).collect();
    let named = folders.len();
    for root in &places.roots {
        scan.watch(&root.value);
        folders.extend(subfolders(&root.value));
    }
    let looked = in_parallel(MANY_FOLDERS, &folders, |at, folder| {
        look(folder, at >= named, variables, known)
    });
    let mut identities = HashSet::new();
    for (seen, watched) in looked {
        scan.watched.extend(watched);
        for config in seen {
            if disk::identity(&config.path).is_some_and(|identity| identities.insert(identity)) {
                scan.take(config);
            }
        }
    }
    scan
}

impl Scan {
    /// What a scan finds that looks at one configuration alone.
    pub fn of(config: &Path, variables: &Variables) -> Self {
        let mut scan = Scan::default();
        if let Some(seen) = look_at(config, variables, &Known::new()) {
            scan.take(seen);
        }
        scan
    }

    fn watch(&mut self, folder: &Path) {
        self.watched.push((folder.to_owned(), mark(&[folder])));
    }

    fn take(&mut self, seen: Seen) {
        match seen.result {
            Ok(found) => {
                self.found.push(found);
                self.marks.push(seen.mark);
            }
            Err(problem) => self.unreadable.push((seen.path, problem)),
        }
    }
}

/// The configurations at a folder or, if it is none and `deeper`, in it; and the folder, if another
/// configuration may come to be in it.
fn look(
    folder: &Path,
    deeper: bool,
    variables: &Variables,
    known: &Known,
) -> (Vec<Seen>, Option<(PathBuf, Option<u64>)>) {
    if let Some(seen) = look_at(folder, variables, known) {
        return (vec![seen], None);
    }
    if !deeper {
        return (Vec::new(), None);
    }
    // Before looking inside, so that a change meanwhile makes it differ.
    let watched = (folder.to_owned(), mark(&[folder]));
    let inside = subfolders(folder);
    let seen = inside.iter().filter_map(|folder| look_at(folder, variables, known)).collect();
    (seen, Some(watched))
}

fn look_at(folder: &Path, variables: &Variables, known: &Known) -> Option<Seen> {
    let config = PipelineConfig::at(folder);
    let path = folder.to_owned();
    match config.is_one() {
        Ok(false) => None,
        Err(error) => Some(Seen { path, mark: None, result: Err(error.to_string()) }),
        Ok(true) => {
            let mark = mark(&[&config.metadata_file(), &config.roots_file()]);
            if let Some((_, found)) = known.get(folder).filter(|(then, _)| Some(*then) == mark) {
                return Some(Seen { path, mark, result: Ok(found.clone()) });
            }
            let read = Found::read(folder, variables);
            // What depends on variables is read each time.
            let mark =
                mark.filter(|_| read.as_ref().is_ok_and(|(_, has_variables)| !has_variables));
            Some(Seen { path, mark, result: read.map(|(found, _)| found) })
        }
    }
}

/// The folders in a folder, by name. Hidden ones are passed over: file servers keep old states there.
fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let visible = entries.filter(|e| !e.file_name().as_encoded_bytes().starts_with(b"."));
    let folders = visible.filter(|e| e.file_type().is_ok_and(|t| t.is_dir() || t.is_symlink()));
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

/// A number that changes when one of these changes; `None` if that cannot be told, as of one that is
/// gone or that has changed just now.
pub fn mark(paths: &[&Path]) -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let mut hasher = DefaultHasher::new();
    for path in paths {
        let (numbers, changed) = disk::signature(&fs::metadata(path).ok()? as &Metadata);
        if changed.saturating_add(TOO_RECENT) > i64::try_from(now).ok()? {
            return None;
        }
        numbers.hash(&mut hasher);
    }
    Some(hasher.finish())
}

/// Does the same with each item, with several at a time if there are `many`; the results keep the
/// order.
pub fn in_parallel<T: Sync, R: Send>(
    many: usize,
    items: &[T],
    work: impl Fn(usize, &T) -> R + Sync,
) -> Vec<R> {
    if items.len() < many {
        return items.iter().enumerate().map(|(at, item)| work(at, item)).collect();
    }
    let size = items.len().div_ceil(THREADS);
    thread::scope(|scope| {
        let work = &work;
        let chunks = items.chunks(size).enumerate().map(|(number, chunk)| {
            scope.spawn(move || {
                let from = number * size;
                chunk.iter().enumerate().map(|(at, item)| work(from + at, item)).collect::<Vec<_>>()
            })
        });
        let threads: Vec<_> = chunks.collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}
