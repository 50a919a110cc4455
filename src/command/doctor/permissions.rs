//! Files and folders that every user may write to, and that decide which code others run.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::finding::{Check, Finding, Severity};
use crate::console;
use crate::context::Context;
use crate::disk;
use crate::error::Error;
use crate::finding::scan::{Scan, scan_threads};
use crate::parallel::in_parallel;
use crate::plan::LaunchPlan;
use crate::select::Selection;
use crate::toolkit::config::PipelineConfig;

/// Files and folders that are looked at in one tree.
const MOST: usize = 10_000;

/// A file or folder to look at.
struct Target {
    path: PathBuf,
    project: Option<String>,
    role: Role,
}

/// The harm that a writer can do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Program,
    /// A file or folder of a configuration or core.
    Code,
    /// The same, with all that is in it.
    Tree,
    /// A root: a folder that is added there is a project.
    Root,
    /// A folder above a root, configuration or core.
    Above,
    /// A folder above the settings or the launcher. In a sticky folder users can replace only their own files.
    AboveLauncher,
}

/// The findings, and the code among them.
pub struct OpenToAll {
    pub findings: Vec<Finding>,
    /// Programs, and files and folders of configurations and cores, that every user can change.
    code: Vec<PathBuf>,
}

/// Finds them among the settings that do not count, the launcher, the folders above the roots, and the configurations
/// with their cores and Pythons.
pub fn open_to_all(
    scan: &Scan,
    plans: &[Result<LaunchPlan, Error>],
    context: &Context,
) -> OpenToAll {
    let mut targets = Targets::default();
    targets.add_studio(context);
    let (mut findings, mut code) = (Vec::new(), Vec::new());
    for (record, plan) in scan.records.iter().zip(plans) {
        let name = context.roots.name_of(record);
        if record.realised.is_none() {
            targets.add_config(&record.path, plan.as_ref().ok(), &name);
        } else if let Some(finding) = open_cache(&record.path) {
            findings.push(finding.in_project(&name));
            code.push(record.path.clone());
        }
    }
    for error in &context.settings.untrusted {
        findings.push(Finding::of_error(Check::Permissions, error));
    }
    console::show_progress("looking at permissions");
    let list = &targets.list;
    let open = in_parallel(scan_threads(list.len()), list, Target::finding);
    console::show_progress("");
    let open: Vec<Found> = open.into_iter().flatten().collect();
    let mut trees = HashSet::new();
    for found in &open {
        if found.is_code {
            trees.insert(found.path.clone());
        }
    }
    for Found { path, finding, is_code } in open {
        // A folder that is found stands for all that is in it.
        let is_inside = path.ancestors().skip(1).any(|folder| trees.contains(folder));
        if finding.severity == Severity::Wrong {
            code.push(path);
        }
        if !(is_code && is_inside) {
            findings.push(finding);
        }
    }
    OpenToAll { findings, code }
}

impl OpenToAll {
    /// Returns true if every user can change what a plan runs.
    pub fn has_code_of(&self, plan: &LaunchPlan) -> bool {
        let LaunchPlan { selection: Selection { config, .. }, core, interpreter, .. } = plan;
        let run = [
            config.path.join("config").join("core"),
            config.core_link_file(),
            core.path(),
            interpreter.path.clone(),
            disk::without_links(&interpreter.path),
        ];
        self.code
            .iter()
            .any(|open| run.iter().any(|path| path.starts_with(open) || open.starts_with(path)))
    }
}

/// The targets, each path once; the first role counts.
#[derive(Default)]
struct Targets {
    list: Vec<Target>,
    seen: HashSet<PathBuf>,
    /// Folders without links, by the folder as written.
    real: HashMap<PathBuf, PathBuf>,
}

impl Targets {
    fn add(&mut self, path: &Path, role: Role, project: Option<&str>) {
        if self.seen.insert(path.to_owned()) {
            let project = project.map(str::to_owned);
            self.list.push(Target { path: path.to_owned(), project, role });
        }
    }

    fn add_studio(&mut self, context: &Context) {
        if let Some(launcher) = &context.inputs.location.launcher {
            self.add_with_folder(launcher, Role::Program, None);
        }
        for root in &context.roots.folders {
            self.add(&root.value, Role::Root, None);
        }
        for root in &context.roots.folders {
            self.add_above(&root.value, Role::Above);
        }
        for file in context.settings.files.iter().chain(&context.inputs.location.launcher) {
            self.add_above(&disk::without_links(file), Role::AboveLauncher);
        }
    }

    fn add_config(&mut self, path: &Path, plan: Option<&LaunchPlan>, project: &str) {
        let config = PipelineConfig::at(path);
        for path in [path.to_owned(), config.core_link_file()] {
            self.add(&path, Role::Code, Some(project));
        }
        self.add(&path.join("config"), Role::Tree, Some(project));
        for folder in ["install", "install/core"] {
            self.add(&path.join(folder), Role::Code, Some(project));
        }
        self.add_above(path, Role::Above);
        let Some(LaunchPlan { core, interpreter, .. }) = plan else { return };
        self.add(&core.root, Role::Code, Some(project));
        self.add(&core.interpreter_file(), Role::Code, Some(project));
        for entry in ["python", "requirements", "hooks"] {
            self.add(&core.path().join(entry), Role::Tree, Some(project));
        }
        self.add(&core.path(), Role::Code, Some(project));
        self.add_above(&core.root, Role::Above);
        for python in [interpreter.path.clone(), disk::without_links(&interpreter.path)] {
            self.add_with_folder(&python, Role::Program, Some(project));
        }
    }

