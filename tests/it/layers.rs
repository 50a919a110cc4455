//! The direction of imports: rooms import strictly downwards, and no two files import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/`, the lowest layer first; rooms of a layer do not know each other.
const LAYERS: [&[&str]; 19] = [
    &["cli", "display", "fingerprint", "interrupt", "os", "parallel", "suggest"],
    &["disk", "environment", "origin"],
    &["error", "fast_import", "interpreter", "lock"],
    &["console", "inputs"],
    &["narration", "request", "settings", "status", "table"],
    &["inherit", "toolkit"],
    &["finding"],
    &["site"],
    &["context"],
    &["select"],
    &["resolve"],
    &["plan"],
    &["exec"],
    &["helper", "worker"],
    &["bootstrap"],
    &["project"],
    &["command"],
    &["fuzzing"],
    &["lib", "main"],
];

fn layer(room: &str) -> usize {
    let found = LAYERS.iter().position(|layer| layer.contains(&room));
    found.unwrap_or_else(|| panic!("{room} is in no layer"))
}

/// Every source file by its module path, such as `finding::scan`; a folder's `mod.rs` by the folder's.
fn sources() -> BTreeMap<Vec<String>, PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![root.clone()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(&root).unwrap().with_extension("");
            let mut module: Vec<String> =
                below.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            module.retain(|part| part != "mod");
            files.insert(module, path);
        }
    }
    assert!(files.len() > 20, "{files:?}");
    files
}

/// The paths that a file names after `crate::` or `super::`, as module paths from the crate's root.
fn named_paths(module: &[String], is_folder: bool, text: &str) -> Vec<Vec<String>> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let mut paths = Vec::new();
    for (start, mut base) in [("crate::", Vec::new()), ("super::", module.to_vec())] {
        if start == "super::" && !is_folder {
            base.pop();
        }
        for rest in code.split(start).skip(1) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let mut path = base.clone();
            path.extend(rest[..end.unwrap_or(rest.len())].split("::").map(str::to_owned));
            paths.push(path);
        }
    }
    paths
}

/// The files that each file imports: for each path the longest module that it begins with.
fn imports(files: &BTreeMap<Vec<String>, PathBuf>) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    let mut imports = BTreeMap::new();
    for (module, file) in files {
        let text = fs::read_to_string(file).unwrap();
        assert!(!text.contains("crate::{"), "{}: one import a line", file.display());
        let is_folder = file.ends_with("mod.rs");
        let mut imported = BTreeSet::new();
        for path in named_paths(module, is_folder, &text) {
            let mut lengths = (1..=path.len()).rev();
            let target = lengths.find_map(|length| files.get(&path[..length]));
            imported.extend(target.filter(|target| *target != file).cloned());
        }
        if is_folder {
            // A folder's re-exports of its own files.
            let own = text.lines().filter_map(|line| line.split("use ").nth(1));
            let children = own.filter_map(|path| {
                let child = path.split([':', ';', ' ']).next()?;
                files.get(&[module.as_slice(), &[child.to_owned()]].concat())
            });
            imported.extend(children.cloned());
        }
        imports.insert(file.clone(), imported);
    }
    imports
}

fn room(file: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let below = file.strip_prefix(root).unwrap().with_extension("");
    below.iter().next().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn rooms_import_downwards() {
    for (file, imported) in imports(&sources()) {
        for other in imported.iter().filter(|other| room(other) != room(&file)) {
            let is_below = layer(&room(other)) < layer(&room(&file));
            assert!(is_below, "{} imports {}", file.display(), other.display());
        }
    }
}

#[test]
fn no_files_import_each_other() {
    let imports = imports(&sources());
    let mut pairs = Vec::new();
    for (file, imported) in &imports {
        for other in imported.iter().filter(|other| *other > file && imports[*other].contains(file))
        {
            pairs.push(format!("{} and {}", file.display(), other.display()));
        }
    }
    assert!(pairs.is_empty(), "these import each other:\n{}", pairs.join("\n"));
}

#[test]
fn cli_knows_nothing_of_the_crate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(!fs::read_to_string(root.join("src/cli.rs")).unwrap().contains("crate::"));
}
