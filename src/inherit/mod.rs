//! Decides which of the caller's variables Python inherits: none of another project or another Python, then
//! the settings' and the options' changes.

mod names;

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::environment::{Environment, NamePattern, Variables, any_matches, holds_secret};
use crate::origin::Decided;
use crate::os::{below, is_same_path};
use crate::request::EnvironmentOptions;
use crate::settings::EnvironmentTable;
use names::{
    BATCH_SECRETS, HARMLESS, OF_ANOTHER_PROJECT, OF_ANOTHER_PYTHON, OF_BATCH_JOBS, SELECTING,
};

/// Folders that many programs share. [`is_shared`] adds those at the root.
const SHARED_FOLDERS: [&str; 5] =
    ["/usr/lib", "/usr/lib64", "/usr/local", "/usr/local/lib", "/usr/share"];

const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// Returns Python's environment: the rules change `variables` first, then the settings' tables in their
/// order, then the options. Neither the rules nor the tables unset a variable that `--keep` names.
pub fn inherit(
    variables: Arc<Variables>,
    options: &EnvironmentOptions,
    tables: &[&Decided<EnvironmentTable>],
) -> Environment {
    let mut rules = Rules { environment: Environment::new(variables), keep: &options.keep };
    if options.clean {
        rules.unset_all_but_harmless();
    }
    rules.remove_virtual_environment();
    rules.remove_host_python();
    rules.unset_all(&OF_ANOTHER_PROJECT, "carries another project into this one");
    rules.unset_all(&SELECTING, "chose this launch, and must not choose another one");
    rules.unset_all(&OF_ANOTHER_PYTHON, "belongs to another Python");
    for table in tables {
        rules.apply(table);
    }
    let mut environment = rules.environment;
    for name in environment.names(|name| any_matches(&options.unset, name)) {
        environment.unset(name, "option --unset");
    }
    for (name, value) in &options.set {
        environment.set(name, value, "option --env");
    }
    environment
}

/// Returns the variables that do not depend on the caller's program.
pub fn harmless() -> Vec<NamePattern> {
    patterns(&HARMLESS)
}

fn patterns(names: &[&str]) -> Vec<NamePattern> {
    names.iter().filter_map(|name| NamePattern::new(*name)).collect()
}

/// The rules' changes to an environment, as far as `--keep` allows them.
struct Rules<'a> {
    environment: Environment,
    keep: &'a [NamePattern],
}

impl Rules<'_> {
    fn unset_all(&mut self, names: &[&str], reason: &str) {
        for name in names {
            if !any_matches(self.keep, name.as_ref()) {
                self.environment.unset(name, reason);
            }
        }
    }

    fn unset_all_but_harmless(&mut self) {
        let (harmless, batch) = (harmless(), patterns(&OF_BATCH_JOBS));
        let unwanted = self.environment.names(|name| {
            let is_allowed = any_matches(&harmless, name) || any_matches(self.keep, name);
            !is_allowed && (!any_matches(&batch, name) || is_secret(name))
        });
        for name in unwanted {
            self.environment.unset_until_named(name, "option --clean");
        }
    }

    fn apply(&mut self, table: &Decided<EnvironmentTable>) {
        let reason = table.origin.to_string();
        let EnvironmentTable { unset, set } = &table.value;
        let keep = self.keep;
        for name in self.environment.names(|n| any_matches(unset, n) && !any_matches(keep, n)) {
            self.environment.unset(name, reason.as_str());
        }
        for (name, value) in set {
            self.environment.set(name, value, reason.as_str());
        }
    }

    /// Takes an activated virtual environment out of `PATH`, so that its Python is not found there.
    fn remove_virtual_environment(&mut self) {
        let Some(home) = self.value_to_unset("VIRTUAL_ENV") else { return };
        let programs = Path::new(&home).join(if cfg!(windows) { "Scripts" } else { "bin" });
        if ["/bin", "/usr/bin", "/usr/local/bin"].iter().any(|shared| programs == Path::new(shared))
        {
            return;
        }
        let reason = "without the virtual environment that the caller was in";
        self.remove_entries("PATH".as_ref(), reason, |entry| is_same_path(entry, &programs));
    }

    /// Takes the libraries of a program that brings its own Python out of the lists of paths: they break other
    /// Pythons. Such a program (a DCC) sets `PYTHONHOME`.
    fn remove_host_python(&mut self) {
        let Some(homes) = self.value_to_unset("PYTHONHOME") else { return };
        let users_home = self.environment.inherited(HOME).map(Path::new);
        let mut folders = Vec::new();
        for home in std::env::split_paths(&homes) {
            folders.extend(host_folder(&home, users_home));
        }
        for name in self.environment.names(lists_libraries) {
            let reason = "without what belongs to the Python of PYTHONHOME";
            self.remove_entries(&name, reason, |entry| {
                folders.iter().any(|folder| below(entry, folder).is_some())
            });
        }
    }

    /// Returns the value of a variable that the rules are going to unset; `None` if they leave it or it is
    /// empty.
    fn value_to_unset(&self, name: &str) -> Option<OsString> {
        let value = self.environment.inherited(name)?;
        let is_kept = value.is_empty() || any_matches(self.keep, name.as_ref());
        (!is_kept).then_some(value.to_owned())
    }

    /// Removes entries from a list of paths, and unsets the variable if none is left.
    fn remove_entries(&mut self, name: &OsStr, reason: &str, is_unwanted: impl Fn(&Path) -> bool) {
        if any_matches(self.keep, name) {
            return;
        }
        let Some(list) = self.environment.get(name) else { return };
        let mut entries: Vec<PathBuf> = std::env::split_paths(list).collect();
        let before = entries.len();
        entries.retain(|entry| !is_unwanted(entry));
        if entries.len() == before {
            return;
        }
        match std::env::join_paths(entries) {
            Ok(list) if !list.is_empty() => self.environment.set(name, list, reason),
            _ => self.environment.unset(name, reason),
        }
    }
}

fn is_secret(name: &OsStr) -> bool {
    holds_secret(name) || BATCH_SECRETS.iter().any(|secret| name == *secret)
}

fn lists_libraries(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name == b"PYTHONPATH" || name == b"LD_LIBRARY_PATH" || name.starts_with(b"DYLD_")
}

/// Returns the folder of the program with this `PYTHONHOME`: the home, or its parent if the home is named for
/// Python; `None` if many programs share it.
fn host_folder(home: &Path, users_home: Option<&Path>) -> Option<PathBuf> {
    let is_shared = |folder: &Path| is_shared(folder) || users_home == Some(folder);
    let name = home.file_name()?.to_string_lossy().to_lowercase();
    let parent = home.parent().filter(|parent| name.starts_with("python") && !is_shared(parent));
    let folder = parent.unwrap_or(home);
    (folder.has_root() && !is_shared(folder)).then_some(folder.to_owned())
}

/// Returns true for the root, the folders in it, and [`SHARED_FOLDERS`].
fn is_shared(folder: &Path) -> bool {
    let parts = folder.components().filter(|part| matches!(part, Component::Normal(_)));
    parts.count() <= 1 || SHARED_FOLDERS.iter().any(|shared| folder == Path::new(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_folder_is_never_a_shared_folder() {
        let folder = |home: &str| host_folder(Path::new(home), Some(Path::new("/home/me")));
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
