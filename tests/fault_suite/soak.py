"""Thousands of warm jobs over three projects, one in a hundred of which fails on purpose."""
from fault_suite.attempt import Attempt

THREADS = 8
FAILURES = ("code", "exception", "killed", "left")


def attack(assignment):
    studio, tally = assignment.studio, assignment.tally
    for project in studio.projects:
        studio.ready_worker(project)

    def one(number, random):
        ending = random.choice(FAILURES) if random.random() < 0.01 else "done"
        check = "core" if random.random() < 0.05 else "path"
        attempt = Attempt(studio, random.choice(studio.projects), ["--warm"], check, ending)
        tally.judge(attempt, attempt.run())

    # The first jobs write to memory that the worker has shared with its children until then.
    for project in studio.projects:
        for _ in range(5):
            Attempt(studio, project, ["--warm"], "core").run()
    tally.before = studio.memory()
    assignment.in_parallel(THREADS, one)
    tally.after = studio.memory()
