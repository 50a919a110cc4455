//! Decides what will run: one value that the launch, `--explain`, `--list`, `--doctor` and the tests
//! read alike. Deciding is pure; what it decides on is gathered here in its order.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::Entity;
use crate::context::Context;
use crate::display::Printable;
use crate::environment::Environment;
use crate::error::Error;
use crate::finding::scan::{Scan, scan_threads};
use crate::inputs::Location;
use crate::interpreter::Interpreter;
use crate::interpreter::Words;
use crate::origin::{Decided, Origin};
use crate::parallel::in_parallel;
use crate::request::Request;
use crate::resolve::{Resolution, resolve};
use crate::select::{CONFIG_VARIABLE, Selection};
use crate::settings::{Settings, WorkerSettings};
use crate::site::credentials::Credentials;
use crate::toolkit::core::Core;

/// All that is needed to become Python, and all that decided it.
#[derive(Debug)]
pub struct LaunchPlan {
    /// The project and its configuration.
    pub selection: Selection,
    /// The core.
    pub core: Core,
    /// The Python.
    pub interpreter: Interpreter,
    /// Its variables.
    pub environment: Environment,
    /// Its words, the program first.
    pub argv: Vec<OsString>,
    /// What comes before the program in its process.
    pub session: Option<Session>,
    /// Where the launcher runs; the working directory stays the caller's.
    pub location: Location,
    /// The worker to run in, if that is wanted.
    pub warm: Option<Decided<Warm>>,
    /// What to say on standard error before the launch.
    pub warnings: Vec<String>,
}

/// What comes before the program in its process: Toolkit is told whom it acts for, and perhaps an engine
/// is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The engine.
    pub engine: Option<String>,
    /// What it is started for, if not the project.
    pub entity: Option<Entity>,
}

impl LaunchPlan {
    /// Returns the credentials that the plan's session needs; `None` without a session.
    pub fn credentials(&self, context: &Context) -> Result<Option<Credentials>, Error> {
        match self.session {
            Some(_) => Credentials::read(&self.environment, &context.settings, &context.inputs),
            None => Ok(None),
        }
    }

    /// What the caller gave Python: the words after those that the interpreter brings.
    pub fn words(&self) -> Words {
        let own = 1 + self.interpreter.args.len();
        Words::read(self.argv.get(own..).unwrap_or_default())
    }
}

impl Session {
    /// What `shims/engine.py` is asked for, as JSON.
    pub fn request(&self, credentials: Option<&Credentials>) -> serde_json::Result<String> {
        let entity = self.entity.as_ref().map(|entity| (&entity.kind, entity.id));
        let request = json!({"engine": self.engine, "entity": entity, "credentials": credentials});
        serde_json::to_string(&request)
    }
}

/// How to run in a worker.
#[derive(Clone, Debug)]
pub struct Warm {
    /// What is said of workers.
    pub settings: WorkerSettings,
    /// The folder of this user's workers.
    pub folder: PathBuf,
}

/// Makes the plan for a project: what Python may inherit, what is on the disk, and from both what will
/// run.
pub fn plan(selection: Selection, context: &Context) -> Result<LaunchPlan, Error> {
    let mut environment = context.environment(selection.known_as.as_deref());
    let resolution = resolve(context, &selection, &mut environment)?;
    decide(context, selection, resolution, environment)
}

/// Plans a launch of each configuration that a scan found, several at a time.
pub fn plan_all(scan: &Scan, context: &Context) -> Vec<Result<LaunchPlan, Error>> {
    in_parallel(scan_threads(scan.records.len()), &scan.records, |record| {
        let name = context.roots.name_of(record);
        let origin = Origin::Default("listed");
        let project = Decided::new(name.clone().into(), origin.clone());
        let mut selection = Selection::of(&context.roots, project, record.path.clone(), origin);
        if record.realised.is_some() {
            (selection.realised, selection.known_as) = (record.realised, Some(name));
        }
        plan(selection, context)
    })
}

