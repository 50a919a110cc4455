//! The command line. Imports nothing of the crate, so that the man page and the completions come from this
//! file alone.

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

Without a choice the launcher takes the project of the working directory.
Configurations are folders below SHOTGUN_BASE (a list, as PATH is), else below 'roots' in the
settings, else below /mnt/sgtk/configs. Settings: SGTK_PYTHON_SETTINGS, else sgtk-python.toml beside
this program, else /etc/sgtk-python.toml; then the user's sgtk-python/settings.toml.

Exit codes: 75 another exclusive run goes on; 121 no such project; 122 broken configuration, core or
settings; 125 wrong use; 126 the Python cannot run; 127 no such Python; all others are Python's.";

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
    /// Choose the project by its configuration's folder below a root, else by its tank_name
    /// [variable: SGTK_PROJECT]
    #[arg(long, value_name = "NAME", value_parser = clap::value_parser!(OsString))]
    pub project: Option<OsString>,

    /// Choose the project by its id on the site [variable: SGTK_PROJECT_ID]
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    pub project_id: Option<i64>,

    /// Choose the project by a path in its configuration or data, existing or not
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub path: Option<PathBuf>,

    /// Use this configuration of the project instead of its Primary [variable: SGTK_PIPELINE]
    #[arg(long, value_name = "NAME|ID")]
    pub pipeline: Option<String>,

    /// Choose the configuration by its folder [variable: SGTK_CONFIG]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub config: Option<PathBuf>,

    /// Use this Python: a path, a name on PATH, or words as a shell splits them [variable: SGTK_PYTHON]
    #[arg(long, value_name = "CMD", value_hint = ValueHint::CommandString)]
    pub python: Option<OsString>,

    /// Start from a short list of harmless variables, not from the caller's
    #[arg(long)]
    pub clean: bool,

    /// Set a variable for Python
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<OsString>,

    /// Keep a variable that the launcher would remove; NAME may end in *
    #[arg(long, value_name = "NAME")]
    pub keep: Vec<OsString>,

    /// Remove a variable; NAME may end in *
    #[arg(long, value_name = "NAME")]
    pub unset: Vec<OsString>,

    /// Set TANK_CURRENT_PC to the configuration, so that a shared core uses it and not the Primary
    #[arg(long)]
    pub pin_config: bool,

    /// Start this engine for the project, then run the program with it
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub engine: Option<String>,

    /// Start the engine for this entity instead of the project
    #[arg(long, value_name = "TYPE:ID", requires = "engine", value_parser = entity)]
    pub entity: Option<Entity>,

    /// Ask the site for the distributed configuration now, whatever the cache holds, and realise it
    #[arg(long)]
    pub refresh: bool,

    /// Print what would run and what decided it, as text or json; start nothing
    #[arg(long, group = "action", value_name = "FORMAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "text", hide_possible_values = true)]
    pub explain: Option<Format>,

    /// List the projects found on this machine, as text, json, names, ids or configs
    #[arg(long, group = "action",
          conflicts_with_all = ["project", "project_id", "config", "path", "pipeline", "arguments"], value_name = "FORMAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "text", hide_possible_values = true)]
    pub list: Option<ListFormat>,

    /// Check the studio, or the chosen project; print each problem and its remedy, and exit 122 if there
    /// is one
    #[arg(long, group = "action", value_name = "FORMAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "text", hide_possible_values = true)]
    pub doctor: Option<Format>,

    /// Run in the project's worker, which has imported sgtk and forks a child for each job; without a
    /// worker start one, and run this job outside it [variable: SGTK_PYTHON_WARM=1]
    #[arg(long)]
    pub warm: bool,

    /// List this user's workers, as text or json
    #[arg(long, group = "action", conflicts_with = "arguments", value_name = "FORMAT", num_args = 0..=1,
          require_equals = true, default_missing_value = "text", hide_possible_values = true)]
    pub workers: Option<Format>,

    /// Stop this user's workers, or the chosen project's; running jobs finish
    #[arg(long, group = "action", conflicts_with = "arguments")]
    pub stop_workers: bool,

    /// Run the script once for each project, JOBS at once (default: 1); go on after a failure, and exit 1
    /// if one failed
    #[arg(long, group = "action", conflicts_with_all = ["project", "project_id", "config", "path"],
          value_name = "JOBS", num_args = 0..=1, require_equals = true, default_missing_value = "1",
          value_parser = jobs)]
    pub each: Option<NonZeroUsize>,

    /// Run --each only for projects with a matching name; * is any text, ? any character
    #[arg(long = "match", value_name = "GLOB")]
    pub matching: Option<String>,

    /// Allow one run at a time of this script for this project: exit 75 if another goes on, or wait for it
    #[arg(long, value_name = "wait", num_args = 0..=1, require_equals = true,
          default_missing_value = "fail", hide_possible_values = true)]
    pub exclusive: Option<Exclusive>,

    /// Make PROJECT-python, a Python for an editor or a menu, in a folder (default: the working
    /// directory)
    #[arg(long, group = "action", conflicts_with_all = ["project", "project_id", "config", "path", "pipeline"],
          value_name = "PROJECT", value_parser = clap::value_parser!(OsString))]
    pub make_shim: Option<OsString>,

    /// Write one line of JSON for each step of the launch to this inherited descriptor (on Windows a handle)
    #[arg(long, conflicts_with = "action", value_name = "N", value_parser = clap::value_parser!(u64).range(3..))]
    pub status_fd: Option<u64>,

    /// Print this help
    #[arg(long, action = ArgAction::Help)]
    pub help: Option<bool>,

    /// Print the version
    #[arg(long, action = ArgAction::Version)]
    pub version: Option<bool>,

    /// Arguments for Python, unchanged
    #[arg(value_name = "PYTHON'S ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true,
          hide = true, value_hint = ValueHint::AnyPath)]
    pub arguments: Vec<OsString>,
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
