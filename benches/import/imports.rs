//! Imports of a core with and without bytecode, on a local disk and on a slow file server.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::slow_server::SlowServer;
use crate::support::{PYTHON, Studio, interpreter};

/// The ways to import, with their values of `SGTK_PYTHON_FAST_IMPORT`.
const WAYS: [(&str, &str); 3] = [("plain", "0"), ("image", "1"), ("release image", "release")];

/// The project whose core has bytecode, and the one whose core has none and gets none.
const COMPILED: &str = "compiled";
const READ_ONLY: &str = "read_only";

/// A place of the core, and the variables of its launches.
struct Place {
    title: &'static str,
    project: &'static str,
    variables: Vec<(&'static str, OsString)>,
}

/// A studio with the real core, and a Python without additions.
struct Bench {
    studio: Studio,
    python: PathBuf,
}

impl Bench {
    fn new(core: &Path) -> Self {
        let studio = Studio::new();
        // An installed Python's packages may slow its start.
        let python = studio.path("venv");
        run(Command::new(&*PYTHON).args(["-m", "venv", "--without-pip"]).arg(&python));
        let python = python.join("bin/python");
        for project in [COMPILED, READ_ONLY] {
            let config = studio.localized(project);
            install(core, &config.join("install/core"));
            interpreter(&config, python.to_str().unwrap());
        }
        Bench { studio, python }
    }

    fn core(&self, project: &str) -> PathBuf {
        self.studio.path(format!("configs/{project}/install/core"))
    }

    fn launch(&self, place: &Place, way: &str, words: &[&str]) -> Command {
        let words = [&["--project", place.project][..], words, &["-c", "import sgtk"]].concat();
        let mut command = self.studio.launcher(words);
        command.env("SGTK_PYTHON_CACHE", self.studio.path("cache"));
        command.env("SGTK_PYTHON_FAST_IMPORT", way);
        command.envs(place.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Waits until the image of a place is there.
    fn wait_for_image(&self, place: &Place, way: &str) {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let output = self.launch(place, way, &["--explain=json"]).output().unwrap();
            let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let images = plan["fast_import"]["images"].as_array().unwrap();
            let is_building = images.iter().any(|image| image["state"] == "building");
            if !is_building && images.iter().any(|image| image["state"] == "ready") {
                return;
            }
            assert!(Instant::now() < deadline, "no image: {images:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Prints the times of a place's imports in each way, and of a first start, which finds no image.
    fn compare(&self, place: &Place, rounds: usize, server: Option<&SlowServer>) {
        println!("\n{}", place.title);
        // Python compiles what it may compile.
        run(&mut self.launch(place, "0", &[]));
        let mut first = Vec::new();
        for _ in 0..rounds.div_ceil(4) {
            let _ = fs::remove_dir_all(self.studio.path("cache"));
            first.push(run(&mut self.launch(place, "1", &[])));
            self.wait_for_image(place, "1");
        }
        run(&mut self.launch(place, "release", &[]));
        self.wait_for_image(place, "release");
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        let mut bare = Vec::new();
        for _ in 0..rounds {
            for ((_, way), times) in WAYS.iter().zip(&mut times) {
                times.push(run(&mut self.launch(place, way, &[])));
            }
            bare.push(run(Command::new(&self.python).args(["-c", "pass"])));
        }
        let times = times.map(median);
        for (number, (name, way)) in WAYS.iter().enumerate() {
            let counts = server.map_or_else(String::new, |server| {
                server.forget_counts();
                run(&mut self.launch(place, way, &[]));
                let [looks, openings] = server.counts();
                format!("  {looks} looks, {openings} openings below the core")
            });
            let ratio = times[number] / times[0];
            println!("  {name:24} {:7.1} ms  {ratio:.2}{counts}", times[number]);
        }
        let first = median(first);
        println!("  {:24} {first:7.1} ms  {:.2}", "first start, no image yet", first / times[0]);
        println!("  {:24} {:7.1} ms", "bare `python -c pass`", median(bare));
    }
}

/// Copies a core without bytecode: its packages, and from a source tree what belongs to them.
fn install(core: &Path, place: &Path) {
    let python = place.join("python");
    fs::remove_dir_all(&python).unwrap();
    run(Command::new("cp").arg("-r").arg(core).arg(&python));
    let source = core.parent().unwrap();
    if source.join("requirements").is_dir() {
        for part in ["requirements", "info.yml"] {
            run(Command::new("cp").args(["-r", "-T"]).arg(source.join(part)).arg(place.join(part)));
        }
    }
    let bytecode = ["-name", "__pycache__", "-prune", "-exec", "rm", "-r", "{}", "+"];
    run(Command::new("find").arg(&python).args(bytecode));
}

fn run(command: &mut Command) -> Duration {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    let time = start.elapsed();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    time
}

/// Returns the median in milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

pub fn measure() {
    let Some(core) = std::env::var_os("SGTK_PYTHON_TEST_CORE") else {
        println!("nothing to measure: SGTK_PYTHON_TEST_CORE names no core (tests/run fetches one)");
        return;
    };
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(20);
    let bench = Bench::new(Path::new(&core));
    // Python neither finds bytecode nor writes any.
    let read_only = vec![("PYTHONDONTWRITEBYTECODE", "1".into())];
    let server = SlowServer::new(
        &bench.core(COMPILED),
        Duration::from_micros(500),
        Duration::from_millis(1),
    );
    let places = [
        Place { title: "read-only, without .pyc", project: READ_ONLY, variables: read_only },
        Place { title: "with .pyc", project: COMPILED, variables: Vec::new() },
        Place {
            title: "with .pyc, on a server with 0.5 ms a look and 1 ms an opening",
            project: COMPILED,
            variables: server.variables().into(),
        },
    ];
    bench.compare(&places[0], rounds, None);
    bench.compare(&places[1], rounds, None);
    bench.compare(&places[2], rounds, Some(&server));
}
