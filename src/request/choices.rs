//! The choices of a project, by level: the options, else the variables, else the link's name.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap_lex::OsStrExt;

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
        level.add(cli.project.clone().map(Choice::Project), Origin::Option("--project"));
        level.add(cli.project_id.map(Choice::Id), Origin::Option("--project-id"));
        level.add(cli.config.clone().map(Choice::Config), Origin::Option("--config"));
        level.add(cli.path.clone().map(Choice::Path), Origin::Option("--path"));
        level.add(cli.make_shim.clone().map(Choice::Project), Origin::Option("--make-shim"));
        level.add(cli.make_venv.clone().map(Choice::Project), Origin::Option("--make-venv"));
        if let Some(name) = &cli.pipeline {
            level.config_name = Some(Decided::new(name.clone(), Origin::Option("--pipeline")));
        }
        level
    }

    /// Reads the variables. `SGTK_PIPELINE` counts only beside a variable that chooses a project: it may be
    /// meant for another one.
    pub fn of_variables(inputs: &Inputs) -> Result<Self, Error> {
        let mut level = LevelChoices::default();
        let project = inputs.variable("SGTK_PROJECT").map(|name| Choice::Project(name.into()));
        let id = inputs.variable("SGTK_PROJECT_ID").map(project_id).transpose()?;
        let config = inputs.variable("SGTK_CONFIG").map(|path| Choice::Config(path.into()));
        level.add(project, Origin::Variable("SGTK_PROJECT"));
        level.add(id, Origin::Variable("SGTK_PROJECT_ID"));
        level.add(config, Origin::Variable("SGTK_CONFIG"));
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
        level.add(Some(Choice::Project(project)), Origin::Link(file_name(&inputs.program)));
        level
    }

    fn add(&mut self, choice: Option<Choice>, origin: Origin) {
        if let Some(choice) = choice {
            self.choices.push(Decided::new(choice, origin));
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

fn project_id(value: &OsStr) -> Result<Choice, Error> {
    let id = value.to_str().and_then(|text| text.parse().ok());
    id.map(Choice::Id).ok_or_else(|| Error::BadProjectId { value: value.into() })
}

/// Returns true if a word is an option that chooses a project.
pub fn chooses_project(word: &OsStr) -> bool {
    let name = word.split_once("=").map_or(word, |(name, _)| name);
    ["--project", "--project-id", "--config", "--path"].iter().any(|option| name == *option)
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