fn session(request: &Request, settings: &Settings) -> Option<Session> {
    let authenticates = settings.site.authenticate.as_ref().is_some_and(|yes| yes.value);
    let is_wanted = request.engine.is_some() || authenticates;
    is_wanted.then(|| Session { engine: request.engine.clone(), entity: request.entity.clone() })
}

fn warm(context: &Context, project: Option<&str>) -> Option<Decided<Warm>> {
    let Context { request, settings, inputs, .. } = context;
    let wanted = request.warm.clone().or_else(|| settings.warm(project))?;
    let warm = || Warm { settings: settings.workers(project), folder: inputs.workers_folder() };
    wanted.value.then(|| Decided::new(warm(), wanted.origin))
}

fn decide(
    context: &Context,
    selection: Selection,
    resolution: Resolution,
    mut environment: Environment,
) -> Result<LaunchPlan, Error> {
    let Context { request, settings, inputs, .. } = context;
    let Resolution { core, interpreter, sandbox, other_cores, warnings: odd } = resolution;
    let mut warnings = selection.warnings.clone();
    warnings.extend(odd);
    let config = selection.config.path.as_os_str().to_owned();
    let keeps_python_path =
        request.environment.keep.iter().any(|p| p.matches("PYTHONPATH".as_ref()));
    let others = if keeps_python_path { Others::Stay } else { Others::Leave(&other_cores) };
    put_core_first(&mut environment, &core, &others)?;
    environment.set(CONFIG_VARIABLE, config.clone(), "tells the script its configuration");
    if request.environment.pin_config {
        environment.set("TANK_CURRENT_PC", config, "option --pin-config");
    }
    if let Some(name) = sandbox.filter(|_| environment.get("TANK_CURRENT_PC").is_none()) {
        warnings.push(format!(
            "'{}' shares its core, so Toolkit may use the project's Primary configuration instead; --pin-config holds it to this one",
            Printable::new(&name)
        ));
    }
    let mut argv = vec![interpreter.path.clone().into_os_string()];
    argv.extend(interpreter.args.iter().cloned());
    argv.extend(request.arguments.iter().cloned());
    let isolating = Words::read(argv.get(1..).unwrap_or_default()).isolating;
    if let Some(word) = isolating.as_ref().filter(|_| !request.may_isolate) {
        return Err(Error::Isolated { word: word.clone() });
    }
    Ok(LaunchPlan {
        // A Python that does not see the core has nothing to prepare: an editor probes it so.
        session: session(request, settings).filter(|_| isolating.is_none()),
        warm: warm(context, selection.known_as.as_deref()),
        location: inputs.location.clone(),
        selection,
        core,
        interpreter,
        environment,
        argv,
        warnings,
    })
}

/// What becomes of other cores in `PYTHONPATH`.
enum Others<'a> {
    Stay,
    Leave(&'a [PathBuf]),
}

/// Puts the core in front of what stays of `PYTHONPATH`: an empty entry there would put the working
/// directory on `sys.path`, and another core's folder another core's packages.
fn put_core_first(
    environment: &mut Environment,
    core: &Core,
    others: &Others,
) -> Result<(), Error> {
    let name = "PYTHONPATH";
    let list = environment.get(name).unwrap_or_default();
    let leaves = |entry: &PathBuf| match others {
        Others::Stay => false,
        Others::Leave(cores) => is_in_a_core(entry) || cores.contains(entry),
    };
    let rest = std::env::split_paths(list).filter(|e| !e.as_os_str().is_empty() && !leaves(e));
    let first = core.python_path();
    let entries = std::iter::once(first.clone()).chain(rest);
    let list = std::env::join_paths(entries).map_err(|_| Error::CoreUnlistable {
        python_path: first,
        separator: if cfg!(windows) { ';' } else { ':' },
    })?;
    environment.set(name, list, "the project's core first; no other core, no empty entry");
    Ok(())
}

/// Whether a path lies in some `install/core`.
fn is_in_a_core(path: &Path) -> bool {
    let parts: Vec<&OsStr> = path.iter().collect();
    parts.windows(2).any(|pair| pair == ["install", "core"])
}
