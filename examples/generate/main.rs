//! Writes the man page, the shells' completions and `docs/cli.md` from `src/cli.rs`.
//!
//! `cargo run --example generate -- FOLDER` for packages, `cargo run --example generate -- --docs` for the page.
#![allow(clippy::disallowed_methods, reason = "a tool for packagers, with its own process")]

mod completions;
mod man;
mod page;

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use sgtk_python::cli::Cli;

fn main() -> Result<(), Box<dyn Error>> {
    let word = std::env::args_os().nth(1).ok_or("name a folder, or --docs")?;
    if word == "--docs" {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
        return Ok(std::fs::write(file, page::page())?);
    }
    let folder = PathBuf::from(word);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("sgtk-python.1"), man::page()?)?;
    for (name, text) in completions::SCRIPTS {
        std::fs::write(folder.join(name), completions::script(name, text, &Cli::command()))?;
    }
    Ok(())
}
