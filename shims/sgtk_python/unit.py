"""A unit of work for another machine: a file on a share, which ``python -m sgtk_python unit FILE`` runs there.

Each unit has a folder, whose files say how it stands: ``unit.json`` waits or has ended, ``running,host=…`` is the same
file while a process works on it (see :mod:`.claim`), ``stopped,host=…`` after that process has ended the job early, and
``done.json`` is the outcome. A process claims the unit by renaming its file: one of several succeeds.
"""
from __future__ import annotations

import datetime
import json
import logging
import os
import sys
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence
from urllib.parse import quote

from .claim import STOPPED, Claim, own_claim, parsed
from .errors import Busy, Error, JobFailed, JobLost, NoProject, WrongUse
from .events import decoded
from .job import Job, start
from .masking import secret_names
from .result import Result
from .saved import credentials, described, read_saved, sync_folder, write_private
from .variables import Environment, checked_names, checked_variables, hidden
from .words import Word, checked_word, one_line

#: Set for a job that may have begun before.
AGAIN = "SGTK_PYTHON_AGAIN"

#: Bytes kept of each stream.
KEEP = 64 * 1024

_UNIT, _DONE = "unit.json", "done.json"


def write_unit(
    folder: str, name: str, script: Word, *args: Word, event: Mapping[str, Any],
    env: Optional[Mapping[str, str]] = None, secrets: Sequence[str] = (),
    sources: Optional[Mapping[str, str]] = None, skips_no_project: bool = True, repeat: bool = True, **options: Any
) -> str:
    """Writes a unit, for this user alone, and returns its path. It is on the disk then. A unit of this name that is
    there already stays as it is, also if it runs or has ended: handed over twice, it runs once.

    ``options`` are those of :func:`start`. The job gets the environment of the process that runs it, and ``env``. Of
    variables that may hold a secret only the names are written; they come from that process. ``skips_no_project``
    takes a project without a configuration there for no failure; ``repeat=False`` leaves a unit alone that had begun
    when its machine or engine was stopped."""
    env = checked_variables(hidden(env))
    secret = secret_names(Environment(os.environ, **env), list(checked_names(secrets)) + list(sources or {}))
    saved = described((script,) + args, event, options)
    saved.update(
        environment={key: value for key, value in env.items() if key not in secret}, inherits=True,
        secrets=sorted(secret.intersection(env)), sources=dict(sources or {}), launcher=None, cwd=None,
        skips_no_project=skips_no_project, repeat=repeat)
    own = os.path.join(folder, quote(name, safe=""))
    path = os.path.join(own, _UNIT)
    try:
        os.mkdir(own, 0o700)
        sync_folder(folder)
    except FileExistsError:
        if _is_written(own):
            return path
    write_private(path, saved)
    sync_folder(own)
    return path


def _is_written(folder: str) -> bool:
    names = os.listdir(folder)
    return _UNIT in names or _DONE in names or any(parsed(name) for name in names)


class Outcome(NamedTuple):
    """The end of a unit, as ``done.json`` holds it. Times are in UTC, seconds are those of the job."""

    #: "done"; "skipped", where the project has no configuration; "failed"; "lost", if it is unknown how the job ended.
    state: str
    code: Optional[int]
    how: Optional[str]
    cold: Optional[str]
    seconds: float
    message: str
    #: The last lines, without secrets.
    tail: str
    host: str
    job: str
    restart: int
    #: Whether the job may have begun before.
    again: bool
    began: str
    ended: str

    @property
    def exit_code(self) -> int:
        if self.state in ("done", "skipped"):
            return 0
        if not self.code:
            return 125
        return self.code if self.code > 0 else 128 - self.code


