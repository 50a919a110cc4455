"""``python -m sgtk_python replay FILE``, or ``python /path/of/sgtk_python replay FILE``."""
import os
import sys
from typing import Sequence

if not __package__:
    # Run by its path, Python looks for modules in this folder, whose names are not meant for all.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from sgtk_python.errors import Error, JobLost
from sgtk_python.saved import replay


def main(words: Sequence[str]) -> int:
    if len(words) != 2 or words[0] != "replay":
        sys.stderr.write("usage: python -m sgtk_python replay FILE\n")
        return 125
    try:
        result = replay(words[1])
    except (Error, OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write("sgtk_python: %s\n" % error)
        return 125
    if isinstance(result.error, JobLost):
        sys.stderr.write("sgtk_python: %s\n" % result.error)
        return result.code if result.code > 0 else 125
    return result.code if result.code >= 0 else 128 - result.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
