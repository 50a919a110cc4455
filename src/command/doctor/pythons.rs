//! Starts each Python with each core that it runs, and asks for its version and whether `import sgtk` works.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::finding::{Check, Finding};
use crate::console;
use crate::display::Printable;
use crate::helper::probe::{self, ProbedPython};
use crate::interpreter::Version;
use crate::parallel::in_parallel;
use crate::plan::LaunchPlan;

/// Pythons that start at once: most of the time each waits for its file server.
const AT_ONCE: usize = 8;

/// A Python with a core, and its answer; the fields are those of `--doctor=json`.
#[derive(Default, Serialize)]
pub struct TriedPython {
    python: String,
    /// The core's folder.
    core: String,
    /// The name of a project that uses both.
    project: String,
    version: Option<String>,
    /// The duration of `import sgtk`, in milliseconds.
    import_ms: Option<u64>,
    /// The reason why there was no answer, or `import sgtk` failed.
    problem: Option<String>,
}

/// Tries each different pair of Python and core once, and shows the progress.
pub fn try_all(plans: impl Iterator<Item = LaunchPlan>) -> Vec<TriedPython> {
    let mut pairs = BTreeMap::new();
    for plan in plans {
        let python = plan.interpreter.clone();
        pairs.entry((python.path, python.args, plan.core.path())).or_insert(plan);
    }
    let plans: Vec<LaunchPlan> = pairs.into_values().collect();
    let done = AtomicUsize::new(0);
    show_progress(0, plans.len());
    let pythons = in_parallel(AT_ONCE, &plans, |plan| {
        let answer = probe::ask(plan);
        show_progress(done.fetch_add(1, Ordering::Relaxed) + 1, plans.len());
        TriedPython::new(plan, answer)
    });
    console::show_progress("");
    pythons
}

fn show_progress(done: usize, all: usize) {
    console::show_progress(&format!("asked {done} of {all} Pythons"));
}

impl TriedPython {
    fn new(plan: &LaunchPlan, answer: Result<ProbedPython, String>) -> Self {
        let mut tried = TriedPython {
            python: plan.interpreter.path.to_string_lossy().into_owned(),
            core: plan.core.path().to_string_lossy().into_owned(),
            project: plan.selection.project.value.to_string_lossy().into_owned(),
            ..TriedPython::default()
        };
        match answer {
            Ok(answer) => {
                tried.problem = unsupported(plan, &answer.version).or(answer.error);
                tried.version = Some(answer.version);
                tried.import_ms = Some(answer.milliseconds);
            }
            Err(problem) => tried.problem = Some(problem),
        }
        tried
    }

    pub fn finding(&self) -> Option<Finding> {
        let problem = self.problem.as_ref()?;
        let version = self.version.as_ref().map_or_else(String::new, |v| format!(" (Python {v})"));
        let problem =
            format!("cannot use the core {}: {}{version}: {problem}", self.core, self.python);
        let advice =
            "name a Python that fits the core, in the core's interpreter file or the settings";
        Some(Finding::new(Check::Pythons, problem, advice).in_project(&self.project))
    }
}

impl Display for TriedPython {
    /// Writes a line on a Python without a problem. A problem is a finding.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.problem.is_some() {
            return Ok(());
        }
        let (python, core) = (Printable::new(&self.python), Printable::new(&self.core));
        let version = Printable::new(self.version.as_deref().unwrap_or_default());
        let time = self.import_ms.unwrap_or_default();
        writeln!(f, "       {python} is {version}, and imports {core} in {time} ms")
    }
}

/// Returns the reason why the core cannot run on a version. A plan checks only the version in the Python's
/// name.
fn unsupported(plan: &LaunchPlan, version: &str) -> Option<String> {
    let version = Version::parse(version)?;
    plan.core.check_supports(version, &plan.interpreter.path).err().map(|error| error.to_string())
}
