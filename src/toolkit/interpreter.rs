//! What can be told of a Python without starting it.

use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use crate::disk;

/// A Python's version, as far as it decides which packages it can load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u8,
    minor: u8,
}

impl Version {
    /// The version that a text starts with: `3.11`, `3.11.7`, `3.7m`, but not `3`.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, rest) = text.split_once('.')?;
        let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        let is_number = major.bytes().all(|byte| byte.is_ascii_digit());
        let version = Version { major: major.parse().ok()?, minor: minor.parse().ok()? };
        is_number.then_some(version)
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The version of a Python, where it shows: in its name, in the name of what it is a link to, or in
/// its virtual environment's `pyvenv.cfg`.
pub fn version(python: &Path) -> Option<Version> {
    version_in_name(python)
        .or_else(|| links(python).find_map(|target| version_in_name(&target)))
        .or_else(|| version_in_venv(python))
}

fn version_in_name(python: &Path) -> Option<Version> {
    Version::parse(python.file_name()?.to_str()?.strip_prefix("python")?)
}

/// The version in the `pyvenv.cfg` beside a Python or in the folder above (CPython: `site.py`); the
/// key is `version` as `venv` writes it, or `version_info` as virtualenv and uv do.
fn version_in_venv(python: &Path) -> Option<Version> {
    let folder = python.parent()?;
    let text = [folder.parent()?, folder]
        .into_iter()
        .find_map(|folder| disk::read(&folder.join("pyvenv.cfg")).ok().flatten())?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let mut versions = pairs.filter(|(key, _)| matches!(key.trim(), "version" | "version_info"));
    versions.find_map(|(_, value)| Version::parse(value.trim()))
}

/// What a path is a link to, what that is a link to, and so on.
fn links(path: &Path) -> impl Iterator<Item = PathBuf> {
    let target = |link: &PathBuf| Some(link.parent()?.join(fs::read_link(link).ok()?));
    std::iter::successors(target(&path.to_owned()), target).take(16)
}

/// The word that would make a Python ignore `PYTHONPATH`, among those that follow the program: `-I`
/// or `-E`, also in a cluster.
pub fn isolating<T: AsRef<OsStr>>(words: &[T]) -> Option<&T> {
    read(words).isolating
}

/// The script among the words that follow the program; none with `-c`, `-m` or `-`.
pub fn script<T: AsRef<OsStr>>(words: &[T]) -> Option<&T> {
    read(words).script
}

struct Words<'a, T> {
    isolating: Option<&'a T>,
    script: Option<&'a T>,
}

/// Reads words as Python does (CPython: `Python/getopt.c`). The value of `-W`, `-X` or Python 2's `-Q`
/// is no option, nor is anything after `-c`, `-m` or the script.
fn read<T: AsRef<OsStr>>(words: &[T]) -> Words<'_, T> {
    let mut read = Words { isolating: None, script: None };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_ref().as_encoded_bytes() {
            b"-" => break,
            b"--" => {
                read.script = words.next();
                break;
            }
            b"--check-hash-based-pycs" => {
                words.next();
            }
            [b'-', b'-', ..] => {}
            [b'-', flags @ ..] => match cluster(flags) {
                Cluster::Isolates => {
                    read.isolating = read.isolating.or(Some(word));
                }
                Cluster::TakesNext => {
                    words.next();
                }
                Cluster::Ends => break,
                Cluster::Plain => {}
            },
            _ => {
                read.script = Some(word);
                break;
            }
        }
    }
    read
}

/// What a word of short options means for the words after it.
enum Cluster {
    Isolates,
    TakesNext,
    Ends,
    Plain,
}

fn cluster(flags: &[u8]) -> Cluster {
    for (at, flag) in flags.iter().enumerate() {
        match flag {
            b'I' | b'E' => return Cluster::Isolates,
            b'c' | b'm' => return Cluster::Ends,
            b'W' | b'X' | b'Q' if at + 1 == flags.len() => return Cluster::TakesNext,
            b'W' | b'X' | b'Q' => return Cluster::Plain,
            _ => {}
        }
    }
    Cluster::Plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let shown = |text| Version::parse(text).map(|version| version.to_string());
        assert_eq!(shown("3.11.7"), Some("3.11".into()));
        assert_eq!(shown("3.7m"), Some("3.7".into()));
        for none in ["", "3", "3.", "x.1", "3.x", "999.1", "+3.1", ".1"] {
            assert_eq!(shown(none), None, "{none}");
        }
        assert!(Version::parse("3.9") < Version::parse("3.10"));
    }

    #[test]
    fn isolation() {
        for (words, isolates) in [
            ("-I", true),
            ("-uE x.py", true),
            ("-sIB", true),
            ("-W ignore -I", true),
            ("-Wignore -E", true),
            ("-X dev -E -c pass", true),
            ("--check-hash-based-pycs always -I", true),
            ("-W -I", false),
            ("-WI", false),
            ("-XE -u", false),
            ("-c -I", false),
            ("-uc -I", false),
            ("-mE -I", false),
            ("x.py -I", false),
            ("- -I", false),
            ("-- -I", false),
            ("", false),
        ] {
            let words: Vec<&str> = words.split_whitespace().collect();
            assert_eq!(isolating(&words).is_some(), isolates, "{words:?}");
        }
    }

    #[test]
    fn scripts() {
        for (words, expected) in [
            ("x.py -c y", Some("x.py")),
            ("-u -W ignore -Xdev x.py", Some("x.py")),
            ("-- x.py", Some("x.py")),
            ("-c x.py", None),
            ("-um x.py", None),
            ("- x.py", None),
            ("-V", None),
        ] {
            let words: Vec<&str> = words.split_whitespace().collect();
            assert_eq!(script(&words).copied(), expected, "{words:?}");
        }
    }
}
