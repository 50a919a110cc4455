//! What is wrong, in one line with the path and the value.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use super::{Error, SiteFailure, SiteFailureKind};
use crate::disk::IoMessage;
use crate::display::Printable;
use crate::origin::Decided;
use crate::os::Os;

impl Display for Error {
    #[expect(clippy::too_many_lines, reason = "one arm for each way to fail")]
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Error::CommandLine { message, .. } => write!(f, "{}", Printable::new(message)),
            Error::UnknownOption { word, .. } => {
                write!(f, "unknown option '{}'", Printable::new(word))
            }
            Error::Isolated { word } => write!(
                f,
                "'{}' would make Python ignore PYTHONPATH, and so hide the project's core",
                Printable::new(word)
            ),
            Error::BadVariable { option, word } => {
                let wanted = if *option == "--env" { "NAME=VALUE" } else { "a variable's name" };
                write!(f, "{option} takes {wanted}, not '{}'", Printable::new(word))
            }
            Error::PipelineOfConfig { config, pipeline } => {
                write!(f, "{config} names one configuration; {pipeline} cannot name another")
            }
            Error::BadProjectId { value } => {
                write!(f, "SGTK_PROJECT_ID is no number: '{}'", Printable::new(value))
            }
            Error::BadSwitch { name, value } => {
                write!(f, "{name} can be 1 or 0, not '{}'", Printable::new(value))
            }
            Error::HostileName { name, origin } => {
                write!(f, "'{}' cannot be a project's name ({origin})", Printable::new(name))
            }
            Error::Conflict(both) => {
                let [first, second] = both.as_ref();
                write!(
                    f,
                    "two different configs are chosen: {} ({}) and {} ({})",
                    Printable::new(&first.value),
                    first.origin,
                    Printable::new(&second.value),
                    second.origin
                )
            }
            Error::BadPython { value, why, origin } => {
                write!(f, "'{}' names no Python: {why} ({origin})", Printable::new(value))
            }
            Error::NoWorkingDirectory { path } => write!(
                f,
                "there is no working directory (it may have been deleted) to look for {} in",
                Printable::new(path)
            ),
            Error::NoProject { .. } => f.write_str("no project was named"),
            Error::UnknownProject { name, origin, roots, .. } => {
                write!(f, "no project '{}' ({origin}) below ", Printable::new(name))?;
                list_roots(f, roots)
            }
            Error::UnknownId { id, origin, roots, .. } => {
                write!(f, "no project with the id {id} ({origin}) below ")?;
                list_roots(f, roots)
            }
            Error::NoRoot { roots } => {
                f.write_str("no folder to look for projects in: ")?;
                list_roots(f, roots)
            }
            Error::NothingAbove { path, origin } => {
                write!(f, "{} is in no project's config or data ({origin})", Printable::new(path))
            }
            Error::NoPipeline { wanted, project, .. } => write!(
                f,
                "the project '{}' has no config '{}' here",
                Printable::new(project),
                Printable::new(wanted)
            ),
            Error::Ambiguous { wanted, project, configs } => {
                write!(f, "the project '{}' has several configs ", Printable::new(project))?;
                write!(f, "'{}': ", Printable::new(wanted))?;
                list(f, configs.iter().map(|config| &config.path))
            }
            Error::BadSite(host) => {
                write!(
                    f,
                    "'{}' is no site's address ({})",
                    Printable::new(&host.value),
                    host.origin
                )
            }
            Error::NotAsked { here, .. } => Display::fmt(here, f),
            Error::NotOnSite { here, host } => write!(f, "{here}, nor on {}", Printable::new(host)),
            Error::NotRealised { project, host } => write!(
                f,
                "the config of '{}' has not been realised here; a launch would ask {} for it",
                Printable::new(project),
                Printable::new(host)
            ),
            Error::NotWhole { path } => {
                write!(f, "{} is not whole: realising it broke off", Printable::new(path))
            }
            Error::Site(error) => write!(
                f,
                "{} gives no config of '{}': {}",
                Printable::new(&error.host),
                Printable::new(&error.project),
                error.failure
            ),
            Error::Cache { path, source } => {
                write!(
                    f,
                    "{} cannot be made or locked: {}",
                    Printable::new(path),
                    IoMessage(source)
                )
            }
            Error::File { path, problem } => write!(f, "{} {problem}", Printable::new(path)),
            Error::Settings { path, line, key, message } => {
                write!(f, "{}:{line}: ", Printable::new(path))?;
                if let Some(key) = key {
                    write!(f, "'{}': ", Printable::new(key))?;
                }
                write!(f, "{}", Printable::new(message))
            }
            Error::NotAConfig { path, exists, origin } => {
                let why = if *exists { "is no pipeline configuration" } else { "does not exist" };
                write!(f, "{} {why} ({origin})", Printable::new(path))
            }
            Error::NoCore { config, link, studio } => {
                write!(
                    f,
                    "{} has no core: it is not localized, there is no ",
                    Printable::new(config)
                )?;
                write!(f, "{}", Printable::new(link))?;
                match studio {
                    Some(studio) => write!(f, ", and no studio core at {}", Printable::new(studio)),
                    None => f.write_str(", and no studio core"),
                }
            }
            Error::CoreNotSetUp { file, text } => write!(
                f,
                "{} says '{}': no core is set up for {}",
                Printable::new(file),
                Printable::new(text),
                Os::CURRENT.name()
            ),
            Error::CoreMissing { core, file, .. } => write!(
                f,
                "the core {} named in {} does not exist",
                Printable::new(core),
                Printable::new(file)
            ),
            Error::CoreWithoutTank { python_path, origin } => write!(
                f,
                "{} holds no Toolkit core: there is no 'tank' in it ({origin})",
                Printable::new(python_path)
            ),
            Error::CoreUnlistable { python_path, separator } => write!(
                f,
                "{} cannot stand in PYTHONPATH: its path holds '{separator}'",
                Printable::new(python_path)
            ),
            Error::CoreLacksPython { python, version, core, .. } => write!(
                f,
                "{} is Python {version}, for which the core {} has no packages",
                Printable::new(python),
                Printable::new(core)
            ),
            Error::NotExecutable { path, why, origin } => {
                write!(f, "the Python {} cannot run: {why} ({origin})", Printable::new(path))
            }
            Error::Launcher { path, origin } => {
                write!(f, "the Python {} is this launcher itself ({origin})", Printable::new(path))
            }
            Error::Exec { path, source, longest } => {
                write!(f, "the Python {} cannot run: {}", Printable::new(path), IoMessage(source))?;
                match longest {
                    Some(word) => write!(f, " ({})", Printable::new(word)),
                    None => Ok(()),
                }
            }
            Error::NotHandedOver(source) => {
                write!(f, "what Python has to hold cannot be handed over: {}", IoMessage(source))
            }
            Error::PythonMissing { path, origin, .. } => {
                write!(f, "the Python {} does not exist ({origin})", Printable::new(path))
            }
            Error::WorkerLost { worker, why } => {
                write!(f, "it is not known how the job ended: the worker (process {worker}) {why}")
            }
            Error::Workers(why) => f.write_str(why),
            Error::WorkerStays { worker, project } => {
                write!(
                    f,
                    "the worker of {} (process {worker}) does not stop",
                    Printable::new(project)
                )
            }
            Error::PythonNotOnPath { name, origin } => {
                write!(f, "no Python '{}' on PATH ({origin})", Printable::new(name))
            }
            Error::Busy { what, config, holder } => {
                write!(f, "{} runs already for {}", Printable::new(what), Printable::new(config))?;
                holder.map_or(Ok(()), |process| write!(f, " (process {process})"))
            }
            Error::NoLockFolder => f.write_str("--exclusive has no folder to keep its lock in"),
            Error::Lock { path, source } => {
                write!(f, "the lock {} cannot be had: {}", Printable::new(path), IoMessage(source))
            }
            Error::NoneMatches { pattern, pipeline, roots } => {
                f.write_str("no project")?;
                if let Some(pattern) = pattern {
                    write!(f, " that matches '{}'", Printable::new(pattern))?;
                }
                if let Some(pipeline) = pipeline {
                    write!(f, " with a config '{}'", Printable::new(pipeline))?;
                }
                f.write_str(" below ")?;
                list_roots(f, roots)
            }
            Error::NoLauncher => f.write_str("the system does not tell where this program is"),
            Error::Shim { path, why } => write!(f, "cannot make {}: {why}", Printable::new(path)),
        }
    }
}

