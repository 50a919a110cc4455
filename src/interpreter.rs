//! What can be told of a Python without starting it.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use clap_lex::OsStrExt;

use crate::disk;
use crate::origin::Origin;

/// The Python to become, and the words that come before the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The program.
    pub path: PathBuf,
    /// Its first arguments.
    pub args: Vec<OsString>,
    /// What decided it.
    pub origin: Origin,
}

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

/// Python's words: its own options, and what they make it run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The options, none of which names what to run.
    pub options: Vec<OsString>,
    /// The option that would make Python ignore `PYTHONPATH`: `-I` or `-E`, also in a cluster.
    pub isolating: Option<OsString>,
    /// What to run.
    pub program: Program,
    /// What the program gets, its `sys.argv[1:]`.
    pub arguments: Vec<OsString>,
}

/// What a Python is told to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// `-c`: this text.
    Code(OsString),
    /// `-m`: the module of this name.
    Module(OsString),
    /// A script, or a folder or zip with a `__main__.py`.
    Script(OsString),
    /// `-`: what comes on standard input.
    Input,
    /// Nothing: standard input too, or a prompt if that is a terminal.
    Prompt,
}

impl Program {
    /// What `shims/as_main.py` calls it, and its text, name or path.
    pub fn parts(self) -> (&'static str, OsString) {
        match self {
            Program::Code(text) => ("code", text),
            Program::Module(name) => ("module", name),
            Program::Script(path) => ("script", path),
            Program::Input => ("input", "-".into()),
            Program::Prompt => ("prompt", OsString::new()),
        }
    }
}

impl Words {
    /// Reads the words that follow the program as Python does (CPython: `Python/getopt.c`). The value of
    /// `-W`, `-X` or Python 2's `-Q` is no option, nor is anything after `-c`, `-m` or the script.
    pub fn read<T: AsRef<OsStr>>(words: &[T]) -> Self {
        let (mut options, mut isolating) = (Vec::new(), None);
        let mut words = words.iter().map(AsRef::as_ref);
        let program = loop {
            let Some(word) = words.next() else { break Program::Prompt };
            match word.as_encoded_bytes() {
                b"-" => break Program::Input,
                b"--" => break words.next().map_or(Program::Prompt, |w| Program::Script(w.into())),
                [b'-', b'-', ..] => {
                    options.push(word.to_owned());
                    if word == "--check-hash-based-pycs" {
                        options.extend(words.next().map(OsStr::to_owned));
                    }
                }
                [b'-', flags @ ..] => {
                    let cluster = Cluster::of(flags);
                    if isolating.is_none() && cluster.isolates {
                        isolating = Some(word.to_owned());
                    }
                    match cluster.end {
                        End::Plain => options.push(word.to_owned()),
                        End::TakesNext => {
                            options.push(word.to_owned());
                            options.extend(words.next().map(OsStr::to_owned));
                        }
                        End::Runs { kind, before } => {
                            let attached = word.strip_prefix(&format!("-{before}{kind}"));
                            let attached = attached.filter(|value| !value.is_empty());
                            if !before.is_empty() {
                                options.push(format!("-{before}").into());
                            }
                            let value = attached.or_else(|| words.next()).unwrap_or_default();
                            let program = if kind == 'c' { Program::Code } else { Program::Module };
                            break program(value.to_owned());
                        }
                    }
                }
                _ => break Program::Script(word.to_owned()),
            }
        };
        Words { options, isolating, program, arguments: words.map(OsStr::to_owned).collect() }
    }

    /// The script, if that is what runs.
    pub fn script(&self) -> Option<&OsStr> {
        match &self.program {
            Program::Script(script) => Some(script),
            _ => None,
        }
    }
}

/// A word of short options.
struct Cluster {
    isolates: bool,
    end: End,
}

/// What a word of short options means for the words after it.
enum End {
    Plain,
    TakesNext,
    /// `-c` or `-m`, and the options before it.
    Runs {
        kind: char,
        before: String,
    },
}

impl Cluster {
    fn of(flags: &[u8]) -> Self {
        let is_last = |flag: &u8| matches!(flag, b'c' | b'm' | b'W' | b'X' | b'Q');
        let at = flags.iter().position(is_last).unwrap_or(flags.len());
        let (before, rest) = flags.split_at(at);
        let end = match rest {
            [kind @ (b'c' | b'm'), ..] => End::Runs {
                kind: char::from(*kind),
                before: String::from_utf8_lossy(before).into_owned(),
            },
            [_] => End::TakesNext,
            _ => End::Plain,
        };
        Cluster { isolates: before.iter().any(|flag| matches!(flag, b'I' | b'E')), end }
    }
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
            assert_eq!(Words::read(&words).isolating.is_some(), isolates, "{words:?}");
        }
    }

    #[test]
    fn programs() {
        let code = |text: &str| Program::Code(text.into());
        let module = |name: &str| Program::Module(name.into());
        let script = |path: &str| Program::Script(path.into());
        for (words, options, program, arguments) in [
            ("x.py -c y", "", script("x.py"), "-c y"),
            ("-u -W ignore -Xdev x.py", "-u -W ignore -Xdev", script("x.py"), ""),
            ("-- -x.py --", "", script("-x.py"), "--"),
            ("-c x.py -u", "", code("x.py"), "-u"),
            ("-cpass x", "", code("pass"), "x"),
            ("-uBc pass", "-uB", code("pass"), ""),
            ("-c", "", code(""), ""),
            ("-um x.y z", "-u", module("x.y"), "z"),
            ("-mx.y z", "", module("x.y"), "z"),
            ("- x.py", "", Program::Input, "x.py"),
            (
                "--check-hash-based-pycs always x.py",
                "--check-hash-based-pycs always",
                script("x.py"),
                "",
            ),
            ("-V", "-V", Program::Prompt, ""),
            ("--", "", Program::Prompt, ""),
            ("", "", Program::Prompt, ""),
        ] {
            let split = |text: &str| text.split_whitespace().map(OsString::from).collect();
            let words: Vec<OsString> = split(words);
            let (options, arguments) = (split(options), split(arguments));
            let expected = Words { options, isolating: None, program, arguments };
            assert_eq!(Words::read(&words), expected, "{words:?}");
        }
    }
}
