//! A small studio to play in: two projects with a core each, and one script. A plain Python with one
//! project's environment fails on the other project; `sgtk-python` runs both.
//!
//! `cargo run --release --example two-projects -- [FOLDER]`
//!
//! Builds the launcher, leaves the studio in FOLDER, and prints the commands to try there.
#![allow(clippy::disallowed_methods, reason = "an example is a caller: it has its own process")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Makes a studio of two projects, and shows sgtk-python in it.
#[derive(Parser)]
struct Options {
    /// The studio's folder: new, empty, or from an earlier run [default: studio, in the build folder]
    folder: Option<PathBuf>,
    /// Uses stand-ins for the core, and no network
    #[arg(long)]
    stand_in: bool,
    /// Shows this launcher, and builds none
    #[arg(long, value_name = "FILE")]
    launcher: Option<PathBuf>,
}

/// The script of both projects. A plain Python gets the configuration as an argument.
const SCRIPT: &str = "\
import os, sys, textwrap
import sgtk

config = os.environ.get('SGTK_PYTHON_CONFIG') or os.path.abspath(sys.argv[1])
print('config  ', os.path.relpath(config))
print('imported', os.path.relpath(sgtk.__file__))
try:
    print('started ', sgtk.sgtk_from_path(config).version)
except sgtk.TankError as error:
    sys.exit(textwrap.fill('TankError: %s' % error, 78))
";

/// Stands in for `tank`: enough of it for the script.
const STAND_IN: &str = "\
import glob, os

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 4))


class TankError(Exception):
    pass


def read(*parts):
    with open(os.path.join(*parts), encoding='utf-8') as file:
        return file.read().strip()


def version_of(root):
    return read(root, 'install', 'core', 'info.yml').split('\"')[1]


def sgtk_from_path(config):
    links = glob.glob(os.path.join(config, 'install', 'core', 'core_*.cfg'))
    needed = version_of(read(links[0]) if links else config)
    if version < needed:
        raise TankError('core %s runs, but %s needs %s' % (version, config, needed))
    return Sgtk()


class Sgtk:
    @property
    def version(self):
        return version


version = version_of(ROOT)
";

/// A core hook that does nothing; the core from `PyPI` has no hooks.
const HOOK: &str = "\
import sgtk


class Nothing(sgtk.Hook):
    def execute(self, **details):
        pass
";

/// This system's name in Toolkit's file names.
const OS: &str = if cfg!(windows) {
    "Windows"
} else if cfg!(target_os = "macos") {
    "Darwin"
} else {
    "Linux"
};

/// The longest wait for `PyPI`, and for a worker.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let build_folder = build_folder()?;
    let launcher = match &options.launcher {
        Some(launcher) => std::path::absolute(launcher)?,
        None => build_launcher()?,
    };
    let folder = options.folder.clone().unwrap_or_else(|| build_folder.join("studio"));

    title("A studio");
    let (python, core) = if options.stand_in {
        println!("The cores are stand-ins, as --stand-in asks.");
        (any_python()?, Core::StandIn)
    } else {
        choose_core(&build_folder)?
    };
    let studio = Studio { folder: std::path::absolute(folder)?, launcher, python };
    studio.make(&core)?;

    plain_python(&studio)?;
    with_the_launcher(&studio)?;
    look(&studio)?;
    if cfg!(target_os = "linux") {
        warm(&studio)?;
    }
    what_to_try(&studio);
    Ok(())
}

// --- The scenes ---

/// One project's environment meets the other project.
fn plain_python(studio: &Studio) -> Result<()> {
    title("A plain Python");
    println!("An event daemon or a DCC that started with bigbuck has these variables:");
    println!("  TANK_CURRENT_PC=$PWD/configs/bigbuck");
    println!("  PYTHONPATH=$PWD/configs/bigbuck/install/core/python");
    for project in PROJECTS {
        let config = format!("configs/{project}");
        let status = studio.show(Program::Python, &["where_am_i.py", &config])?;
        if status.success() != (project == "bigbuck") {
            return Err(format!("the plain Python ended with {status}").into());
        }
    }
    println!("\nsintel got the core of bigbuck.");
    Ok(())
}

