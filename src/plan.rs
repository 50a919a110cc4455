//! Decides what runs: one value that the launch, `--explain`, `--list`, `--doctor` and the workers read.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use log::debug;
use serde_json::json;

use crate::cli::Entity;
use crate::context::Context;
use crate::disk::IoMessage;
use crate::display::Printable;
use crate::environment::Environment;
use crate::error::Error;
use crate::fast_import::{FastImport, ImageFolder, NoImages};
use crate::finding::scan::{Scan, scan_threads};
use crate::inputs::{IN_A_JOB, Location, OF_ONE_RUN};
use crate::interpreter::{Interpreter, Words};
use crate::origin::{Decided, Origin};
use crate::parallel::in_parallel;
use crate::request::Request;
use crate::resolve::{Resolution, resolve};
use crate::select::{CONFIG_VARIABLE, Selection};
use crate::settings::{Settings, WorkerSettings};
use crate::site::Credentials;
use crate::toolkit::core::Core;

/// A launch: the Python to become, with its words and variables, and the origin of each choice.
#[derive(Clone, Debug)]
pub struct LaunchPlan {
    pub selection: Selection,
    pub core: Core,
    pub interpreter: Interpreter,
    pub environment: Environment,
    /// Python's command line. The first word is the name that Python calls itself by.
    pub argv: Vec<OsString>,
    pub session: Option<Session>,
    pub location: Location,
    /// The images of the core, if they are wanted.
    pub images: Option<Decided<Images>>,
    /// The worker to run in, if one is wanted.
    pub warm: Option<Decided<Warm>>,
    /// Warnings for standard error before the launch.
    pub warnings: Vec<String>,
}

/// The steps in Python's process before the program: authenticate Toolkit, and start an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub engine: Option<String>,
    /// The engine's context; `None` for the project.
    pub entity: Option<Entity>,
}

/// The wish to import the core from an image.
#[derive(Clone, Debug)]
pub struct Images {
    pub used: FastImport,
    pub folder: Result<ImageFolder, NoImages>,
}

/// The wish to run in a worker.
#[derive(Clone, Debug)]
pub struct Warm {
    pub settings: WorkerSettings,
    /// The folder of this user's workers.
    pub folder: PathBuf,
    /// The variable of the batch job that the launch is part of.
    pub batch_variable: Option<&'static str>,
    pub when_full: WhenFull,
}

/// The reaction to a worker without a free place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    Wait,
    /// The job is part of a job that holds a place. If it waited, the two could wait for each other.
    RunPlainly,
}

impl LaunchPlan {
    /// Returns the project's name, else the name of the configuration's folder; without control characters.
    pub fn project_name(&self) -> String {
        let folder = self.selection.config.path.file_name().unwrap_or(OsStr::new("?"));
        let name = self.selection.known_as.clone();
        let name = name.unwrap_or_else(|| folder.to_string_lossy().into());
        name.replace(char::is_control, " ")
    }

    /// Returns the credentials that the plan's session needs; `None` without a session.
    pub fn credentials(&self, context: &Context) -> Result<Option<Credentials>, Error> {
        match self.session {
            Some(_) => Credentials::read(&self.environment, &context.settings, &context.inputs),
            None => Ok(None),
        }
    }

    /// Makes the folder of the core's images ready. Where that fails, the launch imports as ever.
    pub fn make_images_ready(&mut self) {
        let Some(Decided { value: Images { folder: Ok(folder), .. }, .. }) = &self.images else {
            return;
        };
        if let Err(error) = folder.make_ready() {
            let path = Printable::new(&folder.path);
            debug!("imports as ever: cannot write to {path}: {}", IoMessage(&error));
            *self = self.without_images();
        }
    }

    /// Returns the plan that imports as ever.
    #[cold]
    pub fn without_images(&self) -> Self {
        let mut plan = LaunchPlan { images: None, ..self.clone() };
        let list = self.environment.get("PYTHONPATH").unwrap_or_default();
        let entries = std::env::split_paths(list).filter(|entry| !ImageFolder::is_one(entry));
        if let Ok(list) = std::env::join_paths(entries) {
            plan.environment.set("PYTHONPATH", list, CORE_FIRST);
        }
        plan
    }

    /// Reads the caller's part of the command line: the words after the interpreter's own.
    pub fn words(&self) -> Words {
        let own = 1 + self.interpreter.args.len();
        Words::read(self.argv.get(own..).unwrap_or_default())
    }
}

impl Session {
    /// Returns the request to the program that prepares the session, as JSON.
    pub fn request(&self, credentials: Option<&Credentials>) -> serde_json::Result<String> {
        let entity = self.entity.as_ref().map(|entity| (&entity.kind, entity.id));
        let request = json!({"engine": self.engine, "entity": entity, "credentials": credentials});
        serde_json::to_string(&request)
    }
}

/// Plans the launch of a selection: what Python inherits, what the disk says, and from both what runs.
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
    if !wanted.value {
        return None;
    }
    let is_in_a_job = inputs.variable(IN_A_JOB).is_some();
    let warm = Warm {
        settings: settings.workers(project),
        folder: inputs.workers_folder(),
        when_full: if is_in_a_job { WhenFull::RunPlainly } else { WhenFull::Wait },
        batch_variable: inputs.batch_variable(),
    };
    Some(Decided::new(warm, wanted.origin))
}

