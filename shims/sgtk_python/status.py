"""The steps of a launch, which the launcher reports (its option ``--status-fd``)."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import Any, Callable, Dict, NamedTuple, Optional

if sys.platform == "win32":
    import msvcrt


class Failure(NamedTuple):
    """A failure of the launcher: Python did not run, or its worker was lost."""

    code: int
    kind: str
    message: str
    hint: Optional[str]


class Status:
    """The launcher's reports of one launch, read from a pipe as they come."""

    def __init__(self) -> None:
        #: How Python runs, once it does: "plain" or "worker".
        self.how: Optional[str] = None
        #: Why a job that should run in a worker does not.
        self.cold: Optional[str] = None
        #: Whether a job in a worker is known to have ended.
        self.ended = False
        #: Why it is unknown how a job in a worker ended.
        self.lost: Optional[str] = None
        self.failure: Optional[Failure] = None
        #: Set when no more reports come.
        self.closed = threading.Event()
        reader, self._writer = os.pipe()
        self._reader = os.fdopen(reader, "rb", 0)

    @property
    def option(self) -> str:
        return "--status-fd=%d" % self._number

    @property
    def _number(self) -> int:
        if sys.platform == "win32":
            return msvcrt.get_osfhandle(self._writer)
        return self._writer

    def popen_options(self) -> Dict[str, Any]:
        """Returns the options with which ``Popen`` leaves the pipe to the launcher, and to no other process."""
        if sys.platform == "win32":
            os.set_handle_inheritable(self._number, True)
            startup = subprocess.STARTUPINFO()
            startup.lpAttributeList = {"handle_list": [self._number]}
            return {"startupinfo": startup}
        return {"pass_fds": (self._writer,)}

    def close_writer(self) -> None:
        """Leaves the launcher the only one that holds the pipe open: reading ends when it execs or ends."""
        os.close(self._writer)

    def close(self) -> None:
        """Closes both ends, if no launcher was started."""
        self.close_writer()
        self._reader.close()

    def read(self, on_decision: Callable[[], None]) -> None:
        """Reads until no more reports come. Calls ``on_decision`` as soon as it is known whether Python runs."""
        is_decided = False
        rest = b""
        try:
            with self._reader as reader:
                for piece in iter(lambda: reader.read(65536), b""):
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        self._take(line)
                    if not is_decided and (self.how or self.failure):
                        is_decided = True
                        on_decision()
        finally:
            try:
                if not is_decided:
                    on_decision()
            finally:
                self.closed.set()

    def _take(self, line: bytes) -> None:
        try:
            report = json.loads(line.decode("utf-8"))
            step = report["status"]
            if step == "started":
                self.how = str(report["how"])
            elif step == "cold":
                self.cold = str(report["why"])
            elif step == "ended":
                self.ended = True
            elif step == "lost":
                self.lost = str(report["why"])
            elif step == "error":
                hint = report.get("hint")
                code, kind, message = int(report["code"]), str(report["kind"]), str(report["message"])
                self.failure = Failure(code, kind, message, hint and str(hint))
        except (ValueError, LookupError, TypeError, AttributeError):
            # Another program in the launcher's place; without a start the job counts as lost.
            pass
