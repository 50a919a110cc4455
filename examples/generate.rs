//! Writes the man page and the shells' completions from `src/cli.rs`, for packages.
//!
//! `cargo run --example generate -- FOLDER`
#![allow(clippy::disallowed_methods, reason = "a tool for packagers, with its own process")]

#[path = "generate/completions.rs"]
mod completions;

use std::error::Error;
use std::path::PathBuf;

use clap::CommandFactory;
use sgtk_python::cli::Cli;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("name a folder")?;
    std::fs::create_dir_all(&folder)?;
    clap_mangen::Man::new(Cli::command())
        .render(&mut std::fs::File::create(folder.join("sgtk-python.1"))?)?;
    for (name, text) in completions::SCRIPTS {
        let script = completions::script(name, text, &Cli::command());
        std::fs::write(folder.join(name), script)?;
    }
    Ok(())
}
