"""The jobs' record of a trial, judged."""
import collections
import os


class Verdict:
    """Counts of events: lost; ended twice; begun again without SGTK_PYTHON_AGAIN; run beside itself; run with the core of
    another project; run together with another of its project; begun after a later one of its project."""

    FIELDS = ("events", "lost", "twice", "untold", "beside", "wrong", "together", "disorder")
    FAULTS = ("lost", "untold", "beside", "wrong")
    FAULTS_OF_ORDER = ("together", "disorder")

    def __init__(self, folder, ids, keeps_order=True):
        self.events, self._keeps_order = len(ids), keeps_order
        self.twice = self.untold = self.beside = self.wrong = self.together = self.disorder = 0
        ended = collections.Counter()
        for name in os.listdir(folder):
            with open(os.path.join(folder, name)) as file:
                self._judge([line.split() for line in file if line.endswith("\n")], ended)
        self.lost = len(set(ids) - set(ended))
        self.twice = sum(1 for count in ended.values() if count > 1)

    def _judge(self, lines, ended):
        newest, begun = 0, set()
        for word, number, again, _ in lines:
            number = int(number)
            if word == "begin":
                self.disorder += number < newest
                self.untold += number in begun and again != "1"
                newest = max(newest, number)
                begun.add(number)
            elif word == "end":
                ended[number] += 1
            else:
                setattr(self, word, getattr(self, word) + 1)

    @property
    def is_good(self):
        faults = self.FAULTS + (self.FAULTS_OF_ORDER if self._keeps_order else ())
        return not any(getattr(self, fault) for fault in faults)


def ended(folder):
    """Returns how many events have ended."""
    found = set()
    for name in os.listdir(folder):
        with open(os.path.join(folder, name)) as file:
            found.update(line.split()[1] for line in file if line.startswith("end ") and line.endswith("\n"))
    return len(found)
