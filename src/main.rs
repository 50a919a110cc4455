//! The process boundary: parse, build the context, run the command, report.

use std::process::ExitCode;

use anyhow::Result;
use sgtk_python::command;
use sgtk_python::console::{self, Colour};
use sgtk_python::context::Context;
use sgtk_python::inputs::Inputs;
use sgtk_python::narration;
use sgtk_python::request::{self, Request};
use sgtk_python::status;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let inputs = Inputs::capture();
    let colour = Colour::of(&inputs.variables);
    run(inputs).unwrap_or_else(|error| {
        status::report(&error);
        console::report(&error, colour)
    })
}

fn run(inputs: Inputs) -> Result<ExitCode> {
    status::start(request::status_descriptor(&inputs))?;
    narration::start(&inputs)?;
    let request = Request::parse(&inputs)?;
    if let Some(text) = request.text_to_print() {
        return console::print(text);
    }
    let context = Context::new(request, inputs)?;
    command::run(&context)
}