class Unit:
    """A unit that :func:`write_unit` wrote."""

    def __init__(self, path: Word) -> None:
        self.path = os.path.abspath(os.fsdecode(checked_word(path)))
        self._folder = os.path.dirname(self.path)
        self._job: Optional[Job] = None

    def outcome(self) -> Optional[Outcome]:
        """Returns the outcome, once there is one."""
        path = os.path.join(self._folder, _DONE)
        try:
            with open(path, "rb") as file:
                values = json.loads(file.read().decode("ascii"))
            return Outcome(**values)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, RecursionError) as error:
            raise WrongUse("not the outcome of a unit: %s: %s" % (path, one_line(error)))

    def run(self, own: Claim) -> Outcome:
        """Runs the unit, unless it has ended; a failed one runs again if the engine starts its job again. Raises
        :class:`Busy` if another process may be at work on it."""
        earlier = self.outcome()
        if earlier is not None and _is_final(earlier, own):
            return earlier
        place = os.path.join(self._folder, own.file_name())
        has_begun = self._claim(own, place)
        left = os.path.join(self._folder, own.file_name(STOPPED))
        try:
            # The first process may have written it just before it ended.
            outcome = self.outcome()
            if outcome is None or not _is_final(outcome, own):
                outcome = self._run(place, own, has_begun or outcome is not None)
                write_private(os.path.join(self._folder, _DONE), outcome._asdict())
            left = self.path
        finally:
            # A job that cannot be ended stays this process'.
            if self._job is None or self._job.poll() is not None:
                os.rename(place, left)
                sync_folder(self._folder)
        return outcome

    def _claim(self, own: Claim, place: str) -> bool:
        """Takes the unit. Returns whether it had begun before."""
        if _renamed(self.path, place):
            return False
        for name in self._names():
            first = parsed(name)
            if first is None:
                continue
            taken = os.path.join(self._folder, name)
            reason = None if name.startswith(STOPPED) else own.reason_to_wait(first)
            if reason is not None:
                raise Busy("%s: %s; if it is dead, rename %s to %s" % (
                    self.path, reason, taken, os.path.join(self._folder, first.file_name(STOPPED))), 75)
            if _renamed(taken, place):
                return True
        raise Busy("another process has just taken the unit, or there is none: %s" % self.path, 75)

    def _names(self) -> List[str]:
        try:
            return os.listdir(self._folder)
        except OSError as error:
            raise WrongUse("there is no unit: %s: %s" % (self.path, error.strerror))

    def _run(self, place: str, own: Claim, again: bool) -> Outcome:
        began, result, skips = _now(), None, False
        try:
            saved = read_saved(place)
            skips = saved["skips_no_project"]
            if again and not saved["repeat"]:
                raise JobLost("it had begun before, and its route says repeat = false")
            result = self._result(saved, own.mark, again)
            error = result.error
        except Error as caught:
            error = caught
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as caught:
            error = WrongUse("not a unit, or an incomplete one: %s: %s" % (place, one_line(caught)))
        how, cold, seconds = (result.how, result.cold, result.seconds) if result else (None, None, 0.0)
        code, message, tail = (error.code, str(error), error.tail) if error else (0, "", "")
        return Outcome(
            _state(error, skips), code, how, cold, round(seconds, 3), message.partition("\n")[0].rstrip(":"), tail,
            own.host, own.job, own.restart, again, began, _now())

    def _result(self, saved: Mapping[str, Any], mark: str, again: bool) -> Result:
        env = credentials(saved)
        env.update(saved["environment"])
        if again:
            env[AGAIN] = "1"
        event = None if saved["event"] is None else decoded(saved["event"])
        secret = [*saved["secrets"], *saved["sources"], *saved["sources"].values()]
        self._job = start(
            *saved["script"], event=event, env=env, secrets=secret, logger=_echo, keep=KEEP, ends_with_caller=True,
            mark=mark, **saved["options"])
        try:
            return self._job.wait()
        except BaseException:
            self._job.end()
            raise


def run_unit(unit: Word, job: str = "", restart: int = 0) -> Outcome:
    """Runs a unit in this process, a worker of an engine. ``job`` names the engine's job for all time, and ``restart``
    counts how often the engine has started it again; leave them out if it does so while the first may live. Raises
    :class:`JobFailed` unless the unit goes well, and :class:`Busy` if another process may be at work on it."""
    outcome = Unit(unit).run(own_claim(job, restart))
    if outcome.exit_code != 0:
        raise JobFailed(outcome.message, outcome.code, tail=outcome.tail)
    return outcome


def _is_final(outcome: Outcome, own: Claim) -> bool:
    """Returns whether a unit that has ended does not run again: it went well, or its engine has not started its job
    again."""
    return outcome.exit_code == 0 or not own.is_restart_of(outcome.job, outcome.restart)


def _state(error: Optional[Error], skips_no_project: bool) -> str:
    if error is None:
        return "done"
    if isinstance(error, NoProject) and skips_no_project:
        return "skipped"
    return "lost" if isinstance(error, JobLost) else "failed"


def _renamed(path: str, target: str) -> bool:
    try:
        os.rename(path, target)
    except FileNotFoundError:
        # A file server may have done it for a request that was sent twice.
        return os.path.exists(target)
    return True


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def _echo(level: int, line: str) -> None:
    stream = sys.stderr if level > logging.INFO else sys.stdout
    try:
        stream.write(line + "\n")
        stream.flush()
    except (OSError, ValueError):
        # The engine's log is full or closed; the job goes on.
        pass
