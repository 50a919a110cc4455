//! The tables: costs beside each other, counts, memory, and a slow file server.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::contenders::{BarePython, Contender, Cost, ForkServer, Launcher, timed};
use crate::count;
use crate::slow_server::SlowServer;
use crate::studio::{Bench, PROGRAM, settle};

/// Prints its own memory in KiB: the proportional set size, and the unshared pages.
const MEMORY: &str = "import sgtk
lines = [line.split() for line in open('/proc/self/smaps_rollup')]
held = {words[0]: int(words[1]) for words in lines if words[0].endswith(':')}
print(held['Pss:'] // 1024, (held['Private_Clean:'] + held['Private_Dirty:']) // 1024)
";

/// Jobs of each contender in a round, all of them one after another.
const IN_A_ROUND: usize = 48;

/// Between the jobs of a caller that has one now and then.
const LONE: Duration = Duration::from_millis(150);

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
    let rounds: usize = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(5);
    let mut bench = Bench::new(Path::new(&core));
    bench.start();
    compare(&bench, rounds);
    count_all(&bench);
    for (kind, words) in [("in a worker", &["--warm"][..]), ("plain", &[])] {
        let words = [words, &["--project", "bigbuck", "-c", MEMORY]].concat();
        let sizes = bench.text(&words);
        let [shared, own] = [0, 1].map(|n| sizes.split_whitespace().nth(n).unwrap());
        println!("MiB of a job {kind}: {shared} with its share (Pss), {own} its own (Uss)");
    }
    println!("MiB of the worker and its spare children: {}", bench.memory());
    wait_for_server(&mut bench);
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// The columns of the table, each with the jobs at once and the pause before each.
const COLUMNS: [(usize, Duration); 4] =
    [(1, LONE), (1, Duration::ZERO), (2, Duration::ZERO), (8, Duration::ZERO)];

/// Compares the contenders in rounds, in which they take turns.
fn compare(bench: &Bench, rounds: usize) {
    println!("load before: {}", load());
    let mut contenders: Vec<Box<dyn Contender>> = Vec::new();
    for (build, file) in Bench::builds() {
        contenders.push(Box::new(Launcher { bench, build, file }));
    }
    contenders.push(Box::new(ForkServer::new(bench)));
    contenders.push(Box::new(BarePython(bench)));
    let mut costs: Vec<[Cost; 4]> = contenders.iter().map(|_| Default::default()).collect();
    let mut ratios: Vec<Vec<f64>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (column, (at_once, pause)) in COLUMNS.into_iter().enumerate() {
            let jobs = if pause.is_zero() { IN_A_ROUND } else { IN_A_ROUND / 4 };
            let mut processor = Vec::new();
            for (contender, costs) in contenders.iter_mut().zip(&mut costs) {
                let cost = contender.run(jobs, at_once, pause);
                processor.push(cost.processor());
                costs[column].add(cost);
            }
            if (at_once, pause) == (1, Duration::ZERO) {
                let server = processor[processor.len() - 2];
                for (ratios, processor) in ratios.iter_mut().zip(processor) {
                    ratios.push(processor / server);
                }
            }
        }
    }
    println!("load after: {}", load());
    println!(
        "processor and milliseconds of a job; `lone` has a pause before it, the others follow each other"
    );
    println!(
        "{:<30} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>5} {:>5} {:>5}",
        "", "caller", "all", "of fs", "lone", "p50", "p99", "1: p50", "p99", "a s", "2", "8"
    );
    for ((contender, costs), ratios) in contenders.iter().zip(&costs).zip(&mut ratios) {
        let [lone, one, two, eight] = costs;
        ratios.sort_unstable_by(f64::total_cmp);
        println!(
            "{:<30} {:>6.2} {:>6.2} {:>6.2} {:>6.2} {:>6.2} {:>6.2} {:>6.2} {:>6.2} {:>5.0} {:>5.0} {:>5.0}",
            contender.name(),
            one.caller_ms(),
            one.processor(),
            ratios[ratios.len() / 2],
            lone.processor(),
            lone.percentile(50),
            lone.percentile(99),
            one.percentile(50),
            one.percentile(99),
            one.jobs_a_second(),
            two.jobs_a_second(),
            eight.jobs_a_second(),
        );
    }
    let bare = costs.last().unwrap()[0].percentile(50);
    for (contender, costs) in contenders.iter().zip(&costs) {
        println!(
            "{}: a lone job takes {:.2} of `python -S -c pass`",
            contender.name(),
            costs[0].percentile(50) / bare
        );
    }
}

/// Counts that do not depend on the machine's load.
fn count_all(bench: &Bench) {
    for (build, file) in Bench::builds() {
        let traced = |warm: &'static [&'static str]| {
            count::all(|by| {
                let words = [warm, &["--project", "bigbuck", "-c", PROGRAM]].concat();
                let words = [&by[1..], &[file.to_str().unwrap()], &words].concat();
                let mut command = bench.launcher(Path::new(by[0]), &words);
                command.stdout(Stdio::null());
                command
            })
        };
        let Some((warm, plain)) = traced(&["--warm"]).zip(traced(&[])) else { continue };
        println!(
            "{build} launcher: {} system calls; looks below the configuration: {}, in a plain launch {}",
            warm.calls(),
            warm.paths_below(&bench.config),
            plain.until_exec().paths_below(&bench.config),
        );
    }
    let jobs = 20;
    for (kind, pause) in [("that follow each other", Duration::ZERO), ("with pauses", LONE)] {
        settle();
        let before = bench.faults_of_children();
        for _ in 0..jobs {
            std::thread::sleep(pause);
            timed(&mut bench.warm(&Bench::builds().pop().unwrap().1, PROGRAM));
        }
        settle();
        let faults = (bench.faults_of_children() - before) / f64::from(jobs);
        println!("page faults of a child, jobs {kind}: {faults:.0}");
    }
}

/// Runs jobs at a pace at which each has to look at the files, on a file server that takes half a millisecond for a look.
fn wait_for_server(bench: &mut Bench) {
    bench.stop();
    let look = Duration::from_micros(500);
    let server = SlowServer::new(&bench.config, look, look);
    bench.set(server.variables());
    bench.start();
    let file: PathBuf = Bench::builds().pop().unwrap().1;
    std::thread::sleep(Duration::from_millis(1200));
    server.forget_counts();
    let mut times = Vec::new();
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(1200));
        times.push(timed(&mut bench.warm(&file, PROGRAM)));
    }
    times.sort_unstable();
    let [looks, openings] = server.counts();
    println!(
        "0.5 ms a look: a job every 1.2 s takes {:.1} ms (p50), {:.1} at most; {} looks, {} openings in the worker for each",
        times[5].as_secs_f64() * 1000.0,
        times[9].as_secs_f64() * 1000.0,
        looks / 10,
        openings / 10,
    );
}
