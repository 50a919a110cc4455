//! What chooses the project, level by level: the options, the variables, the link's name.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap_lex::OsStrExt;

use super::Choice;
use crate::cli::Cli;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::origin::{Decided, Origin};

/// What one level chooses.
pub struct Chosen {
    /// Its choices of a project.
    pub choices: Vec<Decided<Choice>>,
    /// Its choice among the project's configurations.
    pub pipeline: Option<Decided<String>>,
}

impl Chosen {
    /// This, or if it chooses no project the other; a pipeline that was named by option stays.
    pub fn or_else(self, other: impl FnOnce() -> Result<Self, Error>) -> Result<Self, Error> {
        if !self.choices.is_empty() {
            return self.checked();
        }
        let Chosen { choices, pipeline } = other()?;
        Chosen { choices, pipeline: self.pipeline.or(pipeline) }.checked()
    }

    /// A configuration's folder leaves nothing for a pipeline to choose.
    fn checked(self) -> Result<Self, Error> {
        let config = self.choices.iter().find(|choice| matches!(choice.value, Choice::Config(_)));
        match (config, &self.pipeline) {
            (Some(config), Some(pipeline)) => Err(Error::PipelineOfConfig {
                config: config.origin.clone(),
                pipeline: pipeline.origin.clone(),
            }),
            _ => Ok(self),
        }
    }
}

/// What the options choose.
pub fn by_options(cli: &Cli) -> Chosen {
    let options = [
        (cli.project.clone().map(Choice::Project), "--project"),
        (cli.project_id.map(Choice::Id), "--project-id"),
        (cli.config.clone().map(Choice::Config), "--config"),
        (cli.path.clone().map(Choice::Path), "--path"),
        (cli.make_shim.clone().map(Choice::Project), "--make-shim"),
    ];
    let chosen = options.into_iter().filter_map(|(choice, option)| Some((choice?, option)));
    let decided = |(choice, option)| Decided::new(choice, Origin::Option(option));
    let pipeline =
        cli.pipeline.clone().map(|name| Decided::new(name, Origin::Option("--pipeline")));
    Chosen { choices: chosen.map(decided).collect(), pipeline }
}

/// Whether a word is an option that chooses a project.
pub fn is_choice(word: &OsStr) -> bool {
    let name = word.split_once("=").map_or(word, |(name, _)| name);
    ["--project", "--project-id", "--config", "--path"].iter().any(|option| name == *option)
}

/// What the variables choose. A pipeline alone chooses nothing: it may be meant for another project.
pub fn by_variables(inputs: &Inputs) -> Result<Chosen, Error> {
    let variables = [
        (inputs.variable("SGTK_PROJECT").map(|name| Choice::Project(name.into())), "SGTK_PROJECT"),
        (inputs.variable("SGTK_PROJECT_ID").map(project_id).transpose()?, "SGTK_PROJECT_ID"),
        (inputs.variable("SGTK_CONFIG").map(|path| Choice::Config(path.into())), "SGTK_CONFIG"),
    ];
    let chosen = variables.into_iter().filter_map(|(choice, name)| Some((choice?, name)));
    let decided = |(choice, name)| Decided::new(choice, Origin::Variable(name));
    let choices: Vec<_> = chosen.map(decided).collect();
    let pipeline = inputs.variable("SGTK_PIPELINE").filter(|_| !choices.is_empty());
    let pipeline = pipeline.map(|name| {
        Decided::new(name.to_string_lossy().into_owned(), Origin::Variable("SGTK_PIPELINE"))
    });
    Ok(Chosen { choices, pipeline })
}

fn project_id(value: &OsStr) -> Result<Choice, Error> {
    let id = value.to_str().and_then(|text| text.parse().ok());
    id.map(Choice::Id).ok_or_else(|| Error::BadProjectId { value: value.into() })
}

/// What the name chooses that the launcher is called by.
pub fn by_link(inputs: &Inputs, project: OsString) -> Chosen {
    let link = Origin::Link(file_name(&inputs.program));
    Chosen { choices: vec![Decided::new(Choice::Project(project), link)], pipeline: None }
}

/// The project in a link's name: `bigbuck` in `/usr/local/bin/bigbuck-python`.
pub fn project_of_link(called: &OsStr) -> Option<OsString> {
    let name = file_name(called);
    let mut parts: Vec<&OsStr> = name.split("-python").collect();
    let at_its_end = parts.pop()?.is_empty();
    let project = parts.join(OsStr::new("-python"));
    (at_its_end && !project.is_empty() && project != "sgtk").then_some(project)
}

/// The name by which a program was called, without its folder and, on Windows, without `.exe`.
fn file_name(called: &OsStr) -> OsString {
    let path = Path::new(called);
    let is_exe = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("exe"));
    let name = if cfg!(windows) && is_exe { path.file_stem() } else { path.file_name() };
    name.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_its_project() {
        let project = |called: &str| project_of_link(called.as_ref());
        assert_eq!(project("/usr/bin/bigbuck-python"), Some("bigbuck".into()));
        assert_eq!(project("a-python-python"), Some("a-python".into()));
        for not_a_link in ["sgtk-python", "/x/sgtk-python", "-python", "python", "a-python3", ""] {
            assert_eq!(project(not_a_link), None, "{not_a_link}");
        }
    }
}