fn with_the_launcher(studio: &Studio) -> Result<()> {
    title("The same environment, with sgtk-python");
    for project in PROJECTS {
        studio.succeed(&["--project", project, "where_am_i.py"])?;
    }
    println!("\nEach project got its own core.");
    Ok(())
}

fn look(studio: &Studio) -> Result<()> {
    title("Look before you launch");
    studio.succeed(&["--list"])?;
    studio.succeed(&["--project", "sintel", "--explain", "where_am_i.py"])
}

/// A job in a worker, beside the same job without one.
fn warm(studio: &Studio) -> Result<()> {
    title("Warm jobs");
    let cold_time = studio.time(&["--project", "bigbuck", "-c", "import sgtk"])?;
    let warm = ["--project", "bigbuck", "--warm", "-c", "import sgtk"];
    let mut why_cold = studio.why_cold()?;
    if why_cold.is_none() {
        studio.time(&warm)?; // starts the worker
        let started = Instant::now();
        why_cold = studio.why_cold()?;
        while why_cold.is_some() && started.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(50));
            why_cold = studio.why_cold()?;
        }
    }
    if let Some(reason) = why_cold {
        println!("Not in this shell: {reason}.");
        return Ok(());
    }
    let warm_time = studio.time(&warm)?;
    println!("$ sgtk-python --project bigbuck -c 'import sgtk'         {cold_time:>5} ms");
    println!("$ sgtk-python --project bigbuck --warm -c 'import sgtk'  {warm_time:>5} ms");
    studio.succeed(&["--project", "bigbuck", "--stop-workers"])
}

fn what_to_try(studio: &Studio) {
    title("Your turn");
    let folder = studio.folder.display();
    let bin = studio.launcher.parent().unwrap_or(Path::new(".")).display();
    println!("The launcher is {}", studio.launcher.display());
    println!("The studio stays in {folder}. Try there:\n");
    if cfg!(windows) {
        println!("  cd '{folder}'");
        println!("  $env:SHOTGUN_BASE = '{folder}\\configs'");
        println!("  $env:PATH = '{bin};' + $env:PATH");
    } else {
        println!("  cd '{folder}'");
        println!("  export SHOTGUN_BASE='{folder}/configs'");
        println!("  export PATH='{bin}':\"$PATH\"");
    }
    println!("  sgtk-python --list");
    println!("  sgtk-python --project bigbuck                 # a prompt");
    println!("  sgtk-python --project sintel where_am_i.py    # a script");
    println!("  sgtk-python --each where_am_i.py              # once for each project");
    println!("  sgtk-python --project sintel --explain        # what would run, and why");
    println!("  sgtk-python --doctor                          # what is wrong");
}

fn title(text: &str) {
    println!("\n--- {text} ---");
}

// --- The studio ---

const PROJECTS: [&str; 2] = ["bigbuck", "sintel"];

struct Studio {
    folder: PathBuf,
    launcher: PathBuf,
    python: PathBuf,
}

enum Core {
    /// A folder with the packages of the real core.
    Real(PathBuf),
    StandIn,
}

#[derive(Clone, Copy)]
enum Program {
    Python,
    Launcher,
}

impl Studio {
    /// Writes all of the studio. Fails if the folder is in use for something else.
    fn make(&self, core: &Core) -> Result<()> {
        let script = self.folder.join("where_am_i.py");
        let is_empty = fs::read_dir(&self.folder).is_ok_and(|mut files| files.next().is_none());
        if self.folder.exists() && !is_empty && !script.exists() {
            return Err(format!("not an empty folder: {}", self.folder.display()).into());
        }
        write(&script, SCRIPT)?;

        let bigbuck = self.make_config("bigbuck", 176)?;
        self.make_core(&bigbuck, "v0.21.7", core)?;
        write(&bigbuck.join("install/core/_core_upgrader.py"), "")?;

        let sintel = self.make_config("sintel", 177)?;
        let shared = self.folder.join("cores/v0.21.8");
        self.make_core(&shared, "v0.21.8", core)?;
        write(&sintel.join(format!("install/core/core_{OS}.cfg")), unicode(&shared)?)?;

        println!("bigbuck has a core of its own, v0.21.7.");
        println!("sintel shares a core: the same files, which here say v0.21.8.");
        println!("\n$ cd {}", self.folder.display());
        Ok(())
    }

