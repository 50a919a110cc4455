//! The commands, one file a verb: the only rooms that print. The rooms below return values.

mod choose;
mod doctor;
mod each;
mod exclusive;
mod explain;
mod launch;
mod list;
mod missing;
mod shim;
mod venv;
mod words;
pub(crate) mod workers;

use std::process::ExitCode;

use anyhow::Result;

use crate::console;
use crate::context::Context;
use crate::request::Action;

/// Runs the command that the request names. A launch returns only if it fails, or if it ran in a worker.
pub fn run(context: &Context) -> Result<ExitCode> {
    match &context.request.action {
        Action::Launch => launch::run(context),
        Action::Explain(format) => explain::run(*format, context),
        Action::List(format) => list::run(*format, context),
        Action::Doctor(format) => doctor::run(*format, context),
        Action::Each(each) => each::run(each, context),
        Action::MakeShim => shim::run(context),
        Action::MakeVenv => venv::run(context),
        Action::Workers(format) => workers::list(*format, context),
        Action::StopWorkers => workers::stop(context),
        Action::Print(text) => console::print(text),
    }
}
