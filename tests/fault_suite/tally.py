"""A family's counts, and the rules by which an outcome is wrong."""
import threading

# The launcher's own exit codes (docs/cli.md).
OWN_CODES = (75, 121, 122, 125, 126, 127)
# Counts that must stay zero.
ZEROS = ("wrong project", "foreign code", "run twice", "false success", "wrong end", "hung", "left behind")
# Examples of each that the table shows; the JSON has more.
SHOWN, KEPT = 4, 100


class Tally:
    def __init__(self, name):
        self.name = name
        self.tried = self.survived = self.in_worker = 0
        self.counts = dict.fromkeys(ZEROS, 0)
        self.examples = []
        self.remarks = []
        self.before = {}
        self.after = {}
        self.skipped = None
        self.lock = threading.Lock()

    def skip(self, why):
        self.skipped = why

    def add(self, zero, example):
        """Counts a failure."""
        with self.lock:
            self.counts[zero] += 1
            if self.counts[zero] <= KEPT:
                self.examples.append((zero, example))

    def judge(self, attempt, outcome, allowed=(), hint="", is_mute=False):
        """Counts an attempt. `allowed` are exit codes that are honest here, beside that of the job's ending; a mute
        launcher has no standard error."""
        lines = attempt.lines()
        scene = "%s%s\n  exit %s, ledger %s, standard error %r" % (
            attempt.text(), " (%s)" % hint if hint else "", outcome.code, lines, outcome.error[-600:])
        with self.lock:
            self.tried += 1
            self.in_worker += attempt.ran_in_worker()
        if lines.count("begun") > 1:
            self.add("run twice", scene)
        if "wrong" in lines:
            self.add("wrong project", "%s\n  %s" % (scene, attempt.ledger_text()))
        if outcome.code is None:
            self.add("hung", scene)
        elif outcome.code == 0 and "ended" not in lines:
            self.add("false success", scene)
        elif outcome.code == attempt.expected() and "ended" in lines:
            if has_panic(outcome.error):
                self.add("wrong end", scene)
            with self.lock:
                self.survived += 1
        elif outcome.code not in allowed or not (is_mute or is_honest(outcome)):
            self.add("wrong end", scene)

    def shown_examples(self):
        shown = []
        for zero in ZEROS:
            shown += ["%s: %s" % (zero, example) for kind, example in self.examples if kind == zero][:SHOWN]
        return shown

    def is_wrong(self):
        return any(self.counts.values())

    def as_json(self):
        counts = {name.replace(" ", "_"): count for name, count in self.counts.items()}
        workers = [
            {"project": name, "before_kib": self.before.get(name), "after_kib": self.after.get(name)}
            for name in sorted(set(self.before) | set(self.after))
        ]
        return dict(
            counts, family=self.name, skipped=self.skipped, tried=self.tried, survived=self.survived,
            in_worker=self.in_worker, workers=workers,
            examples=[{"kind": kind, "text": text} for kind, text in self.examples], remarks=self.remarks,
        )


def has_panic(error):
    return "panicked at" in error or "RUST_BACKTRACE" in error


def is_honest(outcome):
    """Returns true unless a failure says nothing, or the launcher fails by itself without one line that says why."""
    if has_panic(outcome.error) or (outcome.code > 0 and not outcome.error):
        return False
    # The system's loader leaves with 127 too, and says why.
    if outcome.code not in OWN_CODES or "error while loading shared libraries" in outcome.error:
        return True
    errors = [line for line in outcome.error.splitlines() if line.startswith("sgtk-python: error: ")]
    return len(errors) == 1


def table(tallies):
    """Returns the lines of the table, a row a family."""
    heads = ["FAMILY", "TRIED", "SURVIVED", "IN WORKER"] + [zero.upper() for zero in ZEROS] + ["WORKERS' KIB"]
    rows = [heads]
    for tally in tallies:
        if tally.skipped:
            rows.append([tally.name, "skipped: " + tally.skipped])
            continue
        memory = ", ".join(
            "%s %s → %s" % (name, tally.before.get(name, "-"), tally.after.get(name, "-"))
            for name in sorted(set(tally.before) | set(tally.after))
        )
        numbers = [tally.tried, tally.survived, tally.in_worker] + list(tally.counts.values())
        rows.append([tally.name] + [str(number) for number in numbers] + [memory])
    widths = [max(len(row[column]) for row in rows if len(row) == len(heads)) for column in range(len(heads))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
