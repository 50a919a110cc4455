"""The plugin alone, on this machine, one event after another and in the background: for comparison."""
import os
import time

import support
from record import Verdict
from studio import Plugin, Studio
from trial import Row


def run(folder, events):
    return [_run(folder, events // 2, False), _run(folder, events // 2, True)]


def _run(folder, events, background):
    name = "plain, in the background" if background else "plain, in the foreground"
    studio = Studio(os.path.join(folder, name.rpartition(" ")[2]), 10)
    os.environ.update(studio.variables)
    support.log_to(studio.path("log"))
    plugin = Plugin(studio.write_routes("routes.json", background=background))
    started = time.monotonic()
    for number in range(1, events + 1):
        plugin.handle(studio.event(number))
    plugin.finish()
    return Row(name, Verdict(studio.records, range(1, events + 1)), time.monotonic() - started)
