//! The contenders, their times, and the table.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::count;
use crate::support::{LAUNCHER, Studio, interpreter, make_executable, write};

/// A way to start a program.
struct Contender {
    name: &'static str,
    words: Vec<String>,
    /// The configuration that the launcher reads.
    config: Option<PathBuf>,
    times: Vec<Duration>,
}

impl Contender {
    fn command(&self, studio: &Studio, run_by: &[&str]) -> Command {
        let mut words = run_by.iter().copied().chain(self.words.iter().map(String::as_str));
        let mut command = Command::new(words.next().unwrap());
        command.args(words).env("SHOTGUN_BASE", studio.path("configs"));
        // Cargo's variables make every program search more folders for its libraries.
        command.env_remove("LD_LIBRARY_PATH").env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn run(&mut self, studio: &Studio) {
        let mut command = self.command(studio, &[]);
        let start = Instant::now();
        let status = command.status().unwrap();
        self.times.push(start.elapsed());
        assert!(status.success(), "{} failed", self.name);
    }

    fn milliseconds(&mut self) -> f64 {
        self.times.sort_unstable();
        self.times.get(self.times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1000.0
    }
}

/// The ways to start `program`, or `python` as the Python of a localized and a shared project.
fn contenders(studio: &Studio, program: &str, python: &str) -> [Contender; 5] {
    let configs = [studio.localized("localized"), studio.shared("shared", "v1")];
    let [localized, shared] = configs.each_ref();
    for root in [localized, &studio.path("cores/v1")] {
        interpreter(root, python);
    }
    // A copy, as an installation makes: the linker's own file is scattered over the page cache.
    let launcher = studio.path("bin/sgtk-python");
    std::fs::copy(LAUNCHER, &launcher).unwrap();
    let launcher = launcher.to_str().unwrap();
    let script = format!("exec {program}");
    let contender = |name, words: &[&str], config: Option<&PathBuf>| Contender {
        name,
        words: words.iter().copied().map(String::from).collect(),
        config: config.cloned(),
        times: Vec::new(),
    };
    [
        contender("the program alone", &[program], None),
        contender("/usr/bin/env", &["/usr/bin/env", program], None),
        contender("sh -c exec", &["/bin/sh", "-c", &script], None),
        contender("localized", &[launcher, "--project", "localized"], Some(localized)),
        contender("shared", &[launcher, "--project", "shared"], Some(shared)),
    ]
}

pub fn measure() {
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1000);
    let studio = Studio::new();
    let mut contenders = contenders(&studio, "/bin/true", "/bin/true");
    for _ in 0..rounds {
        for contender in &mut contenders {
            contender.run(&studio);
        }
    }
    let [alone, env, ..] = &mut contenders;
    let alone = alone.milliseconds();
    let env = env.milliseconds() - alone;
    println!("medians of {rounds} rounds; 'added' is what comes before the program itself");
    println!("                       ms   added  of env  instructions  system calls  config paths");
    for (contender, [instructions, calls, paths]) in contenders.iter_mut().zip(counts()) {
        let time = contender.milliseconds();
        println!(
            "{:<18} {time:>6.3}  {:>6.3}  {:>6.2}  {:>12}  {:>12}  {:>12}",
            contender.name,
            time - alone,
            (time - alone) / env,
            count::shown(instructions),
            count::shown(calls),
            count::shown(paths),
        );
    }
}

/// Counts instructions, system calls and paths below the configuration until `execve`, each in its worst case. Valgrind
/// reports a program only if it goes on after `execve`, so there the `execve` fails and the number includes the error
/// message. A Python that shows its version makes the launcher look for the core's packages.
fn counts() -> [[Option<usize>; 3]; 5] {
    let studio = Studio::new();
    let python = studio.path("bin/python3.11");
    write(&python, "\u{7f}");
    make_executable(&python);
    let python = python.to_str().unwrap();
    let failing = contenders(&studio, "/no/such/program", python);
    let instructions = failing.map(|c| count::instructions(|by| c.command(&studio, by)));
    let contenders = contenders(&studio, "/bin/true", python);
    let traces = contenders.map(|contender| {
        let trace = count::until_exec(|by| contender.command(&studio, by))?;
        let paths = contender.config.map(|config| trace.paths_below(&config));
        // The budget of paths below the configuration.
        let most = if contender.name == "shared" { 8 } else { 6 };
        assert!(paths.is_none_or(|paths| paths <= most), "{}: {paths:?}", contender.name);
        Some((trace.calls(), paths))
    });
    std::array::from_fn(|at| {
        let trace = traces.get(at).copied().flatten();
        let instructions = instructions.get(at).copied().flatten();
        [instructions, trace.map(|(calls, _)| calls), trace.and_then(|(_, paths)| paths)]
    })
}
