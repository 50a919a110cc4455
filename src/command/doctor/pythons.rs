//! Starts each Python with each core that it is to run, and asks what it is and whether it can.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::{Check, Finding};
use crate::helper::probe::{self, ProbedPython};
use crate::interpreter::Version;
use crate::parallel::in_parallel;
use crate::plan::LaunchPlan;

/// A Python with a core, and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct TriedPython {
    /// The Python.
    pub python: String,
    /// The core's folder.
    pub core: String,
    /// A project that uses both, by the name to choose it by.
    pub project: String,
    /// The Python's version.
    pub version: Option<String>,
    /// How long `import sgtk` took, in milliseconds.
    pub import_ms: Option<u64>,
    /// Why there was no answer, or `import sgtk` failed.
    pub problem: Option<String>,
}

impl TriedPython {
    /// What is wrong, if anything is.
    pub fn finding(&self) -> Option<Finding> {
        let problem = self.problem.as_ref()?;
        let version = self.version.as_ref().map_or_else(String::new, |v| format!(" (Python {v})"));
        let problem =
            format!("cannot use the core {}: {}{version}: {problem}", self.core, self.python);
        let advice =
            "name a Python that fits the core, in the core's interpreter file or the settings";
        Some(Finding::new(Check::Pythons, problem, advice).of(&self.project))
    }
}

/// Asks each different pair of Python and core once, several at a time.
pub fn ask(
    plans: impl Iterator<Item = LaunchPlan>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<TriedPython> {
    let mut pairs: BTreeMap<(PathBuf, Vec<OsString>, PathBuf), LaunchPlan> = BTreeMap::new();
    for plan in plans {
        let python = plan.interpreter.clone();
        pairs.entry((python.path, python.args, plan.core.path())).or_insert(plan);
    }
    let plans: Vec<LaunchPlan> = pairs.into_values().collect();
    let done = AtomicUsize::new(0);
    progress(0, plans.len());
    in_parallel(8, &plans, |plan| {
        let answer = probe::ask(plan);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, plans.len());
        asked(plan, answer)
    })
}

/// Why the core cannot run on the version that answered, which the Python's name may not have shown.
fn unsupported(plan: &LaunchPlan, answer: &ProbedPython) -> Option<String> {
    let version = Version::parse(&answer.version)?;
    plan.core.check_supports(version, &plan.interpreter.path).err().map(|error| error.to_string())
}

fn asked(plan: &LaunchPlan, answer: Result<ProbedPython, String>) -> TriedPython {
    let (answer, problem) = match answer {
        Ok(answer) => {
            let problem = unsupported(plan, &answer).or_else(|| answer.error.clone());
            (Some(answer), problem)
        }
        Err(problem) => (None, Some(problem)),
    };
    TriedPython {
        python: plan.interpreter.path.to_string_lossy().into_owned(),
        core: plan.core.path().to_string_lossy().into_owned(),
        project: plan.selection.project.value.to_string_lossy().into_owned(),
        import_ms: answer.as_ref().map(|answer| answer.milliseconds),
        version: answer.map(|answer| answer.version),
        problem,
    }
}
