"""A studio on disk for the tests of the callers' Python, with the real launcher in it. The tests run with
`python -m unittest discover -s tests/python`; SGTK_PYTHON_TEST_LAUNCHER names the launcher."""
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
#: A copy of the modules under test, so that Python keeps their bytecode outside the source tree.
SHIMS = os.path.join(tempfile.mkdtemp(), "shims")
shutil.copytree(os.path.join(ROOT, "shims"), SHIMS, ignore=shutil.ignore_patterns("__pycache__"))
atexit.register(shutil.rmtree, os.path.dirname(SHIMS), True)
LAUNCHER = os.environ.get("SGTK_PYTHON_TEST_LAUNCHER") or os.path.join(ROOT, "target", "debug", "sgtk-python")
OS = {"win32": "Windows", "darwin": "Darwin"}.get(sys.platform, "Linux")
PYTHON = os.path.realpath(sys.executable)

#: The caller's variables that the tests keep; the others would change the launcher.
KEPT = {"PATH", "TMPDIR", "SYSTEMROOT", "TEMP", "TMP"}

#: Takes the descriptor for reports from the arguments of a stand-in.
REPORT = """import json, os, sys
_number = int(sys.argv.pop(1).partition("--status-fd=")[2])
def report(status, **step): os.write(_number, (json.dumps(dict(step, status=status)) + "\\n").encode())
"""

sys.path.insert(0, SHIMS)
import sgtk_python  # noqa: E402, for it is found there


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class StudioTest(unittest.TestCase):
    """Each test has two projects: bigbuck (176) and sintel (177), each with a core of its own."""

    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, True)
        for name, number in (("bigbuck", 176), ("sintel", 177)):
            self.config(name, number)
        self.set(**{name: None for name in os.environ if name not in KEPT})
        self.set(
            HOME=self.path("home"), LANG="C.UTF-8",
            SHOTGUN_BASE=self.path("configs"), SGTK_PYTHON_SETTINGS=write(self.path("settings.toml"), ""),
            SGTK_PYTHON_CACHE=self.path("cache"), SGTK_PYTHON_BIN=LAUNCHER, PYTHONPATH=SHIMS,
            PYTHONDONTWRITEBYTECODE=None, PYTHONUNBUFFERED=None, SGTK_PYTHON_WARM=None,
        )

    def set(self, **variables):
        """Sets variables, or unsets those that are None, for this test."""
        for name, value in variables.items():
            self.addCleanup(self._put, name, os.environ.get(name))
            self._put(name, value)

    @staticmethod
    def _put(name, value):
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def config(self, name, number):
        config = self.path("configs", name)
        write(os.path.join(config, "config/core/roots.yml"), "{}\n")
        write(
            os.path.join(config, "config/core/pipeline_configuration.yml"),
            "pc_id: 7\npc_name: Primary\nproject_id: %d\nproject_name: %s\n" % (number, name),
        )
        write(os.path.join(config, "install/core/_core_upgrader.py"), "")
        for package in ("sgtk", "tank"):
            write(os.path.join(config, "install/core/python", package, "__init__.py"), "origin = %r\n" % config)
        write(os.path.join(config, "config/core/interpreter_%s.cfg" % OS), PYTHON)
        return config

    def script(self, text, name="job.py"):
        return write(self.path("jobs", name), text)

    def start_worker(self):
        """Starts bigbuck's worker. Returns the results of the first job and of the first one in the worker."""
        os.mkdir(self.path("run"))
        # A core that the worker compiles has changed: the next job would start another worker.
        self.set(XDG_RUNTIME_DIR=self.path("run"), PYTHONDONTWRITEBYTECODE="1")
        self.addCleanup(subprocess.call, [LAUNCHER, "--stop-workers"], stdout=subprocess.DEVNULL)
        results = []

        def is_warm():
            results.append(sgtk_python.run("-c", "print(1)", project="bigbuck", warm=True))
            return results[-1].how == "worker"

        wait_until(is_warm)
        return results[0], results[-1]

    def stand_in(self, text):
        """Makes a program in the launcher's place. It reports its steps with `report("started", how="plain")`."""
        path = write(self.path("stand-in"), "#!%s\n%s%s" % (PYTHON, REPORT, text))
        os.chmod(path, 0o755)
        self.set(SGTK_PYTHON_BIN=path)
        return path


def wait_until(holds):
    """Waits for something that is cheap to look at."""
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


def is_running(number):
    """Returns true if a process runs; a zombie does not."""
    try:
        with open("/proc/%d/stat" % number) as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
