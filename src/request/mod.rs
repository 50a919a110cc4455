//! The caller's request: the command line, the selecting variables and the link's name, parsed but not yet
//! looked up.

mod by_clap;
pub(crate) mod choices;
mod each;
pub(crate) mod launch_words;
mod venv;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::CommandFactory;
use clap_lex::OsStrExt;

use crate::cli::{Cli, DoctorFormat, Entity, Exclusive, Format, ListFormat};
use crate::environment::{NamePattern, Variables, is_name};
use crate::error::Error;
use crate::fast_import::FastImport;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::suggest::suggest;
use choices::{LevelChoices, chooses_project, project_of_link};
use launch_words::{descriptor, name_and_value};

pub(crate) use choices::Choice;
pub(crate) use each::Each;
pub(crate) use venv::{Venv, is_script};

/// Python's own long options (CPython: `Python/getopt.c`); the first word may be one of them.
const PYTHONS_LONG_OPTIONS: [&str; 4] =
    ["--check-hash-based-pycs", "--help-all", "--help-env", "--help-xoptions"];

/// The caller's request.
#[derive(Debug, Default)]
pub struct Request {
    pub(crate) action: Action,
    pub(crate) warm: Option<Decided<bool>>,
    pub(crate) fast_import: Option<Decided<FastImport>>,
    /// All of one level.
    pub(crate) choices: Vec<Decided<Choice>>,
    pub(crate) python: Option<Decided<OsString>>,
    /// The project's configuration to use; without one its Primary.
    pub(crate) config_name: Option<Decided<String>>,
    pub(crate) engine: Option<String>,
    /// The entity that the engine starts for; without one the project.
    pub(crate) entity: Option<Entity>,
    /// Ask the site even if its cached answer is young.
    pub(crate) refresh: bool,
    pub(crate) exclusive: Option<Exclusive>,
    pub(crate) environment: EnvironmentOptions,
    /// Python's arguments.
    pub(crate) arguments: Vec<OsString>,
    /// A word among Python's arguments that would choose a project if it came first.
    pub(crate) misplaced: Option<OsString>,
    /// Allows arguments such as `-I`, which hide the core: an editor probes its Python with them.
    pub(crate) may_isolate: bool,
    /// The virtual environment whose Python the caller started.
    pub(crate) venv: Option<Venv>,
}

/// The command to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Action {
    #[default]
    Launch,
    Explain(Format),
    List(ListFormat),
    Doctor(DoctorFormat),
    Each(Each),
    MakeShim,
    MakeVenv,
    Workers(Format),
    StopWorkers,
    /// Print the launcher's help or version.
    Print(String),
}

/// The options that change Python's environment.
#[derive(Debug, Default)]
pub(crate) struct EnvironmentOptions {
    /// Start from the allow-list.
    pub clean: bool,
    pub set: Variables,
    pub keep: Vec<NamePattern>,
    pub unset: Vec<NamePattern>,
    pub pin_config: bool,
}

impl Request {
    /// Parses the process' arguments and variables.
    #[inline(never)]
    pub fn parse(inputs: &Inputs) -> Result<Self, Error> {
        if let Some(project) = project_of_link(&inputs.program) {
            return Self::of_link(inputs, project);
        }
        match Venv::of(inputs)? {
            Some(venv) => Self::of_venv(inputs, venv),
            None => Self::of_command_line(inputs),
        }
    }

    /// Returns the launcher's help or version, which is printed in place of running a command.
    pub fn text_to_print(&self) -> Option<&str> {
        match &self.action {
            Action::Print(text) => Some(text),
            _ => None,
        }
    }

    /// Parses a call by a link's name: every argument is Python's, because editors probe their Python so.
    #[inline(never)]
    fn of_link(inputs: &Inputs, project: OsString) -> Result<Self, Error> {
        let variables = LevelChoices::of_variables(inputs)?;
        let chosen = variables.or_else(|| Ok(LevelChoices::of_link(inputs, project)))?;
        Ok(Request {
            choices: chosen.choices,
            config_name: chosen.config_name,
            python: python_variable(inputs),
            warm: warm_variable(inputs)?,
            fast_import: fast_import_variable(inputs)?,
            arguments: inputs.arguments.clone(),
            may_isolate: true,
            ..Request::default()
        })
    }

