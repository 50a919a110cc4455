//! The command line. Imports nothing of the crate, so that the man page and the completions come from this
//! file alone.

#![expect(clippy::doc_markdown, reason = "the comments of the options are their help")]

use std::ffi::OsString;
use std::fmt::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, CommandFactory, Parser, ValueEnum, ValueHint};

/// Examples of use, for the help, the man page and docs/cli.md.
pub const EXAMPLES: &str =
    "  sgtk-python --project bigbuck x.py --shot 010    run a script with its core
  sgtk-python --project bigbuck                    a Python prompt
  sgtk-python --project-id 176 --pipeline Dev -m publish
  sgtk-python --config /mnt/sgtk/configs/bigbuck_dev x.py
  sgtk-python --project bigbuck --explain x.py     what would run, and why
  sgtk-python --each=4 --match 'big*' nightly.py   each project, four at once
  sgtk-python --make-shim bigbuck ~/bin            a Python for a menu
  sgtk-python --make-venv bigbuck .venv            a Python for an editor

In the script:
  import os, sgtk
  tk = sgtk.sgtk_from_path(os.environ[\"SGTK_PYTHON_CONFIG\"])";

/// The ways to choose a project, and the places where configurations and settings are.
pub const FILES: &str = "\
The project is that of an option, else of a variable, else of a link's name (bigbuck-python), else of the working directory. \
Configurations are folders below SHOTGUN_BASE, else below 'roots' in the settings, else below /mnt/sgtk/configs. \
Settings are in the file SGTK_PYTHON_SETTINGS, else in sgtk-python.toml beside this program, else in /etc/sgtk-python.toml; \
the user's sgtk-python/settings.toml in XDG_CONFIG_HOME or ~/.config counts before them.";

/// The variables that no option's help names.
pub const VARIABLES: &[(&str, &str)] = &[
    ("SHOTGUN_BASE", "folders with configurations, a list as PATH is"),
    ("SGTK_PYTHON_SETTINGS", "the studio's settings file"),
    ("SGTK_PYTHON_CACHE", "the folder for the index, images and --exclusive"),
    ("SGTK_PYTHON_FAST_IMPORT", "1 or release imports sgtk from an image; 0 does not"),
    ("SGTK_PYTHON_DEBUG", "1 narrates the launch on standard error"),
    ("NO_COLOR, CLICOLOR_FORCE", "no colour; colour in pipes too"),
];

/// The launcher's exit codes; all others are Python's.
pub const EXIT_CODES: &[(&str, &str)] = &[
    ("75", "another exclusive run goes on"),
    ("121", "no project was named, or it has no configuration here"),
    ("122", "broken configuration, core or settings"),
    ("125", "wrong use, or another failure of the launcher"),
    ("126", "the Python cannot run, or cannot run this core"),
    ("127", "there is no such Python"),
];

/// The standard streams have the numbers below.
pub(crate) const LEAST_DESCRIPTOR: u64 = 3;

const CHOOSE: &str = "Choose the project";
const PYTHON: &str = "Python and its environment";
const LOOK: &str = "Look";
const MANY: &str = "Many projects, one run at a time";
const WARM: &str = "Warm jobs";
const SITE: &str = "The site";

/// Returns the help, its lines wrapped to a width.
pub fn help(width: usize) -> String {
    let command = Cli::command().term_width(width);
    let about = command.get_long_about().cloned().unwrap_or_default();
    let mut more = format!("Examples:\n{EXAMPLES}\n\nWhere it looks:\n{FILES}\n\nVariables:\n");
    for (name, meaning) in VARIABLES {
        let _ = writeln!(more, "  {name:<25} {meaning}");
    }
    more += "\nExit codes (all others are Python's):\n";
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(more, "  {code:<4} {meaning}");
    }
    command.about(about).after_help(more).render_help().to_string()
}

/// Defines the command line from one table of its options. The options that a plain launch may have name a [`Slot`]:
/// `request::launch_words` fills it without clap.
macro_rules! options {
    (
        $(#[$about:meta])*
        pub struct $cli:ident { $($(#[$attribute:meta])* pub $option:ident: $value:ty $(= $slot:ident)?,)* }
    ) => {
        $(#[$about])*
        pub struct $cli { $($(#[$attribute])* pub $option: $value,)* }

        impl $cli {
            /// Returns the value of a plain launch's option; `None` for another name.
            pub(crate) fn slot(&mut self, name: &str) -> Option<Slot<'_>> {
                $($(if is_option(stringify!($option), name) {
                    return Some(Slot::$slot(&mut self.$option));
                })?)*
                None
            }
        }
    };
}

/// The place for the value of an option that a plain launch may have.
pub(crate) enum Slot<'a> {
    Flag(&'a mut bool),
    Text(&'a mut Option<OsString>),
    Word(&'a mut Option<String>),
    Path(&'a mut Option<PathBuf>),
    Id(&'a mut Option<i64>),
    Descriptor(&'a mut Option<u64>),
    /// An option that may be repeated.
    List(&'a mut Vec<OsString>),
}

/// Returns true if an option is the one of a field: `pin-config` of `pin_config`.
fn is_option(field: &str, option: &str) -> bool {
    let with_hyphens = field.bytes().map(|byte| if byte == b'_' { b'-' } else { byte });
    field.len() == option.len() && with_hyphens.eq(option.bytes())
}

options! {
    /// Run Python with the Toolkit core (sgtk) of one project, and nothing left of another.
    ///
    /// Launcher options come first; the first word that is none of them, and all after it, is Python's.
    #[derive(Debug, Default, Parser)]
    #[command(
        name = "sgtk-python",
        version,
        long_version = concat!(env!("CARGO_PKG_VERSION"), " (", env!("SGTK_PYTHON_BUILD"), ")"),
        override_usage = "sgtk-python [OPTIONS] [--] [PYTHON'S ARGUMENTS]...",
        disable_help_flag = true,
        disable_version_flag = true
    )]
    pub struct Cli {
        /// Choose the project by its configuration's folder below a root, else by its tank_name
        /// [variable: SGTK_PROJECT]
        #[arg(help_heading = CHOOSE, long, value_name = "NAME", value_parser = clap::value_parser!(OsString))]
        pub project: Option<OsString> = Text,

        /// Choose the project by its id on the site [variable: SGTK_PROJECT_ID]
        #[arg(help_heading = CHOOSE, long, value_name = "ID", allow_negative_numbers = true)]
        pub project_id: Option<i64> = Id,

        /// Choose the project by a path in its configuration or data, existing or not
        #[arg(help_heading = CHOOSE, long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
        pub path: Option<PathBuf> = Path,

        /// Use this configuration of the project instead of its Primary [variable: SGTK_PIPELINE]
        #[arg(help_heading = CHOOSE, long, value_name = "NAME|ID")]
        pub pipeline: Option<String> = Word,

        /// Choose the configuration by its folder [variable: SGTK_CONFIG]
        #[arg(help_heading = CHOOSE, long, value_name = "PATH", value_hint = ValueHint::DirPath)]
        pub config: Option<PathBuf> = Path,

        /// Use this Python: a path, a name on PATH, or words as a shell splits them [variable: SGTK_PYTHON]
        #[arg(help_heading = PYTHON, long, value_name = "CMD", value_hint = ValueHint::CommandString)]
        pub python: Option<OsString> = Text,

        /// Start from a short list of harmless variables, not from the caller's
        #[arg(help_heading = PYTHON, long)]
        pub clean: bool = Flag,

        /// Set a variable for Python
        #[arg(help_heading = PYTHON, long, value_name = "NAME=VALUE")]
        pub env: Vec<OsString> = List,

        /// Keep a variable that the launcher would remove; NAME may end in *
        #[arg(help_heading = PYTHON, long, value_name = "NAME")]
        pub keep: Vec<OsString> = List,

        /// Remove a variable; NAME may end in *
        #[arg(help_heading = PYTHON, long, value_name = "NAME")]
        pub unset: Vec<OsString> = List,

        /// Set TANK_CURRENT_PC to the configuration, so that a shared core uses it and not the Primary
        #[arg(help_heading = PYTHON, long)]
        pub pin_config: bool = Flag,

        /// Make PROJECT-python, a Python for a menu or a script's first line, in a folder (default: the working
        /// directory)
        #[arg(help_heading = PYTHON, long, group = "action", conflicts_with_all = ["project", "project_id", "config", "path", "pipeline"],
              value_name = "PROJECT", value_parser = clap::value_parser!(OsString))]
        pub make_shim: Option<OsString>,

        /// Make or update a virtual environment whose Python runs the project, for an editor; in a folder
        /// (default: PROJECT-venv)
        #[arg(help_heading = PYTHON, long, group = "action", conflicts_with_all = ["project", "project_id", "config", "path", "pipeline", "python"],
              value_name = "PROJECT", value_parser = clap::value_parser!(OsString))]
        pub make_venv: Option<OsString>,

        /// Print what would run and what decided it, as text or json; start nothing
        #[arg(help_heading = LOOK, long, group = "action", value_name = "FORMAT", num_args = 0..=1, require_equals = true,
              default_missing_value = "text", hide_possible_values = true)]
        pub explain: Option<Format>,

        /// List the projects found on this machine, as text, json, names, ids or configs
        #[arg(help_heading = LOOK, long, group = "action",
              conflicts_with_all = ["project", "project_id", "config", "path", "pipeline", "arguments"], value_name = "FORMAT", num_args = 0..=1, require_equals = true,
              default_missing_value = "text", hide_possible_values = true)]
        pub list: Option<ListFormat>,

        /// Check the studio, or the chosen project, as text, json, or all (with the checks that found nothing);
        /// exit 122 if something is wrong
        #[arg(help_heading = LOOK, long, group = "action", value_name = "FORMAT", num_args = 0..=1, require_equals = true,
              default_missing_value = "text", hide_possible_values = true)]
        pub doctor: Option<DoctorFormat>,

        /// Write one line of JSON for each step of the launch to this inherited descriptor (on Windows a handle)
        #[arg(help_heading = LOOK, long, value_name = "N",
              conflicts_with_all = ["make_shim", "make_venv", "explain", "list", "doctor", "each", "workers", "stop_workers"], value_parser = clap::value_parser!(u64).range(LEAST_DESCRIPTOR..))]
        pub status_fd: Option<u64> = Descriptor,

        /// Print this help
        #[arg(help_heading = LOOK, long, action = ArgAction::Help)]
        pub help: Option<bool>,

        /// Print the version, commit and target
        #[arg(help_heading = LOOK, long, action = ArgAction::Version)]
        pub version: Option<bool>,

        /// Run the script once for each project, JOBS at once (default: 1); go on after a failure, and exit 1
        /// if one failed
        #[arg(help_heading = MANY, long, group = "action", conflicts_with_all = ["project", "project_id", "config", "path"],
              value_name = "JOBS", num_args = 0..=1, require_equals = true, default_missing_value = "1",
              value_parser = jobs)]
        pub each: Option<NonZeroUsize>,

        /// Run --each only for projects with a matching name; * is any text, ? any character
        #[arg(help_heading = MANY, long = "match", value_name = "GLOB")]
        pub matching: Option<String>,

        /// Allow one run at a time of this script for this project: exit 75 if another goes on, or wait for it
        #[arg(help_heading = MANY, long, value_name = "wait", num_args = 0..=1, require_equals = true,
              default_missing_value = "fail", hide_possible_values = true)]
        pub exclusive: Option<Exclusive>,

        /// Run in the project's worker, which has imported sgtk and forks a child for each job; without a
        /// worker start one, and run this job outside it [variable: SGTK_PYTHON_WARM=1]
        #[arg(help_heading = WARM, long)]
        pub warm: bool = Flag,

        /// List this user's workers, as text or json
        #[arg(help_heading = WARM, long, group = "action", conflicts_with = "arguments", value_name = "FORMAT", num_args = 0..=1,
              require_equals = true, default_missing_value = "text", hide_possible_values = true)]
        pub workers: Option<Format>,

        /// Stop this user's workers, or the chosen project's; running jobs finish
        #[arg(help_heading = WARM, long, group = "action", conflicts_with = "arguments")]
        pub stop_workers: bool,

        /// Start this engine for the project, then run the program with it
        #[arg(help_heading = SITE, long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        pub engine: Option<String> = Word,

        /// Start the engine for this entity instead of the project
        #[arg(help_heading = SITE, long, value_name = "TYPE:ID", requires = "engine", value_parser = entity)]
        pub entity: Option<Entity>,

        /// Ask the site for the distributed configuration now, whatever the cache holds, and realise it
        #[arg(help_heading = SITE, long)]
        pub refresh: bool = Flag,

        /// Arguments for Python, unchanged
        #[arg(value_name = "PYTHON'S ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true,
              hide = true, value_hint = ValueHint::AnyPath)]
        pub arguments: Vec<OsString>,
    }
}

/// An entity of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// The entity's type, such as `Shot`.
    pub kind: String,
    /// The entity's id on the site.
    pub id: i64,
}

fn jobs(word: &str) -> Result<NonZeroUsize, String> {
    word.parse().map_err(|_| "expected the number of simultaneous runs, at least 1".into())
}

fn entity(word: &str) -> Result<Entity, String> {
    if let Some((kind, id)) = word.split_once(':')
        && let Ok(id) = id.parse()
        && !kind.is_empty()
        && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return Ok(Entity { kind: kind.into(), id });
    }
    Err("expected a type and an id, such as Shot:1234".into())
}

/// A format of the list of projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// A table.
    Text,
    /// One JSON object.
    Json,
    /// One name a line.
    Names,
    /// One id a line, with a tab and the project's name.
    Ids,
    /// One name of a configuration a line, of the project that the variables choose or of all.
    Configs,
}

/// A format of the doctor's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// The findings.
    Text,
    /// The findings, then the checks that found nothing.
    All,
    /// One JSON object.
    Json,
}

/// The reaction to another exclusive run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Exclusive {
    /// Exit with 75.
    Fail,
    /// Wait until the other run ends.
    Wait,
}

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for a terminal.
    Text,
    /// One JSON object.
    Json,
}