    fn make_config(&self, project: &str, id: u32) -> Result<PathBuf> {
        let config = self.folder.join("configs").join(project);
        let path = unicode(&config)?;
        let location = serde_json::json!({"Linux": path, "Darwin": path, "Windows": path});
        let metadata =
            format!("pc_id: {id}\npc_name: Primary\nproject_id: {id}\nproject_name: {project}\n");
        write(&config.join("config/core/roots.yml"), "{}\n")?;
        write(&config.join("config/core/install_location.yml"), &location.to_string())?;
        write(&config.join("config/core/pipeline_configuration.yml"), &metadata)?;
        Ok(config)
    }

    fn make_core(&self, root: &Path, version: &str, core: &Core) -> Result<()> {
        let install = root.join("install/core");
        let packages = install.join("python");
        if packages.exists() {
            fs::remove_dir_all(&packages)?;
        }
        match core {
            Core::Real(folder) => copy_folder(folder, &packages)?,
            Core::StandIn => {
                write(&packages.join("tank/__init__.py"), STAND_IN)?;
                write(&packages.join("tank_vendor/__init__.py"), "")?;
                let alias = "import sys, tank\nsys.modules['sgtk'] = tank\n";
                write(&packages.join("sgtk/__init__.py"), alias)?;
            }
        }
        write(&install.join("hooks/tank_init.py"), HOOK)?;
        write(&install.join("hooks/pipeline_configuration_init.py"), HOOK)?;
        write(&install.join("info.yml"), &format!("version: \"{version}\"\n"))?;
        let interpreter = root.join(format!("config/core/interpreter_{OS}.cfg"));
        write(&interpreter, unicode(&self.python)?)
    }

    /// Prints a command and runs it.
    fn show(&self, program: Program, words: &[&str]) -> Result<ExitStatus> {
        let name = match program {
            Program::Python if cfg!(windows) => "python",
            Program::Python => "python3",
            Program::Launcher => "sgtk-python",
        };
        println!("\n$ {name} {}", shell_words::join(words));
        Ok(self.command(program, words).status()?)
    }

    /// Shows the launcher with these words, which must succeed.
    fn succeed(&self, words: &[&str]) -> Result<()> {
        let status = self.show(Program::Launcher, words)?;
        if status.success() { Ok(()) } else { Err(format!("it ended with {status}").into()) }
    }

    /// Runs the launcher silently, and returns the milliseconds that it took.
    fn time(&self, words: &[&str]) -> Result<u128> {
        let started = Instant::now();
        let output = self.command(Program::Launcher, words).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(started.elapsed().as_millis())
    }

    /// Returns why a warm job of bigbuck would run cold now.
    fn why_cold(&self) -> Result<Option<String>> {
        let words = ["--project", "bigbuck", "--warm", "--explain=json", "-c", "import sgtk"];
        let output = self.command(Program::Launcher, &words).output()?;
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let reason = plan.pointer("/warm/cold").ok_or("no reason in the plan")?;
        Ok(reason.as_str().map(ToOwned::to_owned))
    }

    /// A command in the studio's folder, with the environment that bigbuck left behind.
    fn command(&self, program: Program, words: &[&str]) -> Command {
        let bigbuck = self.folder.join("configs/bigbuck");
        let mut command = Command::new(match program {
            Program::Python => &self.python,
            Program::Launcher => &self.launcher,
        });
        command
            .args(words)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .env("SHOTGUN_BASE", self.folder.join("configs"))
            .env("SHOTGUN_HOME", self.folder.join("home"))
            .env("TANK_CURRENT_PC", &bigbuck)
            .env("PYTHONPATH", bigbuck.join("install/core/python"));
        for name in ["PROJECT", "PROJECT_ID", "CONFIG", "PIPELINE", "PYTHON", "PYTHON_CONFIG"] {
            command.env_remove(format!("SGTK_{name}"));
        }
        command
    }
}

// --- The launcher, the Python and the core ---

