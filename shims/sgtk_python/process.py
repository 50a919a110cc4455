"""The launcher's process: how it is started, and how it gets its input."""
from __future__ import annotations

import errno
import os
import subprocess
from typing import IO, Any, Dict, List, NoReturn, Optional, Union

from .errors import LauncherNotFound, WrongUse
from .status import Status
from .variables import Environment

WINDOWS = os.name == "nt"

#: The variable with the process number of the caller that a job ends with. The launcher takes it.
PARENT = "SGTK_PYTHON_PARENT"


def spawned(
    command: List[Union[str, bytes]], takes_input: bool, environment: Environment,
    cwd: Optional[Union[str, bytes]], capture: bool, status: Status,
) -> "subprocess.Popen[bytes]":
    output = subprocess.PIPE if capture else None
    special: Dict[str, Any] = status.popen_options()
    if capture and WINDOWS:
        special["creationflags"] = 0x08000000  # no console window (CREATE_NO_WINDOW)
    elif capture:
        special["start_new_session"] = True  # a group of its own, so that a time-out ends all of it
    try:
        process = subprocess.Popen(
            [command[0], status.option] + command[1:], stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
            stdout=output, stderr=output, env=environment, cwd=cwd, bufsize=0, **special
        )
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        reason = getattr(error, "strerror", None) or str(error)
    else:
        status.close_writer()
        return process
    status.close()
    # Raised outside, for the failure holds what could not be passed, and its frames all variables.
    return _refuse(os.fsdecode(command[0]), number, reason, None if cwd is None else os.fsdecode(cwd))


def _refuse(launcher: str, number: Optional[int], reason: str, cwd: Optional[str]) -> NoReturn:
    if number == errno.E2BIG:
        raise WrongUse("an argument or variable is too long for this system; give it in the event, or in a file")
    if cwd is not None and not os.path.isdir(cwd):
        raise WrongUse("there is no folder %s to run in" % cwd)
    if number is None:
        raise WrongUse("a word or variable cannot be passed: %s" % reason)
    raise LauncherNotFound("%s cannot be started: %s" % (launcher, reason))


def feed_at_once(stream: IO[bytes], payload: bytes) -> bytes:
    """Writes as much of the job's input as fits into its pipe, mostly all of it, and returns the rest."""
    if WINDOWS:
        return payload
    try:
        os.set_blocking(stream.fileno(), False)
        payload = payload[stream.write(payload) or 0:]
        os.set_blocking(stream.fileno(), True)
        if not payload:
            stream.close()
    except OSError:
        stream.close()
        payload = b""
    return payload


def feed(stream: IO[bytes], payload: bytes) -> None:
    """Writes the job's input. A job that does not read it, or has ended, is no failure."""
    view = memoryview(payload)
    try:
        with stream:
            while view:
                view = view[stream.write(view):]
    except OSError:
        pass