fn images(context: &Context, project: Option<&str>, core: &Core) -> Option<Decided<Images>> {
    let Context { request, settings, inputs, .. } = context;
    let wanted = request.fast_import.clone().or_else(|| settings.fast_import(project))?;
    let used = wanted.value;
    if used == FastImport::Off {
        return None;
    }
    let folder = ImageFolder::of(inputs.cache_folder(), &core.python_path(), used);
    Some(Decided::new(Images { used, folder }, wanted.origin))
}

fn decide(
    context: &Context,
    selection: Selection,
    resolution: Resolution,
    mut environment: Environment,
) -> Result<LaunchPlan, Error> {
    let Context { request, settings, inputs, .. } = context;
    let Resolution { core, interpreter, sandbox, other_cores, warnings: more_warnings } =
        resolution;
    let mut warnings = selection.warnings.clone();
    warnings.extend(more_warnings);
    let config = selection.config.path.as_os_str().to_owned();
    let keep = &request.environment.keep;
    let keeps_python_path = keep.iter().any(|pattern| pattern.matches("PYTHONPATH".as_ref()));
    let others = if keeps_python_path { OtherCores::Stay } else { OtherCores::Leave(&other_cores) };
    let images = images(context, selection.known_as.as_deref(), &core);
    let folder = images.as_ref().map(|images| &images.value.folder);
    if let Some(Err(why @ NoImages::Untrusted { .. })) = folder {
        warnings.push(format!("fast import is off: {why}"));
    }
    let folder = folder.and_then(|folder| folder.as_ref().ok());
    put_core_first(&mut environment, &core, folder, &others)?;
    environment.set(CONFIG_VARIABLE, config.clone(), "names the configuration to the script");
    for name in OF_ONE_RUN {
        if let Some(value) = inputs.variable(name) {
            environment.set(name, value, "belongs to the caller's run");
        }
    }
    if request.environment.pin_config {
        environment.set("TANK_CURRENT_PC", config, "option --pin-config");
    }
    if let Some(name) = sandbox.filter(|_| environment.get("TANK_CURRENT_PC").is_none()) {
        warnings.push(format!(
            "configuration shares its core, so Toolkit may use Primary instead: '{}'; --pin-config pins the chosen one",
            Printable::new(&name)
        ));
    }
    let mut program = &interpreter.path;
    if let Some(venv) = &request.venv {
        venv.check_interpreter(&interpreter)?;
        warnings.extend(venv.core_warning(&core.python_path()));
        program = &venv.python;
    }
    let mut argv = vec![program.clone().into_os_string()];
    argv.extend(interpreter.args.iter().cloned());
    argv.extend(request.arguments.iter().cloned());
    let isolating = Words::read(argv.get(1..).unwrap_or_default()).isolating;
    if let Some(word) = isolating.as_ref().filter(|_| !request.may_isolate) {
        return Err(Error::Isolated { word: word.clone() });
    }
    Ok(LaunchPlan {
        // Editors probe their interpreter with -I: there is no core to prepare a session with.
        session: session(request, settings).filter(|_| isolating.is_none()),
        images,
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

/// The fate of other cores in `PYTHONPATH`.
enum OtherCores<'a> {
    /// The caller keeps `PYTHONPATH`.
    Stay,
    Leave(&'a [PathBuf]),
}

/// The reason for the change to `PYTHONPATH`.
const CORE_FIRST: &str = "the project's core first; no other core, no empty entry";

const CORE_AND_IMAGES_FIRST: &str =
    "the project's core first, then its images for fast import; no other core, no empty entry";

/// Puts the core first in `PYTHONPATH`, and the folder of its images second. Removes empty entries, which would put the
/// working directory on `sys.path`, and other cores.
fn put_core_first(
    environment: &mut Environment,
    core: &Core,
    images: Option<&ImageFolder>,
    others: &OtherCores,
) -> Result<(), Error> {
    let mut entries = vec![core.python_path()];
    entries.extend(images.map(|folder| folder.path.clone()));
    for entry in std::env::split_paths(environment.get("PYTHONPATH").unwrap_or_default()) {
        let leaves = match others {
            OtherCores::Stay => false,
            OtherCores::Leave(cores) => is_in_a_core(&entry) || cores.contains(&entry),
        };
        if !entry.as_os_str().is_empty() && !leaves && !ImageFolder::is_one(&entry) {
            entries.push(entry);
        }
    }
    let separator = if cfg!(windows) { ';' } else { ':' };
    let unlistable = || Error::CoreUnlistable { python_path: core.python_path(), separator };
    // Windows' `join_paths` would put quotes around it, which Python takes for a part of the path.
    if cfg!(windows) && core.python_path().to_string_lossy().contains(separator) {
        return Err(unlistable());
    }
    let list = std::env::join_paths(entries).map_err(|_| unlistable())?;
    let reason = if images.is_some() { CORE_AND_IMAGES_FIRST } else { CORE_FIRST };
    environment.set("PYTHONPATH", list, reason);
    Ok(())
}

/// Returns true for a path in an `install/core`.
fn is_in_a_core(path: &Path) -> bool {
    let parts: Vec<&OsStr> = path.iter().collect();
    parts.windows(2).any(|pair| pair == ["install", "core"])
}
