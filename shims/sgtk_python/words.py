"""Words of a command line, and text for a log."""
from __future__ import annotations

import os
import re
import textwrap
from typing import Any, Union

#: A word of the command line.
Word = Union[str, bytes, "os.PathLike[Any]", int, float]

#: Characters that break a line, change the order of its characters, or hide (the launcher's list: ``src/display.rs``).
_ODD = (
    *range(0x20), *range(0x7f, 0xa0), 0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, *range(0x180b, 0x1810),
    *range(0x200b, 0x2010), *range(0x2028, 0x202f), *range(0x2060, 0x2070), 0x3164, *range(0xfe00, 0xfe10), 0xfeff,
    0xffa0, *range(0xfff0, 0xfffc), *range(0x1bca0, 0x1bca4), *range(0x1d173, 0x1d17b), *range(0xe0000, 0xe1000),
)
_FORMS = (0x100, "\\x%02x"), (0x10000, "\\u%04x"), (0x110000, "\\U%08x")
_ESCAPES = {number: next(form for end, form in _FORMS if number < end) % number for number in _ODD if number != 9}


def checked_word(word: Word) -> Union[str, bytes]:
    """Returns a word as the system takes it. Raises ``TypeError`` for all but text, paths and numbers."""
    if isinstance(word, (int, float)) and not isinstance(word, bool):
        return str(word)
    if isinstance(word, (str, bytes, os.PathLike)):
        return os.fspath(word)
    raise TypeError("an argument is text, a path or a number, not %r; give other things in the event" % (word,))


def one_line(value: Any) -> str:
    """Returns a value, such as a project's name, as part of one line in a log: it can neither start another line
    there, nor change a terminal, nor reverse or hide a part of itself."""
    return str(value).translate(_ESCAPES)


def last_lines(text: str) -> str:
    return "\n".join(one_line(line) for line in re.split("\r?\n", text.rstrip()[-4000:])[-20:])


def with_tail(message: str, tail: str) -> str:
    # Indented, it cannot pass for a record of the log's own.
    return message + (":\n" + textwrap.indent(tail, "  ") if tail else "")
