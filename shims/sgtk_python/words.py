"""Words of a command line, and text for a log."""
from __future__ import annotations

import os
import textwrap
from typing import Any, Union

#: A word of the command line.
Word = Union[str, bytes, "os.PathLike[Any]", int, float]

_CONTROLS = {number: "\\x%02x" % number for number in list(range(32)) + [127] if number != 9}


def checked_word(word: Word) -> Union[str, bytes]:
    """Returns a word as the system takes it. Raises ``TypeError`` for all but text, paths and numbers."""
    if isinstance(word, (int, float)) and not isinstance(word, bool):
        return str(word)
    if isinstance(word, (str, bytes, os.PathLike)):
        return os.fspath(word)
    raise TypeError("an argument is text, a path or a number, not %r; give other things in the event" % (word,))


def one_line(value: Any) -> str:
    """Returns a value, such as a project's name, as part of one line in a log: it can neither start another line
    there nor change a terminal."""
    return str(value).translate(_CONTROLS)


def last_lines(text: str) -> str:
    return "\n".join(one_line(line) for line in text.rstrip()[-4000:].splitlines()[-20:])


def with_tail(message: str, tail: str) -> str:
    # Indented, it cannot pass for a record of the log's own.
    return message + (":\n" + textwrap.indent(tail, "  ") if tail else "")
