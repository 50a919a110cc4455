"""How a unit of work is handed to an engine."""
from __future__ import annotations

import importlib
import os
import re
import signal
import subprocess
import tempfile
from typing import Any, Dict, Sequence, Union

from .errors import Error, NotSubmitted
from .words import last_lines, one_line, with_tail

#: Seconds that an engine gets to take a unit.
PATIENCE = 60.0

_FIELD = re.compile(r"\{(\w*)\}")
_FIELDS = ("unit", "key", "project", "event")
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")


class Submission:
    """A command, whose words hold ``{unit}``, ``{key}``, ``{project}`` and ``{event}``, or a function
    ``"module:function"``, which gets ``unit`` and these by name, and ``timeout``. Raises ``ValueError`` for another
    thing."""

    def __init__(self, how: Union[str, Sequence[str]]) -> None:
        self._how = how
        if isinstance(how, str):
            if not _FUNCTION.match(how):
                raise ValueError("it is a list of words, or \"module:function\", not %r" % how)
            return
        if not how or not all(isinstance(word, str) for word in how):
            raise ValueError("it is a list of words, or \"module:function\", not %r" % (how,))
        for field in _FIELD.findall(" ".join(how)):
            if field not in _FIELDS:
                raise ValueError("there is no {%s}; there are {%s}" % (field, "}, {".join(_FIELDS)))
        if "{unit}" not in " ".join(how):
            raise ValueError("no word holds {unit}")

    def submit(self, unit: str, key: str, project: Any, event: Any, timeout: float = PATIENCE) -> str:
        """Hands over a unit. Returns the last line of the answer. Raises :class:`NotSubmitted` if the engine may not
        have it: then the same unit may be handed over again, and runs once."""
        values = {"unit": unit, "key": key, "project": str(project), "event": str(event)}
        if isinstance(self._how, str):
            return self._call(values, timeout)
        return self._start([_FIELD.sub(lambda found: values[found.group(1)], word) for word in self._how], timeout)

    def _call(self, values: Dict[str, str], timeout: float) -> str:
        module, _, name = str(self._how).partition(":")
        try:
            return one_line(getattr(importlib.import_module(module), name)(timeout=timeout, **values) or "")
        except Exception as error:
            reason = str(error) if isinstance(error, Error) else "%s: %s" % (type(error).__name__, error)
            raise NotSubmitted("%s failed: %s" % (self._how, one_line(reason))) from None

    @staticmethod
    def _start(words: Sequence[str], timeout: float) -> str:
        # Files instead of pipes, which a process that the command leaves running could hold open.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True)
            except (OSError, ValueError) as error:
                raise NotSubmitted("%s cannot be started: %s" % (words[0], error)) from None
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                raise NotSubmitted("%s did not end within %g seconds" % (words[0], timeout)) from None
            finally:
                if process.returncode is None:
                    _kill(process)
            answer, complaint = _text_of(output), _text_of(errors)
        if code != 0:
            raise NotSubmitted(with_tail("%s ended with %d" % (words[0], code), last_lines(complaint or answer)))
        return last_lines(answer).rpartition("\n")[2]


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if os.name == "nt":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text_of(file: Any) -> str:
    file.seek(0)
    text: bytes = file.read(1024 * 1024)
    return text.decode("utf-8", "backslashreplace").strip()
