//! Narrates a launch on standard error if `SGTK_PYTHON_DEBUG` is 1: each choice, each file that the launcher looks
//! at, and why a job runs cold. The rooms say it with `log::debug!`; values of variables are never said.

use std::io::stderr;

use log::{LevelFilter, Log, Metadata, Record};

use crate::disk;
use crate::error::Error;
use crate::inputs::Inputs;

const VARIABLE: &str = "SGTK_PYTHON_DEBUG";

struct Narrator;

impl Log for Narrator {
    fn enabled(&self, _metadata: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        let line = format!("sgtk-python: debug: {}\n", record.args());
        let _ = disk::write_all(&mut stderr(), line.as_bytes());
    }

    fn flush(&self) {}
}

/// Starts narrating if the variable is 1. Fails if it is neither 1 nor 0.
pub fn start(inputs: &Inputs) -> Result<(), Error> {
    let Some(value) = inputs.variable(VARIABLE).filter(|value| *value != "0") else {
        return Ok(());
    };
    if value != "1" {
        return Err(Error::BadSwitch { name: VARIABLE, value: value.into() });
    }
    // A second logger would be refused; the launcher sets one.
    let _ = log::set_logger(&Narrator);
    log::set_max_level(LevelFilter::Debug);
    Ok(())
}
