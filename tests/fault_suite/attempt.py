"""One launch: its command, the ledger that its job writes, and its outcome."""
import os
import shlex
import signal
import subprocess
import tempfile
import time

from fault_suite.studio import LIMIT

# The exit code of the launcher for each ending of a job; negative for a signal.
CODES = {"done": 0, "code": 7, "exception": 1, "killed": -9, "left": 9}


class Outcome:
    """The launcher's end. `code` is negative for a signal, and none for a launcher that hung."""

    def __init__(self, code, error):
        self.code = code
        self.error = error


class Attempt:
    """A job for a project. `by` chooses the project in place of its name; `prefix` is a command
    that starts the launcher in another state."""

    def __init__(
        self, studio, project, options=(), check="path", ending="done", seconds=0.0, command=(), prefix=(), by=None,
    ):
        self.studio = studio
        self.project = project
        self.ending = ending
        self.ledger = studio.path("ledgers/%d" % next(studio.ids))
        self.job = [studio.job, self.ledger, project.config, check, ending, "%.3f" % seconds] + list(command)
        chosen = by or ["--project", project.name]
        self.command = list(prefix) + [studio.launcher] + chosen + list(options) + self.job
        self.pid = None

    def expected(self):
        return CODES[self.ending]

    def text(self):
        return " ".join(shlex.quote(word) for word in self.command)

    def lines(self):
        """Returns the first word of each line of the ledger."""
        return [line.split()[0] for line in self.ledger_text().splitlines() if line]

    def ledger_text(self):
        try:
            with open(self.ledger) as file:
                return file.read()
        except OSError:
            return ""

    def ran_in_worker(self):
        return self.ledger_text().startswith("begun worker")

    def start(self, stdout=None, **changes):
        # A file, not a pipe: a job that outlives its launcher would hold the pipe.
        self.error_file = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            self.command, env=self.studio.variables(**changes), cwd=self.studio.root, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=stdout or subprocess.DEVNULL, stderr=self.error_file,
        )
        self.pid = self.process.pid

    def wait(self, limit=LIMIT):
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
            signal_group(self.pid, signal.SIGKILL)
            self.process.wait()
        self.error_file.seek(0)
        error = self.error_file.read().decode(errors="replace")
        self.error_file.close()
        return Outcome(code, error)

    def run(self, limit=LIMIT, stdout=None, **changes):
        self.start(stdout, **changes)
        return self.wait(limit)

    def until_begun(self, limit):
        """Waits until the job has begun, or its launcher has ended; returns true if it has begun."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            if os.path.exists(self.ledger) and "begun" in self.lines():
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.002)
        return False


def signal_group(pid, number):
    try:
        os.killpg(pid, number)
    except OSError:
        pass
