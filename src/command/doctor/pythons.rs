//! Starts each Python with each core that it runs, and asks for its version and whether `import sgtk` works.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::finding::{Check, Finding, REINSTALL};
use crate::console;
use crate::display::{Printable, between};
use crate::helper::probe::{self, ProbedPython};
use crate::interpreter::Version;
use crate::parallel::in_parallel;
use crate::plan::LaunchPlan;

/// Pythons that start at once: most of the time each waits for its file server.
const AT_ONCE: usize = 8;

/// The time after which no further import is measured.
const TIME_TO_MEASURE: Duration = Duration::from_secs(5);

/// A Python with a core, and its answer; the fields are those of `--doctor=json`.
#[derive(Default, Serialize)]
pub struct TriedPython {
    pub python: String,
    /// The core's folder.
    pub core: String,
    /// The name of a project that uses both.
    project: String,
    pub version: Option<String>,
    /// The duration of `import sgtk`, in milliseconds; `None` if it was not measured.
    pub import_ms: Option<u64>,
    /// The image that the import used.
    pub image: Option<TriedImage>,
    /// The reason why there was no answer, or `import sgtk` failed.
    pub problem: Option<String>,
    /// The package that the core lacks, where `import sgtk` failed.
    #[serde(skip)]
    missing_package: Option<PathBuf>,
}

/// An image for fast import, and its gain; the fields are those of `--doctor=json`.
#[derive(Serialize)]
pub struct TriedImage {
    pub state: &'static str,
    pub bytes: u64,
    /// The duration of `import sgtk` without it, in milliseconds; `None` if it was not measured.
    pub import_ms_without: Option<u64>,
}

/// Measure the durations of imports, or not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    Measured,
    Skipped,
}

/// Returns a note if Pythons are not started: they would run as this user what every user can change.
pub fn not_started(plans: &[LaunchPlan]) -> Option<Finding> {
    let problem = match plans.len() {
        0 => return None,
        1 => "the Python of 1 project was not started: every user can change what it runs".into(),
        count => format!(
            "the Pythons of {count} projects were not started: every user can change what they run"
        ),
    };
    Some(Finding::note(Check::Pythons, problem, "remove the permissions that are found above"))
}

/// Tries each different pair of Python and core once, and shows the progress.
pub fn try_all(plans: Vec<LaunchPlan>, timing: Timing) -> Vec<TriedPython> {
    let mut pairs = BTreeMap::new();
    for plan in plans {
        let python = plan.interpreter.clone();
        pairs.entry((python.path, python.args, plan.core.path())).or_insert(plan);
    }
    let plans: Vec<LaunchPlan> = pairs.into_values().collect();
    let done = AtomicUsize::new(0);
    show_progress(0, plans.len());
    let mut pythons = in_parallel(AT_ONCE, &plans, |plan| {
        let answer = probe::ask(plan);
        show_progress(done.fetch_add(1, Ordering::Relaxed) + 1, plans.len());
        TriedPython::new(plan, answer)
    });
    // A single Python was alone, and its time is right.
    if plans.len() > 1 || pythons.iter().any(|python| python.image.is_some()) {
        measure(&mut pythons, &plans, timing);
    }
    console::show_progress("");
    pythons
}

/// Measures the imports one at a time, as long as [`TIME_TO_MEASURE`] lasts: those before overlapped.
fn measure(pythons: &mut [TriedPython], plans: &[LaunchPlan], timing: Timing) {
    let start = Instant::now();
    for (python, plan) in pythons.iter_mut().zip(plans) {
        python.import_ms = None;
        let is_wanted = timing == Timing::Measured && start.elapsed() < TIME_TO_MEASURE;
        if is_wanted && python.problem.is_none() {
            console::show_progress(&format!("timing {}", Printable::new(&python.python)));
            python.import_ms = probe::ask(plan).ok().map(|answer| answer.milliseconds);
            if let Some(image) = &mut python.image {
                let answer = probe::ask(&plan.without_images());
                image.import_ms_without = answer.ok().map(|answer| answer.milliseconds);
            }
        }
    }
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
                if answer.error.is_some() {
                    tried.missing_package = plan.core.missing_package();
                }
                tried.image = image(plan, &answer.version);
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
        if let Some(package) = &self.missing_package {
            let problem = format!(
                "core is incomplete, it lacks this package, so Python cannot use it: {problem}"
            );
            let finding = Finding::wrong(Check::Cores, problem, REINSTALL);
            return Some(finding.in_project(&self.project).in_file(package));
        }
        let version = between(" ", self.version.as_ref(), "");
        let problem =
            format!("Python{version} cannot use its core: {problem} (core {})", self.core);
        let advice =
            "name a Python that fits the core, in the core's interpreter file or the settings";
        let finding = Finding::wrong(Check::Pythons, problem, advice);
        Some(finding.in_project(&self.project).in_file(Path::new(&self.python)))
    }
}

/// Returns the image of a plan's core for a version of Python.
fn image(plan: &LaunchPlan, version: &str) -> Option<TriedImage> {
    let folder = plan.images.as_ref()?.value.folder.as_ref().ok()?;
    let image = folder.images().into_iter().find(|image| image.is_for(version))?;
    Some(TriedImage { state: image.state.name(), bytes: image.bytes, import_ms_without: None })
}

/// Returns the reason why the core cannot run on a version. A plan checks only the version in the Python's
/// name.
fn unsupported(plan: &LaunchPlan, version: &str) -> Option<String> {
    let version = Version::parse(version)?;
    Some(plan.core.check_supports(version, &plan.interpreter.path).err()?.to_string())
}
