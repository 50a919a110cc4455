//! Chooses the project of a command, and shows the progress while its configuration is realised.

use crate::bootstrap::{Progress, Refresh};
use crate::console::{self, Colour};
use crate::context::Context;
use crate::display::Printable;
use crate::error::Error;
use crate::project::{ChosenProject, choose_project};

const WAITING: &str = "waiting for another launch that realises the configuration";

pub fn choose(context: &Context, refresh: Refresh) -> Result<ChosenProject, Error> {
    let colour = context.colour();
    choose_project(context, refresh, &move |progress| show(progress, colour))
}

/// Shows the progress on a terminal; elsewhere warns of a long wait.
fn show(progress: Progress, colour: Colour) {
    match progress {
        Progress::Waiting => console::show_progress(WAITING),
        Progress::StillWaiting if !console::is_interactive() => console::warn(WAITING, colour),
        Progress::StillWaiting => (),
        Progress::At(part, message) => {
            console::show_progress(&format!("{:3.0} % {}", part * 100.0, Printable::new(&message)));
        }
        Progress::Over => console::show_progress(""),
    }
}
