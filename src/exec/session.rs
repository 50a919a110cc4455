//! A session, such as a started engine, before the program: `shims/session.py` prepares it, and then runs the program as
//! Python would.

use std::ffi::OsString;
use std::io::{self, Write};

use super::program::{RUN, VARIABLE};
#[cfg(unix)]
use super::unix as system;
#[cfg(windows)]
use super::windows as system;
use crate::plan::{LaunchPlan, Session};
use crate::site::Credentials;

/// Runs in the program's place.
static PROGRAM: &str = include_str!(concat!(env!("OUT_DIR"), "/session.py"));

/// Holds the number of the descriptor from which the credentials are read.
const CREDENTIALS_VARIABLE: &str = "SGTK_PYTHON_CREDENTIALS";

/// Lets Python prepare the session before it runs the program. Fails if the credentials cannot be passed.
#[cold]
pub fn add_session(
    plan: &mut LaunchPlan,
    session: &Session,
    credentials: Option<&Credentials>,
) -> io::Result<()> {
    let request = session.request(None)?;
    let own = 1 + plan.interpreter.args.len();
    let words = plan.words();
    let (kind, program) = words.program.parts();
    plan.argv.truncate(own);
    plan.argv.extend(words.options);
    plan.argv.extend(["-c", RUN, &request, kind].map(OsString::from));
    plan.argv.push(program);
    plan.argv.extend(words.arguments);
    plan.environment.set(VARIABLE, PROGRAM, "what comes before the program");
    if let Some(credentials) = credentials {
        // A pipe holds so little without a reader.
        let (reader, mut writer) = io::pipe()?;
        writer.write_all(&serde_json::to_vec(credentials)?)?;
        let number = system::hand_over(reader.into())?;
        plan.environment.set(CREDENTIALS_VARIABLE, number, "handed over before the program runs");
    }
    Ok(())
}
