"""Launches that lack something: descriptors, streams, space, `/proc`; and a worker at its limit of descriptors."""
import itertools
import os
import resource
import shutil
import socket
import time

from fault_suite import processes
from fault_suite.attempt import Attempt
from fault_suite.tally import OWN_CODES

LIMIT = 30      # seconds of a launch
# Python that cannot start, or whose job cannot write; Python that cannot flush its output.
ALLOWED = OWN_CODES + (1, 120)
# The share of a processor from which a worker without work spins.
SPIN = 0.15

# Without standard error, which is a file here.
MUTE = [
    "closed (2,)", "closed (0, 2)", "closed (1, 2)", "closed (0, 1, 2)", "full device 2>", "full device > 2>",
    "files of 0 KiB",
]
OPTIONS = {
    "plain": [],
    "cold": ["--warm"],
    "warm": ["--warm"],
    "exclusive": ["--exclusive"],
    "index": [],
}


def attack(assignment):
    studio, tally = assignment.studio, assignment.tally
    states = list(lacking_states(studio))
    if os.geteuid() != 0:
        tally.remarks.append("skipped: full disks and a missing /proc; they need root")
    else:
        states += private_states(studio)
    assignment.random(0).shuffle(states)
    begun = time.monotonic()
    for name, prefix in states:
        if time.monotonic() - begun > assignment.seconds * 0.7:
            tally.remarks.append("no time for all %d states: more --seconds" % len(states))
            break
        for kind in OPTIONS:
            launch(studio, tally, kind, name, prefix)
    full_children(assignment)
    full_worker(assignment)


def lacking_states(studio):
    """Yields names, and commands that start a launch in that state."""
    for count in range(1, 4):
        for closed in itertools.combinations((0, 1, 2), count):
            closing = " ".join("%d%s&-" % (number, "<" if number == 0 else ">") for number in closed)
            yield "closed %s" % (closed,), shell('exec "$@" %s' % closing)
    # The system's loader needs the number 3 for itself.
    for most in range(4, 15):
        yield "%d descriptors" % most, shell('ulimit -n %d; exec "$@"' % most)
    for most in 0, 1:
        yield "files of %d KiB" % most, shell('ulimit -f %d; exec "$@"' % (2 * most))
    for streams in ">", "2>", "> 2>":
        yield "full device %s" % streams, shell('exec "$@" %s' % streams.replace(">", ">/dev/full"))


def private_states(studio):
    """Yields states that need a mount namespace."""
    for below in "run", "tmp", "home":
        folder = studio.path(below)
        script = "mount -t tmpfs -o size=4k,mode=700 none %s && { cat /dev/zero >%s/filled; exec \"$@\"; } 2>&3 3>&-"
        yield "full %s" % below, ["unshare", "-m"] + shell("exec 3>&2 2>/dev/null; " + script % (folder, folder))
    yield "no /proc", ["unshare", "-m"] + shell('mount -t tmpfs none /proc && exec "$@"')


def shell(script):
    return ["/bin/sh", "-c", script, "sh"]


def launch(studio, tally, kind, state, prefix):
    project = studio.projects[0]
    changes = {}
    own = studio.path("tmp/own")
    if kind == "warm":
        studio.ready_worker(project)
    elif kind == "cold":
        os.makedirs(own, 0o700)
        changes["XDG_RUNTIME_DIR"] = own
    elif kind == "index":
        changes["SGTK_PYTHON_CACHE"] = own
    by = ["--project-id", str(project.id)] if kind == "index" else None
    attempt = Attempt(studio, project, OPTIONS[kind], by=by, prefix=prefix)
    outcome = attempt.run(LIMIT, **changes)
    tally.judge(attempt, outcome, ALLOWED, "%s, %s" % (kind, state), is_mute=state in MUTE)
    if kind == "cold":
        studio.stop_workers(**changes)
    if os.path.isdir(own):
        left = [name for name in files_below(own) if not name.startswith("configs-1-") or "." in name]
        if left and kind == "index":
            tally.add("left behind", "%s, %s: %s" % (kind, state, left))
        shutil.rmtree(own)


def files_below(folder):
    return [name for _, _, names in os.walk(folder) for name in names]


def full_children(assignment):
    """A child that cannot receive all descriptors of a launcher does not run the job, and does not end as after it."""
    studio, tally = assignment.studio, assignment.tally
    project = studio.projects[2]
    for spare in range(6):
        studio.ready_worker(project)
        # Both spares come within this time.
        time.sleep(1)
        for child in [pid for pid in studio.processes() if processes.kind_of(pid) == "child"]:
            limit_descriptors(child, processes.descriptors(child) + spare)
        attempt = Attempt(studio, project, ["--warm"])
        tally.judge(attempt, attempt.run(LIMIT), OWN_CODES, "the child may have %d further descriptors" % spare)


def full_worker(assignment):
    """A worker at its limit of descriptors still lets jobs run, and waits without work."""
    studio, tally = assignment.studio, assignment.tally
    project = studio.projects[1]
    for spare in range(-3, 4):
        if assignment.is_over():
            return
        worker = studio.ready_worker(project)["pid"]
        time.sleep(0.5)
        most = processes.descriptors(worker) + spare
        with studio.socket_of({"pid": worker}) as path:
            limit_descriptors(worker, most)
            waiting = [connect(path) for _ in range(5)]
        processor, begun = processes.processor_seconds(worker), time.monotonic()
        time.sleep(1)
        share = (processes.processor_seconds(worker) - processor) / (time.monotonic() - begun)
        hint = "the worker may have %d descriptors" % most
        if share > SPIN:
            tally.add("hung", "%s: it spins with %d %% of a processor" % (hint, 100 * share))
        for _ in range(3):
            attempt = Attempt(studio, project, ["--warm"])
            tally.judge(attempt, attempt.run(LIMIT), OWN_CODES, hint)
        for connection in waiting:
            connection.close()
        for _ in range(3):
            attempt = Attempt(studio, project, ["--warm"])
            tally.judge(attempt, attempt.run(LIMIT), OWN_CODES, hint + ", and no connections")
        studio.stop_workers()


def limit_descriptors(pid, most):
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, hard))


def connect(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        connection.connect(path)
    except OSError:
        pass
    return connection
