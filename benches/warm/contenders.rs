//! The ways to run a job, and what each costs.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::studio::{Bench, PROGRAM, settle};

/// The cost of some jobs.
#[derive(Default)]
pub struct Cost {
    jobs: f64,
    /// Seconds of processor: of the callers, and of the worker with its children.
    pub caller: f64,
    pub server: f64,
    elapsed: f64,
    /// Seconds of each job.
    times: Vec<f64>,
}

impl Cost {
    /// Milliseconds of processor for a job.
    pub fn processor(&self) -> f64 {
        (self.caller + self.server) * 1000.0 / self.jobs
    }

    pub fn caller_ms(&self) -> f64 {
        self.caller * 1000.0 / self.jobs
    }

    pub fn jobs_a_second(&self) -> f64 {
        self.jobs / self.elapsed
    }

    /// Milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut times = self.times.clone();
        times.sort_unstable_by(f64::total_cmp);
        times.get(times.len() * percent / 100).or(times.last()).copied().unwrap_or_default()
            * 1000.0
    }

    pub fn add(&mut self, other: Cost) {
        self.jobs += other.jobs;
        self.caller += other.caller;
        self.server += other.server;
        self.elapsed += other.elapsed;
        self.times.extend(other.times);
    }
}

/// A way to run a job.
pub trait Contender {
    fn name(&self) -> String;

    /// Runs jobs, so many at once, with a pause before each.
    fn run(&mut self, jobs: usize, at_once: usize, pause: Duration) -> Cost;
}

/// A launcher, whose jobs run in the project's worker.
pub struct Launcher<'a> {
    pub bench: &'a Bench,
    pub build: &'static str,
    pub file: PathBuf,
}

impl Contender for Launcher<'_> {
    fn name(&self) -> String {
        format!("a worker, {} launcher", self.build)
    }

    fn run(&mut self, jobs: usize, at_once: usize, pause: Duration) -> Cost {
        settle();
        let (caller, server) = (processor_of_children(), self.bench.processor_of_worker());
        let command = || self.bench.warm(&self.file, PROGRAM);
        let mut cost = run_commands(&command, jobs, at_once, pause);
        cost.caller = processor_of_children() - caller;
        settle();
        cost.server = self.bench.processor_of_worker() - server;
        cost
    }
}

/// A Python that does nothing.
pub struct BarePython<'a>(pub &'a Bench);

impl Contender for BarePython<'_> {
    fn name(&self) -> String {
        "python -S -c pass".into()
    }

    fn run(&mut self, jobs: usize, at_once: usize, pause: Duration) -> Cost {
        let caller = processor_of_children();
        let command = || {
            let mut command = Command::new(self.0.python());
            command.args(["-S", "-c", "pass"]);
            command
        };
        let mut cost = run_commands(&command, jobs, at_once, pause);
        cost.caller = processor_of_children() - caller;
        cost
    }
}

/// CPython's own server of forked processes.
pub struct ForkServer {
    caller: Child,
    answers: BufReader<ChildStdout>,
}

impl ForkServer {
    pub fn new(bench: &Bench) -> Self {
        let mut command = Command::new(bench.python());
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/warm/forkserver.py"));
        command.env("PYTHONPATH", bench.core()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut caller = command.spawn().unwrap();
        let answers = BufReader::new(caller.stdout.take().unwrap());
        ForkServer { caller, answers }
    }
}

impl Contender for ForkServer {
    fn name(&self) -> String {
        "multiprocessing's forkserver".into()
    }

    fn run(&mut self, jobs: usize, at_once: usize, pause: Duration) -> Cost {
        let request = self.caller.stdin.as_mut().unwrap();
        writeln!(request, "{jobs} {at_once} {}", pause.as_secs_f64()).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let numbers: Vec<f64> =
            answer.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let [caller, server, elapsed, times @ ..] = numbers.as_slice() else {
            panic!("no answer of the forkserver: {answer:?}")
        };
        #[expect(clippy::cast_precision_loss, reason = "there are not so many")]
        let jobs = times.len() as f64;
        Cost { jobs, caller: *caller, server: *server, elapsed: *elapsed, times: times.to_vec() }
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        drop(self.caller.stdin.take());
        let _ = self.caller.wait();
    }
}

/// Runs a command several times, so many at once.
fn run_commands(
    command: &(impl Fn() -> Command + Sync),
    jobs: usize,
    at_once: usize,
    pause: Duration,
) -> Cost {
    let times = Mutex::new(Vec::new());
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                for _ in 0..jobs / at_once {
                    std::thread::sleep(pause);
                    let time = timed(&mut command());
                    times.lock().unwrap().push(time.as_secs_f64());
                }
            });
        }
    });
    let elapsed = start.elapsed().as_secs_f64();
    let times = times.into_inner().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "there are not so many")]
    let jobs = times.len() as f64;
    Cost { jobs, elapsed, times, ..Cost::default() }
}

/// Runs a command that has to succeed, without input and output.
pub fn timed(command: &mut Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status().unwrap();
    let time = start.elapsed();
    assert!(status.success(), "{command:?}");
    time
}

/// Seconds of processor of the processes that this one has waited for.
fn processor_of_children() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let microseconds =
        usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(microseconds).unwrap()).as_secs_f64()
}
