"""Processes of a trial: started, watched, killed."""
import logging
import os
import signal
import subprocess
import threading
import time


class Killer(threading.Thread):
    """Calls ``kill`` every few seconds, until it kills something, as long as the trial is in the context. Counts the
    kills."""

    def __init__(self, kill, seconds=5.0):
        super().__init__(daemon=True)
        self._kill, self._seconds, self._end = kill, seconds, threading.Event()
        self.kills = 0

    def run(self):
        while not self._end.wait(self._seconds):
            while not self._kill() and not self._end.wait(0.01):
                pass
            self.kills += not self._end.is_set()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self.join()


def wait_until(condition, seconds, what):
    """Waits until a condition is true, but not if it stays the same for ``seconds``."""
    last, since = None, time.monotonic()
    while True:
        now = condition()
        if now is True:
            return
        if now != last:
            last, since = now, time.monotonic()
        if time.monotonic() - since > seconds:
            print("%s: no change within %d s: %r" % (what, seconds, last), flush=True)
            return
        time.sleep(0.5)


def units_at_work(folder):
    """Returns the processes that run a unit of work in a folder."""
    start = os.fsencode(folder) + b"/"
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % name, "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if b"unit" in words and words[-2].startswith(start) and b"python" in words[0]:
            found.append(int(name))
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def output_of(words, **options):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, **options)


def log_to(path):
    """Has the plugin's log in a file."""
    logger = logging.getLogger("plugin.sgtk_events")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers[:] = [logging.FileHandler(path)]


def kill_group(leader):
    """Kills a process that leads a group, with its group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def waiting_units(studio):
    """Returns how many units have no outcome yet."""
    units = studio.path("units")
    return sum(1 for name in os.listdir(units) if not os.path.exists(os.path.join(units, name, "done.json")))
