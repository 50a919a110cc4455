//! What a launch, a list or a diagnosis starts from: what was asked for, and where.

use crate::finding::places::Places;
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