    /// Parses a call from a virtual environment: every argument is Python's. The environment alone chooses the project,
    /// and its Python never runs in a worker, which has another `sys.executable`.
    #[cold]
    fn of_venv(inputs: &Inputs, venv: Venv) -> Result<Self, Error> {
        let (project, origin) = (Choice::Project(venv.project.clone().into()), venv.origin());
        let active = inputs.variable("VIRTUAL_ENV").map(Path::new);
        let mut environment = EnvironmentOptions::default();
        if active.is_some() && active == venv.folder() {
            environment.keep.extend(NamePattern::new("VIRTUAL_ENV"));
        }
        Ok(Request {
            fast_import: fast_import_variable(inputs)?,
            warm: Some(Decided::new(false, origin.clone())),
            choices: vec![Decided::new(project, origin)],
            python: python_variable(inputs),
            environment,
            arguments: venv.arguments.clone(),
            may_isolate: true,
            venv: Some(venv),
            ..Request::default()
        })
    }

    fn of_command_line(inputs: &Inputs) -> Result<Self, Error> {
        let cli = match launch_words::read(&inputs.arguments) {
            Some(cli) => cli,
            None => match by_clap::parse(inputs) {
                Ok(cli) => cli,
                Err(error) => return by_clap::help_or_error(&error, inputs),
            },
        };
        check_first_word(inputs, &cli.arguments)?;
        let mut chosen = LevelChoices::of_options(&cli);
        // A variable's project does not count for --each, which runs them all.
        if cli.each.is_none() {
            chosen = chosen.or_else(|| LevelChoices::of_variables(inputs))?;
        }
        let action = action(&cli, inputs)?;
        let warm = if cli.warm {
            Some(Decided::new(true, Origin::Option("--warm")))
        } else {
            warm_variable(inputs)?
        };
        let python = match cli.python {
            Some(value) => Some(Decided::new(value, Origin::Option("--python"))),
            None => python_variable(inputs),
        };
        Ok(Request {
            action,
            choices: chosen.choices,
            config_name: chosen.config_name,
            python,
            exclusive: cli.exclusive,
            warm,
            fast_import: fast_import_variable(inputs)?,
            environment: EnvironmentOptions {
                clean: cli.clean,
                set: assignments(cli.env)?,
                keep: patterns("--keep", cli.keep)?,
                unset: patterns("--unset", cli.unset)?,
                pin_config: cli.pin_config,
            },
            engine: cli.engine,
            entity: cli.entity,
            refresh: cli.refresh,
            misplaced: cli.arguments.iter().find(|word| chooses_project(word)).cloned(),
            arguments: cli.arguments,
            may_isolate: false,
            venv: None,
        })
    }
}

fn action(cli: &Cli, inputs: &Inputs) -> Result<Action, Error> {
    if let Some(each) = Each::of(cli, inputs)? {
        return Ok(Action::Each(each));
    }
    // clap lets one of these through at most.
    Ok(match cli {
        Cli { list: Some(format), .. } => Action::List(*format),
        Cli { doctor: Some(format), .. } => Action::Doctor(*format),
        Cli { workers: Some(format), .. } => Action::Workers(*format),
        Cli { stop_workers: true, .. } => Action::StopWorkers,
        Cli { explain: Some(format), .. } => Action::Explain(*format),
        Cli { make_shim: Some(_), .. } => Action::MakeShim,
        Cli { make_venv: Some(_), .. } => Action::MakeVenv,
        _ => Action::Launch,
    })
}

fn python_variable(inputs: &Inputs) -> Option<Decided<OsString>> {
    let value = inputs.variable("SGTK_PYTHON")?.to_owned();
    Some(Decided::new(value, Origin::Variable("SGTK_PYTHON")))
}