    fn add_with_folder(&mut self, file: &Path, role: Role, project: Option<&str>) {
        self.add(file, role, project);
        if let Some(folder) = file.parent() {
            self.add(folder, role, project);
        }
    }

    /// Adds the folders above a path, as written and without links.
    fn add_above(&mut self, path: &Path, role: Role) {
        let Some(folder) = path.parent() else { return };
        if self.real.contains_key(folder) {
            return;
        }
        let real = disk::without_links(folder);
        for above in folder.ancestors().chain(real.ancestors()) {
            self.add(above, role, None);
        }
        self.real.insert(folder.to_owned(), real);
    }
}

/// A path that every user may write to.
struct Found {
    path: PathBuf,
    finding: Finding,
    is_code: bool,
}

impl Target {
    fn finding(&self) -> Option<Found> {
        let Target { path, project, role } = self;
        let metadata = fs::metadata(path).ok()?;
        let (path, finding) = if disk::is_writable_by_all(&metadata) {
            let is_sticky = metadata.is_dir() && disk::is_sticky(&metadata);
            if is_sticky && *role == Role::AboveLauncher {
                return None;
            }
            (path.clone(), role.finding(is_sticky, metadata.is_dir()))
        } else if *role == Role::Tree {
            let tree = Tree::read(path);
            (tree.first()?, tree.finding()?)
        } else {
            return None;
        };
        let mut finding = finding.in_file(&path);
        if let Some(project) = project {
            finding = finding.in_project(project);
        }
        Some(Found { path, finding, is_code: matches!(role, Role::Code | Role::Tree) })
    }
}

impl Role {
    fn finding(self, is_sticky: bool, is_folder: bool) -> Finding {
        let advice = match self {
            Role::Code | Role::Tree if is_folder => {
                "remove the permission, in the folder too: chmod -R o-w"
            }
            _ => "remove the permission: chmod o-w",
        };
        let problem = match self {
            Role::Program => "every user can change the program that others run",
            Role::Code | Role::Tree => "every user can change the code that others run",
            Role::Root => "every user can add or change the code that others run",
            Role::Above if is_sticky => {
                let problem = "every user can add folders here, above the code that others run";
                let advice = "move the studio to a folder that only some users can write to";
                return Finding::warning(Check::Permissions, problem, advice);
            }
            Role::Above | Role::AboveLauncher => {
                "every user can replace the code that others run below this folder"
            }
        };
        Finding::wrong(Check::Permissions, problem, advice)
    }
}

/// The contents of a folder that every user may write to. Folders among them are not read further.
#[derive(Default)]
struct Tree {
    open: Vec<PathBuf>,
    read: usize,
    unread: Option<PathBuf>,
}

impl Tree {
    /// Reads at most [`MOST`] files and folders; links are not followed.
    fn read(folder: &Path) -> Self {
        let mut tree = Tree::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                tree.read += 1;
                if tree.read > MOST {
                    tree.unread = Some(folder);
                    return tree;
                }
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.is_symlink() {
                    continue;
                }
                if disk::is_writable_by_all(&metadata) {
                    tree.open.push(entry.path());
                } else if metadata.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        tree.open.sort();
        tree
    }

    fn first(&self) -> Option<PathBuf> {
        self.open.first().or(self.unread.as_ref()).cloned()
    }

    fn finding(&self) -> Option<Finding> {
        match self.open.len() {
            0 => {
                self.unread.as_ref()?;
                let problem = format!("only the first {MOST} files were checked for permissions");
                let advice = "look for the others: find . -perm -o+w ! -type l";
                Some(Finding::note(Check::Permissions, problem, advice))
            }
            1 => Some(Role::Code.finding(false, self.open.first()?.is_dir())),
            count => {
                let problem = format!(
                    "every user can change the code that others run, here {count} files or folders"
                );
                let advice = "remove the permission from all of them: chmod -R o-w";
                Some(Finding::wrong(Check::Permissions, problem, advice))
            }
        }
    }
}

/// Finds a realised configuration that other users can reach. Toolkit makes what it realises writable for all
/// users, so a folder above must be closed to them.
fn open_cache(config: &Path) -> Option<Finding> {
    for folder in config.ancestors() {
        if fs::metadata(folder).is_ok_and(|metadata| disk::is_closed_to_others(&metadata)) {
            return None;
        }
    }
    let problem = "every user can change the code that Toolkit realises here";
    let advice = "restrict the folder to its owner: chmod 700";
    let folder = config.ancestors().nth(2).unwrap_or(config);
    Some(Finding::wrong(Check::Permissions, problem, advice).in_file(folder))
}
