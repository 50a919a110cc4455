//! Studios of several sizes, and the ways to find a project in them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::count;
use crate::support::{Studio, interpreter, write};

const ROUNDS: usize = 200;

/// A studio with `size` configurations of one shared core, on two roots.
struct Large {
    studio: Studio,
    size: usize,
}

impl Large {
    fn new(size: usize) -> Self {
        let studio = Studio::new();
        let core = studio.core("v1");
        interpreter(&core, "/bin/true");
        for number in 0..size {
            let folder = if number % 2 == 0 { "configs" } else { "more" };
            let config = studio.path(format!("{folder}/project{number}"));
            let metadata = format!(
                "pc_id: {number}\npc_name: Primary\nproject_id: {number}\nproject_name: p{number}\n"
            );
            write(config.join("config/core/pipeline_configuration.yml"), metadata);
            let roots = "primary: {linux_path: /mnt/projects, mac_path: /Volumes/projects}\n";
            write(config.join("config/core/roots.yml"), roots);
            let link = config.join(format!("install/core/core_{}.cfg", crate::support::OS));
            write(link, core.to_str().unwrap());
        }
        Large { studio, size }
    }

    fn launcher(&self, run_by: &[&str], words: &[&str]) -> Command {
        let launcher = self.studio.launcher(words);
        let program = launcher.get_program().to_str().unwrap().to_owned();
        let mut words =
            run_by.iter().copied().chain([program.as_str()]).chain(words.iter().copied());
        let mut command = Command::new(words.next().unwrap());
        let roots = [self.studio.path("configs"), self.studio.path("more")];
        command.args(words).env("SHOTGUN_BASE", std::env::join_paths(roots).unwrap());
        command.env("SGTK_PYTHON_CACHE", self.studio.path("cache")).env_remove("LD_LIBRARY_PATH");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn time(&self, words: &[&str]) -> Duration {
        let mut command = self.launcher(&[], words);
        let start = Instant::now();
        command.status().unwrap();
        start.elapsed()
    }

    fn paths(&self, words: &[&str]) -> Option<usize> {
        count::until_exec(|by| self.launcher(by, words)).map(|trace| trace.paths())
    }

    fn forget(&self) {
        let _ = std::fs::remove_dir_all(self.studio.path("cache"));
    }
}

pub fn measure() {
    let (few, thousand, many) = (Large::new(6), Large::new(1000), Large::new(5000));
    // Files that changed within the last seconds are read each time.
    std::thread::sleep(Duration::from_secs(4));
    println!("one launch, milliseconds (median of {ROUNDS}) and paths looked at");
    println!("                                 6 configs        5,000 configs");
    for (name, words) in [
        ("by name", ["--project", "project2"]),
        ("by id, with an index", ["--project-id", "2"]),
        ("by name on disk, with an index", ["--project", "p2"]),
        ("by path, with an index", ["--path", "/mnt/projects/p2/x"]),
    ] {
        let mut times = [Vec::new(), Vec::new()];
        for studio in [&few, &many] {
            studio.time(&words);
        }
        for _ in 0..ROUNDS {
            for (studio, times) in [&few, &many].into_iter().zip(&mut times) {
                times.push(studio.time(&words));
            }
        }
        let [a, b] = times.map(median);
        let paths = [&few, &many].map(|studio| studio.paths(&words));
        if name.starts_with("by id") {
            // The budget: three more paths than by name, however many configurations there are.
            let by_name = many.paths(&["--project", "project2"]);
            assert!(
                paths[0] == paths[1] && paths[1] <= by_name.map(|paths| paths + 3),
                "{paths:?}"
            );
        }
        let [c, d] = paths.map(count::shown);
        println!("{name:<30} {a:>8.2} {c:>6}      {b:>8.2} {d:>6}");
    }
    realised();
    println!("\nall configs, milliseconds");
    for studio in [&thousand, &many] {
        studio.forget();
        let first = studio.time(&["--project-id", "2"]).as_secs_f64() * 1000.0;
        let again = studio.time(&["--project-id", "-1"]).as_secs_f64() * 1000.0;
        let list = studio.time(&["--list=json"]).as_secs_f64() * 1000.0;
        let doctor = studio.time(&["--doctor=json"]).as_secs_f64() * 1000.0;
        println!(
            "{:>5} configs: first launch by id {first:.0} (builds the index), of an unknown id {again:.0}, --list {list:.0}, --doctor {doctor:.0}",
            studio.size
        );
    }
}

/// A launch of a realised configuration looks at three paths more than a centralized one, at most.
fn realised() {
    let studio = Studio::new();
    let config = studio.realised("studio/p101c7.basic.", 101, "alpha");
    let bigbuck = studio.localized("bigbuck");
    for root in [&config, &bigbuck] {
        interpreter(root, "/bin/true");
    }
    write(studio.path("site.toml"), "[site]\nhost = 'studio.shotgrid.autodesk.com'\n");
    let paths = |words: [&str; 2]| {
        count::until_exec(|by| {
            let launcher = studio.launcher(words);
            let mut all = by.iter().copied().chain([launcher.get_program().to_str().unwrap()]);
            let mut command = Command::new(all.next().unwrap());
            command.args(all).args(words).env_clear();
            command.envs(launcher.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.env("SGTK_PYTHON_SETTINGS", studio.path("site.toml"));
            command.env("SHOTGUN_HOME", studio.path("toolkit")).stdin(Stdio::null());
            command
        })
        .map(|trace| trace.paths())
    };
    let (by_name, by_id) = (["--project", "alpha"], ["--project-id", "101"]);
    // The first launch fills the cache of answers.
    let _ = (paths(by_name), paths(by_id));
    let centralized = paths(["--project", "bigbuck"]);
    for (name, words) in [("by name", by_name), ("by id", by_id)] {
        let realised = paths(words);
        assert!(realised <= centralized.map(|paths| paths + 3), "{realised:?} {centralized:?}");
        let (realised, centralized) = (count::shown(realised), count::shown(centralized));
        println!("a realised config {name}: {realised} paths (centralized: {centralized})");
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1000.0
}
