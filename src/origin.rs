//! A value, and what decided it. Every choice carries its origin, so that `--explain` and the error
//! messages can tell it without working it out again.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use crate::display::Printable;

/// A value and what decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided<T> {
    /// The value.
    pub value: T,
    /// What decided it.
    pub origin: Origin,
}

impl<T> Decided<T> {
    /// A value that `origin` decided.
    pub fn new(value: T, origin: Origin) -> Self {
        Decided { value, origin }
    }
}

/// What decided a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An option on the command line.
    Option(&'static str),
    /// A variable of the caller's environment.
    Variable(&'static str),
    /// The name by which the launcher was called.
    Link(OsString),
    /// A key in a settings file.
    Setting {
        /// The key, with its tables.
        key: String,
        /// The settings file.
        file: PathBuf,
    },
    /// A file of Toolkit's.
    File(PathBuf),
    /// A folder below a root, and what decided the root.
    Below {
        /// The root.
        root: PathBuf,
        /// What decided it.
        origin: Box<Origin>,
    },
    /// A folder of a project's data.
    Data(PathBuf),
    /// The site at this address.
    Site(String),
    /// A rule that holds where nothing else decides.
    Default(&'static str),
}

impl Origin {
    /// The folder that a relative path of this origin is joined to: a settings file's own; `None`
    /// for the working directory.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Origin::Setting { file, .. } => file.parent(),
            _ => None,
        }
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Option(name) => write!(f, "option {name}"),
            Origin::Variable(name) => write!(f, "variable {name}"),
            Origin::Link(name) => write!(f, "link {}", Printable::new(name)),
            Origin::Setting { key, file } => {
                write!(f, "'{}' in {}", Printable::new(key), Printable::new(file))
            }
            Origin::File(path) => write!(f, "{}", Printable::new(path)),
            Origin::Below { root, origin } => {
                write!(f, "folder below {} ({origin})", Printable::new(root))
            }
            Origin::Data(folder) => write!(f, "project data in {}", Printable::new(folder)),
            Origin::Site(host) => write!(f, "site {}", Printable::new(host)),
            Origin::Default(rule) => f.write_str(rule),
        }
    }
}
