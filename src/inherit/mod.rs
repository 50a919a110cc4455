//! Decides what Python may inherit of the caller's environment: nothing that belongs to another
//! project or another Python, and what the settings and options say. Pure.

mod names;

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use crate::environment::{Environment, NamePattern, Variables};
use crate::origin::Decided;
use crate::request::EnvironmentOptions;
use crate::settings::EnvironmentTable;
use names::{HARMLESS, OF_ANOTHER_PROJECT, OF_ANOTHER_PYTHON, SELECTING};

/// Folders that many programs share, besides the root, the folders in it and the user's home.
const SHARED_FOLDERS: [&str; 5] =
    ["/usr/lib", "/usr/lib64", "/usr/local", "/usr/local/lib", "/usr/share"];

/// Decides what Python inherits of `variables`: first what must go, then the settings' tables in
/// their order, then the options. What `--keep` names, neither the rules nor the tables remove.
pub fn inherit(
    variables: Variables,
    options: &EnvironmentOptions,
    tables: &[&Decided<EnvironmentTable>],
) -> Environment {
    let mut planned = Planned { environment: Environment::new(variables), keep: &options.keep };
    if options.clean {
        planned.keep_only_harmless();
    }
    planned.leave_virtual_environment();
    planned.leave_host_python();
    planned.unset_all(&OF_ANOTHER_PROJECT, "carries another project into this one");
    planned.unset_all(&SELECTING, "chose this launch, and must not choose another one");
    planned.unset_all(&OF_ANOTHER_PYTHON, "belongs to another Python");
    for table in tables {
        planned.apply(table);
    }
    let mut environment = planned.environment;
    for name in environment.names(|name| options.unset.iter().any(|p| p.matches(name))) {
        environment.unset(name, "option --unset");
    }
    for (name, value) in &options.set {
        environment.set(name, value, "option --env");
    }
    environment
}

/// The variables that a process can have whoever started it.
pub fn harmless() -> Vec<NamePattern> {
    HARMLESS.iter().filter_map(|name| NamePattern::new(*name)).collect()
}

struct Planned<'a> {
    environment: Environment,
    keep: &'a [NamePattern],
}

impl Planned<'_> {
    fn keeps(&self, name: impl AsRef<OsStr>) -> bool {
        let name = name.as_ref();
        self.keep.iter().any(|pattern| pattern.matches(name))
    }

    fn unset_all(&mut self, names: &[&str], reason: &str) {
        for name in names {
            if !self.keeps(name) {
                self.environment.unset(name, reason);
            }
        }
    }

    fn keep_only_harmless(&mut self) {
        let harmless = harmless();
        let others = |name: &OsStr| !harmless.iter().any(|pattern| pattern.matches(name));
        for name in self.environment.names(|name| others(name) && !self.keeps(name)) {
            self.environment.withhold(name, "option --clean");
        }
    }

    fn apply(&mut self, table: &Decided<EnvironmentTable>) {
        let reason = table.origin.to_string();
        let unset = |name: &OsStr| table.value.unset.iter().any(|pattern| pattern.matches(name));
        for name in self.environment.names(|name| unset(name) && !self.keeps(name)) {
            self.environment.unset(name, reason.as_str());
        }
        for (name, value) in &table.value.set {
            self.environment.set(name, value, reason.as_str());
        }
    }

    /// An activated virtual environment leaves `PATH`, so that its Python is not found there.
    fn leave_virtual_environment(&mut self) {
        let Some(home) = self.leaving("VIRTUAL_ENV") else { return };
        let programs = Path::new(&home).join(if cfg!(windows) { "Scripts" } else { "bin" });
        if ["/bin", "/usr/bin", "/usr/local/bin"].iter().any(|shared| programs == Path::new(shared))
        {
            return;
        }
        let reason = "without the virtual environment that the caller was in";
        self.shorten("PATH".as_ref(), reason, |entry| entry == programs);
    }

    /// The libraries of a program that brings its own Python (a DCC sets `PYTHONHOME`) break others.
    fn leave_host_python(&mut self) {
        let Some(home) = self.leaving("PYTHONHOME") else { return };
        let users_home =
            self.environment.inherited(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
        let users_home = users_home.map(Path::new);
        let homes = std::env::split_paths(&home);
        let homes: Vec<PathBuf> =
            homes.filter_map(|home| folder_of_host(&home, users_home)).collect();
        let is_host = |entry: &Path| homes.iter().any(|home| entry.starts_with(home));
        let lists = |name: &OsStr| {
            let name = name.as_encoded_bytes();
            name == b"PYTHONPATH" || name == b"LD_LIBRARY_PATH" || name.starts_with(b"DYLD_")
        };
        for name in self.environment.names(lists) {
            self.shorten(&name, "without what belongs to the Python of PYTHONHOME", is_host);
        }
    }

    /// The value of a variable that is about to be unset.
    fn leaving(&self, name: &str) -> Option<OsString> {
        let value = self.environment.inherited(name).filter(|value| !value.is_empty())?;
        (!self.keeps(name)).then(|| value.to_owned())
    }

    /// Takes entries out of a list of paths.
    fn shorten(&mut self, name: &OsStr, reason: &str, leaves: impl Fn(&Path) -> bool) {
        if self.keeps(name) {
            return;
        }
        let Some(list) = self.environment.get(name).map(OsStr::to_owned) else { return };
        let entries: Vec<PathBuf> = std::env::split_paths(&list).collect();
        let stay: Vec<&PathBuf> = entries.iter().filter(|entry| !leaves(entry)).collect();
        if stay.len() == entries.len() {
            return;
        }
        match std::env::join_paths(stay) {
            Ok(list) if !list.is_empty() => self.environment.set(name, list, reason),
            _ => self.environment.unset(name, reason),
        }
    }
}

/// The folder of a program, told from its `PYTHONHOME`: that, or the folder above it if it is named
/// for Python; `None` if many programs share it.
fn folder_of_host(home: &Path, users_home: Option<&Path>) -> Option<PathBuf> {
    let is_shared = |folder: &Path| is_shared(folder) || users_home == Some(folder);
    let name = home.file_name()?.to_string_lossy().to_lowercase();
    let above = home.parent().filter(|above| name.starts_with("python") && !is_shared(above));
    let folder = above.unwrap_or(home);
    (folder.has_root() && !is_shared(folder)).then(|| folder.to_owned())
}

/// Whether many programs share a folder.
fn is_shared(folder: &Path) -> bool {
    let parts = folder.components().filter(|part| matches!(part, Component::Normal(_)));
    parts.count() <= 1 || SHARED_FOLDERS.iter().any(|shared| folder == Path::new(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_hosts() {
        let folder = |home: &str| folder_of_host(Path::new(home), Some(Path::new("/home/me")));
        assert_eq!(folder("/opt/maya2024"), Some("/opt/maya2024".into()));
        assert_eq!(folder("/opt/hfs20/python"), Some("/opt/hfs20".into()));
        assert_eq!(folder("/opt/blender/4/Python311/"), Some("/opt/blender/4".into()));
        assert_eq!(folder("/opt/python3.9"), Some("/opt/python3.9".into()));
        assert_eq!(folder("/home/me/python3"), Some("/home/me/python3".into()));
        for shared in ["/usr", "/usr/local", "/", "", "relative", "/opt", "/mnt", "/home/me"] {
            assert_eq!(folder(shared), None, "{shared}");
        }
    }
}
