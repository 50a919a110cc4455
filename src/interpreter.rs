//! A Python: the program, the version that its path shows, and the words that it is started with.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use clap_lex::OsStrExt;

use crate::disk;
use crate::origin::Origin;

/// The Python to become, with the words that come before the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    pub path: PathBuf,
    pub args: Vec<OsString>,
    pub origin: Origin,
}

/// A Python's major and minor version: they decide which packages it can load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u8,
    minor: u8,
}

impl Version {
    /// Reads the version at the start of a text: `3.11`, `3.11.7`, `3.7m`, but not `3`.
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

/// Returns the version that a Python's path shows without starting it: by its name, the name that it links to,
/// or its virtual environment's `pyvenv.cfg`.
pub fn version(python: &Path) -> Option<Version> {
    version_in_name(python).or_else(|| version_in_links(python)).or_else(|| version_in_venv(python))
}

fn version_in_name(python: &Path) -> Option<Version> {
    Version::parse(python.file_name()?.to_str()?.strip_prefix("python")?)
}

/// Reads the `pyvenv.cfg` in the folder above a Python's or beside it (CPython: `site.py`). `venv` calls the key
/// `version`, virtualenv and uv `version_info`.
fn version_in_venv(python: &Path) -> Option<Version> {
    let folder = python.parent()?;
    for folder in [folder.parent()?, folder] {
        let Ok(Some(text)) = disk::read(&folder.join("pyvenv.cfg")) else { continue };
        for line in text.lines() {
            if let Some((key, value)) = line.split_once('=')
                && matches!(key.trim(), "version" | "version_info")
                && let Some(version) = Version::parse(value.trim())
            {
                return Some(version);
            }
        }
        return None;
    }
    None
}

/// Follows a link, the link that it leads to, and so on.
fn version_in_links(python: &Path) -> Option<Version> {
    let mut path = python.to_owned();
    for _ in 0..16 {
        path = path.parent()?.join(fs::read_link(&path).ok()?);
        if let Some(version) = version_in_name(&path) {
            return Some(version);
        }
    }
    None
}

/// A Python's command line without the program: its options, and the program that it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The options before the program.
    pub options: Vec<OsString>,
    /// The first word that makes Python ignore `PYTHONPATH`: `-I` or `-E`, also in a cluster such as `-IB`.
    pub isolating: Option<OsString>,
    pub program: Program,
    /// The program's `sys.argv[1:]`.
    pub arguments: Vec<OsString>,
}

/// The program that a Python runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// The text after `-c`.
    Code(OsString),
    /// The name after `-m`.
    Module(OsString),
    /// A script, or a folder or zip with a `__main__.py`.
    Script(OsString),
    /// `-`: standard input.
    Input,
    /// No program: a prompt on a terminal, else standard input.
    Prompt,
}

impl Program {
    /// Returns the kind, as `as_main.py` spells it, and the text, name or path.
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
    /// Reads a command line as Python does (CPython: `Python/getopt.c`). The value of `-W`, `-X` or Python 2's `-Q`
    /// is no option, nor is any word after `-c`, `-m` or the script.
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
                            if !before.is_empty() {
                                options.push(format!("-{before}").into());
                            }
                            let value = match attached {
                                Some(value) if !value.is_empty() => value,
                                _ => words.next().unwrap_or_default(),
                            };
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

/// The meaning of a word of short options for the words after it.
enum End {
    Plain,
    TakesNext,
    /// The word ends in `-c` or `-m`; `before` are the options before that.
    Runs {
        kind: char,
        before: String,
    },
}

impl Cluster {
    fn of(flags: &[u8]) -> Self {
        let last = flags.iter().position(|flag| matches!(flag, b'c' | b'm' | b'W' | b'X' | b'Q'));
        let (before, rest) = flags.split_at(last.unwrap_or(flags.len()));
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
    fn version_needs_major_and_minor() {
        let shown = |text| Version::parse(text).map(|version| version.to_string());
        assert_eq!(shown("3.11.7"), Some("3.11".into()));
        assert_eq!(shown("3.7m"), Some("3.7".into()));
        for none in ["", "3", "3.", "x.1", "3.x", "999.1", "+3.1", ".1"] {
            assert_eq!(shown(none), None, "{none}");
        }
        assert!(Version::parse("3.9") < Version::parse("3.10"));
    }

    #[test]
    fn isolating_words_are_found() {
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
    fn words_are_split_as_python_does() {
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
