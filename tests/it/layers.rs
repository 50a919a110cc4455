//! The direction in which modules import: strictly downwards.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules, the lowest layer first; modules of a layer do not know each other.
const LAYERS: [&[&str]; 18] = [
    &["cli", "fingerprint", "near", "os", "parallel", "shown"],
    &["disk", "environment", "origin"],
    &["error", "lock"],
    &["inputs"],
    &["request", "settings"],
    &["inherit", "toolkit"],
    &["credentials", "site"],
    &["finding"],
    &["situation"],
    &["select"],
    &["resolve"],
    &["plan"],
    &["exclusive", "exec", "shim"],
    &["worker"],
    &["explain", "listing"],
    &["bootstrap"],
    &["doctor", "each"],
    &["lib", "main"],
];

fn layer(module: &str) -> usize {
    let found = LAYERS.iter().position(|layer| layer.contains(&module));
    found.unwrap_or_else(|| panic!("{module} is in no layer"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { sources(&path, found) } else { found.push(path) }
    }
}

#[test]
fn modules_import_downwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20);
    for file in files {
        let below = file.strip_prefix(&root).unwrap();
        let module = below.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("crate::{"), "{}: one import a line", file.display());
        let imports = text.split("crate::").skip(1);
        for import in imports.filter(|import| import.starts_with(|c: char| c.is_lowercase())) {
            let imported = import.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            let own = imported == module;
            assert!(
                own || layer(imported) < layer(module),
                "{} imports {imported}",
                file.display()
            );
        }
    }
}

#[test]
fn the_command_line_knows_nothing_of_the_crate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(!fs::read_to_string(root.join("src/cli.rs")).unwrap().contains("crate::"));
}
