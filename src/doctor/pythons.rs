//! Starts each Python with each core that it is to run, and asks what it is and whether it can.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::{Check, Finding, Outcome};
use crate::exec::probe::{self, Answer};
use crate::finding::scan::in_parallel;
use crate::inputs::Inputs;
use crate::listing::Resolved;
use crate::plan::{LaunchPlan, plan};
use crate::request::Request;
use crate::resolve::Resolution;
use crate::select::Selection;

/// A Python with a core, and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
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

impl Asked {
    /// What is wrong, if anything is.
    pub fn finding(&self) -> Option<Finding> {
        let problem = self.problem.as_ref()?;
        let version = self.version.as_ref().map_or_else(String::new, |v| format!(" (Python {v})"));
        let problem = format!("{}{version} with the core {}: {problem}", self.python, self.core);
        let advice = "name a Python that fits the core, in its interpreter file or the settings";
        Some(Finding::new(Check::Pythons, problem, advice).of(&self.project))
    }
}

/// Asks each different pair of Python and core once, several at a time.
pub fn ask(
    request: &Request,
    inputs: &Inputs,
    outcomes: Vec<Outcome>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Asked> {
    let mut pairs: BTreeMap<(PathBuf, Vec<OsString>, PathBuf), Resolved> = BTreeMap::new();
    for resolved in outcomes.into_iter().flatten() {
        let (_, _, resolution) = &resolved;
        let python = resolution.interpreter.clone();
        pairs.entry((python.path, python.args, resolution.core.path())).or_insert(resolved);
    }
    let pairs: Vec<Resolved> = pairs.into_values().collect();
    let done = AtomicUsize::new(0);
    progress(0, pairs.len());
    in_parallel(2, &pairs, |_, (selection, environment, resolution)| {
        let probe = |mut plan: LaunchPlan| {
            plan.argv.truncate(1 + plan.interpreter.args.len());
            plan.argv.extend(["-c".into(), probe::PROGRAM.into()]);
            probe::ask(&plan)
        };
        let (environment, place) = (environment.clone(), inputs.place.clone());
        let plan = plan(request, place, selection.clone(), resolution.clone(), environment);
        let answer = plan.map_err(|error| error.to_string()).and_then(probe);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, pairs.len());
        asked(selection, resolution, answer)
    })
}

fn asked(selection: &Selection, resolution: &Resolution, answer: Result<Answer, String>) -> Asked {
    let (answer, problem) = match answer {
        Ok(answer) => (Some(answer.clone()), answer.error),
        Err(problem) => (None, Some(problem)),
    };
    Asked {
        python: resolution.interpreter.path.to_string_lossy().into_owned(),
        core: resolution.core.path().to_string_lossy().into_owned(),
        project: selection.project.value.to_string_lossy().into_owned(),
        import_ms: answer.as_ref().map(|answer| answer.milliseconds),
        version: answer.map(|answer| answer.version),
        problem,
    }
}
