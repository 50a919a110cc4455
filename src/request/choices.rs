//! The choices of a project, by level: the options, else the variables, else the link's name.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap_lex::OsStrExt;

use super::launch_words::name_and_value;
use crate::cli::Cli;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};

/// A choice of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A folder below a root, or a `tank_name`.
    Project(OsString),
    /// The project's id on the site.
    Id(i64),
    /// A configuration's folder.
    Config(PathBuf),
    /// A path in a configuration or in a project's data.
    Path(PathBuf),
}

/// The choices of one level.
#[derive(Default)]
pub struct LevelChoices {
    pub choices: Vec<Decided<Choice>>,
    pub config_name: Option<Decided<String>>,
}

impl LevelChoices {
    pub fn of_options(cli: &Cli) -> Self {
        let mut level = LevelChoices::default();
        level.add(Choice::Project, cli.project.clone(), Origin::Option("--project"));
        level.add(Choice::Id, cli.project_id, Origin::Option("--project-id"));
        level.add(Choice::Config, cli.config.clone(), Origin::Option("--config"));
        level.add(Choice::Path, cli.path.clone(), Origin::Option("--path"));
        level.add(Choice::Project, cli.make_shim.clone(), Origin::Option("--make-shim"));
        level.add(Choice::Project, cli.make_venv.clone(), Origin::Option("--make-venv"));
        if let Some(name) = &cli.pipeline {
            level.config_name = Some(Decided::new(name.clone(), Origin::Option("--pipeline")));
        }
        level
    }

    /// Reads the variables. `SGTK_PIPELINE` counts only beside a variable that chooses a project: it may be
    /// meant for another one.
    pub fn of_variables(inputs: &Inputs) -> Result<Self, Error> {
        let mut level = LevelChoices::default();
        let project = inputs.variable("SGTK_PROJECT").map(OsStr::to_owned);
        let id = inputs.variable("SGTK_PROJECT_ID").map(project_id).transpose()?;
        let config = inputs.variable("SGTK_CONFIG").map(PathBuf::from);
        level.add(Choice::Project, project, Origin::Variable("SGTK_PROJECT"));
        level.add(Choice::Id, id, Origin::Variable("SGTK_PROJECT_ID"));
        level.add(Choice::Config, config, Origin::Variable("SGTK_CONFIG"));
        if let Some(name) = inputs.variable("SGTK_PIPELINE")
            && !level.choices.is_empty()
        {
            let name = name.to_string_lossy().into_owned();
            level.config_name = Some(Decided::new(name, Origin::Variable("SGTK_PIPELINE")));
        }
        Ok(level)
    }

    /// Returns the choice of a link's name, see [`project_of_link`].
    pub fn of_link(inputs: &Inputs, project: OsString) -> Self {
        let mut level = LevelChoices::default();
        level.add(Choice::Project, Some(project), Origin::Link(file_name(&inputs.program)));
        level
    }

    fn add<T>(&mut self, kind: fn(T) -> Choice, value: Option<T>, origin: Origin) {
        if let Some(value) = value {
            self.choices.push(Decided::new(kind(value), origin));
        }
    }

    /// Returns this level, or the other if this one chooses no project; an option's configuration name
    /// stays. Fails if a configuration's folder and a configuration's name are both chosen.
    pub fn or_else(self, other: impl FnOnce() -> Result<Self, Error>) -> Result<Self, Error> {
        let mut chosen = self;
        if chosen.choices.is_empty() {
            let LevelChoices { choices, config_name } = other()?;
            chosen.choices = choices;
            chosen.config_name = chosen.config_name.or(config_name);
        }
        let mut choices = chosen.choices.iter();
        let config = choices.find(|choice| matches!(choice.value, Choice::Config(_)));
        if let (Some(config), Some(name)) = (config, &chosen.config_name) {
            let (config, pipeline) = (config.origin.clone(), name.origin.clone());
            return Err(Error::PipelineOfConfig { config, pipeline });
        }
        Ok(chosen)
    }
}

fn project_id(value: &OsStr) -> Result<i64, Error> {
    let id = value.to_str().and_then(|text| text.parse().ok());
    id.ok_or_else(|| Error::BadProjectId { value: value.into() })
}

/// Returns true if a word is an option that chooses a project.
pub fn chooses_project(word: &OsStr) -> bool {
    let name = name_and_value(word).0.to_str();
    matches!(name, Some("--project" | "--project-id" | "--config" | "--path"))
}

/// Returns the project in a link's name: `bigbuck` in `/usr/local/bin/bigbuck-python`.
pub fn project_of_link(program: &OsStr) -> Option<OsString> {
    let name = file_name(program);
    let name = if cfg!(windows) { name.to_ascii_lowercase() } else { name };
    let mut parts: Vec<&OsStr> = name.split("-python").collect();
    let ends_with_python = parts.pop()?.is_empty();
    let project = parts.join(OsStr::new("-python"));
    (ends_with_python && !project.is_empty() && project != "sgtk").then_some(project)
}

/// Returns the name in a program's path, on Windows without `.exe`.
fn file_name(program: &OsStr) -> OsString {
    let path = Path::new(program);
    let is_exe = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("exe"));
    let name = if cfg!(windows) && is_exe { path.file_stem() } else { path.file_name() };
    name.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_names_its_project() {
        let project = |called: &str| project_of_link(called.as_ref());
        assert_eq!(project("/usr/bin/bigbuck-python"), Some("bigbuck".into()));
        assert_eq!(project("a-python-python"), Some("a-python".into()));
        for not_a_link in ["sgtk-python", "/x/sgtk-python", "-python", "python", "a-python3", ""] {
            assert_eq!(project(not_a_link), None, "{not_a_link}");
        }
    }
}
