//! Fast import: Python takes the code of a core from an image, one file with all of its code objects.
//!
//! Each core has a folder in the user's cache folder, which follows the core on `PYTHONPATH`. Python imports the folder's
//! `sitecustomize.py` at its start, which reads the image of its version, or has a process of its own build one.
//! `shims/fast_import/` holds those programs; docs/fast-import.md says what they promise.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::disk::{self, Distrust, FileProblem};
use crate::display::Printable;
use crate::fingerprint::Fingerprint;

/// The use of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FastImport {
    Off,
    /// A module counts while its source has the size and time of the image.
    On,
    /// The core is never edited in place: folders, zips and `info.yml` alone are looked at.
    Release,
}

impl FastImport {
    pub fn name(self) -> &'static str {
        match self {
            FastImport::Off => "off",
            FastImport::On => "on",
            FastImport::Release => "release",
        }
    }
}

/// A reason why a core has no images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoImages {
    System,
    /// The user has no cache folder.
    Homeless,
    /// The core's path is not UTF-8, or has a control character.
    Core,
    /// `PYTHONPATH` cannot name this folder.
    Separator(PathBuf),
    /// The folder decides what Python runs, and another user could have written it.
    Untrusted {
        path: PathBuf,
        why: Distrust,
    },
}

impl Display for NoImages {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            NoImages::System => f.write_str("this system has none"),
            NoImages::Homeless => f.write_str("there is no cache folder of this user's"),
            NoImages::Core => {
                f.write_str("the core's path has a control character or is not UTF-8")
            }
            NoImages::Separator(path) => {
                write!(f, "the path of the cache has a ':': {}", Printable::new(path))
            }
            NoImages::Untrusted { path, why } => {
                write!(f, "{} does not count, {why}", Printable::new(path))
            }
        }
    }
}

static SITECUSTOMIZE: &str = include_str!("../shims/fast_import/sitecustomize.py");

/// The program that `sitecustomize.py` runs: from the image, or from its file to build one (`build.rs` packs it).
static PROGRAM: &str = include_str!(concat!(env!("OUT_DIR"), "/fast_import.py"));

/// Another program never uses this one's images.
const PROGRAM_FINGERPRINT: Fingerprint = Fingerprint::of(concat!(
    include_str!("../shims/fast_import/sitecustomize.py"),
    include_str!(concat!(env!("OUT_DIR"), "/fast_import.py"))
));

/// The folder of all cores' images, in the cache folder.
const FOLDER: &str = "fast-import";

/// The start of the folder's name for [`FastImport::Release`].
const RELEASE: &str = "release-";

const IMAGE_SUFFIX: &str = ".image";
const MARK_SUFFIX: &str = ".image.build";

/// The time after which a build is tried again, as in `sitecustomize.py`.
const LONGEST_BUILD: Duration = Duration::from_secs(120);

/// The largest program that is read, in bytes.
const LARGEST: u64 = 256 * 1024;

/// The folder of one core's images, which is an entry of `PYTHONPATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFolder {
    pub path: PathBuf,
    sitecustomize: String,
}

/// An image in a folder, or the mark of one that is being built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// The Python that it is for: its cache tag, its version in hexadecimal and its optimisation level.
    pub python: String,
    pub state: ImageState,
    pub bytes: u64,
    pub age: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageState {
    Ready,
    /// A part of the core has changed; the next start has another image built.
    Outdated,
    /// It is not a whole file; the next start has another image built.
    Damaged,
    Building,
    /// The builder's reason.
    Failed(String),
}

impl ImageFile {
    /// Returns true for the image of a Python such as `3.11.7`, without options that optimise.
    pub fn is_for(&self, version: &str) -> bool {
        let mut numbers = version.split('.').filter_map(|number| number.parse::<u8>().ok());
        let (Some(major), Some(minor), Some(micro)) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return false;
        };
        let start = format!("cpython-{major}{minor}-{major:x}{minor:02x}{micro:02x}");
        self.python.starts_with(&start) && self.python.ends_with("-0")
    }
}

impl ImageState {
    /// Returns the name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            ImageState::Ready => "ready",
            ImageState::Outdated => "outdated",
            ImageState::Damaged => "damaged",
            ImageState::Building => "building",
            ImageState::Failed(_) => "failed",
        }
    }
}

impl Display for ImageState {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ImageState::Failed(why) => write!(f, "cannot be built: {}", Printable::new(why)),
            state => f.write_str(state.name()),
        }
    }
}

