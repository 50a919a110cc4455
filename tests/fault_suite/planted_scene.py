"""The folders of a stranger and a victim, and the launches of the victim among them."""
import fcntl
import os
import socket
import stat
import subprocess

from fault_suite.attempt import Attempt
from fault_suite.studio import make_config, write

LIMIT = 20      # seconds of a launch
STRANGER, VICTIM, ROOT = 61001, 61002, 0
# A program in Python's place: it leaves a sign, and hides behind the real Python.
SPY = '#!/bin/sh\necho "$0" >>%s\nexec %s "$@"\n'
SPYING_MODULE = "open(%r, 'a').write('core\\n')\n"


class Trial:
    """A launch by a user, with planted files in its way. `allowed` are honest exit codes beside 0; the stranger holds a
    lock on `held`."""

    def __init__(self, user, what, options=(), by=None, allowed=(), launcher=None, held=None, **changes):
        self.user = user
        self.what = what
        self.options = options
        self.by = by
        self.allowed = allowed
        self.launcher = launcher
        self.held = held
        self.changes = changes


class Scene:
    """The folders of the users, new for each scenario."""

    def __init__(self, studio):
        self.studio = studio
        self.folder = studio.path("planted")
        self.sign = self.path("signs/sign")
        self.precious = self.path("victim/precious")
        for name, user, mode in [
            ("", ROOT, 0o755), ("signs", ROOT, 0o777), ("shared", ROOT, 0o1777), ("stranger", STRANGER, 0o755),
            ("victim", VICTIM, 0o755), ("victim/run", VICTIM, 0o700),
        ]:
            os.makedirs(self.path(name), exist_ok=True)
            os.chown(self.path(name), user, user)
            os.chmod(self.path(name), mode)
        write(self.precious, "precious\n")
        os.chown(self.precious, VICTIM, VICTIM)
        self.spy = self.path("stranger/python3")
        self.plant(self.spy, SPY % (self.sign, studio.python), 0o755)
        self.config = self.make_spying_config()

    def path(self, below):
        return os.path.join(self.folder, below) if below else self.folder

    def plant(self, path, text, mode=0o644, owner=STRANGER):
        """Writes a file of the stranger, and the missing folders above it."""
        missing = os.path.dirname(path)
        folders = []
        while not os.path.isdir(missing):
            folders.append(missing)
            missing = os.path.dirname(missing)
        write(path, text)
        for made in folders + [path]:
            os.chown(made, owner, owner)
        os.chmod(path, mode)
        return path

    def make_spying_config(self):
        """Makes a whole project of the stranger, with the id of one of the studio's."""
        config = self.path("stranger/configs/bigbuck")
        make_config(config, self.studio.projects[0].id, self.spy)
        for package in "tank", "sgtk", "tank_vendor":
            write(os.path.join(config, "install/core/python", package, "__init__.py"), SPYING_MODULE % self.sign)
        write(os.path.join(config, "install/core/python/sitecustomize.py"), SPYING_MODULE % self.sign)
        write(os.path.join(config, "install/core/_core_upgrader.py"), "")
        write(os.path.join(config, "install/core/info.yml"), 'version: "v0.21.709"\n')
        for folder, folders, names in os.walk(self.path("stranger")):
            for name in folders + names:
                os.chown(os.path.join(folder, name), STRANGER, STRANGER)
        return config

    def launch(self, trial):
        project = self.studio.projects[0]
        attempt = Attempt(self.studio, project, trial.options, by=trial.by, prefix=as_user(trial.user))
        if trial.launcher:
            attempt.command[attempt.command.index(self.studio.launcher)] = trial.launcher
        changes = {"HOME": self.path("victim"), "XDG_RUNTIME_DIR": self.path("victim/run"), "TMPDIR": "/tmp"}
        changes.update(trial.changes)
        outcome = attempt.run(LIMIT, **changes)
        if "--warm" in trial.options:
            stop = as_user(trial.user) + [self.studio.launcher, "--stop-workers"]
            environment = self.studio.variables(**changes)
            subprocess.run(stop, env=environment, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return attempt, outcome

    def run(self, tally, name, trial):
        before = self.of_stranger()
        holder = hold(trial.held) if trial.held else None
        attempt, outcome = self.launch(trial)
        if holder is not None:
            os.close(holder)
        hint = "%s, %s, as user %d" % (name, trial.what, trial.user)
        tally.judge(attempt, outcome, trial.allowed, hint)
        if os.path.exists(self.sign):
            tally.add("foreign code", "%s: %s" % (hint, attempt.text()))
            os.unlink(self.sign)
        for path in sorted(self.of_stranger() ^ before):
            tally.add("left behind", "%s: %s" % (hint, path))
        with open(self.precious) as file:
            if file.read() != "precious\n":
                tally.add("wrong end", "%s: it has written through a link" % hint)
                write(self.precious, "precious\n")

    def of_stranger(self):
        """Returns paths and sizes in the stranger's folder."""
        found = set()
        for folder, folders, names in os.walk(self.path("stranger")):
            for path in [os.path.join(folder, name) for name in folders + names]:
                data = os.lstat(path)
                found.add("%s (owner %d, %s)" % (path, data.st_uid, data.st_size if stat.S_ISREG(data.st_mode) else ""))
        return found

    def special_files(self, path):
        """Puts one kind of file after the other at a path of the stranger's, and yields a name for each."""
        def fifo():
            os.mkfifo(path, 0o666)

        def plain():
            write(path, "")
            os.chmod(path, 0o666)

        def unix_socket():
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                folder = os.open(os.path.dirname(path), os.O_PATH)
                listener.bind("/proc/self/fd/%d/%s" % (folder, os.path.basename(path)))
                os.close(folder)

        kinds = {
            "a pipe": fifo,
            "a link to a file of the victim": lambda: os.symlink(self.precious, path),
            "a link to a new file": lambda: os.symlink(self.path("stranger/new"), path),
            "a socket": unix_socket,
            "a folder": lambda: os.mkdir(path, 0o777),
            "a file": plain,
        }
        for name, make in kinds.items():
            self.remove(path)
            make()
            os.lchown(path, STRANGER, STRANGER)
            yield name
        self.remove(path)

    def remove(self, path):
        self.studio.remove(path)

    def end(self):
        self.remove(self.folder)


def hold(path):
    """Locks a file, and keeps it open for reading and writing."""
    holder = os.open(path, os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    return holder


def as_user(user):
    return ["setpriv", "--reuid=%d" % user, "--regid=%d" % user, "--clear-groups"]
