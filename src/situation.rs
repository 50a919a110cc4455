//! What a launch, a list or a diagnosis starts from: what was asked for, and where.

use crate::environment::Environment;
use crate::finding::places::Places;
use crate::inherit::inherit;
use crate::inputs::Inputs;
use crate::request::Request;
use crate::settings::Settings;
use crate::site::Site;

/// All that there is before a project is chosen.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// What was asked for.
    pub request: &'a Request,
    /// The settings.
    pub settings: &'a Settings,
    /// Where configurations may be.
    pub places: &'a Places,
    /// Who knows of others.
    pub site: Option<&'a Site>,
    /// What the launcher was started with.
    pub inputs: &'a Inputs,
}

impl Situation<'_> {
    /// What a Python may inherit: that of a project, or one that is of none.
    pub fn environment(&self, project: Option<&str>) -> Environment {
        let Situation { request, settings, inputs, .. } = self;
        let tables = settings.environment(project);
        inherit(inputs.variables.clone(), &request.environment, &tables)
    }
}
