"""SIGKILL at random points: of launchers, workers, their children, and of starting workers."""
import time

from fault_suite import processes
from fault_suite.attempt import Attempt

THREADS = 8
# Workers and starters die less often: most jobs have to meet a worker.
VICTIMS = {"nothing": 40, "launcher": 28, "child": 30, "worker": 0.6, "starter": 0.2}
# A killed launcher or child; a job whose worker was killed with it.
ALLOWED = (-9, 125)


def attack(assignment):
    studio, tally = assignment.studio, assignment.tally
    killed = dict.fromkeys(VICTIMS, 0)

    def one(number, random):
        project = random.choice(studio.projects)
        victim = random.choices(list(VICTIMS), list(VICTIMS.values()))[0]
        hold = random.choice([0, 0, 0.01, 0.05])
        delay = 10 ** random.uniform(-3.5, -1)
        attempt = Attempt(studio, project, ["--warm"], "path", seconds=hold)
        attempt.start()
        if random.random() < 0.5:
            attempt.until_begun(5)
            delay /= 10
        time.sleep(delay)
        killed[victim] += kill(studio, attempt, victim, random)
        outcome = attempt.wait()
        tally.judge(attempt, outcome, ALLOWED, "try %d kills %s after %.1f ms" % (number, victim, delay * 1000))
        if victim == "starter":
            studio.forget_failed_starts()

    for project in studio.projects:
        studio.ready_worker(project)
    tally.before = studio.memory()
    assignment.in_parallel(THREADS, one)
    for project in studio.projects:
        studio.ready_worker(project)
    tally.after = studio.memory()
    tally.remarks.append("killed: " + ", ".join("%d %s" % (count, name) for name, count in killed.items() if count))


def kill(studio, attempt, victim, random):
    """Kills a victim; returns true if there was one."""
    if victim == "nothing":
        return False
    if victim == "launcher":
        if attempt.process.poll() is None:
            processes.kill(attempt.pid)
            return True
        return False
    found = [pid for pid in studio.processes() if processes.kind_of(pid) == victim]
    if not found:
        return False
    processes.kill(random.choice(found))
    return True
