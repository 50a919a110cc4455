"""Malformed messages to a worker's socket, with real jobs in between."""
import functools
import socket
import threading
import time

from fault_suite import processes
from fault_suite.attempt import Attempt
from fault_suite.message import LARGEST, REPLY, job_message, plan_of, send_descriptors

THREADS = 6
# Malformed messages between two real jobs.
BETWEEN_JOBS = 500
# Seconds that a worker gives a silent connection, and some more.
PATIENCE = 20


def attack(assignment):
    studio, tally = assignment.studio, assignment.tally
    project = studio.projects[0]
    worker = studio.ready_worker(project)
    for _ in range(5):
        Attempt(studio, project, ["--warm"], "core").run()
    # Both spares come within this time.
    time.sleep(2)
    before = processes.descriptors(worker["pid"])
    tally.before = studio.memory()
    sent = dict.fromkeys((kind.__name__ for kind in KINDS), 0)
    lock = threading.Lock()

    def one(path, number, random):
        if number % BETWEEN_JOBS == 0:
            attempt = Attempt(studio, project, ["--warm"], "core")
            tally.judge(attempt, attempt.run(), hint="a real job after %d messages" % number)
            return
        kind = random.choices(list(KINDS), list(KINDS.values()))[0]
        try:
            kind(Target(studio, project, path, tally), random)
        except socket.timeout:
            tally.add("hung", "message %d, %s: no answer within %d seconds" % (number, kind.__name__, PATIENCE))
        except OSError:
            # The worker has closed the connection.
            pass
        with lock:
            sent[kind.__name__] += 1

    with studio.socket_of(worker) as path:
        assignment.in_parallel(THREADS, functools.partial(one, path))
    after = settled_descriptors(worker["pid"], before)
    tally.after = studio.memory()
    tally.remarks.append("sent: " + ", ".join("%d %s" % (count, name) for name, count in sent.items()))
    tally.remarks.append("descriptors of the worker: %d → %d" % (before, after))
    if after > before:
        tally.add("left behind", "%d descriptors of the worker" % (after - before))
    if studio.ready_worker(project)["pid"] != worker["pid"]:
        tally.add("wrong end", "the worker has ended, and another has taken its place")


def settled_descriptors(pid, enough):
    """Waits until a worker has no more than enough descriptors, or has lost patience with all connections."""
    until = time.monotonic() + PATIENCE
    while processes.descriptors(pid) > enough and time.monotonic() < until:
        time.sleep(0.5)
    return processes.descriptors(pid)


class Target:
    def __init__(self, studio, project, path, tally):
        self.studio = studio
        self.project = project
        self.path = path
        self.tally = tally

    def connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(PATIENCE)
        connection.connect(self.path)
        return connection


def noise(target, random):
    with target.connect() as connection:
        connection.send(random_bytes(random, random.randint(1, 300), b"JQ"))
        if random.random() < 0.5:
            connection.recv(4096)


def early_close(target, random):
    with target.connect() as connection:
        connection.send(job_message(b"x" * 100)[:random.randint(0, 60)])


def status_with_more(target, random):
    with target.connect() as connection:
        connection.send(b"S" + random_bytes(random, random.randint(0, 50)))
        if not connection.recv(65536).startswith(b"{"):
            target.tally.add("wrong end", "a worker gives no status")


def huge_size(target, random):
    with target.connect() as connection:
        connection.send(job_message(b"x" * 10, random.choice([LARGEST, LARGEST + 1, 2 ** 31, 2 ** 32 - 1])))


def random_plan(target, random):
    with target.connect() as connection:
        connection.send(job_message(random_bytes(random, random.randint(0, 500))))
        finish(target, connection, random)


def changed_plan(target, random):
    """A real plan with one field changed: the child must not run it, or run it whole."""
    attempt = Attempt(target.studio, target.project)
    fields = plan_of(attempt).split(b"\0")
    fields[random.randrange(2, 9)] = random_bytes(random, random.randint(0, 9), b"\0")
    with target.connect() as connection:
        connection.send(job_message(b"\0".join(fields)))
        finish(target, connection, random, attempt)


def truncated_plan(target, random):
    message = job_message(plan_of(Attempt(target.studio, target.project)))
    with target.connect() as connection:
        connection.send(message[:random.randrange(5, len(message))])
        connection.shutdown(socket.SHUT_WR)
        connection.recv(5)


def no_go(target, random):
    """A real plan, and another message in place of `G`: the job must not run."""
    attempt = Attempt(target.studio, target.project)
    with target.connect() as connection:
        connection.send(job_message(plan_of(attempt)))
        connection.recv(5)
        connection.send(random_bytes(random, random.randint(1, 4), b"G"))
        connection.recv(5)
    if attempt.lines():
        target.tally.add("wrong end", "another message in place of G: the job has run")


def many_descriptors(target, random):
    """A real plan, and `G` with some number of descriptors: four are needed."""
    attempt = Attempt(target.studio, target.project)
    with target.connect() as connection:
        connection.send(job_message(plan_of(attempt)))
        connection.recv(5)
        count = random.choice([0, 1, 2, 3, 4, 5, 40, 64, 70, 200])
        send_descriptors(connection, b"G", count)
        check_reply(target, connection, attempt, "G with %d descriptors" % count)


def early_descriptors(target, random):
    with target.connect() as connection:
        send_descriptors(connection, random.choice([b"J", b"S", b"x"]), random.randint(1, 60))
        connection.recv(4096) if random.random() < 0.2 else None


def stalled(target, random):
    """Sends a part, and waits for a while."""
    with target.connect() as connection:
        connection.send(job_message(b"x" * 100)[:random.randint(0, 3)])
        time.sleep(random.uniform(0, 0.5))


# How often each is sent. A `J` costs the worker a fork, the others little.
KINDS = {
    noise: 4000, early_close: 60, status_with_more: 60, huge_size: 10, random_plan: 10, changed_plan: 10,
    truncated_plan: 10, no_go: 5, many_descriptors: 10, early_descriptors: 200, stalled: 3,
}


def finish(target, connection, random, attempt=None):
    """Sends `G` where the child is ready."""
    reply = connection.recv(5)
    if reply[:1] == b"R":
        send_descriptors(connection, b"G", 4)
        if attempt:
            check_reply(target, connection, attempt, "a plan with a changed field")


def check_reply(target, connection, attempt, hint):
    """Reads the reply that ends a job. A launcher takes code 0 for a success: the job must have run then."""
    for word, code in iter(lambda: read_reply(connection), None):
        if word in (b"E", b"D") and code == 0 and "ended" not in attempt.lines():
            target.tally.add("false success", "%s: the worker answers %s 0, and no job ran" % (hint, word.decode()))


def read_reply(connection):
    """Returns a letter and a number; none at the end of the connection."""
    reply = b""
    while len(reply) < REPLY.size:
        part = connection.recv(REPLY.size - len(reply))
        if not part:
            return None
        reply += part
    return REPLY.unpack(reply)


def random_bytes(random, size, never=b""):
    """Returns random bytes; the first is none of `never`."""
    data = random.getrandbits(8 * size).to_bytes(size, "little")
    return b"\1" + data[1:] if data[:1] and data[:1] in never else data
