//! Writes the man page and the shells' completions from `src/cli.rs`, for packages.
//!
//! `cargo run --example generate -- FOLDER`
#![allow(clippy::disallowed_methods, reason = "a tool for packagers, with its own process")]

use std::error::Error;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;
use sgtk_python::cli::Cli;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("name a folder")?;
    std::fs::create_dir_all(&folder)?;
    clap_mangen::Man::new(Cli::command())
        .render(&mut std::fs::File::create(folder.join("sgtk-python.1"))?)?;
    for shell in [Shell::Bash, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut Cli::command(), "sgtk-python", &folder)?;
    }
    Ok(())
}
