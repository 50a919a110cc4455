"""The result of a job."""
from __future__ import annotations

import signal
from typing import Optional

from .errors import Error, JobFailed, JobLost, JobTimedOut, class_of
from .status import Failure, Status
from .words import last_lines, one_line, with_tail


class Result:
    """The end of a job. ``code`` is Python's exit code, negative the signal that ended it; ``stdout`` and
    ``stderr`` are the ends of its output (bytes that are no UTF-8 appear as ``\\xNN``), ``truncated`` is true if
    more was written than kept. ``how`` is "plain", "worker", or None if Python is not known to have run;
    ``cold`` says why a job that should run in a worker did not."""

    def __init__(
        self, script: str, project: str, code: int, stdout: str, stderr: str, truncated: bool,
        timed_out_after: Optional[float], seconds: float, status: Status, reaped_elsewhere: bool,
    ) -> None:
        self.script = script
        self.project = project
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.truncated = truncated
        self.timed_out = timed_out_after is not None
        self.seconds = seconds
        self.how = status.how
        self.cold = status.cold
        self._status = status
        self._timed_out_after = timed_out_after
        self._reaped_elsewhere = reaped_elsewhere

    def __repr__(self) -> str:
        return "<Result of %s for %s: code %d>" % (self.script, self.project, self.code)

    @property
    def error(self) -> Optional[Error]:
        """The failure, or None."""
        tail = last_lines(self.stderr) or last_lines(self.stdout)
        name = "%s for %s" % (self.script, self.project)
        if self._timed_out_after is not None:
            message = "%s did not end within %g seconds and was ended" % (name, self._timed_out_after)
            return JobTimedOut(with_tail(message, tail), self.code, self.project, tail)
        failure = self._status.failure
        if failure is not None and self._status.lost is None:
            return class_of(failure.code)(_text_of(failure), self.code, self.project, tail, failure.kind)
        why_lost = self._why_lost()
        if why_lost is not None:
            kind = "" if failure is None else failure.kind
            message = "%s: it is unknown how it ended: %s" % (name, why_lost)
            return JobLost(with_tail(message, tail), self.code, self.project, tail, kind)
        if self.code == 0:
            return None
        return JobFailed(with_tail("%s %s" % (name, _ending(self.code)), tail), self.code, self.project, tail)

    def check(self) -> "Result":
        """Raises the failure, if there is one."""
        error = self.error
        if error is not None:
            raise error
        return self

    def _why_lost(self) -> Optional[str]:
        """Returns why the end of the script is unknown; None if it is known."""
        status = self._status
        if status.lost is not None:
            return _text_of(status.failure) if status.failure else one_line(status.lost)
        if self._reaped_elsewhere:
            return "something else reaps the children of this process (an ignored SIGCHLD, a wait for any child)"
        if status.how is None:
            return "the launcher reported no start, and %s" % _ending(self.code)
        if status.how == "worker" and not status.ended:
            return "the launcher %s before its job in a worker ended" % _ending(self.code)
        return None


def _text_of(failure: Failure) -> str:
    return one_line(failure.message + ("; hint: " + failure.hint if failure.hint else ""))


def _ending(code: int) -> str:
    if code >= 0:
        return "ended with exit code %d" % code
    try:
        return "was ended by signal %d (%s)" % (-code, signal.Signals(-code).name)
    except ValueError:
        return "was ended by signal %d" % -code
