"""The process that works on a unit of work, as the name of a file says it."""
from __future__ import annotations

import os
import socket
from typing import NamedTuple, Optional
from urllib.parse import quote, unquote

from .left_over import end_left_over, new_mark, stat_fields

#: The first words of a claim's file name: its process works on the unit, or has ended the job before its end.
RUNNING, STOPPED = "running", "stopped"


class Claim(NamedTuple):
    """A process, and the job of an engine that it is part of."""

    host: str
    #: The host's start and process table; empty where the system does not say.
    table: str
    pid: int
    #: When the process started, in the system's ticks: a number is given to another process later.
    started: str
    #: The engine's name and id of the job; empty without an engine that says when it starts a job again.
    job: str
    #: How often the engine has started the job again.
    restart: int
    #: The mark of the job's processes (see :mod:`.left_over`); two claims of one process differ by it.
    mark: str

    def file_name(self, state: str = RUNNING) -> str:
        fields = ("%s=%s" % (name, quote(str(value), safe="")) for name, value in zip(self._fields, self))
        return ",".join([state, *fields])

    def reason_to_wait(self, first: "Claim") -> Optional[str]:
        """Returns why the process of another claim or its job may be at work; None if they are known to be dead. On
        this host, ends what a dead one has left."""
        if first.table and (first.host, first.table) == (self.host, self.table):
            if _start_of(first.pid) == first.started:
                return "process %d of this host works on it" % first.pid
            return None if end_left_over(first.mark) else "its processes on this host do not end"
        if self.is_restart_of(first.job, first.restart):
            return None
        return "process %d of host %s has begun it, and no engine says that it is dead" % (first.pid, first.host)

    def is_restart_of(self, job: str, restart: int) -> bool:
        """Returns whether the engine has started the same job again since."""
        return bool(self.job) and self.job == job and self.restart > restart


def own_claim(job: str = "", restart: int = 0) -> Claim:
    """Returns a claim of this process. ``job`` and ``restart`` are the engine's; Slurm says them by variables."""
    if not job and os.environ.get("SLURM_JOB_ID"):
        job = "slurm-%s-%s" % (os.environ.get("SLURM_CLUSTER_NAME", ""), os.environ["SLURM_JOB_ID"])
        restart = int(os.environ.get("SLURM_RESTART_COUNT") or 0)
    pid = os.getpid()
    return Claim(socket.gethostname(), _process_table(), pid, _start_of(pid) or "", job, restart, new_mark())


def parsed(name: str) -> Optional[Claim]:
    """Returns the claim of a file; None if the file is no claim."""
    state, *fields = name.split(",")
    if state not in (RUNNING, STOPPED):
        return None
    values = {key: unquote(value) for key, _, value in (field.partition("=") for field in fields)}
    try:
        return Claim(
            values["host"], values["table"], int(values["pid"]), values["started"], values["job"],
            int(values["restart"]), values["mark"])
    except (KeyError, ValueError):
        return None


def _process_table() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return "%s-%d" % (file.read().strip()[:8], os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return ""


def _start_of(pid: int) -> Optional[str]:
    """Returns when a process started; None if it has ended."""
    fields = stat_fields(pid)
    return None if fields is None or fields[0] in ("Z", "X") else fields[19]
