"""The steps of a launch, which the launcher reports (its option ``--status-fd``)."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from .masking import Masked, Secrets

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


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
        #: The process of a job in a worker.
        self.pids: List[int] = []
        #: Why a job that should run in a worker does not.
        self.cold: Optional[str] = None
        #: Whether a job in a worker is known to have ended.
        self.ended = False
        #: Why it is unknown how a job in a worker ended.
        self.lost: Optional[str] = None
        self.failure: Optional[Failure] = None
        #: Set when no more reports come.
        self.closed = threading.Event()
        reader, writer = os.pipe()
        self._reader = os.fdopen(_above_streams(reader), "rb", 0)
        self._writer = _above_streams(writer)

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

    def read(self, secrets: Secrets, on_decision: Callable[[], None]) -> None:
        """Reads until no more reports come, and masks secrets in them. Calls ``on_decision`` as soon as it is known
        whether Python runs."""
        is_decided = False
        rest = b""
        try:
            with self._reader as reader:
                for piece in iter(lambda: reader.read(65536), b""):
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        self._take(line, secrets)
                    if not is_decided and (self.how or self.failure):
                        is_decided = True
                        on_decision()
        finally:
            try:
                if not is_decided:
                    on_decision()
            finally:
                self.closed.set()

    def _take(self, line: bytes, secrets: Secrets) -> None:
        try:
            report = json.loads(line.decode("utf-8"))
            step = report["status"]
            if step == "started":
                self.how = str(report["how"])
                self.pids = [int(report["pid"])] if "pid" in report else []
            elif step == "cold":
                self.cold = _masked(report["why"], secrets)
            elif step == "ended":
                self.ended = True
            elif step == "lost":
                self.lost = _masked(report["why"], secrets)
            elif step == "error":
                hint = report.get("hint")
                code, kind, message = int(report["code"]), str(report["kind"]), _masked(report["message"], secrets)
                self.failure = Failure(code, kind, message, hint and _masked(hint, secrets))
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
            # Another program in the launcher's place; without a start the job counts as lost.
            pass


def _masked(text: Any, secrets: Secrets) -> str:
    data = str(text).encode("utf-8", "backslashreplace")
    return Masked(secrets).take(data, is_last=True).decode("utf-8", "backslashreplace")


def _above_streams(descriptor: int) -> int:
    """Returns a descriptor of the same file that is none of the standard streams, which a daemon may have closed."""
    if sys.platform == "win32" or descriptor > 2:
        return descriptor
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(descriptor)
    return moved
