"""The ways in which a job fails."""
from __future__ import annotations

from typing import Dict, Optional, Type


class Error(Exception):
    """A job could not be started, or did not end well. ``code`` is the exit code if there is one, ``kind`` the
    launcher's word for its failure, ``project`` the project of the job, and ``tail`` the last lines of its output."""

    def __init__(
        self, message: str, code: Optional[int] = None, project: str = "", tail: str = "", kind: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.project = project
        self.tail = tail
        self.kind = kind


class NoProject(Error):
    """The event has no project, or the project has no configuration here: often a reason to do nothing."""


class BrokenStudio(Error):
    """The project's configuration or core, or the launcher's settings, are broken; the message names the file."""


class WrongUse(Error):
    """The launcher or this package was called wrongly, or the launcher failed in another way before the script ran."""


class PythonNotFound(Error):
    """The project's Python does not exist, or cannot run its core."""


class LauncherNotFound(Error):
    """No sgtk-python was found."""


class Busy(Error):
    """Another run with ``--exclusive`` has not ended."""


class JobFailed(Error):
    """The script ended with another code than 0, or by a signal; ``tail`` says more. It ran, wholly or in part,
    or may have: check what it did before you run it again."""


class JobTimedOut(JobFailed):
    """The script took too long, and was ended."""


class JobLost(JobFailed):
    """It is unknown how the script ended, or whether it ran: its worker or its launcher was killed, or something
    else in this process reaped the launcher. Check what it did before you run it again."""


class NotSubmitted(Error):
    """An engine did not take a unit of work, or it is unknown whether it did."""


class NoEvent(Error):
    """No event came on standard input."""


_BY_CODE: Dict[int, Type[Error]] = {
    75: Busy, 121: NoProject, 122: BrokenStudio, 125: WrongUse, 126: PythonNotFound, 127: PythonNotFound,
}


def class_of(code: int) -> Type[Error]:
    """Returns the exception for a failure of the launcher, by the code that it reports."""
    return _BY_CODE.get(code, WrongUse)
