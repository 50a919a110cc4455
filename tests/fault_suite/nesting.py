"""Jobs that launch jobs of other projects, and senders that are slow, with workers that run two jobs at once."""
import socket
import threading
import time

from fault_suite.attempt import Attempt
from fault_suite.message import job_message
from fault_suite.studio import SETTINGS, write

LIMIT = 20          # seconds; a chain takes less than one
CHAINS = 4          # at once: more than a worker may run
SLOW = 3            # senders: more than a worker may run
BETWEEN = 1.5       # seconds between two bytes of a slow sender: less than a worker waits for one


def attack(assignment):
    studio, tally = assignment.studio, assignment.tally
    settings = studio.path("tmp/two-jobs.toml")
    write(settings, SETTINGS + "max_jobs = 2\n")
    changes = {"SGTK_PYTHON_SETTINGS": settings}
    try:
        for project in studio.projects:
            studio.ready_worker(project, **changes)
        tally.before = studio.memory()
        assignment.in_parallel(CHAINS, lambda number, random: chain(assignment, random, changes))
        slow_senders(assignment, changes)
        tally.after = studio.memory()
    finally:
        studio.stop_workers()
        studio.remove("tmp/two-jobs.toml")


def chain(assignment, random, changes):
    """Launches A → B → A or longer; each job waits for the job that it launches."""
    studio, tally = assignment.studio, assignment.tally
    pair = random.sample(studio.projects, 2)
    length = random.choice([2, 3, 3, 3, 4])
    attempts = []
    command = ()
    for depth in reversed(range(length)):
        attempt = Attempt(studio, pair[depth % 2], ["--warm"], command=command, seconds=random.choice([0, 0.02]))
        command = tuple(attempt.command)
        attempts.append(attempt)
    outer = attempts.pop()
    outcome = outer.run(LIMIT, **changes)
    tally.judge(outer, outcome, hint="a chain of %d" % length)
    for inner in attempts:
        if outcome.code == 0 and inner.lines() != ["begun", "ended"]:
            tally.add("false success", "%s\n  its ledger has %s" % (inner.text(), inner.lines()))


def slow_senders(assignment, changes):
    """A plan that comes byte by byte must not keep real jobs out."""
    studio, tally = assignment.studio, assignment.tally
    project = studio.projects[0]
    is_over = threading.Event()
    with studio.socket_of(studio.ready_worker(project, **changes)) as path:
        senders = [threading.Thread(target=send_slowly, args=(path, is_over)) for _ in range(SLOW)]
        for sender in senders:
            sender.start()
        time.sleep(1)
        for _ in range(3):
            attempt = Attempt(studio, project, ["--warm"])
            tally.judge(attempt, attempt.run(LIMIT, **changes), hint="beside %d slow senders" % SLOW)
        is_over.set()
        for sender in senders:
            sender.join()


def send_slowly(path, is_over):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        for byte in job_message(b"x" * 1000):
            try:
                connection.send(bytes([byte]))
            except OSError:
                return
            if is_over.wait(BETWEEN):
                return
