//! Packs each Python program of `shims/` into one text, which the launcher carries, and says what `--version` prints.
//!
//! A program is its main module and the modules that it imports, each after those that it needs. The imports between
//! them are left out, as all names are in one place then. So they have one form only,
//! `from MODULE import NAME, NAME` on one line at the left margin, and no name has two meanings in one program.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The programs' names, with their main modules below `shims/`.
const PROGRAMS: [(&str, &str); 6] = [
    ("bootstrap", "bootstrap.main"),
    ("fast_import", "fast_import.main"),
    ("probe", "probe"),
    ("session", "session"),
    ("venv_maker", "venv_maker"),
    ("worker", "worker.main"),
];

fn main() -> ExitCode {
    for (name, module) in PROGRAMS {
        if let Err(problem) = pack(name, module) {
            println!("cargo::error=cannot pack the Python program '{name}': {problem}");
            return ExitCode::FAILURE;
        }
    }
    describe_build();
    ExitCode::SUCCESS
}

/// Hands the commit and the target to `--version`. Only release builds name the commit: else each commit would compile
/// the tests again.
#[expect(clippy::disallowed_methods, reason = "a build script has no inputs.rs")]
fn describe_build() {
    println!("cargo::rerun-if-env-changed=SGTK_PYTHON_COMMIT");
    let variable = |name| std::env::var(name).unwrap_or_default();
    let mut build = variable("TARGET");
    if variable("PROFILE") == "release"
        && let Some(commit) = std::env::var("SGTK_PYTHON_COMMIT").ok().or_else(commit)
    {
        build = format!("{commit}, {build}");
    }
    println!("cargo::rustc-env=SGTK_PYTHON_BUILD={build}");
}

/// Returns the first 12 digits of the commit; `None` where there is no repository, as in an unpacked archive.
fn commit() -> Option<String> {
    // An archive may lie in another project's repository.
    if !Path::new(".git").exists() {
        return None;
    }
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        println!("cargo::rerun-if-changed={path}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

#[expect(clippy::disallowed_methods, reason = "a build script has no exec/")]
fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[expect(clippy::disallowed_methods, reason = "a build script has no inputs.rs")]
fn pack(name: &str, module: &str) -> Result<(), String> {
    let mut program = Program::default();
    program.add(module)?;
    let folder = std::env::var("OUT_DIR").map_err(|error| error.to_string())?;
    let file = Path::new(&folder).join(format!("{name}.py"));
    fs::write(&file, program.text).map_err(|error| format!("{}: {error}", file.display()))
}

/// A program's text so far.
#[derive(Default)]
struct Program {
    text: String,
    /// The modules that are in the text.
    done: HashSet<String>,
    /// The modules whose imports are being added.
    begun: Vec<String>,
    /// The names that the modules define at their left margin, and where.
    names: HashMap<String, String>,
}

impl Program {
    /// Adds a module after the modules that it imports.
    fn add(&mut self, module: &str) -> Result<(), String> {
        if self.done.contains(module) {
            return Ok(());
        }
        if self.begun.iter().any(|begun| begun == module) {
            return Err(format!("modules import each other: {}", self.begun.join(", ")));
        }
        self.begun.push(module.to_owned());
        let path = path_of(module);
        let source =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("cargo::rerun-if-changed={}", path.display());
        let mut text = String::new();
        for (index, line) in source.lines().enumerate() {
            let failed = |problem| format!("{}:{}: {problem}", path.display(), index + 1);
            if let Some(imported) = own_import(line).map_err(failed)? {
                self.add(imported)?;
                continue;
            }
            for (name, place) in definitions(line, module) {
                let first = self.names.entry(name.to_owned()).or_insert_with(|| place.clone());
                if *first != place {
                    return Err(failed(format!("'{name}' is defined by {first} too")));
                }
            }
            text.push_str(line);
            text.push('\n');
        }
        self.text.push_str(&text);
        self.begun.pop();
        self.done.insert(module.to_owned());
        Ok(())
    }
}

fn path_of(module: &str) -> PathBuf {
    Path::new("shims").join(module.replace('.', "/")).with_extension("py")
}

/// Returns the module of `shims/` that a line imports from; fails if the line imports one in another form.
fn own_import(line: &str) -> Result<Option<&str>, String> {
    let mut words = line.split_whitespace();
    let (Some("from" | "import"), Some(module)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let names = line.strip_prefix(&format!("from {module} import ")).unwrap_or_default();
    let package = module.split(['.', ',']).next().unwrap_or_default();
    let is_relative = package.is_empty();
    if !is_relative && !path_of(package).exists() && !Path::new("shims").join(package).is_dir() {
        return Ok(None);
    }
    if names.split(", ").all(is_name) && path_of(module).exists() {
        return Ok(Some(module));
    }
    Err("write it as 'from MODULE import NAME, NAME' on one line, with a module of shims/".into())
}

/// Returns the names that a line at the left margin defines, each with its place: the module, or the statement of an
/// import, which several modules may share.
fn definitions<'a>(line: &'a str, module: &str) -> Vec<(&'a str, String)> {
    if let Some(imported) = line.strip_prefix("import ") {
        let package = imported.split('.').next().unwrap_or_default();
        return vec![(package, format!("'import {package}'"))];
    }
    let (names, place) = if line.starts_with("from ") {
        (line.split_once(" import ").map_or("", |(_, names)| names), format!("'{line}'"))
    } else if let Some(rest) = line.strip_prefix("def ").or(line.strip_prefix("class ")) {
        (rest.split(['(', ':']).next().unwrap_or_default(), module.to_owned())
    } else if line.starts_with(' ') {
        ("", module.to_owned())
    } else {
        (line.split_once(" = ").map_or("", |(names, _)| names), module.to_owned())
    };
    names.split(", ").filter(|name| is_name(name)).map(|name| (name, place.clone())).collect()
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_')
}
