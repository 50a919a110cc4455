//! What can be typed. Only clap, and nothing of the crate, so that the man page and the completions
//! can be made from this file alone.

#![expect(clippy::doc_markdown, reason = "the comments of the options are their help")]

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Parser, ValueEnum, ValueHint};

const EXAMPLES: &str = "\
Examples:
  sgtk-python --project bigbuck script.py --shot 010   run a script with bigbuck's core
  sgtk-python --project bigbuck                        bigbuck's Python prompt
  sgtk-python --project-id 176 --pipeline Dev -m publish
  sgtk-python --config /mnt/sgtk/configs/bigbuck_dev x.py
  sgtk-python --project bigbuck --explain script.py    what would run, and why
  sgtk-python --each=4 --match 'big*' nightly.py       for each project, four at once
  sgtk-python --make-shim bigbuck ~/bin                a Python for bigbuck, for an editor

In the script:
  import os, sgtk
  tk = sgtk.sgtk_from_path(os.environ[\"SGTK_PYTHON_CONFIG\"])

Without a choice, the project is that of the working directory.
Configs are folders below SHOTGUN_BASE (a list, as PATH is), else below 'roots' in the settings,
else below /mnt/sgtk/configs. Settings: SGTK_PYTHON_SETTINGS, else sgtk-python.toml beside this
program, else /etc/sgtk-python.toml; then the user's sgtk-python/settings.toml.

Exit codes: 75 an exclusive run goes on, 121 no such project, 122 broken config, core or settings,
125 wrong use, 126 the Python cannot run, 127 no such Python; all others are Python's.";

/// Run Python with the Toolkit core (sgtk) of one project, and nothing left of another.
///
/// Launcher options come first; the first word that is none of them, and all after it, is Python's.
#[expect(clippy::struct_excessive_bools, reason = "flags are what a command line has")]
#[derive(Debug, Parser)]
#[command(
    name = "sgtk-python",
    version,
    after_help = EXAMPLES,
    override_usage = "sgtk-python [OPTIONS] [--] [PYTHON'S ARGUMENTS]...",
    disable_help_flag = true,
    disable_version_flag = true
)]
pub struct Cli {
    /// The project: the name of its config's folder below a root, else its name on disk (tank_name)
    /// [variable: SGTK_PROJECT]
    #[arg(long, value_name = "NAME", value_parser = clap::value_parser!(OsString))]
    pub project: Option<OsString>,

    /// The project: its id on the site [variable: SGTK_PROJECT_ID]
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    pub project_id: Option<i64>,

    /// The project: any path in its config or its data, there or not
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub path: Option<PathBuf>,

    /// Which of the project's configs, instead of its Primary [variable: SGTK_PIPELINE]
    #[arg(long, value_name = "NAME|ID")]
    pub pipeline: Option<String>,

    /// The pipeline config's folder [variable: SGTK_CONFIG]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub config: Option<PathBuf>,

    /// The Python: a path, a name on PATH, or words as a shell splits them [variable: SGTK_PYTHON]
    #[arg(long, value_name = "CMD", value_hint = ValueHint::CommandString)]
    pub python: Option<OsString>,

    /// Start from a short list of harmless variables, not from the caller's
    #[arg(long)]
    pub clean: bool,

    /// Set a variable for Python
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<OsString>,

    /// Keep a variable that would be removed; NAME may end in *
    #[arg(long, value_name = "NAME")]
    pub keep: Vec<OsString>,

    /// Remove a variable; NAME may end in *
    #[arg(long, value_name = "NAME")]
    pub unset: Vec<OsString>,

    /// Set TANK_CURRENT_PC to the config, so that a shared core uses this one and not the Primary
    #[arg(long)]
    pub pin_config: bool,

    /// Start this engine for the project, and run the program with it
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub engine: Option<String>,

    /// What the engine is started for, instead of the project
    #[arg(long, value_name = "TYPE:ID", requires = "engine", value_parser = entity)]
    pub entity: Option<Entity>,

