//! The main job on a small studio in a temporary folder: two projects with different cores, and one script that runs
//! under both, from an environment that belongs to neither.
//!
//! `cargo run --release --example two-projects`
#![allow(clippy::disallowed_methods, reason = "an example is a caller: it has its own process")]

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const SCRIPT: &str = "\
import os, sgtk
print('  sgtk    ', sgtk.version, 'from', os.path.dirname(sgtk.__file__))
print('  config  ', os.environ['SGTK_PYTHON_CONFIG'])
print('  process ', os.getpid())
";

/// This system's name in Toolkit's file names.
const OS: &str = if cfg!(windows) {
    "Windows"
} else if cfg!(target_os = "macos") {
    "Darwin"
} else {
    "Linux"
};

fn main() -> Result<(), Box<dyn Error>> {
    let studio = tempfile::tempdir()?;
    let configs = studio.path().join("configs");
    let bigbuck = config(&configs, "bigbuck")?;
    core(&bigbuck, "0.21.7")?;
    write(&bigbuck.join("install/core/_core_upgrader.py"), "")?;

    let sintel = config(&configs, "sintel")?;
    let shared = studio.path().join("cores/v0.24.0");
    core(&shared, "0.24.0")?;
    let link = sintel.join(format!("install/core/core_{OS}.cfg"));
    write(&link, shared.to_str().ok_or("a temporary folder that is not Unicode")?)?;

    let script = studio.path().join("where_am_i.py");
    write(&script, SCRIPT)?;
    let mut out = std::io::stdout();
    writeln!(out, "A studio: bigbuck has a core of its own, sintel shares one.")?;
    for project in ["bigbuck", "sintel", "bigbuck"] {
        writeln!(out, "\n$ sgtk-python --project {project} where_am_i.py")?;
        let other = if project == "bigbuck" { &shared } else { &bigbuck };
        let status = Command::new(launcher()?)
            .args(["--project", project])
            .arg(&script)
            .env("SHOTGUN_BASE", &configs)
            .env("TANK_CURRENT_PC", other)
            .env("PYTHONPATH", other.join("install/core/python"))
            .status()?;
        if !status.success() {
            return Err(format!("the launch of {project} ended with {status}").into());
        }
    }
    Ok(())
}

/// Builds the launcher with the profile of this example.
fn launcher() -> Result<PathBuf, Box<dyn Error>> {
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(Path::parent).ok_or("an example in no build folder")?;
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--bin", "sgtk-python", "--profile", profile]);
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    if !build.status()?.success() {
        return Err("the launcher cannot be built".into());
    }
    Ok(folder.join("sgtk-python").with_extension(std::env::consts::EXE_EXTENSION))
}

fn config(configs: &Path, name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let config = configs.join(name);
    write(&config.join("config/core/roots.yml"), "{}\n")?;
    let metadata = format!("pc_name: Primary\nproject_name: {name}\n");
    write(&config.join("config/core/pipeline_configuration.yml"), &metadata)?;
    Ok(config)
}

/// Makes a stand-in for a core: packages of the same names, `sgtk` another name for `tank`.
fn core(root: &Path, version: &str) -> Result<(), Box<dyn Error>> {
    let python = root.join("install/core/python");
    write(&python.join("tank/__init__.py"), &format!("version = 'v{version}'\n"))?;
    write(&python.join("tank_vendor/__init__.py"), "")?;
    write(&python.join("sgtk/__init__.py"), "import sys, tank\nsys.modules['sgtk'] = tank\n")
}

fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(path.parent().ok_or("a file in no folder")?)?;
    Ok(fs::write(path, text)?)
}
