//! Prints a plan, for a person or a program (format 1): what was chosen, what decided it, what
//! changes in the environment and why. Names and numbers that no launch needs are read here.

mod text;

use std::ffi::OsStr;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::launch::show_progress;
use crate::bootstrap::Refresh;
use crate::cli::Format;
use crate::console;
use crate::context::Context;
use crate::environment::{Change, holds_secret};
use crate::error::Error;
use crate::plan::{LaunchPlan, plan};
use crate::project::{ChosenProject, choose_project};
use crate::site::credentials::Credentials;
use crate::toolkit::core::Kind;
use crate::toolkit::expand;
use crate::toolkit::metadata::{self, Metadata};
use crate::toolkit::realised;
use crate::worker;

/// What is shown instead.
const HIDDEN: &str = "***";

/// The plan as it is printed; its fields are those of `--explain=json`.
#[derive(Serialize)]
struct Explanation {
    format: u8,
    project: Project,
    config: Config,
    core: Core,
    interpreter: Interpreter,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session>,
    environment: Vec<Variable>,
    argv: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm: Option<Warm>,
    cwd: Option<String>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Project {
    name: Option<String>,
    id: Option<i64>,
    origin: String,
    /// The name it was chosen by, which may be that of its folder alone.
    #[serde(skip)]
    chosen: String,
}

#[derive(Serialize)]
struct Config {
    path: String,
    name: Option<String>,
    origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    realised: Option<Realised>,
}

/// How a configuration came from its site.
#[derive(Serialize)]
struct Realised {
    /// What the site describes it by.
    descriptor: Option<String>,
    /// How long ago the site was asked, in seconds.
    age: u64,
}

/// What comes before the program.
#[derive(Serialize)]
struct Session {
    engine: Option<String>,
    entity: Option<String>,
}

#[derive(Serialize)]
struct Core {
    kind: Kind,
    path: String,
    python_path: String,
    version: Option<String>,
    origin: String,
}

#[derive(Serialize)]
struct Interpreter {
    path: String,
    args: Vec<String>,
    origin: String,
}

#[derive(Serialize)]
struct Variable {
    name: String,
    value: Option<String>,
    reason: String,
}

/// The worker to run in.
#[derive(Serialize)]
struct Warm {
    origin: String,
    preload: Vec<String>,
    /// Why it would run without a worker.
    cold: Option<String>,
}

/// Prints the plan of a launch. Starts nothing; asks the site only with `--refresh`.
pub fn run(format: Format, context: &Context) -> Result<ExitCode> {
    let refresh = if context.request.refresh { Refresh::Always } else { Refresh::Never };
    let ChosenProject { selection, .. } = choose_project(context, refresh, &show_progress)?;
    let plan = plan(selection, context)?;
    let explanation = Explanation::of(&plan, plan.credentials(context)?.as_ref());
    match format {
        Format::Text => console::print(&explanation.to_string()),
        Format::Json => console::print_json(&explanation),
    }
}

impl Explanation {
    fn of(plan: &LaunchPlan, credentials: Option<&Credentials>) -> Self {
        let mut warnings = plan.warnings.clone();
        let mut noted = |fault: Error| warnings.push(fault.to_string());
        let config = &plan.selection.config;
        let metadata =
            metadata::read(config, |text| expanded(plan, &text)).unwrap_or_else(|fault| {
                noted(fault);
                Metadata::default()
            });
        let version = metadata::version(&plan.core).unwrap_or_else(|fault| {
            noted(fault);
            None
        });
        let name = match plan.selection.realised {
            // Its own file may call it as it calls every other.
            Some(_) => plan.selection.known_as.clone(),
            None => metadata.tank_name,
        };
        Explanation {
            format: 1,
            project: Project {
                name: Some(name.unwrap_or_else(|| text(&plan.selection.project.value))),
                id: metadata.project_id,
                origin: plan.selection.project.origin.to_string(),
                chosen: text(&plan.selection.project.value),
            },
            config: Config {
                path: text(&config.path),
                name: metadata.config_name,
                origin: plan.selection.origin.to_string(),
                realised: plan.selection.realised.map(|age| Realised {
                    descriptor: realised::descriptor(config),
                    age: age.as_secs(),
                }),
            },
            core: Core {
                kind: plan.core.kind,
                path: text(plan.core.path()),
                python_path: text(plan.core.python_path()),
                version,
                origin: plan.core.origin.to_string(),
            },
            interpreter: Interpreter {
                path: text(&plan.interpreter.path),
                args: plan.interpreter.args.iter().map(text).collect(),
                origin: plan.interpreter.origin.to_string(),
            },
            session: plan.session.as_ref().map(|session| Session {
                engine: session.engine.clone(),
                entity: session.entity.as_ref().map(|e| format!("{}:{}", e.kind, e.id)),
            }),
            environment: plan.environment.changes().into_iter().map(variable).collect(),
            argv: plan.argv.iter().map(text).collect(),
            warm: plan.warm.as_ref().map(|warm| Warm {
                origin: warm.origin.to_string(),
                preload: warm.value.settings.preload.clone(),
                cold: worker::why_cold(plan, &warm.value, credentials).map(|cold| cold.to_string()),
            }),
            cwd: plan.location.directory().map(text),
            warnings,
        }
    }
}

fn variable(change: &Change) -> Variable {
    let name = text(&change.name);
    let is_secret = holds_secret(&change.name);
    let value =
        change.value.as_ref().map(|value| if is_secret { HIDDEN.into() } else { text(value) });
    Variable { name, value, reason: change.reason.clone() }
}

/// Text with the variables that Python will have, as Toolkit's own reader expands it.
fn expanded(plan: &LaunchPlan, text: &str) -> String {
    let mut lookup = |name: &str| plan.environment.get(name).map(OsStr::to_owned);
    expand::variables(text, &mut lookup).to_string_lossy().into_owned()
}

/// A value as text, with U+FFFD for bytes that are not UTF-8.
fn text(value: impl AsRef<OsStr>) -> String {
    value.as_ref().to_string_lossy().into_owned()
}
