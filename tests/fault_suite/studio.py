"""A studio on disk: three projects, each with a copy of the real core of its own."""
import contextlib
import itertools
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from fault_suite import processes

NAMES = ("bigbuck", "sintel", "cosmos")
# Only ids and names: they make the index longer than the smallest limit of a file.
FURTHER = 40
SETTINGS = 'idle_after = "5m"\n'
HOOK = "from tank import Hook\n\n\nclass Nothing(Hook):\n    def execute(self, **arguments):\n        pass\n"
# What Toolkit itself writes into the user's home.
OF_TOOLKIT = ("home/.shotgun",)
# Seconds: longer than anything that a worker does by the clock, at the load that this suite makes.
LIMIT = 60


class Project:
    def __init__(self, number, name, config):
        self.name = name
        self.id = 100 + number
        self.config = config
        self.version = "v0.21.70%d" % number


class Studio:
    def __init__(self, launcher, core, python):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="sgtk-faults-"))
        os.chmod(self.root, 0o755)
        for folder in ("bin", "home", "ledgers", "tmp"):
            os.mkdir(self.path(folder))
        # Of every user's jobs.
        os.chmod(self.path("ledgers"), 0o777)
        os.mkdir(self.path("run"), 0o700)
        self.launcher = shutil.copy(launcher, self.path("bin/sgtk-python"))
        self.job = shutil.copy(os.path.join(os.path.dirname(__file__), "job.py"), self.path("job.py"))
        self.python = python
        write(self.path("settings.toml"), SETTINGS)
        self.projects = [self.make_project(number, name, core) for number, name in enumerate(NAMES)]
        for number in range(FURTHER):
            make_config(self.path("configs/further%02d" % number), 1000 + number, python)
        self.ids = itertools.count(1)
        self.first_files = self.files()

    def path(self, below):
        return os.path.join(self.root, below)

    def make_project(self, number, name, core):
        project = Project(number, name, self.path("configs/" + name))
        make_config(project.config, project.id, self.python)
        install = os.path.join(project.config, "install/core")
        shutil.copytree(core, os.path.join(install, "python"))
        marker = "CONFIG = %r\nVERSION = %r\n" % (project.config, project.version)
        write(os.path.join(install, "python/fault_marker.py"), marker)
        write(os.path.join(install, "info.yml"), 'version: "%s"\n' % project.version)
        write(os.path.join(install, "_core_upgrader.py"), "")
        for hook in ("pipeline_configuration_init", "tank_init"):
            write(os.path.join(install, "hooks/%s.py" % hook), HOOK)
        return project

    def variables(self, **changes):
        variables = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": self.path("home"),
            "TMPDIR": self.path("tmp"),
            "XDG_RUNTIME_DIR": self.path("run"),
            "SHOTGUN_BASE": self.path("configs"),
            "SGTK_PYTHON_SETTINGS": self.path("settings.toml"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        variables.update(changes)
        return {name: value for name, value in variables.items() if value is not None}

    def answer(self, *words, **changes):
        """Returns what the launcher prints for a question."""
        command = [self.launcher] + list(words)
        done = subprocess.run(
            command, env=self.variables(**changes), cwd=self.root, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=LIMIT,
        )
        return done.stdout

    def workers(self, **changes):
        text = self.answer("--workers=json", **changes)
        return json.loads(text)["workers"] if text else []

    def ready_worker(self, project, **changes):
        """Returns the worker of a project, after starting it where there is none."""
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            for worker in self.workers(**changes):
                if worker["config"] == project.config and worker["state"] == "ready":
                    return worker
            self.forget_failed_starts()
            self.answer("--project", project.name, "--warm", "-c", "pass", **changes)
            time.sleep(0.2)
        raise RuntimeError("no worker of %s starts: %s" % (project.name, self.workers(**changes)))

    def forget_failed_starts(self):
        """Makes failed starts old, so that the next job tries again."""
        folder = self.path("run/sgtk-python")
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            if name.endswith(".start"):
                try:
                    os.utime(os.path.join(folder, name), (0, 0))
                except OSError:
                    pass

    def memory(self):
        """Returns KiB of each project's workers."""
        found: "dict[str, int]" = {}
        for worker in self.workers():
            if worker.get("memory_kib"):
                found[worker["project"]] = found.get(worker["project"], 0) + worker["memory_kib"]
        return found

    @contextlib.contextmanager
    def socket_of(self, worker):
        """Gives the path of a worker's socket, short enough for an address."""
        folder = os.open(self.path("run/sgtk-python"), os.O_PATH | os.O_DIRECTORY)
        try:
            paths = ["/proc/self/fd/%d/%s" % (folder, name) for name in os.listdir("/proc/self/fd/%d/" % folder)]
            sockets = [path for path in paths if path.endswith(".sock")]
            yield next(path for path in sockets if listener_of(path) == worker["pid"])
        finally:
            os.close(folder)

    def stop_workers(self, **changes):
        """Stops all workers, also those that are starting."""
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            self.answer("--stop-workers", **changes)
            if not self.workers(**changes):
                return

    def processes(self):
        return processes.with_variable(self.root.encode())

    def files(self):
        found: "set[str]" = set()
        for folder, folders, names in os.walk(self.root):
            below = os.path.relpath(folder, self.root)
            if below in OF_TOOLKIT or below == "ledgers":
                folders[:] = []
                continue
            found.update(os.path.normpath(os.path.join(below, name)) for name in names + folders)
        return found

    def remains(self):
        """Stops the workers, and returns what they and their jobs leave: processes, files, sockets. Removes it."""
        self.stop_workers()
        # Of launches that could not find the other folder.
        self.stop_workers(XDG_RUNTIME_DIR=None)
        until = time.monotonic() + 15
        while self.processes() and time.monotonic() < until:
            time.sleep(0.1)
        found = []
        for pid in self.processes():
            words = processes.read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace")
            found.append("process %d (%s): %s" % (pid, ", ".join(processes.open_files(pid)), words[-100:]))
            processes.kill(pid)
        # The folders and files that the launcher keeps between launches.
        kept = {"run/sgtk-python", "tmp/sgtk-python-%d" % os.geteuid(), "home/.cache", "home/.cache/sgtk-python"}
        for name in sorted(self.files() - self.first_files - kept - set(OF_TOOLKIT)):
            if name.startswith("home/.cache/sgtk-python/") and is_kept_file(os.path.basename(name)):
                continue
            # The history of a configuration's warm jobs.
            if os.path.dirname(name) in kept and name.endswith(".jobs"):
                continue
            found.append("file %s" % name)
            remove(self.path(name))
        for name in os.listdir(self.path("ledgers")):
            os.unlink(os.path.join(self.path("ledgers"), name))
        return found

    def remove(self, below):
        remove(self.path(below))

    def delete(self):
        shutil.rmtree(self.root, ignore_errors=True)


def is_kept_file(name):
    """Returns true for an index and for a lock of `--exclusive`."""
    return (name.startswith("configs-1-") or name.startswith("exclusive-1-")) and len(name.split("-")[-1]) == 32


def listener_of(path):
    """Returns the process that listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(path)
            return struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        except OSError:
            return None


def make_config(config, project_id, python):
    core = os.path.join(config, "config/core")
    name = os.path.basename(config)
    write(os.path.join(core, "roots.yml"), "{}\n")
    write(os.path.join(core, "install_location.yml"), json.dumps(dict.fromkeys(("Linux", "Darwin", "Windows"), config)))
    record = "pc_id: %d\npc_name: Primary\nproject_id: %d\nproject_name: %s\n" % (project_id, project_id, name)
    write(os.path.join(core, "pipeline_configuration.yml"), record)
    write(os.path.join(core, "interpreter_Linux.cfg"), python)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)