impl Display for SiteFailure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            SiteFailureKind::NoCredentials => "nobody to ask as: ",
            SiteFailureKind::LoginRefused => "the login was refused: ",
            SiteFailureKind::Unreachable => {
                "it cannot be reached, or does not answer as a site does: "
            }
            SiteFailureKind::NoDescriptor => "what it describes cannot be had: ",
            SiteFailureKind::CoreTooOld => "the site's core is too old: ",
            SiteFailureKind::NoProject
            | SiteFailureKind::NoConfig
            | SiteFailureKind::NoPipeline
            | SiteFailureKind::NoCore
            | SiteFailureKind::Other => "",
        };
        write!(f, "{what}{}", Printable::new(&self.message))
    }
}

/// So many folders are listed.
const MOST: usize = 4;

fn list<'a>(
    f: &mut Formatter<'_>,
    paths: impl ExactSizeIterator<Item = &'a PathBuf>,
) -> fmt::Result {
    let more = paths.len().saturating_sub(MOST);
    for (at, path) in paths.take(MOST).enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        write!(f, "{separator}{}", Printable::new(path))?;
    }
    if more > 0 { write!(f, " and {more} more") } else { Ok(()) }
}

fn list_roots(f: &mut Formatter<'_>, roots: &[Decided<PathBuf>]) -> fmt::Result {
    let Some(root) = roots.first() else { return f.write_str("any root (none is set)") };
    list(f, roots.iter().map(|root| &root.value))?;
    write!(f, " ({})", root.origin)
}
