//! What the caller asks for: the command line, the selecting variables and the link's name, parsed
//! but not yet looked up.

mod choices;
mod each;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use clap_lex::OsStrExt;

use crate::cli::{Cli, Entity, Exclusive, Format, ListFormat};
use crate::environment::{NamePattern, Variables, is_name};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};
use crate::suggest::suggest;
use choices::{Chosen, by_link, by_options, by_variables, is_choice, project_of_link};

pub use each::Each;

/// Python's own long options (CPython: `Python/getopt.c`); the first word may be one of them.
const PYTHONS_LONG_OPTIONS: [&str; 4] =
    ["--check-hash-based-pycs", "--help-all", "--help-env", "--help-xoptions"];

/// What the caller asks for.
#[derive(Debug, Default)]
pub struct Request {
    /// What to do with the plan.
    pub action: Action,
    /// Whether to run in a worker, by option or variable.
    pub warm: Option<Decided<bool>>,
    /// The choices of a project, all of one level: the options, else the variables, else the link.
    pub choices: Vec<Decided<Choice>>,
    /// The Python, by option or variable.
    pub python: Option<Decided<OsString>>,
    /// Which of the project's configurations, if not its Primary.
    pub pipeline: Option<Decided<String>>,
    /// The engine that the program runs with.
    pub engine: Option<String>,
    /// What the engine is for, if not the project.
    pub entity: Option<Entity>,
    /// Whether to ask the site anew.
    pub refresh: bool,
    /// What to do while another run of the same goes on, if there may be only one.
    pub exclusive: Option<Exclusive>,
    /// What was said of the environment.
    pub environment: EnvironmentOptions,
    /// What Python gets, untouched.
    pub arguments: Vec<OsString>,
    /// A word among Python's that would choose a project if it came first.
    pub misplaced: Option<OsString>,
    /// Whether Python's arguments may make it ignore the core: an editor's probe may.
    pub may_isolate: bool,
}

/// What to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Become Python.
    #[default]
    Launch,
    /// Print the plan.
    Explain(Format),
    /// List the projects.
    List(ListFormat),
    /// Tell what is wrong.
    Doctor(Format),
    /// Run something for each project.
    Each(Each),
    /// Make a Python for the project.
    MakeShim,
    /// List the workers.
    Workers(Format),
    /// Stop workers.
    StopWorkers,
    /// Print this text of the launcher's own: its help or version.
    Print(String),
}

/// How a project was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// By its name.
    Project(OsString),
    /// By its id on the site.
    Id(i64),
    /// By its config's folder.
    Config(PathBuf),
    /// By a path in its config or data.
    Path(PathBuf),
}

/// What the command line says of the environment.
#[derive(Debug, Default)]
pub struct EnvironmentOptions {
    /// Start from the allow-list.
    pub clean: bool,
    /// Variables to set.
    pub set: Variables,
    /// Variables to keep.
    pub keep: Vec<NamePattern>,
    /// Variables to remove.
    pub unset: Vec<NamePattern>,
    /// Set `TANK_CURRENT_PC`.
    pub pin_config: bool,
}

impl Request {
    /// Parses what the process was started with.
    pub fn parse(inputs: &Inputs) -> Result<Self, Error> {
        match project_of_link(&inputs.program) {
            Some(project) => Self::by_link(inputs, project),
            None => Self::by_command_line(inputs),
        }
    }

    /// Called by a link's name every word is Python's, for editors probe their interpreter that way.
    fn by_link(inputs: &Inputs, project: OsString) -> Result<Self, Error> {
        let chosen = by_variables(inputs)?.or_else(|| Ok(by_link(inputs, project)))?;
        Ok(Request {
            choices: chosen.choices,
            pipeline: chosen.pipeline,
            python: python_variable(inputs),
            warm: warm_variable(inputs)?,
            arguments: inputs.arguments.clone(),
            may_isolate: true,
            ..Request::default()
        })
    }

    fn by_command_line(inputs: &Inputs) -> Result<Self, Error> {
        let words = [OsString::from("sgtk-python")].into_iter().chain(inputs.arguments.clone());
        let cli = match Cli::try_parse_from(words) {
            Ok(cli) => cli,
            Err(error) => return own_text(&error),
        };
        check_first_word(inputs, &cli.arguments)?;
        let chosen = chosen(&cli, inputs)?;
        let action = action(&cli, inputs)?;
        let warm = cli.warm.then(|| Decided::new(true, Origin::Option("--warm")));
        let by_option = cli.python.map(|value| Decided::new(value, Origin::Option("--python")));
        Ok(Request {
            action,
            choices: chosen.choices,
            pipeline: chosen.pipeline,
            python: by_option.or_else(|| python_variable(inputs)),
            exclusive: cli.exclusive,
            warm: warm.map_or_else(|| warm_variable(inputs), |warm| Ok(Some(warm)))?,
            environment: EnvironmentOptions {
                clean: cli.clean,
                set: cli.env.into_iter().map(assignment).collect::<Result<_, _>>()?,
                keep: patterns("--keep", cli.keep)?,
                unset: patterns("--unset", cli.unset)?,
                pin_config: cli.pin_config,
            },
            engine: cli.engine,
            entity: cli.entity,
            refresh: cli.refresh,
            misplaced: cli.arguments.iter().find(|word| is_choice(word)).cloned(),
            arguments: cli.arguments,
            may_isolate: false,
        })
    }
}

