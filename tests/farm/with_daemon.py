"""The event daemon itself, with events of three projects: five times as many as in the other trials, and twenty kills.
SHOTGUN_EVENTS names the folder with its ``shotgunEventDaemon.py``, from the repository
shotgunEvents; none of its code is here.

Before each start its id file is mended, as by the systemd unit on docs/events.md.
"""
import os
import random
import shutil
import subprocess
import sys
import time

import support
from record import Verdict, ended
from standin import Site
from studio import SHIMS, Studio
from trial import Row

KILLS = 20

CONFIG = """[daemon]
pidFile: {folder}/pid
eventIdFile: {folder}/ids
logMode: 0
logPath: {folder}/log
logFile: daemon
logging: 20
timing_log: off
conn_retry_sleep = 1
max_conn_retries = 5
fetch_interval = 1
max_event_batch_size = 500
[shotgun]
server: {site}
name: daemon
key: the-daemons-own-key
proxy_server:
use_session_uuid: True
[plugins]
paths: {folder}/plugins
[emails]
enabled: False
server: localhost
from: a@localhost
to: b@localhost
subject: [SG]
"""


def run(folder, events):
    source = os.environ.get("SHOTGUN_EVENTS")
    if not source:
        print("skipped: the event daemon; SHOTGUN_EVENTS names no folder with shotgunEventDaemon.py")
        return []
    events *= 5
    studio = Studio(folder, 3)
    site = Site(studio.event)
    try:
        daemon = Daemon(studio, site, source)
        return [_run(studio, site, daemon, events)]
    finally:
        site.stop()


def _run(studio, site, daemon, events):
    started = time.monotonic()
    site.newest = 1
    daemon.start()
    support.wait_until(lambda: os.path.exists(studio.path("ids")), 60, "the first id")
    # It starts after the newest event; the trial's come from now on.
    kills = 0
    while ended(studio.records) < events - 1 and daemon.lives():
        site.newest = min(events, site.newest + 50)
        time.sleep(0.2)
        if kills < KILLS and ended(studio.records) >= (kills + 1) * events / (KILLS + 1):
            time.sleep(random.random())
            daemon.kill()
            if kills % 5 == 2:
                # As a kill between the opening of the file and its writing leaves it. The copy is that of the last start.
                open(studio.path("ids"), "wb").close()
            kills += 1
            daemon.start()
        if daemon.is_idle():
            break
    daemon.stop()
    return Row("the daemon, killed", Verdict(studio.records, range(2, events + 1)), time.monotonic() - started, kills,
               note="%d starts with a broken id file" % daemon.mended)


class Daemon:
    def __init__(self, studio, site, source):
        self._studio, self._process = studio, None
        self.mended = 0
        self._progress = (-1, time.monotonic())
        os.mkdir(studio.path("daemon"))
        for name in os.listdir(source):
            if name.endswith(".py"):
                shutil.copy(os.path.join(source, name), studio.path("daemon"))
        studio.write("daemon/shotgunEventDaemon.conf", CONFIG.format(folder=studio.folder, site=site.address))
        studio.write("plugins/README", "the plugin and its package\n")
        shutil.copy(os.path.join(SHIMS, "sgtk_events.py"), studio.path("plugins"))
        shutil.copytree(os.path.join(SHIMS, "sgtk_python"), studio.path("plugins/sgtk_python"))
        studio.write_routes("plugins/sgtk_events.json", background=True)
        self._environment = dict(os.environ, **studio.variables)

    def start(self):
        done = support.output_of([sys.executable, os.path.join(SHIMS, "sgtk_python"), "mend-ids", self._studio.path("ids")])
        if done.returncode != 0:
            sys.exit(done.stdout)
        self.mended += "restored" in done.stdout
        with open(self._studio.path("daemon.output"), "ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, self._studio.path("daemon/shotgunEventDaemon.py"), "foreground"],
                env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def lives(self):
        return self._process.poll() is None

    def is_idle(self):
        """Returns whether no job has ended for a minute."""
        count = ended(self._studio.records)
        if count != self._progress[0]:
            self._progress = count, time.monotonic()
        return time.monotonic() - self._progress[1] > 60

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