fn warm_variable(inputs: &Inputs) -> Result<Option<Decided<bool>>, Error> {
    const NAME: &str = "SGTK_PYTHON_WARM";
    let Some(value) = inputs.variable(NAME) else { return Ok(None) };
    if value != "0" && value != "1" {
        return Err(Error::BadSwitch { name: NAME, allowed: "1 or 0", value: value.into() });
    }
    Ok(Some(Decided::new(value == "1", Origin::Variable(NAME))))
}

fn fast_import_variable(inputs: &Inputs) -> Result<Option<Decided<FastImport>>, Error> {
    const NAME: &str = "SGTK_PYTHON_FAST_IMPORT";
    let Some(value) = inputs.variable(NAME) else { return Ok(None) };
    let value = match value.to_str() {
        Some("0") => FastImport::Off,
        Some("1") => FastImport::On,
        Some("release") => FastImport::Release,
        _ => {
            let (allowed, value) = ("1, 0 or release", value.into());
            return Err(Error::BadSwitch { name: NAME, allowed, value });
        }
    };
    Ok(Some(Decided::new(value, Origin::Variable(NAME))))
}

/// Returns the value of `--status-fd`, also where the command line is wrong in another word.
pub fn status_descriptor(inputs: &Inputs) -> Option<u64> {
    const OPTION: &str = "--status-fd";
    let is_named = inputs.arguments.iter().any(|word| word.starts_with(OPTION));
    if !is_named || project_of_link(&inputs.program).is_some() {
        return None;
    }
    if let Some(cli) = launch_words::read(&inputs.arguments) {
        return cli.status_fd;
    }
    let command = Cli::command();
    let mut words = inputs.arguments.iter();
    while let Some(word) = words.next() {
        let (name, value) = name_and_value(word);
        let name = name.to_str()?.strip_prefix("--")?;
        let option = command.get_arguments().find(|option| option.get_long() == Some(name))?;
        let takes_value = option.get_action().takes_values();
        let value = match value {
            None if takes_value && !option.is_require_equals_set() => {
                Some(words.next()?.as_os_str())
            }
            value => value,
        };
        if name == "status-fd" {
            return descriptor(value?.to_str()?);
        }
    }
    None
}

/// Fails if the first word looks like an option, but is neither the launcher's nor Python's. After `--` any
/// word is Python's.
fn check_first_word(inputs: &Inputs, arguments: &[OsString]) -> Result<(), Error> {
    let Some(word) = arguments.first() else { return Ok(()) };
    let own = inputs.arguments.strip_suffix(arguments).unwrap_or_default();
    let follows_dashes = own.last().is_some_and(|word| word == "--");
    let (name, _) = name_and_value(word);
    let is_pythons = PYTHONS_LONG_OPTIONS.iter().any(|option| name == *option);
    if !word.starts_with("--") || is_pythons || follows_dashes {
        return Ok(());
    }
    Err(Error::UnknownOption { word: word.clone(), near: similar_option(name) })
}

#[cold]
fn similar_option(name: &OsStr) -> Option<String> {
    // Compared without the dashes, which would make all options alike.
    let name = name.to_str()?.trim_start_matches('-');
    let command = Cli::command();
    let mut options = Vec::new();
    for option in PYTHONS_LONG_OPTIONS {
        options.push(option.trim_start_matches('-').into());
    }
    for argument in command.get_arguments() {
        options.extend(argument.get_long().map(String::from));
    }
    Some(format!("--{}", suggest(name, options.into_iter()).first()?))
}

fn assignments(words: Vec<OsString>) -> Result<Variables, Error> {
    let mut variables = Variables::new();
    for word in words {
        match word.split_once("=") {
            Some((name, value)) if is_name(name) => variables.push((name.into(), value.into())),
            _ => return Err(Error::BadVariable { option: "--env", word }),
        }
    }
    Ok(variables)
}

fn patterns(option: &'static str, words: Vec<OsString>) -> Result<Vec<NamePattern>, Error> {
    let mut patterns = Vec::new();
    for word in words {
        match NamePattern::new(word.clone()) {
            Some(pattern) => patterns.push(pattern),
            None => return Err(Error::BadVariable { option, word }),
        }
    }
    Ok(patterns)
}
