"""``python3 -m sgtk_python VERB …``, or ``python3 /path/of/sgtk_python VERB …``."""
import os
import signal
import sys
from typing import Callable, Dict, NoReturn, Sequence

if not __package__:
    # Run by its path, Python looks for modules in this folder, whose names are not meant for all.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from sgtk_python.claim import own_claim
from sgtk_python.errors import Error, JobLost
from sgtk_python.id_file import copy_ids, mend_ids
from sgtk_python.saved import replay
from sgtk_python.unit import Unit

USAGE = """usage: python3 -m sgtk_python VERB …
  events …            list the journal's events, and change them; --help says more
  replay FILE|KEY     run a saved or failed event again
  unit FILE           run a unit of work on this machine, at most once
  mend-ids FILE       before shotgunEvents starts: copy its id file to FILE.good, or restore it from there
  copy-ids FILE       while shotgunEvents runs: copy its id file to FILE.good
"""


def main(words: Sequence[str]) -> int:
    verb, rest = words[0] if words else "", words[1:]
    try:
        if verb == "events":
            return _events(rest)
        if verb in VERBS and len(rest) == 1:
            return VERBS[verb](rest[0])
    except (Error, OSError, ValueError, KeyError, TypeError) as error:
        _say(error)
        return (error.code if isinstance(error, Error) else None) or 125
    sys.stderr.write(USAGE)
    return 125


def _events(words: Sequence[str]) -> int:
    from sgtk_python.console import events

    return events(words)


def _replay(path: str) -> int:
    if not os.path.exists(path):
        from sgtk_python.console import saved_file

        path = saved_file(path)
    result = replay(path)
    if isinstance(result.error, JobLost):
        _say(result.error)
        return result.code if result.code > 0 else 125
    return result.code if result.code >= 0 else 128 - result.code


def _unit(path: str) -> int:
    # The engine ends it so; the job ends with it.
    signal.signal(signal.SIGTERM, _leave)
    outcome = Unit(path).run(own_claim())
    _say("%s: %s on %s at %s%s" % (
        path, outcome.state, outcome.host, outcome.ended, ": " + outcome.message if outcome.message else ""))
    return outcome.exit_code


def _leave(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


def _mend_ids(path: str) -> int:
    _say(mend_ids(path))
    return 0


def _copy_ids(path: str) -> int:
    # Nothing is said of a good one, for cron mails each line.
    if not copy_ids(path):
        _say("%s is not whole at the moment; its copy stays" % path)
    return 0


def _say(message: object) -> None:
    sys.stderr.write("sgtk_python: %s\n" % message)


VERBS: Dict[str, Callable[[str], int]] = {
    "replay": _replay, "unit": _unit, "mend-ids": _mend_ids, "copy-ids": _copy_ids,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
