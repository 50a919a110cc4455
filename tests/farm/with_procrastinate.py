"""Procrastinate on PostgreSQL, a server of its own, with three workers. Every five seconds a worker is killed, and
another takes its place."""
import itertools
import os
import pwd
import subprocess
import sys
import time

import support
from record import Verdict, ended
from studio import SHIMS, Plugin, Studio
from trial import Row

#: Signs of life and their end come faster than a studio would have them, for the trial to end soon.
WORKER = """
import sgtk_procrastinate
sgtk_procrastinate.app.run_worker(
    concurrency=2, update_heartbeat_interval=0.5, stalled_worker_timeout=3, fetch_job_polling_interval=1)
"""
RETRY_STALLED = """
import asyncio, sgtk_procrastinate
async def retry():
    async with sgtk_procrastinate.app.open_async():
        while True:
            await sgtk_procrastinate.retry_stalled.func(0, seconds=2)
            await asyncio.sleep(1)
asyncio.run(retry())
"""


def run(folder, events):
    server = PostgreSQL(folder)
    try:
        return [_run(folder, events)]
    finally:
        server.stop()


def _run(folder, events):
    studio = Studio(os.path.join(folder, "studio"), 10)
    os.environ.update(studio.variables, PYTHONPATH=SHIMS)
    sys.path.insert(0, SHIMS)
    support.log_to(studio.path("log"))
    os.mkdir(studio.path("units"))
    done = support.output_of([sys.executable, "-m", "procrastinate", "--app=sgtk_procrastinate.app", "schema", "--apply"])
    if done.returncode != 0:
        sys.exit(done.stdout)
    import sgtk_procrastinate

    plugin = Plugin(studio.write_routes(
        "routes.json", {"units": studio.path("units")}, submit="sgtk_procrastinate:defer"))
    workers = Workers(studio)
    started = time.monotonic()
    try:
        with support.Killer(workers.kill_one) as killer:
            for number in range(1, events + 1):
                plugin.handle(studio.event(number))
            submitted = time.monotonic() - started
            support.wait_until(
                lambda: support.waiting_units(studio) == 0 or (support.waiting_units(studio), ended(studio.records)),
                120, "Procrastinate")
        seconds = time.monotonic() - started
    finally:
        workers.stop()
        sgtk_procrastinate.app.close()
    return Row("Procrastinate", Verdict(studio.records, range(1, events + 1)), seconds, killer.kills,
               note="%.0f ms to submit one" % (submitted / events * 1000))


class Workers:
    """Three workers, of which one is killed at a time."""

    def __init__(self, studio):
        self._log = open(studio.path("workers.log"), "ab")
        self._all = [self._start(WORKER) for _ in range(3)]
        self._retrying = self._start(RETRY_STALLED)
        self._turns = itertools.cycle(range(3))

    def _start(self, program):
        return subprocess.Popen([sys.executable, "-c", program], stdout=self._log, stderr=self._log)

    def kill_one(self):
        turn = next(self._turns)
        self._all[turn].kill()
        self._all[turn].wait()
        self._all[turn] = self._start(WORKER)
        return True

    def stop(self):
        for process in [*self._all, self._retrying]:
            process.terminate()
        for process in [*self._all, self._retrying]:
            process.wait()


class PostgreSQL:
    """A server in a folder, which it must not run in as root."""

    def __init__(self, folder):
        place = os.path.join(folder, "postgresql")
        os.mkdir(place, 0o700)
        user = pwd.getpwnam("postgres")
        os.chown(place, user.pw_uid, user.pw_gid)
        self._programs = max(os.path.join("/usr/lib/postgresql", name, "bin") for name in os.listdir("/usr/lib/postgresql"))
        self._place = place
        os.environ.update(PGHOST="127.0.0.1", PGPORT="17819", PGUSER="postgres", PGDATABASE="postgres")
        self._do("initdb", "--auth=trust", "--username=postgres", "-D", place)
        self._do("pg_ctl", "-D", place, "-w", "-l", os.path.join(place, "log"), "-o", "-p 17819 -k %s" % place, "start")

    def _do(self, program, *words):
        command = [os.path.join(self._programs, program), *words]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        # The server keeps the streams.
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")
        if done.returncode != 0:
            sys.exit("%s failed: %d" % (program, done.returncode))

    def stop(self):
        self._do("pg_ctl", "-D", self._place, "-m", "immediate", "stop")
