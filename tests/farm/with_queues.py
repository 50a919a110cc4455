"""Celery and RQ on Redis, by the recipes of docs/farm.md: three workers each, of which one is killed every five seconds."""
import itertools
import os
import re
import subprocess
import sys
import time

import support
from record import Verdict, ended
from studio import ROOT, SHIMS, Plugin, Studio
from trial import Row

PORT = 17820


def run(folder, events):
    recipes = os.path.join(folder, "recipes")
    os.mkdir(recipes)
    for name, text in _recipes():
        with open(os.path.join(recipes, name), "w", encoding="utf-8") as file:
            file.write(text)
    address = "redis://127.0.0.1:%d/" % PORT
    os.environ.update(
        PYTHONPATH=SHIMS + os.pathsep + recipes, RQ_REDIS_URL=address + "0", CELERY_BROKER_URL=address + "1",
        CELERY_VISIBILITY="10")
    sys.path[:0] = [SHIMS, recipes]
    server = subprocess.Popen(
        ["redis-server", "--port", str(PORT), "--dir", folder, "--appendonly", "yes", "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL)
    try:
        support.wait_until(lambda: support.output_of(["redis-cli", "-p", str(PORT), "ping"]).stdout == "PONG\n", 30, "Redis")
        bin_folder = os.path.dirname(sys.executable)
        celery = [os.path.join(bin_folder, "celery"), "-A", "studio_celery", "worker", "--concurrency=2", "--loglevel=ERROR"]
        rq = [os.path.join(bin_folder, "rq"), "worker", "sgtk", "--url", address + "0", "--quiet", "--with-scheduler",
              "--maintenance-interval=10", "--job-monitoring-interval=1"]
        return [
            _run(folder, "Celery", "studio_celery:put", celery, events // 2),
            _run(folder, "RQ", "studio_rq:put", rq, events // 2),
        ]
    finally:
        server.terminate()
        server.wait()


def _recipes():
    with open(os.path.join(ROOT, "docs", "farm.md"), encoding="utf-8") as file:
        return re.findall(r"```python\n(?=# (studio_\w+\.py):)(.*?)```", file.read(), re.DOTALL)


def _run(folder, name, submit, command, events):
    studio = Studio(os.path.join(folder, name), 10)
    os.environ.update(studio.variables)
    support.log_to(studio.path("log"))
    os.mkdir(studio.path("units"))
    plugin = Plugin(studio.write_routes("routes.json", {"units": studio.path("units")}, submit=submit))
    workers = Workers(studio, command)
    started = time.monotonic()
    try:
        with support.Killer(workers.kill_one) as killer:
            for number in range(1, events + 1):
                plugin.handle(studio.event(number))
            support.wait_until(
                lambda: support.waiting_units(studio) == 0 or (support.waiting_units(studio), ended(studio.records)), 180, name)
        seconds = time.monotonic() - started
    finally:
        workers.stop()
    return Row(name, Verdict(studio.records, range(1, events + 1), keeps_order=False), seconds, killer.kills,
               note="keeps no order")


class Workers:
    """Three workers, of which one is killed at a time."""

    def __init__(self, studio, command):
        self._command, self._log = command, open(studio.path("workers.log"), "ab")
        self._all = [self._start(number) for number in range(3)]
        self._turns = itertools.cycle(range(3))

    def _start(self, number):
        named = ["-n", "w%d@localhost" % number] if "celery" in self._command[0] else []
        return subprocess.Popen(self._command + named, stdout=self._log, stderr=self._log, start_new_session=True)

    def kill_one(self):
        number = next(self._turns)
        self._end(self._all[number])
        self._all[number] = self._start(number)
        return True

    @staticmethod
    def _end(worker):
        """Kills a worker with the processes that it has forked."""
        support.kill_group(worker.pid)
        worker.wait()

    def stop(self):
        for worker in self._all:
            self._end(worker)