    /// Ask the site anew for a distributed configuration, and realise it
    #[arg(long)]
    pub refresh: bool,

    /// Print what would run and what decided it; start nothing
    #[arg(long, group = "action", value_name = "FORMAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "text", hide_possible_values = true)]
    pub explain: Option<Format>,

    /// List the projects that are here: as a table, as json, or their names alone
    #[arg(long, group = "action",
          conflicts_with_all = ["project", "project_id", "config", "path", "pipeline", "arguments"], value_name = "FORMAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "text", hide_possible_values = true)]
    pub list: Option<ListFormat>,

    /// Tell what is wrong with the studio, or with the chosen project, and what to do; exit 122 then
    #[arg(long, group = "action", value_name = "FORMAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "text", hide_possible_values = true)]
    pub doctor: Option<Format>,

    /// Run in the project's worker, which has imported sgtk and forks a child for each job; it is started
    /// if there is none, while this job runs without [variable: SGTK_PYTHON_WARM=1]
    #[arg(long)]
    pub warm: bool,

    /// List this user's workers
    #[arg(long, group = "action", conflicts_with = "arguments", value_name = "FORMAT", num_args = 0..=1,
          require_equals = true, default_missing_value = "text", hide_possible_values = true)]
    pub workers: Option<Format>,

    /// Stop this user's workers, or the chosen project's; jobs that run go on
    #[arg(long, group = "action", conflicts_with = "arguments")]
    pub stop_workers: bool,

    /// Run the script once for each project that is here, JOBS at once (default: one); go on after a
    /// failure, and exit 1 if there was one
    #[arg(long, group = "action", conflicts_with_all = ["project", "project_id", "config", "path"],
          value_name = "JOBS", num_args = 0..=1, require_equals = true, default_missing_value = "1",
          value_parser = jobs)]
    pub each: Option<NonZeroUsize>,

    /// With --each: only the projects of such a name, where * is any text and ? any character
    #[arg(long = "match", value_name = "GLOB")]
    pub matching: Option<String>,

    /// One run at a time of this script for this project: exit 75 if there is one, or wait for its end
    #[arg(long, value_name = "wait", num_args = 0..=1, require_equals = true,
          default_missing_value = "fail", hide_possible_values = true)]
    pub exclusive: Option<Exclusive>,

    /// Make PROJECT-python, a Python for an editor or a menu, in a folder (default: the working
    /// directory)
    #[arg(long, group = "action", conflicts_with_all = ["project", "project_id", "config", "path", "pipeline"],
          value_name = "PROJECT", value_parser = clap::value_parser!(OsString))]
    pub make_shim: Option<OsString>,

    /// Print this help
    #[arg(long, action = ArgAction::Help)]
    pub help: Option<bool>,

    /// Print the version
    #[arg(long, action = ArgAction::Version)]
    pub version: Option<bool>,

    /// What Python gets, untouched
    #[arg(value_name = "PYTHON'S ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true,
          hide = true, value_hint = ValueHint::AnyPath)]
    pub arguments: Vec<OsString>,
}

/// Something on the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its type, such as `Shot`.
    pub kind: String,
    /// Its id.
    pub id: i64,
}

fn jobs(word: &str) -> Result<NonZeroUsize, String> {
    word.parse().map_err(|_| "expected the number of simultaneous runs, at least 1".into())
}

fn entity(word: &str) -> Result<Entity, String> {
    let parts = word.split_once(':');
    let entity =
        parts.and_then(|(kind, id)| Some(Entity { kind: kind.into(), id: id.parse().ok()? }));
    let is_type = |entity: &Entity| {
        !entity.kind.is_empty()
            && entity.kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    entity.filter(is_type).ok_or_else(|| "expected a type and an id, such as Shot:1234".into())
}

/// How to print the list of projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For a person.
    Text,
    /// For a program.
    Json,
    /// One name a line, for a shell.
    Names,
}

/// What to do while another run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Exclusive {
    /// Leave.
    Fail,
    /// Wait for its end.
    Wait,
}

/// How to print an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Text,
    /// For a program.
    Json,
}
