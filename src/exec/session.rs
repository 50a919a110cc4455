//! A program whose process does something for it first: `shims/session.py` runs in its place, and then
//! runs it as Python would.

use std::ffi::OsStr;
use std::io::{self, Write};

use super::program::{RUN, VARIABLE};
use crate::plan::{LaunchPlan, Session};
use crate::site::credentials::Credentials;

/// What runs in the program's place.
const PROGRAM: &str = include_str!(concat!(env!("OUT_DIR"), "/session.py"));

/// The variable that names the descriptor of the credentials.
const CREDENTIALS_VARIABLE: &str = "SGTK_PYTHON_CREDENTIALS";

/// The plan that does what the session asks for, and then runs the program.
pub fn with_session(
    mut plan: LaunchPlan,
    session: &Session,
    credentials: Option<&Credentials>,
) -> io::Result<LaunchPlan> {
    let request = session.request(None)?;
    let own = 1 + plan.interpreter.args.len();
    let words = plan.words();
    let (kind, program) = words.program.parts();
    plan.argv.truncate(own);
    plan.argv.extend(words.options);
    let before = ["-c", RUN, &request, kind].map(OsStr::new);
    plan.argv.extend(before.into_iter().chain([program.as_os_str()]).map(OsStr::to_owned));
    plan.argv.extend(words.arguments);
    plan.environment.set(VARIABLE, PROGRAM, "what comes before the program");
    if let Some(credentials) = credentials {
        // So little fits into a pipe that nobody reads yet.
        let (reader, mut writer) = io::pipe()?;
        writer.write_all(&serde_json::to_vec(credentials)?)?;
        let number = super::system::hand_over(reader.into())?;
        plan.environment.set(CREDENTIALS_VARIABLE, number, "handed over before the program runs");
    }
    Ok(plan)
}