impl ImageFolder {
    /// Returns the folder for a core's entry of `PYTHONPATH`. Makes nothing.
    pub fn of(cache: Option<PathBuf>, core: &Path, used: FastImport) -> Result<Self, NoImages> {
        if cfg!(windows) {
            return Err(NoImages::System);
        }
        let cache = cache.ok_or(NoImages::Homeless)?;
        let core = core.to_str().filter(|core| !core.contains(char::is_control));
        let core = core.ok_or(NoImages::Core)?;
        let mut fingerprint = PROGRAM_FINGERPRINT;
        fingerprint.add(core);
        let start = if used == FastImport::Release { RELEASE } else { "" };
        let path = disk::join(&cache, &[FOLDER, &format!("{start}{}", fingerprint.text())]);
        if std::env::join_paths([&path]).is_err() {
            return Err(NoImages::Separator(path));
        }
        check_trust(&path)?;
        let sitecustomize = format!("# -*- coding: utf-8 -*-\n# The core: {core}\n{SITECUSTOMIZE}");
        Ok(ImageFolder { path, sitecustomize })
    }

    /// Returns true for a folder of any core's images.
    pub fn is_one(path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let digits = name.strip_prefix(RELEASE).unwrap_or(&name);
        path.parent().is_some_and(|parent| parent.ends_with(FOLDER))
            && digits.len() == 32
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// Writes the programs that are not there as they should be. Fails if one cannot be replaced, or if another user has made
    /// a folder before this process did.
    pub fn make_ready(&self) -> io::Result<()> {
        let mut has_written = false;
        for (name, text) in [("program.py", PROGRAM), ("sitecustomize.py", &self.sitecustomize)] {
            let file = self.path.join(name);
            match disk::read_trusted_bytes(LARGEST, &file, None) {
                Ok(Some(content)) if content == text.as_bytes() => {}
                Err(problem @ FileProblem::Untrusted(_)) => {
                    return Err(io::Error::other(problem.to_string()));
                }
                _ => {
                    disk::replace(&file, text.as_bytes())?;
                    has_written = true;
                }
            }
        }
        if has_written {
            check_trust(&self.path).map_err(|why| io::Error::other(why.to_string()))?;
        }
        Ok(())
    }

    /// Returns the images and the marks in the folder, by name.
    pub fn images(&self) -> Vec<ImageFile> {
        images_in(&self.path)
    }
}

/// Fails if another user could put programs into an image folder, or another folder in its place.
fn check_trust(path: &Path) -> Result<(), NoImages> {
    for (level, folder) in path.ancestors().enumerate() {
        let why = match level {
            0..=2 => disk::distrust_folder(folder),
            _ => disk::distrust_place(folder),
        };
        if let Some(why) = why {
            return Err(NoImages::Untrusted { path: folder.to_owned(), why });
        }
    }
    Ok(())
}

/// Returns whether a file of this size ends where its head says: after the head's text there are the start and the length of
/// the last part (`sitecustomize.py`).
fn is_whole(image: &Path, size: u64) -> bool {
    let (mut text, mut start, mut length) = ([0; 20], [0; 8], [0; 8]);
    let Ok(mut file) = fs::File::open(image) else { return false };
    for part in [&mut text[..], &mut start[..], &mut length[..]] {
        if file.read_exact(part).is_err() {
            return false;
        }
    }
    let start = u64::from_le_bytes(start);
    start.checked_add(u64::from_le_bytes(length)) == Some(size)
}

fn images_in(folder: &Path) -> Vec<ImageFile> {
    let mut images = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        let Ok(data) = entry.metadata() else { continue };
        let age = disk::age(&path).unwrap_or_default();
        let (python, state) = if let Some(python) = name.strip_suffix(MARK_SUFFIX) {
            let line = disk::read_up_to(LARGEST, &path).ok().flatten().unwrap_or_default();
            let state = match line.trim_end() {
                "" if age < LONGEST_BUILD => ImageState::Building,
                "" => ImageState::Failed("the builder did not end".into()),
                line => ImageState::Failed(line.to_owned()),
            };
            (python, state)
        } else if let Some(python) = name.strip_suffix(IMAGE_SUFFIX) {
            let is_marked = data.modified().is_ok_and(|time| time == std::time::UNIX_EPOCH);
            let state = match data.is_file() && is_whole(&path, data.len()) {
                true if is_marked => ImageState::Outdated,
                true => ImageState::Ready,
                false => ImageState::Damaged,
            };
            (python, state)
        } else {
            continue;
        };
        images.push(ImageFile { python: python.to_owned(), state, bytes: data.len(), age });
    }
    images.sort_by(|one, other| one.python.cmp(&other.python));
    images
}
