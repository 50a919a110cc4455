//! Whole outputs that people read, compared with the files of `snapshots/`. Nothing is written unless a wording
//! changes on purpose: `SNAPSHOTS=overwrite tests/run as_reviewed` makes the files again, to be read as text.

use std::path::Path;

use snapbox::Assert;
use snapbox::assert::DEFAULT_ACTION_ENV;
use snapbox::data::Data;

use crate::scene::Runs;
use crate::support::{LAUNCHER, OS, Studio, write};
#[cfg(target_os = "linux")]
use crate::support::{PYTHON, interpreter};

/// Compares a text with a snapshot, in which names stand for what differs from run to run.
#[track_caller]
pub fn matches(name: &str, text: &str, studio: &Studio) {
    let root = studio.path("");
    let root = root.to_str().unwrap().trim_end_matches('/');
    let text = text.replace(root, "[STUDIO]").replace(LAUNCHER, "[LAUNCHER]").replace(OS, "[OS]");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots");
    let expected = Data::read_from(&folder.join(name).with_extension("txt"), None).raw();
    Assert::new().action_env(DEFAULT_ACTION_ENV).eq(text, expected);
}

/// A localized project, one with a shared core, and one whose core is missing.
pub fn studio() -> Studio {
    let studio = Studio::new();
    studio.localized("bigbuck");
    studio.shared("parent/child", "v1");
    studio.linked("sintel", "/no/such/core");
    studio
}

#[test]
fn help_is_as_reviewed() {
    let studio = Studio::new();
    matches("help", &studio.launcher(["--help"]).prints(), &studio);
}

#[test]
fn list_is_as_reviewed() {
    let studio = studio();
    matches("list", &table(&studio.launcher(["--list"]).prints()), &studio);
}

#[test]
fn explain_is_as_reviewed() {
    let studio = studio();
    let words = ["--explain", "--project", "bigbuck", "--env", "API_KEY=x", "job.py", "a b"];
    let mut launcher = studio.launcher(words);
    launcher.env("TANK_CURRENT_PC", "/x").env("PYTHONHOME", "/usr");
    matches("explain", &launcher.prints(), &studio);
}

#[test]
fn explain_with_a_warning_is_as_reviewed() {
    let studio = studio();
    let metadata = studio.path("configs/parent/child/config/core/pipeline_configuration.yml");
    write(metadata, "pc_name: Dev\n");
    let launcher = &mut studio.launcher(["--explain", "--project", "parent/child"]);
    matches("explain_with_a_warning", &launcher.prints(), &studio);
}

#[cfg(target_os = "linux")]
#[test]
fn workers_are_as_reviewed() {
    use crate::warm_support::{WarmStudio, has_state};
    let warm = WarmStudio::new();
    matches("workers_none", &warm.run("$S --workers").text(), &warm.studio);
    warm.start();
    let unfit = warm.studio.localized("sintel");
    interpreter(&unfit, PYTHON.to_str().unwrap());
    write(unfit.join("install/core/python/sgtk/__init__.py"), "import nothing_of_that_name");
    warm.run("$S --project sintel --warm -c pass");
    warm.until(|workers| workers.iter().any(|worker| has_state(worker, "unfit: ")));
    matches("workers", &table(&warm.text("$S --workers")), &warm.studio);
}

/// Sets the cells of a table two spaces apart, for their width follows the studio's path, and puts a name for each
/// process, time and size.
fn table(text: &str) -> String {
    let mut heads = Vec::new();
    let mut rows = String::new();
    for line in text.lines() {
        let mut cells: Vec<&str> = line.split("  ").map(str::trim).collect();
        cells.retain(|cell| !cell.is_empty());
        if heads.is_empty() {
            heads.clone_from(&cells);
        }
        for (cell, head) in cells.iter_mut().zip(&heads) {
            let number = cell.trim_end_matches(|c: char| c.is_alphabetic()).trim_end();
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            match *head {
                "PID" if is_number => *cell = "[PID]",
                "AGE" if is_number && cell.ends_with(" s") => *cell = "[AGE] s",
                "MEMORY" if is_number && cell.ends_with(" MiB") => *cell = "[MEMORY] MiB",
                _ => {}
            }
        }
        rows += &(cells.join("  ") + "\n");
    }
    rows
}