/// Builds the launcher with the profile of this example, and returns its path.
fn build_launcher() -> Result<PathBuf> {
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    println!("Building the launcher (up to a minute the first time) ...");
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--locked"]);
    // Together with this example, so that both share the crates that are built already.
    build.args(["--bin", "sgtk-python", "--example", "two-projects", "--profile", profile]);
    if !build.status()?.success() {
        return Err("the launcher cannot be built".into());
    }
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(Path::parent).ok_or("an example in no build folder")?;
    Ok(folder.join("sgtk-python").with_extension(std::env::consts::EXE_EXTENSION))
}

/// The build folder: this example is in its `release/examples`.
fn build_folder() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    Ok(this.ancestors().nth(3).ok_or("an example in no build folder")?.to_owned())
}

/// Chooses the real core if it is here or can be fetched, and a Python that it supports.
fn choose_core(build_folder: &Path) -> Result<(PathBuf, Core)> {
    let Some(python) = python_for_core() else {
        println!("The cores are stand-ins: PATH has no Python 3.7 to 3.11 for the real core.");
        return Ok((any_python()?, Core::StandIn));
    };
    let core = build_folder.join("testing/sgtk-0.21.7");
    if !core.join("tank/__init__.py").exists() {
        println!("Fetching the real core, sgtk 0.21.7, from PyPI (a minute at most) ...");
        if let Err(error) = fetch_core(&python, &core) {
            println!("That failed ({error}). The cores are stand-ins.");
            return Ok((python, Core::StandIn));
        }
    }
    println!("The cores are real: sgtk 0.21.7 from PyPI.");
    Ok((python, Core::Real(core)))
}

fn python_for_core() -> Option<PathBuf> {
    let names = ["python3", "python", "python3.11", "python3.10", "python3.9", "python3.8"];
    names
        .into_iter()
        .chain(["python3.7"])
        .find_map(|name| find_python(name, "(3, 7) <= v < (3, 12)"))
}

fn any_python() -> Result<PathBuf> {
    let python =
        ["python3", "python"].into_iter().find_map(|name| find_python(name, "v >= (3, 7)"));
    Ok(python.ok_or("no Python 3.7 or newer on PATH")?)
}

/// Returns a Python's own path if its version `v` fulfils the condition.
fn find_python(name: &str, condition: &str) -> Option<PathBuf> {
    let program =
        format!("import sys; v = sys.version_info; print(sys.executable if {condition} else '')");
    let output = Command::new(name).args(["-I", "-c", &program]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    if path.trim().is_empty() { None } else { Some(PathBuf::from(path.trim())) }
}

/// Downloads the core that `tests/requirements.txt` names, by its hash.
fn fetch_core(python: &Path, core: &Path) -> Result<()> {
    let new = core.with_file_name("fetched");
    if new.exists() {
        fs::remove_dir_all(&new)?;
    }
    let mut download = Command::new(python);
    download.args(["-I", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]);
    download.args(["--no-deps", "--only-binary", ":all:", "--require-hashes"]);
    download.args(["--timeout", "10", "--retries", "1", "--requirement"]);
    download.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requirements.txt"));
    download.arg("--dest").arg(&new);
    run_in_time(&mut download)?;

    let wheel = fs::read_dir(&new)?.next().ok_or("pip brought no file")??.path();
    let mut unpack = Command::new(python);
    unpack.args(["-I", "-m", "zipfile", "-e"]).arg(wheel).arg(new.join("core"));
    run_in_time(&mut unpack)?;
    fs::rename(new.join("core"), core)?;
    Ok(fs::remove_dir_all(new)?)
}

/// Runs a command silently. Fails if it fails, or takes too long.
fn run_in_time(command: &mut Command) -> Result<()> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let started = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(status.to_string().into()),
            None if started.elapsed() > PATIENCE => {
                child.kill()?;
                child.wait()?;
                return Err("it took too long".into());
            }
            None => thread::sleep(Duration::from_millis(50)),
        }
    }
}

// --- Files ---

fn unicode(path: &Path) -> Result<&str> {
    Ok(path.to_str().ok_or("a folder that is not Unicode")?)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::create_dir_all(path.parent().ok_or("a file in no folder")?)?;
    Ok(fs::write(path, text)?)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name() == "__pycache__" {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
