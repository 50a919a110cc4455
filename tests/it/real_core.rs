//! The launcher with the real core. `tests/run` fetches it and names its folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::pythons::{PYTHONS, on_each_core_python};
use crate::scene::Runs;
use crate::support::{self, Studio, interpreter};

/// The folder with the real `sgtk`, `tank` and `tank_vendor`.
pub fn real_core() -> PathBuf {
    let folder =
        std::env::var_os("SGTK_PYTHON_TEST_CORE").expect("SGTK_PYTHON_TEST_CORE; see tests/run");
    PathBuf::from(folder)
}

/// Puts a copy of the real core into a core root; `tests/run` makes the copy. Pythons write compiled files beside those
/// that they import, and such a file, half written, would vanish under a test that copies the real core.
pub fn install(root: &Path) {
    let python = root.join("install/core/python");
    std::fs::remove_dir_all(&python).unwrap();
    let copy = real_core().with_file_name("sgtk-0.21.7-imported");
    std::os::unix::fs::symlink(copy, python).unwrap();
}

/// The Pythons on this machine that can run v0.21.7.
pub fn pythons() -> impl DoubleEndedIterator<Item = (&'static (u32, u32), &'static PathBuf)> {
    PYTHONS.range((3, 7)..=(3, 11))
}

/// One of them; the Python of the other tests, if it is among them.
pub static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut of_core = pythons().map(|(_, python)| python);
    let usual = pythons().map(|(_, python)| python).find(|python| **python == *support::PYTHON);
    usual.or(of_core.next_back()).expect("a Python from 3.7 to 3.11").clone()
});

