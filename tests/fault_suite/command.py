"""The command line: builds the launcher, runs the families, prints the table."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import traceback

from fault_suite import injection, kills, messages, nesting, planted, shortages, soak
from fault_suite.assignment import Assignment
from fault_suite.studio import Studio
from fault_suite.tally import Tally, table

FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The families, and their shares of the time.
FAMILIES = {
    "kills": (kills, 0.18),
    "injection": (injection, 0.23),
    "shortages": (shortages, 0.12),
    "planted": (planted, 0.02),
    "messages": (messages, 0.15),
    "soak": (soak, 0.25),
    "nesting": (nesting, 0.05),
}
# The versions of Python that the core supports.
PYTHONS = [(3, minor) for minor in (11, 10, 9, 8, 7)]


def main():
    words = parse()
    names = words.families or list(FAMILIES)
    launcher = words.launcher or build()
    core = subprocess.check_output([os.path.join(FOLDER, "tests/real-core")], text=True).strip()
    studio = Studio(launcher, core, words.python or find_python())
    say("seed %s, studio %s" % (words.seed, studio.root))
    tallies = []
    try:
        for name in names:
            tallies.append(run(name, words, studio))
    finally:
        studio.remains()
        if words.keep:
            say("kept: %s" % studio.root)
        else:
            studio.delete()
    if words.json:
        print(json.dumps({"format": 1, "seed": words.seed, "families": [tally.as_json() for tally in tallies]}))
    else:
        print("\n".join(table(tallies)))
    return 1 if any(tally.is_wrong() for tally in tallies) else 0


def parse():
    parser = argparse.ArgumentParser(prog="tests/faults", description="Attacks the built launcher with a real core.")
    parser.add_argument("families", nargs="*", choices=[[], *FAMILIES], metavar="FAMILY", help=", ".join(FAMILIES))
    parser.add_argument("--seconds", type=float, default=600, help="time for all families together (default: 600)")
    parser.add_argument("--seed", default=str(int(time.time())), help="the seed of an earlier run")
    parser.add_argument("--jobs", type=int, help="jobs of the soak, however long they take: 20000 is the full number")
    parser.add_argument("--messages", type=int, help="messages, however long they take: 100000 is the full number")
    parser.add_argument("--launcher", help="the launcher (default: the one that `cargo build` makes)")
    parser.add_argument("--python", help="the projects' Python, 3.7 to 3.11")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--keep", action="store_true", help="keep the studio")
    return parser.parse_args()


def run(name, words, studio):
    """Runs one family and returns its counts."""
    family, share = FAMILIES[name]
    tally = Tally(name)
    count = {"soak": words.jobs, "messages": words.messages}.get(name)
    # Alone, a family has the time of its share too.
    assignment = Assignment(studio, tally, words.seconds * share, words.seed, count)
    begun = time.monotonic()
    try:
        family.attack(assignment)
    except Exception:
        # A worker that does not start again, for example: the other families go on.
        tally.add("wrong end", "the family broke off\n" + traceback.format_exc())
    for remains in studio.remains():
        tally.add("left behind", remains)
    say("%s: %d s" % (name, time.monotonic() - begun))
    for line in tally.remarks + tally.shown_examples():
        say("  " + line.replace(studio.root, "$STUDIO").replace("\n", "\n  "))
    return tally


def build():
    # Without optimisation: its checks turn a wrong number into a failure.
    subprocess.check_call(["cargo", "build", "--locked", "--quiet"], cwd=FOLDER)
    return os.path.join(FOLDER, os.environ.get("CARGO_TARGET_DIR", "target"), "debug/sgtk-python")


def find_python():
    """Returns a Python that the core supports: this one, else one on `PATH`, without links."""
    names = ["python%d.%d" % version for version in PYTHONS]
    # One of the system first: other users can start it.
    candidates = ["/usr/bin/" + name for name in names] + [sys.executable] + [shutil.which(name) for name in names]
    program = "import os, sys; print(os.path.realpath(sys.executable)); sys.exit(sys.version_info[:2] not in %r)"
    for candidate in candidates:
        if candidate and os.path.exists(candidate):
            done = subprocess.run(
                [candidate, "-I", "-c", program % (PYTHONS,)], stdout=subprocess.PIPE, text=True)
            if done.returncode == 0:
                return done.stdout.strip()
    raise SystemExit("tests/faults: no Python from 3.7 to 3.11; name one with --python")


def say(text):
    print(text, file=sys.stderr, flush=True)