/// The project: by option, else by variable; for each of them there is none to choose.
fn chosen(cli: &Cli, inputs: &Inputs) -> Result<Chosen, Error> {
    if cli.each.is_some() {
        return Ok(by_options(cli));
    }
    by_options(cli).or_else(|| by_variables(inputs))
}

fn action(cli: &Cli, inputs: &Inputs) -> Result<Action, Error> {
    let each = Each::of(cli, inputs)?.map(Action::Each);
    let shim = cli.make_shim.is_some().then_some(Action::MakeShim);
    let list = cli.list.map(Action::List).or(cli.doctor.map(Action::Doctor));
    let workers = cli.workers.map(Action::Workers);
    let workers = workers.or(cli.stop_workers.then_some(Action::StopWorkers));
    let others = list.or(workers).or(cli.explain.map(Action::Explain)).or(shim);
    Ok(each.or(others).unwrap_or(Action::Launch))
}

fn python_variable(inputs: &Inputs) -> Option<Decided<OsString>> {
    let value = inputs.variable("SGTK_PYTHON")?.to_owned();
    Some(Decided::new(value, Origin::Variable("SGTK_PYTHON")))
}

fn warm_variable(inputs: &Inputs) -> Result<Option<Decided<bool>>, Error> {
    const NAME: &str = "SGTK_PYTHON_WARM";
    let Some(value) = inputs.variable(NAME) else { return Ok(None) };
    if value != "0" && value != "1" {
        return Err(Error::BadSwitch { name: NAME, value: value.into() });
    }
    Ok(Some(Decided::new(value == "1", Origin::Variable(NAME))))
}

/// Refuses a first word that looks like an option and is nobody's. After `--` any word is Python's.
fn check_first_word(inputs: &Inputs, arguments: &[OsString]) -> Result<(), Error> {
    let Some(word) = arguments.first() else { return Ok(()) };
    let before = inputs.arguments.len() - arguments.len();
    let after_dashes = before.checked_sub(1).and_then(|at| inputs.arguments.get(at));
    let name = word.split_once("=").map_or(word.as_os_str(), |(name, _)| name);
    let is_pythons = PYTHONS_LONG_OPTIONS.iter().any(|option| name == *option);
    if !word.starts_with("--") || is_pythons || after_dashes.is_some_and(|word| word == "--") {
        return Ok(());
    }
    Err(Error::UnknownOption { word: word.clone(), near: near_option(name) })
}

fn near_option(name: &OsStr) -> Option<String> {
    // The dashes would make all options alike.
    let name = name.to_str()?.trim_start_matches('-');
    let command = Cli::command();
    let ours = command.get_arguments().filter_map(|a| a.get_long().map(String::from));
    let all = ours.chain(PYTHONS_LONG_OPTIONS.map(|option| option.trim_start_matches('-').into()));
    suggest(name, all).into_iter().next().map(|option| format!("--{option}"))
}

fn assignment(word: OsString) -> Result<(OsString, OsString), Error> {
    match word.split_once("=") {
        Some((name, value)) if is_name(name) => Ok((name.into(), value.to_owned())),
        _ => Err(Error::BadVariable { option: "--env", word }),
    }
}

fn patterns(option: &'static str, words: Vec<OsString>) -> Result<Vec<NamePattern>, Error> {
    let pattern =
        |word: OsString| NamePattern::new(word.clone()).ok_or(Error::BadVariable { option, word });
    words.into_iter().map(pattern).collect()
}

/// What clap answers instead of options: help and version to print, or what is wrong in one line.
fn own_text(error: &clap::Error) -> Result<Request, Error> {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Ok(Request { action: Action::Print(text), ..Request::default() });
    }
    let after = |start: &str| {
        text.lines().find_map(|line| line.trim_start().strip_prefix(start)).map(String::from)
    };
    let message = after("error: ").unwrap_or_else(|| text.clone());
    // What is missing stands on the next line.
    let missing = message.ends_with(':').then(|| text.lines().nth(1)).flatten().unwrap_or_default();
    let message = [message.as_str(), missing.trim()].join(" ").trim_end().to_owned();
    let values = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => {
            Some(format!("use one of {}", values.join(", ")))
        }
        _ => None,
    };
    Err(Error::CommandLine { message, hint: after("tip: ").or(values) })
}
