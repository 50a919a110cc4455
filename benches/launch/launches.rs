//! The contenders, their times, and the table.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::count::{self, Trace};
use crate::support::{LAUNCHER, Studio, interpreter, make_executable, write};

/// A way to start a program.
struct Contender {
    name: String,
    words: Vec<String>,
    /// The configuration that the launcher reads.
    config: Option<PathBuf>,
    times: Vec<Duration>,
}

impl Contender {
    fn command(&self, studio: &Studio, run_by: &[&str]) -> Command {
        let mut words = run_by.iter().copied().chain(self.words.iter().map(String::as_str));
        let mut command = Command::new(words.next().unwrap());
        // Few variables, always the same: with 60, as farms have them, a launch takes twice the instructions.
        command.args(words).env_clear().env("SHOTGUN_BASE", studio.path("configs"));
        command.envs([("PATH", "/usr/bin:/bin"), ("HOME", "/root"), ("LANG", "C.UTF-8")]);
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

/// The builds of the launcher: cargo's, and the static one if `packaging/static` has made it.
fn builds() -> Vec<(&'static str, PathBuf)> {
    let default = PathBuf::from(LAUNCHER);
    let folder = default.ancestors().nth(2).unwrap();
    let musl = folder.join("x86_64-unknown-linux-musl/release/sgtk-python");
    let mut builds = vec![("default", default)];
    if musl.is_file() {
        builds.push(("static", musl));
    }
    builds
}

/// A static program that does nothing but the exec: the least that a launcher can cost; `None` without a C compiler.
fn bare_exec(studio: &Studio) -> Option<PathBuf> {
    let (source, linked) = (studio.path("bare.c"), studio.path("bare"));
    write(
        &source,
        "#include <unistd.h>\nint main(int c, char **v) { return execv(v[1], v + 1); }\n",
    );
    // glibc prepares more than musl before `main`.
    for compiler in ["musl-gcc", "cc"] {
        let mut command = Command::new(compiler);
        let status = command.args(["-O2", "-static", "-o"]).arg(&linked).arg(&source).status();
        if status.is_ok_and(|status| status.success()) {
            return Some(installed(studio, "bare", &linked));
        }
    }
    None
}

/// Copies a program, as an installation does: the linker's own file is scattered over the page cache.
fn installed(studio: &Studio, folder: &str, program: &Path) -> PathBuf {
    let copy = studio.path("bin").join(folder).join(program.file_name().unwrap());
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    std::fs::copy(program, &copy).unwrap();
    copy
}

/// Drops a file from the page cache and reads it again. A file that was just written lies there in larger pieces, which
/// are faster to map.
fn read_again(file: &Path) {
    let opened = File::open(file).unwrap();
    opened.sync_all().unwrap();
    posix_fadvise(&opened, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
    std::fs::read(file).unwrap();
}

/// The ways to start `program`, or `python` as the Python of a localized and a shared project.
fn contenders(studio: &Studio, program: &str, python: &str) -> Vec<Contender> {
    let configs = [studio.localized("localized"), studio.shared("shared", "v1")];
    let [localized, shared] = configs.each_ref();
    for root in [localized, &studio.path("cores/v1")] {
        interpreter(root, python);
    }
    let script = format!("exec {program}");
    let contender = |name: &str, words: &[&str], config: Option<&PathBuf>| Contender {
        name: name.into(),
        words: words.iter().copied().map(String::from).collect(),
        config: config.cloned(),
        times: Vec::new(),
    };
    let mut contenders = vec![
        contender("the program alone", &[program], None),
        contender("/usr/bin/env", &["/usr/bin/env", program], None),
        contender("sh -c exec", &["/bin/sh", "-c", &script], None),
    ];
    if let Some(bare) = bare_exec(studio) {
        contenders.push(contender("a bare exec", &[bare.to_str().unwrap(), program], None));
    }
    for (build, file) in builds() {
        for (case, config) in
            [("localized", localized), ("shared", shared), ("read again", localized)]
        {
            let launcher = installed(studio, &format!("{build} {case}"), &file);
            if case == "read again" {
                read_again(&launcher);
            }
            let project = config.file_name().unwrap().to_str().unwrap();
            let words = [launcher.to_str().unwrap(), "--project", project];
            contenders.push(contender(&format!("{build}, {case}"), &words, Some(config)));
        }
    }
    contenders
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
    let [alone, env, ..] = contenders.as_mut_slice() else { return };
    let alone = alone.milliseconds();
    let env = env.milliseconds() - alone;
    println!("medians of {rounds} rounds; 'added' is what comes before the program itself");
    println!(
        "                          ms   added  of env  instructions  system calls  config paths"
    );
    for (contender, [instructions, calls, paths]) in contenders.iter_mut().zip(counts()) {
        let time = contender.milliseconds();
        println!(
            "{:<21} {time:>6.3}  {:>6.3}  {:>6.2}  {:>12}  {:>12}  {:>12}",
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
fn counts() -> Vec<[Option<usize>; 3]> {
    let studio = Studio::new();
    let python = studio.path("bin/python3.11");
    write(&python, "\u{7f}");
    make_executable(&python);
    let python = python.to_str().unwrap();
    let failing = contenders(&studio, "/no/such/program", python);
    let mut counts = Vec::new();
    for (failing, contender) in failing.iter().zip(contenders(&studio, "/bin/true", python)) {
        let instructions = count::instructions(|by| failing.command(&studio, by));
        let trace = count::until_exec(|by| contender.command(&studio, by));
        let config = contender.config.as_ref();
        let paths = trace.as_ref().zip(config).map(|(trace, config)| trace.paths_below(config));
        // The budget of paths below the configuration.
        let most = if contender.name.ends_with("shared") { 8 } else { 6 };
        assert!(paths.is_none_or(|paths| paths <= most), "{}: {paths:?}", contender.name);
        counts.push([instructions, trace.as_ref().map(Trace::calls), paths]);
    }
    counts
}
