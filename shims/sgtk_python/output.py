"""The output of a job: its end is kept, its lines are logged."""
from __future__ import annotations

import logging
import re
import threading
from typing import Any, Callable, Iterator, List, Optional, Union

from .masking import Masked
from .words import one_line

#: Takes the lines of a job: a logger, or a function of a level and a line.
Log = Union[logging.Logger, "logging.LoggerAdapter[Any]", Callable[[int, str], Any]]

#: A longer line is logged in pieces (bytes).
LONGEST_LINE = 16 * 1024
#: More lines do not wait for Python to start.
MOST_HELD = 1000

_LEVEL = "(DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)"
#: At the start of a line: 2024-01-01 10:00:00,123 or [2024-01-01T10:00:00Z] or 10:00:00, and the separator after it.
_TIME = re.compile(r"[\[(]?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d[\d.,]*(?: ?Z| ?[+-]\d\d:?\d\d)?[\])]?[\s:|-]+(?=\S)")
#: A level, with the marks that distinguish it from prose.
_NAMED_LEVEL = re.compile("|".join((
    _LEVEL + r"(?::|\s+[-|]|\t|\s*$)",                  # ERROR: x, ERROR:root:x, ERROR - x, ERROR | x
    r"[\[<]" + _LEVEL + r"[\]>]",                       # [ERROR] x
    r"\[(?:\d+ )?" + _LEVEL + r" [^\]]{1,100}\]",       # [ERROR sgtk.ext.tool] x, [12345 ERROR sgtk.core] x
)))
#: After a time it needs no mark, or follows a name.
_TIMED_LEVEL = re.compile("|".join((
    r"(?:\w[\w-]*\.[\w.-]+\s+)?" + _LEVEL + r"[\s/]",   # ERROR x, sgtk.core ERROR x
    r"[\w.\[\]: -]{0,80}?[\s\[|-]" + _LEVEL + r"(?:\]?:|\]|\s+[-|]|\s*$)",  # my.name - ERROR - x, my.name [ERROR] x
)))
_LEVELS = {
    "DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARNING": logging.WARNING, "WARN": logging.WARNING,
    "ERROR": logging.ERROR, "CRITICAL": logging.CRITICAL, "FATAL": logging.CRITICAL,
}


def named_level(line: str) -> Optional[int]:
    """Returns the level that a line of a log names itself."""
    time_of_day = _TIME.match(line)
    rest = line[time_of_day.end():] if time_of_day else line
    named = _NAMED_LEVEL.match(rest) or (_TIMED_LEVEL.match(rest) if time_of_day else None)
    return _LEVELS[next(filter(None, named.groups()))] if named else None


class Pipe:
    """One of a job's streams. Until :meth:`release` its lines are held back: the launcher writes them, and their level
    depends on whether Python starts."""

    def __init__(self, stream: Any, level: int, keep: int, logger: Optional[Log], masked: Masked) -> None:
        self._stream = stream
        self._masked = masked
        self._level = level
        self._keep = max(0, keep)
        self._logger = logger
        self._end = bytearray()
        self._held: Optional[List[bytes]] = []
        self._fixed_level: Optional[int] = None
        #: Held while a line is handed on: they come from two threads.
        self._lock = threading.Lock()
        self.truncated = False
        self.failure: Optional[BaseException] = None
        self.ended = threading.Event()

    def read(self) -> None:
        """Reads to the end of the stream."""
        pending = b""
        try:
            with self._stream as stream:
                for chunk in self._chunks(stream):
                    self._remember(chunk)
                    if self._logger is not None:
                        lines = (pending + chunk).split(b"\n")
                        pending = lines.pop()
                        self._take(lines)
                        if len(pending) > LONGEST_LINE:
                            self._take([pending])
                            pending = b""
            if pending:
                self._take([pending])
        except (OSError, ValueError) as error:
            self.failure = self.failure or error
        finally:
            self.ended.set()

    def release(self, level: Optional[int] = None) -> None:
        """Hands on the lines that were held back, and no longer holds any back. With a ``level`` all
        lines get it, whatever they name: the launcher wrote them."""
        with self._lock:
            self._fixed_level = level
            held, self._held = self._held, None
            self._hand_on(held or [])

    def text(self) -> str:
        return bytes(self._end[max(0, len(self._end) - self._keep):]).decode("utf-8", "backslashreplace")

    def _chunks(self, stream: Any) -> Iterator[bytes]:
        """Yields the output without secrets: they are hidden before anything is cut."""
        # No variable of this frame holds output that is not masked yet.
        yield from map(self._masked.take, iter(lambda: stream.read(65536), b""))
        yield self._masked.take(b"", is_last=True)

    def _remember(self, chunk: bytes) -> None:
        self._end += chunk
        if len(self._end) > self._keep:
            self.truncated = True
            if len(self._end) > 2 * self._keep + len(chunk):
                del self._end[:len(self._end) - self._keep]

    def _take(self, lines: List[bytes]) -> None:
        with self._lock:
            if self._held is not None:
                self._held += lines
                if len(self._held) <= MOST_HELD:
                    return
                lines, self._held = self._held, None
            self._hand_on(lines)

    def _hand_on(self, lines: List[bytes]) -> None:
        # The stream is read to its end even if the logger fails, or the job would stand still.
        for line in lines:
            for start in range(0, len(line) or 1, LONGEST_LINE):
                if self._logger is None:
                    return
                text = one_line(line[start:start + LONGEST_LINE].rstrip(b"\r").decode("utf-8", "backslashreplace"))
                try:
                    self._log(self._fixed_level or named_level(text[:200]) or self._level, text)
                except Exception as error:
                    self.failure = error
                    self._logger = None

    def _log(self, level: int, line: str) -> None:
        logger: Any = self._logger
        if hasattr(logger, "log"):
            logger.log(level, "%s", line)
        else:
            logger(level, line)
