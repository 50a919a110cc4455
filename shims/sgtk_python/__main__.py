"""``python -m sgtk_python replay FILE``, ``… events``; also ``python /path/of/sgtk_python …``."""
import os
import sys
from typing import Sequence

if not __package__:
    # Run by its path, Python looks for modules in this folder, whose names are not meant for all.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from sgtk_python.console import events, saved_file
from sgtk_python.errors import Error, JobLost
from sgtk_python.saved import replay


USAGE = """usage: python3 -m sgtk_python replay FILE|KEY   run a saved or failed event again
       python3 -m sgtk_python events …           list the journal's events; --help says more
"""


def main(words: Sequence[str]) -> int:
    verb, rest = words[:1], words[1:]
    try:
        if verb == ["events"]:
            return events(rest)
        if verb == ["replay"] and len(rest) == 1:
            return replayed(rest[0])
    except (Error, OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write("sgtk_python: %s\n" % error)
        return 125
    sys.stderr.write(USAGE)
    return 125


def replayed(path: str) -> int:
    """Runs a saved event again, by its file or by its key in the journal; returns its exit code."""
    result = replay(path if os.path.exists(path) else saved_file(path))
    if isinstance(result.error, JobLost):
        sys.stderr.write("sgtk_python: %s\n" % result.error)
        return result.code if result.code > 0 else 125
    return result.code if result.code >= 0 else 128 - result.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
