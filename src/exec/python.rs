//! A Python as a child process.

use std::process::Command;

use crate::environment::Environment;
use crate::interpreter::Interpreter;

/// Returns the command that starts a Python with exactly these variables, and no arguments yet.
pub fn python_command(interpreter: &Interpreter, environment: &Environment) -> Command {
    #[expect(clippy::disallowed_methods, reason = "this is where Python starts")]
    let mut command = Command::new(&interpreter.path);
    command.env_clear().envs(environment.variables());
    command
}
