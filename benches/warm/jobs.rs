//! Jobs in the workers of two projects, one after another and eight at once.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{PYTHON, Studio, interpreter};

const PROGRAM: &str = "import sgtk; print(sgtk.__file__)";

/// Prints its own memory in KiB: the proportional set size, and the unshared pages.
const MEMORY: &str = "import sgtk
lines = [line.split() for line in open('/proc/self/smaps_rollup')]
held = {words[0]: int(words[1]) for words in lines if words[0].endswith(':')}
print(held['Pss:'], held['Private_Clean:'] + held['Private_Dirty:'])
";

const PROJECTS: [&str; 2] = ["bigbuck", "sintel"];

/// A studio of two projects with the real core, a Python without additions, and workers of their own.
struct Bench {
    studio: Studio,
}

impl Bench {
    fn new(core: &Path) -> Self {
        let studio = Studio::new();
        // An installed Python's packages may slow its start.
        let python = studio.path("venv");
        let made =
            Command::new(&*PYTHON).args(["-m", "venv", "--without-pip"]).arg(&python).status();
        assert!(made.unwrap().success());
        for project in PROJECTS {
            let config = studio.localized(project);
            let python_path = config.join("install/core/python");
            std::fs::remove_dir_all(&python_path).unwrap();
            std::os::unix::fs::symlink(core, python_path).unwrap();
            interpreter(&config, python.join("bin/python").to_str().unwrap());
        }
        std::fs::create_dir(studio.path("run")).unwrap();
        Bench { studio }
    }

    fn launcher(&self, words: &[&str]) -> Command {
        let mut command = self.studio.launcher(words);
        command.env("XDG_RUNTIME_DIR", self.studio.path("run")).stdout(Stdio::piped());
        command
    }

    fn warm(&self, project: &str) -> Duration {
        timed(&mut self.launcher(&["--warm", "--project", project, "-c", PROGRAM]))
    }

    /// The MiB of a running job: proportional set size, and unshared.
    fn memory(&self, words: &[&str]) -> [f64; 2] {
        let job = ["--project", "bigbuck", "-c", MEMORY];
        let output = self.launcher(&[words, &job].concat()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut sizes = text.split_whitespace().map(|kib| kib.parse::<f64>().unwrap() / 1024.0);
        [sizes.next().unwrap(), sizes.next().unwrap()]
    }

    fn workers(&self) -> Vec<Value> {
        let output = self.launcher(&["--workers=json"]).output().unwrap();
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        list.get("workers").and_then(Value::as_array).unwrap().clone()
    }

    fn start(&self) {
        for project in PROJECTS {
            self.warm(project);
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.workers().iter().filter(|worker| worker["state"] == "ready").count() < 2 {
            assert!(Instant::now() < deadline, "no workers: {:?}", self.workers());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.launcher(&["--stop-workers"]).output();
    }
}

fn timed(command: &mut Command) -> Duration {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    let time = start.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    time
}

/// Returns a percentile in milliseconds.
fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times.get(times.len() * percent / 100).or(times.last()).unwrap().as_secs_f64() * 1000.0
}

/// Closes inherited descriptors: they would keep jobs out of workers.
fn close_inherited() {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let numbers: Vec<i32> =
        open.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        let _ = nix::unistd::close(number);
    }
}

pub fn measure() {
    let Some(core) = std::env::var_os("SGTK_PYTHON_TEST_CORE") else {
        println!("nothing to measure: SGTK_PYTHON_TEST_CORE names no core (tests/run fetches one)");
        return;
    };
    close_inherited();
    let jobs: usize = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1000);
    let bench = Bench::new(Path::new(&core));
    bench.start();
    let python = bench.studio.path("venv/bin/python");
    let (mut warm, mut bare, mut cold) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..jobs / 5 {
        warm.push(bench.warm("bigbuck"));
        bare.push(timed(Command::new(&python).args(["-c", "pass"])));
        if round % 10 == 0 {
            cold.push(timed(&mut bench.launcher(&["--project", "bigbuck", "-c", PROGRAM])));
        }
    }
    let [warm, bare, cold] = [&mut warm, &mut bare, &mut cold].map(|times| percentile(times, 50));
    println!("medians in ms: warm {warm:.2}, bare `python -c pass` {bare:.2}, cold {cold:.1}");
    println!("warm is {:.2} of bare, cold is {:.0} of warm", warm / bare, cold / warm);
    for (kind, words) in [("in a worker", &["--warm"][..]), ("plain", &[])] {
        let [shared, own] = bench.memory(words);
        println!("MiB of a job {kind}: {shared:.1} with its share (Pss), {own:.1} its own (Uss)");
    }
    for at_once in [1, 8] {
        in_turn(&bench, jobs, at_once);
    }
}

fn in_turn(bench: &Bench, jobs: usize, at_once: usize) {
    let (next, times) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(project) = PROJECTS.get(number % 2).filter(|_| number < jobs) else {
                        break;
                    };
                    let time = bench.warm(project);
                    times.lock().unwrap().push(time);
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let mut times = times.into_inner().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "there are not so many")]
    let rate = jobs as f64 / seconds;
    let memory: Vec<u64> =
        bench.workers().iter().filter_map(|w| w["memory_kib"].as_u64()).collect();
    println!(
        "{jobs} jobs of two projects, {at_once} at once: {rate:.0} a second, p50 {:.2} ms, p99 {:.2} ms, MiB of each worker {:?}",
        percentile(&mut times, 50),
        percentile(&mut times, 99),
        memory.iter().map(|kib| kib / 1024).collect::<Vec<_>>(),
    );
}
