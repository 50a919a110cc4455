//! Values with their origin, which `--explain` and the errors print.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use crate::display::Printable;

/// A value and the input, file or rule that decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided<T> {
    pub value: T,
    pub origin: Origin,
}

impl<T> Decided<T> {
    pub fn new(value: T, origin: Origin) -> Self {
        Decided { value, origin }
    }
}

/// The input, file or rule that decided a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Option(&'static str),
    Variable(&'static str),
    /// The name by which the launcher was called.
    Link(OsString),
    Setting {
        /// With its tables, such as `projects.bigbuck.python`.
        key: String,
        file: PathBuf,
    },
    /// A file of Toolkit.
    File(PathBuf),
    /// A folder below a root.
    Below {
        root: PathBuf,
        /// The root's origin.
        origin: Box<Origin>,
    },
    /// A folder of a project's data.
    Data(PathBuf),
    /// The site's address.
    Site(String),
    /// The rule for a value that nothing else decides.
    Default(&'static str),
}

impl Origin {
    /// Returns the folder that a relative path is joined to: a settings file's own; `None` for the working
    /// directory.
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