/// A studio with a localized and a shared core; the projects, and the core root of each.
fn studio() -> (Studio, [(&'static str, PathBuf); 2]) {
    let studio = Studio::new();
    let localized = studio.localized("bigbuck");
    install(&localized);
    studio.shared("sintel", "v1");
    let core = studio.path("cores/v1");
    install(&core);
    for root in [&localized, &core] {
        interpreter(root, PYTHON.to_str().unwrap());
    }
    (studio, [("bigbuck", localized), ("sintel", core)])
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn each_project_imports_its_own_real_core() {
    let (studio, projects) = studio();
    let program = "import os, sgtk, tank; print(tank.__file__, os.environ['SGTK_PYTHON_CONFIG'], os.environ.get('TANK_CURRENT_PC'))";
    for turn in 0..4 {
        let (project, root) = &projects[turn % 2];
        let (_, other) = &projects[(turn + 1) % 2];
        let mut command = studio.launcher(["--project", project, "-c", program]);
        command.env("TANK_CURRENT_PC", other).env("PYTHONHOME", other);
        command.env("PYTHONPATH", other.join("install/core/python"));
        command.env("SGTK_EXT_CONFIG_DATA", "(dp0\n.").env("SGTK_CONTEXT", "x");
        let run = command.succeeds();
        let config = studio.path("configs").join(project);
        // A localized core pins the process to its config at import; a shared one does not.
        let pinned = if *project == "bigbuck" { config.to_str().unwrap() } else { "None" };
        let package = root.join("install/core/python/tank/__init__.py");
        let expected = format!("{} {} {pinned}\n", package.display(), config.display());
        assert_eq!(run.text(), expected, "{run}");
    }
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn core_reads_the_same_yaml() {
    let scalars = [
        "1",
        "-7",
        "+7",
        "007",
        "08",
        "0",
        "0x1F",
        "0X1F",
        "0o17",
        "0b11",
        "1_000",
        "1__0",
        "1.5",
        "1e3",
        "1.0e+3",
        ".5",
        "1.",
        "+.5",
        "-.inf",
        ".NaN",
        "nan",
        "inf",
        "99999999999999999999",
        "0x",
        ".",
        "~",
        "null",
        "NULL",
        "nULL",
        "yes",
        "No",
        "oN",
        "OFF",
        "y",
        "N",
        "true",
        "TRUE",
        "tRUE",
        "Primary",
        "'1'",
        "'~'",
        "\"a\\u00e9\"",
        "9.758e8",
        ".5e4",
        "!!python/unicode 'x'",
        "!!python/str x",
        "!!str 7",
        "!!int '7'",
        "2020-1",
        "a b",
        "a #b",
        "[1]",
        "{a: 1}",
        "|\n  a\n  b",
        ">-\n  a\n  b",
    ];
    let studio = Studio::new();
    for (number, scalar) in scalars.iter().enumerate() {
        let config = studio.localized(&format!("config{number:02}"));
        let metadata = config.join("config/core/pipeline_configuration.yml");
        support::write(metadata, format!("project_id: {}\npc_name: {scalar}\n", number + 1));
    }
    let list = studio.launcher(["--list=json"]).succeeds().json();
    let ours = list["projects"].as_array().unwrap().iter().map(|project| &project["pipeline"]);

    let script = "import json, sys
from tank_vendor import yaml
def text(value):
    return str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else None
values = [yaml.load('pc_name: %s\\n' % scalar, Loader=yaml.FullLoader)['pc_name'] for scalar in json.load(sys.stdin)]
print(json.dumps([text(value) for value in values]))";
    let input = studio.path("scalars.json");
    support::write(&input, serde_json::json!(scalars.as_slice()).to_string());
    let mut python = Command::new(&*PYTHON);
    python.args(["-X", "utf8", "-c", script]).env("PYTHONPATH", real_core());
    let theirs = python.stdin(std::fs::File::open(input).unwrap()).succeeds().json();
    for ((scalar, ours), theirs) in scalars.iter().zip(ours).zip(theirs.as_array().unwrap()) {
        assert_eq!(ours, theirs, "{scalar}");
    }
}

fn python_imports_each_projects_core(python: &Path, minor: u32) {
    let (studio, projects) = studio();
    for (project, root) in &projects {
        let program = "import sys, sgtk; print('%d.%d' % sys.version_info[:2], sgtk.__file__)";
        let arguments = ["--python", python.to_str().unwrap(), "--project", project, "-c", program];
        let run = studio.launcher(arguments).env("TANK_CURRENT_PC", "/other").succeeds();
        let package = root.join("install/core/python/tank/__init__.py");
        assert_eq!(run.text(), format!("3.{minor} {}\n", package.display()), "{run}");
    }
}

mod imports {
    use super::{on_each_core_python, python_imports_each_projects_core};
    on_each_core_python!(python_imports_each_projects_core);
}

#[cfg(target_os = "linux")]
fn python_keeps_workers_apart(python: &Path, _minor: u32) {
    use crate::warm_support::{WarmStudio, is_ready};
    let warm = WarmStudio::new();
    let second = warm.studio.localized("sintel");
    for config in [&warm.studio.path("configs/bigbuck"), &second] {
        install(config);
    }
    let words = |project: &str, program: &str| {
        format!("$S --warm --python {} --project {project} -c '{program}'", python.display())
    };
    for project in ["bigbuck", "sintel"] {
        warm.text(&words(project, "pass"));
    }
    warm.until(|workers| workers.iter().filter(|worker| is_ready(worker)).count() == 2);
    for turn in 0..4 {
        let project = ["bigbuck", "sintel"][turn % 2];
        let seen = "import sys; before = \"tank\" in sys.modules; import os, sgtk; print(before, sgtk.__file__, os.environ[\"TANK_CURRENT_PC\"], hasattr(sgtk, \"mine\")); sgtk.mine = 1";
        let config = warm.studio.path("configs").join(project);
        let package = config.join("install/core/python/tank/__init__.py");
        let expected = format!("True {} {} False", package.display(), config.display());
        assert_eq!(warm.text(&words(project, seen)), expected);
    }
}

#[cfg(target_os = "linux")]
mod workers {
    use super::{on_each_core_python, python_keeps_workers_apart};
    on_each_core_python!(python_keeps_workers_apart);
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn config_alone_is_enough() {
    let (studio, _) = studio();
    let mut command = Command::new(support::LAUNCHER);
    let config = studio.path("configs/sintel");
    command.args(["--config".as_ref(), config.as_os_str(), "-c".as_ref(), "import sgtk".as_ref()]);
    command.env_clear().current_dir("/").succeeds();
}
