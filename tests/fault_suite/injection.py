"""System calls that fail: strace refuses them to a launcher, one by one, and to a worker with its children."""
import os
import re
import shutil
import subprocess
import threading
import time

from fault_suite import processes
from fault_suite.attempt import Attempt
from fault_suite.system_calls import ERRORS, OF_WORKER
from fault_suite.tally import OWN_CODES

THREADS = 4
LIMIT = 30          # seconds of a launch
# The launcher's first call after those of the loader and of Rust's runtime.
FIRST_CALL = '"/proc/self/exe"'
# Where a launch has become Python, or ends.
LAST_CALLS = ("execve", "exit_group")



def attack(assignment):
    studio, tally = assignment.studio, assignment.tally
    if not shutil.which("strace"):
        tally.skip("no strace (apt-get install strace)")
        return
    if not can_trace():
        tally.skip("strace may not trace here")
        return
    project = studio.projects[0]
    trials = []
    for mode in "plain", "warm", "cold":
        if mode == "warm":
            studio.ready_worker(project)
        for name, number in calls_of(studio, project, mode):
            trials += [(mode, name, error, number) for error in ERRORS[name]]
    assignment.random(0).shuffle(trials)
    begun = time.monotonic()
    done = []

    def one(number, random):
        if number < len(trials) and time.monotonic() - begun < assignment.seconds * 0.65:
            done.append(number)
            refuse_launcher(studio, tally, random.choice(studio.projects), number, *trials[number])
        else:
            # Two attacks on one worker would hide each other.
            with lock:
                if not assignment.is_over():
                    refuse_worker(studio, tally, studio.projects[number % 3], random)

    lock = threading.Lock()
    assignment.in_parallel(THREADS, one)
    tally.remarks.append("launchers: %d of %d calls and errors" % (len(done), len(trials)))


def can_trace():
    command = ["strace", "-qq", "-o", os.devnull, "true"]
    return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def options_and_changes(studio, mode, number):
    options = [] if mode == "plain" else ["--warm"]
    changes = {}
    if mode == "cold":
        changes["XDG_RUNTIME_DIR"] = studio.path("tmp/cold-%s" % number)
        os.mkdir(changes["XDG_RUNTIME_DIR"], 0o700)
    return options, changes


def calls_of(studio, project, mode):
    """Returns the launcher's own system calls: each name, and its number among those of that name."""
    options, changes = options_and_changes(studio, mode, "trace")
    trace = studio.path("tmp/trace")
    attempt = Attempt(studio, project, options, prefix=["strace", "-qq", "-o", trace])
    attempt.run(LIMIT, **changes)
    counts: "dict[str, int]" = {}
    calls, is_own = [], False
    with open(trace, errors="replace") as file:
        for line in file:
            found = re.match(r"(\w+)\(", line)
            if not found:
                continue
            name = found.group(1)
            counts[name] = counts.get(name, 0) + 1
            is_own = is_own or FIRST_CALL in line
            if is_own and name in ERRORS:
                calls.append((name, counts[name]))
            if is_own and name in LAST_CALLS:
                break
    os.unlink(trace)
    end_cold(studio, changes)
    return calls


def end_cold(studio, changes):
    """Stops the worker that a cold launch has started, and removes its folder."""
    if changes:
        studio.stop_workers(**changes)
        studio.remove(changes["XDG_RUNTIME_DIR"])


def refuse_launcher(studio, tally, project, number, mode, name, error, when):
    inject = ["strace", "-qq", "-o", os.devnull, "-e", "trace=" + name]
    inject += ["-e", "inject=%s:error=%s:when=%d" % (name, error, when)]
    options, changes = options_and_changes(studio, mode, number)
    if mode == "warm":
        studio.ready_worker(project)
    attempt = Attempt(studio, project, options, prefix=inject)
    tally.judge(attempt, attempt.run(LIMIT, **changes), OWN_CODES, mode)
    end_cold(studio, changes)


def refuse_worker(studio, tally, project, random):
    """Refuses a call to a worker and its children while jobs run, then runs a job in peace."""
    worker = studio.ready_worker(project)["pid"]
    name = random.choice(OF_WORKER)
    error = random.choice(ERRORS[name])
    # With `+` all later calls fail too. Python repeats a call until it is not interrupted.
    further = "+" if random.random() < 0.3 and error != "EINTR" else ""
    fault = "%s:error=%s:when=%d%s" % (name, error, random.randint(1, 6), further)
    strace = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=" + name, "-e", "inject=" + fault, "-p", str(worker)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 5
    while not processes.tracer(worker) and strace.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    attempts = [Attempt(studio, project, ["--warm"]) for _ in range(3)]
    for attempt in attempts:
        attempt.start()
    outcomes = [attempt.wait(LIMIT) for attempt in attempts]
    strace.terminate()
    strace.wait()
    hint = "strace -f -e inject=%s -p WORKER" % fault
    for attempt, outcome in zip(attempts, outcomes):
        # 1, 2 and 120: the job's Python reports its own failing call.
        tally.judge(attempt, outcome, OWN_CODES + (1, 2, 120), hint)
    attempt = Attempt(studio, project, ["--warm"])
    tally.judge(attempt, attempt.run(LIMIT), hint="after " + hint)
