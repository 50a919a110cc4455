//! Says on standard error what a launch meets on its way. The rooms say it with the macros of `log`: warnings always, each
//! once; with `SGTK_PYTHON_DEBUG` at 1 also each choice, each file that the launcher looks at, and why a job runs cold.
//! Values of variables are never said.

use std::collections::BTreeSet;
use std::io::stderr;
use std::sync::{Mutex, OnceLock, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::console::{self, Colour};
use crate::disk;
use crate::error::Error;
use crate::inputs::Inputs;

const VARIABLE: &str = "SGTK_PYTHON_DEBUG";

static NARRATOR: OnceLock<Narrator> = OnceLock::new();

struct Narrator {
    colour: Colour,
    /// The warnings that were said.
    said: Mutex<BTreeSet<String>>,
}

impl Log for Narrator {
    fn enabled(&self, _metadata: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        let text = record.args().to_string();
        if record.level() == Level::Debug {
            let line = format!("sgtk-python: debug: {text}\n");
            let _ = disk::write_all(&mut stderr(), line.as_bytes());
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.insert(text.clone()) {
            console::warn(&text, self.colour);
        }
    }

    fn flush(&self) {}
}

/// Starts narrating. Fails if the variable is neither 1 nor 0.
pub fn start(inputs: &Inputs) -> Result<(), Error> {
    let level = match inputs.variable(VARIABLE) {
        None => LevelFilter::Warn,
        Some(value) if value == "0" => LevelFilter::Warn,
        Some(value) if value == "1" => LevelFilter::Debug,
        Some(value) => {
            return Err(Error::BadSwitch {
                name: VARIABLE,
                allowed: "1 or 0",
                value: value.into(),
            });
        }
    };
    let colour = Colour::of(&inputs.variables);
    let narrator = NARRATOR.get_or_init(|| Narrator { colour, said: Mutex::default() });
    // A second logger would be refused; the launcher sets one.
    let _ = log::set_logger(narrator);
    log::set_max_level(level);
    Ok(())
}
