"""Runs the trials that are named, in a folder, and prints one table. usage: trial.py FOLDER PART…"""
import importlib
import os
import shutil
import signal
import sys
import time

from record import Verdict

#: The parts with their modules; each has ``run(folder, events)``, which returns rows.
PARTS = ("plain", "procrastinate", "slurm", "queues", "daemon")


class Row:
    """A line of the table: a trial, its verdict and its time. ``kills`` are the processes that were killed."""

    def __init__(self, name, verdict, seconds, kills=0, restarts=0, note=""):
        self.name, self.verdict, self.seconds = name, verdict, seconds
        self.kills, self.restarts, self.note = kills, restarts, note

    def cells(self):
        counts = [getattr(self.verdict, field) for field in Verdict.FIELDS]
        return [self.name, *counts, self.kills, "%.0f" % self.seconds, "%.1f" % (self.verdict.events / self.seconds), self.note]


HEADS = ["trial", *Verdict.FIELDS, "kills", "s", "events/s", ""]


def print_table(rows):
    table = [HEADS] + [[str(cell) for cell in row.cells()] for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADS))]
    for line in table:
        first, *others, note = line
        cells = [first.ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(others, widths[1:])]
        print(("  ".join(cells) + "  " + note).rstrip())


def main(folder, parts):
    events = int(os.environ.get("ENGINES_EVENTS", "1000"))
    # The servers end with the trial.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by TERM"))
    rows = []
    for part in parts:
        own = os.path.join(folder, part)
        shutil.rmtree(own, ignore_errors=True)
        os.makedirs(own)
        print("--- %s" % part, flush=True)
        started = time.monotonic()
        rows += importlib.import_module("with_" + part).run(own, events)
        print("--- %s took %.0f s" % (part, time.monotonic() - started), flush=True)
    print()
    print_table(rows)
    bad = [row.name for row in rows if not row.verdict.is_good]
    if bad:
        sys.exit("not good: " + ", ".join(bad))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] or PARTS)
