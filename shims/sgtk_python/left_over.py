"""The processes of a run, which may be left when its caller was killed. Linux alone shows enough of them."""
from __future__ import annotations

import os
import re
import signal
import time
from typing import List, Mapping, Optional, Sequence, Set, Tuple

#: The variable with the marks of a run, which the launcher passes on to the job.
RUN = "SGTK_PYTHON_RUN"
#: Seconds that they get to end before they are killed.
GRACE = 5.0
#: Seconds that the system gets to end killed ones.
_PATIENCE = 10.0
#: Seconds between two looks.
_PAUSE = 0.02
#: Outer runs whose marks a run inside them keeps.
_OUTER_MARKS = 7
_MARK = re.compile("[0-9a-f]{16,64}")
#: Whether this system shows the variables of a process.
CAN_LOOK = os.path.exists("/proc/self/environ")


def new_mark() -> str:
    """Returns a mark for the processes of one run."""
    return os.urandom(8).hex()


def checked_mark(mark: str) -> str:
    """Raises ``ValueError`` for a mark that another run may have."""
    if not isinstance(mark, str) or not _MARK.fullmatch(mark):
        raise ValueError("a mark is 16 to 64 random hexadecimal digits, not %r" % (mark,))
    return mark


def marks_with(mark: str, variables: Mapping[str, str]) -> str:
    """Returns the marks of a run that is started with these variables: of the runs that it is part of, and its own."""
    return " ".join(variables.get(RUN, "").split()[-_OUTER_MARKS:] + [mark])


def identity_of(pid: int) -> Optional[str]:
    """Returns a text that no other process of this number has: its start and the machine's (proc(5), ``stat``). None if
    the process has ended, or the system does not say."""
    fields = stat_fields(pid)
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return "%s %s" % (fields[19], file.read().strip()) if fields else None
    except OSError:
        return None


def end_left_over(mark: str, processes: Sequence[Tuple[int, str]] = ()) -> bool:
    """Ends all that a run with this mark has left: the launcher, the job, and the programs that they have started. They
    get TERM, and KILL after a grace. ``processes`` are further ones, as :meth:`Job.processes` returns them. Waits until
    all are gone; returns whether that is certain. False on other systems than Linux, and where a process does not
    end. A program that has replaced its variables is not found, and one that hides them (setuid) is not either."""
    looked_for = _LookedFor(checked_mark(mark), processes)
    if not CAN_LOOK:
        return False
    asked: Set[int] = set()
    kill_from = time.monotonic() + GRACE
    is_gone = False
    while time.monotonic() < kill_from + _PATIENCE:
        found = looked_for.found()
        if not found and is_gone:
            return True
        # One that starts another while the list is read may be missed: only a second look is certain.
        is_gone = not found
        is_time_to_kill = time.monotonic() >= kill_from
        for pid in found:
            if is_time_to_kill or pid not in asked:
                asked.add(pid)
                _send(pid, signal.SIGKILL if is_time_to_kill else signal.SIGTERM)
        time.sleep(_PAUSE)
    return False


class _LookedFor:
    """A run, by all that can be seen of it."""

    def __init__(self, mark: str, processes: Sequence[Tuple[int, str]]) -> None:
        self._in_variables = re.compile(br"(?:^|\0)%s=[^\0]*\b%s\b" % (RUN.encode(), mark.encode()))
        # The variables of a job in a worker are the worker's: it shows the mark as its name (shims/worker/plan.py).
        self._name = b"job-%s\n" % mark[:11].encode()
        self._processes = dict(processes)

    def found(self) -> List[int]:
        """Returns the processes that have not ended, without this one."""
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        return [number for number in numbers if number != os.getpid() and self._is_of_run(number)]

    def _is_of_run(self, pid: int) -> bool:
        return (self._has_mark(pid) or self._has_name(pid) or self._is_listed(pid)) and _is_running(pid)

    def _has_mark(self, pid: int) -> bool:
        try:
            # No variable of this frame holds the process' own, which may be secrets.
            with open("/proc/%d/environ" % pid, "rb") as file:
                return self._in_variables.search(file.read()) is not None
        except OSError:
            return False

    def _has_name(self, pid: int) -> bool:
        # Any user can give a process a name.
        try:
            with open("/proc/%d/comm" % pid, "rb") as file:
                return file.read() == self._name and os.fstat(file.fileno()).st_uid == os.geteuid()
        except OSError:
            return False

    def _is_listed(self, pid: int) -> bool:
        return pid in self._processes and identity_of(pid) == self._processes[pid]


def _is_running(pid: int) -> bool:
    fields = stat_fields(pid)
    return fields is not None and fields[0] not in ("Z", "X")


def stat_fields(pid: int) -> Optional[List[str]]:
    """Returns the fields of ``/proc/PID/stat`` after the name: the state, the parent, …; the start is the 20th."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return None


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass
