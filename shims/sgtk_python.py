"""Runs scripts with the Toolkit core (sgtk) of a project, each in a process of its own, by the launcher
sgtk-python. For event daemons, farm wrappers and DCCs::

    import sgtk_python

    try:
        done = sgtk_python.run("/studio/jobs/publish.py", "--shot", "010", event=event, timeout=600)
    except sgtk_python.NoProject:
        pass                                # this project has no config here

and in the script, where the event came on standard input::

    event = sgtk_python.event()             # its dates are dates again

One file for Python 3.7 and newer, without dependencies: install it, or put it beside the script or the
plugin that imports it. ``python -m sgtk_python replay FILE`` runs a saved event again.
"""
from __future__ import annotations

import collections
import datetime
import errno
import io
import json
import logging
import numbers
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any, Callable, Deque, Dict, Iterator, List, Mapping, NoReturn, Optional, Sequence, Set, Tuple, Type, Union

__all__ = [
    "Busy", "BrokenStudio", "Environment", "Error", "Job", "JobFailed", "JobLost", "JobTimedOut", "Lanes", "LauncherNotFound",
    "NoEvent", "NoProject", "PythonNotFound", "Result", "WrongUse", "checked_options", "event", "find_launcher", "lanes",
    "replay", "run", "save", "start",
]

#: A word of the command line.
Word = Union[str, bytes, "os.PathLike[Any]", int, float]
#: What takes the lines of a job: a logger, or a function of a level and a line.
Log = Union[logging.Logger, "logging.LoggerAdapter[Any]", Callable[[int, str], Any]]

#: So much of each stream is kept, its end (bytes).
KEEP = 1024 * 1024
#: A longer line is logged in pieces (bytes).
LONGEST_LINE = 16 * 1024
#: A job that is told to end has so long to do so (seconds).
GRACE = 5.0
#: So long the output of what an ended job has left running is waited for (seconds).
LEFT_BEHIND = 2.0
#: A shorter value of a secret variable is not looked for in what is logged (characters).
SHORTEST_SECRET = 6

#: Python 3.12.0 to 3.12.2 start no thread, and so no job, once the interpreter ends (gh-113964).
THREADS_AT_END = not (3, 12, 0) <= sys.version_info[:3] <= (3, 12, 2)

_WINDOWS = os.name == "nt"
_CONTROLS = {number: "\\x%02x" % number for number in list(range(32)) + [127] if number != 9}


class Error(Exception):
    """A job could not be started, or did not end well. ``code`` is the exit code if there was one,
    ``project`` what it was for, and ``tail`` the last lines of its output."""

    def __init__(self, message: str, code: Optional[int] = None, project: str = "", tail: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.project = project
        self.tail = tail


class NoProject(Error):
    """The event has no project, or the project has no config here: often a reason to do nothing."""


class BrokenStudio(Error):
    """The project's config or core, or the launcher's settings, are broken; the message names the file."""


class WrongUse(Error):
    """The launcher or this module was called wrongly."""


class PythonNotFound(Error):
    """The project's Python is not there, or cannot run its core."""


class LauncherNotFound(Error):
    """There is no sgtk-python where it was looked for."""


class Busy(Error):
    """Another run with ``--exclusive`` goes on."""


class JobFailed(Error):
    """The script ended with another code than 0, or by a signal; ``tail`` tells more. It ran, wholly or in part,
    or may have: look before it is run again."""


class JobTimedOut(JobFailed):
    """The script took too long, and was ended."""


class JobLost(JobFailed):
    """The worker that ran the script went away, or something else in this process reaped the script's: nobody
    knows how it ended, or how far it came. Look before it is run again."""


class NoEvent(Error):
    """No event came on standard input."""


class Environment(Dict[str, str]):
    """Variables, which may hold secrets: who prints the local variables of a frame does not see them."""

    def __repr__(self) -> str:
        return "<%d variables>" % len(self)


#: What a caller gave as variables, and is no mapping.
_NO_VARIABLES = Environment()


# What the launcher's own exit codes mean, if it was the launcher that left with them.
_MEANINGS: Dict[int, Type[Error]] = {
    75: Busy, 121: NoProject, 122: BrokenStudio, 125: WrongUse, 126: PythonNotFound, 127: PythonNotFound,
}


# --- starting ---------------------------------------------------------------------------------------

def run(script: Word, *args: Word, check: bool = True, **options: Any) -> "Result":
    """Runs a script (or ``"-m", "module"``, or ``"-c", "code"``) with the core of a project, and waits
    until it has ended. Takes the options of :func:`start`. With ``check``, what did not end well is
    raised; else it is in the result's ``error``."""
    options["env"] = _hidden(options.get("env"))
    job = start(script, *args, **options)
    try:
        result = job.wait()
    except BaseException:
        job.end()
        raise
    if check:
        result.check()
    return result


def start(
    script: Word,
    *args: Word,
    project: Optional[str] = None,
    project_id: Optional[int] = None,
    config: Optional[Word] = None,
    event: Optional[Mapping[str, Any]] = None,
    pipeline: Optional[Union[str, int]] = None,
    timeout: Optional[float] = None,
    warm: bool = False,
    logger: Optional[Log] = None,
    env: Optional[Mapping[str, str]] = None,
    cwd: Optional[Word] = None,
    capture: bool = True,
    keep: int = KEEP,
    options: Sequence[str] = (),
    secrets: Sequence[str] = (),
) -> "Job":
    """Starts a script and does not wait for it.

    The project is named by one of ``project`` (its name), ``project_id``, ``config`` (the config's
    folder), or else is that of the ``event``, which the script gets as JSON on standard input.
    ``timeout`` (seconds) ends the real Python; on Unix with captured output, also all that it started.
    ``logger`` gets the output line by line, with the level that a line names, else INFO for standard
    output and WARNING for standard error; Python does not buffer it (``PYTHONUNBUFFERED=1``, if the
    variable is not set). ``env`` adds variables (the place for what must not be seen in the list of
    processes), ``options`` more words for the launcher, such as ``["--exclusive", "--keep=LANG"]``.
    Without ``capture`` the script writes where this process does. ``keep`` is how many bytes of each
    stream's end stay in the result. ``secrets`` names variables that hold secrets although their names
    do not say so."""
    env = _hidden(env)
    choice, shown = _choice(project, project_id, config, event)
    timeout = _seconds(timeout)
    command = _command(find_launcher(), choice, pipeline, warm, options, (script,) + args)
    environment = Environment(os.environ, **_variables(env))
    if capture:
        # To a pipe Python would write only when it has much, and not at all what it has when it is killed.
        environment.setdefault("PYTHONUNBUFFERED", "1")
    secrets = _names(secrets)
    return Job(
        command, shown, None if event is None else _encoded(event), environment,
        None if cwd is None else _word(cwd), timeout, logger, capture, keep, secrets,
    )


def find_launcher() -> str:
    """The launcher: ``SGTK_PYTHON_BIN``, else beside this file (or in the ``bin`` of the folder that a
    package was unpacked to), else on ``PATH``."""
    name = "sgtk-python.exe" if _WINDOWS else "sgtk-python"
    named = os.environ.get("SGTK_PYTHON_BIN")
    if named:
        found = shutil.which(named)
        if found:
            return os.path.abspath(found)
        raise LauncherNotFound("SGTK_PYTHON_BIN names '%s', which is no program" % named)
    folder = os.path.dirname(os.path.abspath(__file__))
    package = os.path.join(folder, os.pardir, os.pardir, "bin")
    for path in (os.path.join(folder, name), os.path.normpath(os.path.join(package, name))):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    found = shutil.which(name)
    if found:
        return os.path.abspath(found)
    raise LauncherNotFound(
        "there is no %s beside %s or on PATH; name it in SGTK_PYTHON_BIN" % (name, os.path.abspath(__file__))
    )


def _command(
    launcher: str, choice: Union[str, bytes], pipeline: Optional[Union[str, int]], warm: bool, options: Sequence[str],
    words: Sequence[Word],
) -> List[Union[str, bytes]]:
    command: List[Union[str, bytes]] = [launcher, choice]
    if pipeline is not None:
        command.append("--pipeline=%s" % pipeline)
    if warm:
        command.append("--warm")
    command.extend(checked_options(options))
    command.append("--")
    command.extend(_word(word) for word in words)
    return command


#: With these the launcher does something else than to run the script for the project.
_OTHER_ACTIONS = (
    "--explain", "--help", "--version", "--list", "--doctor", "--workers", "--stop-workers", "--make-shim", "--make-venv",
    "--each", "--match",
)


def checked_options(options: Sequence[str]) -> List[str]:
    """The launcher's options, if the script runs with them; else a ``TypeError`` or ``ValueError``. A word that
    is no option would be taken for the script."""
    if isinstance(options, (str, bytes)):
        raise TypeError("options is a list of words, such as [%r], not %r" % (options, options))
    for word in options:
        if not isinstance(word, str) or not word.startswith("--") or word == "--":
            raise TypeError("options holds words such as '--exclusive' or '--keep=NAME', not %r" % (word,))
        if word.partition("=")[0] in _OTHER_ACTIONS:
            raise ValueError("with %s the launcher does not run the script for the project" % word)
    return list(options)


def _seconds(timeout: Optional[float]) -> Optional[float]:
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError("timeout is a number of seconds, not %r" % (timeout,))
    if not 0 <= timeout <= threading.TIMEOUT_MAX:
        raise ValueError("timeout is a number of seconds from 0 to %d, not %r" % (threading.TIMEOUT_MAX, timeout))
    return timeout


def _hidden(env: Optional[Mapping[str, str]]) -> Environment:
    """The variables that a caller gave, so that no frame shows them from here on. It raises nothing, for the
    frame that asks still has the caller's; :func:`_variables` tells what is wrong with them."""
    if isinstance(env, Environment):
        return env
    return Environment(env or {}) if env is None or isinstance(env, Mapping) else _NO_VARIABLES


def _variables(env: Environment) -> Environment:
    if env is _NO_VARIABLES:
        raise TypeError("env is a mapping of variables' names to their values")
    for name in env:
        if not isinstance(name, str):
            raise TypeError("a variable's name is text, not %r" % (name,))
        if not isinstance(env[name], str):
            # Of another kind it may hold a secret as well: bytes are not shown.
            is_plain = isinstance(env[name], (int, float, type(None)))
            raise TypeError("env[%r] is text, not %s" % (name, repr(env[name]) if is_plain else "a " + type(env[name]).__name__))
    return env


def _names(secrets: Sequence[str]) -> Sequence[str]:
    if isinstance(secrets, (str, bytes)) or not all(isinstance(name, str) for name in secrets):
        raise TypeError("secrets is a list of variables' names")
    return secrets


def _choice(
    project: Optional[str], project_id: Optional[int], config: Optional[Word], event: Optional[Mapping[str, Any]]
) -> Tuple[Union[str, bytes], str]:
    """The launcher's option that chooses the project, and how to call the project in messages."""
    given = [name for name, value in (("project", project), ("project_id", project_id), ("config", config)) if value is not None]
    if len(given) > 1:
        raise TypeError("name the project once, not by %s" % " and ".join(given))
    if project is not None:
        if not isinstance(project, str) or not project:
            raise TypeError("project is a name, not %r" % (project,))
        return "--project=" + project, "project '%s'" % project
    if project_id is not None:
        return "--project-id=%d" % _id(project_id), "project %d" % project_id
    if config is not None:
        path = _word(config)
        return (b"--config=" + path if isinstance(path, bytes) else "--config=" + path), "config %s" % os.fsdecode(path)
    if event is None:
        raise TypeError("name the project: by project, project_id, config or event")
    of_event = event.get("project")
    if not of_event:
        raise NoProject("event %s has no project" % event.get("id"))
    if not isinstance(of_event, Mapping):
        raise TypeError("the event's project is an entity with an id, not %r" % (of_event,))
    number = _id(of_event.get("id"))
    name = of_event.get("name")
    return "--project-id=%d" % number, "project %d" % number + (" (%s)" % one_line(name) if name else "")


def one_line(value: Any) -> str:
    """A value from elsewhere, such as a project's name, as a part of one line in a log: it can neither
    start another line there nor change a terminal."""
    return str(value).translate(_CONTROLS)


def _id(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError("a project's id is a whole number, not %r" % (value,))
    return int(value)


def _word(word: Word) -> Union[str, bytes]:
    if isinstance(word, (int, float)) and not isinstance(word, bool):
        return str(word)
    if isinstance(word, (str, bytes, os.PathLike)):
        return os.fspath(word)
    raise TypeError("an argument is text, a path or a number, not %r; give other things in the event" % (word,))


# --- a job ------------------------------------------------------------------------------------------

class Result:
    """How a job ended. ``code`` is Python's exit code, negative the signal that ended it; ``stdout`` and
    ``stderr`` are the ends of its output (bytes that are no UTF-8 stand there as ``\\xNN``),
    ``truncated`` tells whether more had been written than was kept."""

    def __init__(
        self, script: str, project: str, code: int, stdout: str, stderr: str, truncated: bool, timed_out: bool,
        seconds: float, ending: "_Ending",
    ) -> None:
        self.script = script
        self.project = project
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.truncated = truncated
        self.timed_out = timed_out
        self.seconds = seconds
        self._ending = ending

    def __repr__(self) -> str:
        return "<Result of %s for %s: code %d>" % (self.script, self.project, self.code)

    @property
    def error(self) -> Optional[Error]:
        """What went wrong, or None."""
        tail = _last_lines(self.stderr) or _last_lines(self.stdout)
        if self.timed_out:
            message = "%s for %s did not end within its time and was ended" % (self.script, self.project)
            return JobTimedOut(_with_tail(message, tail), self.code, self.project, tail)
        if self._ending.is_lost:
            message = "%s for %s: nobody knows how it ended: %s" % (self.script, self.project, _REAPED)
            return JobLost(_with_tail(message, tail), self.code, self.project, tail)
        if self.code == 0:
            return None
        message = "%s for %s %s" % (self.script, self.project, _ending(self.code))
        meaning = _MEANINGS.get(self.code)
        if meaning is WrongUse and any(line.startswith(_LOST) for line in self.stderr.splitlines()):
            return JobLost(_with_tail(message, tail), self.code, self.project, tail)
        if meaning is not None and self._ending.became_python is not True:
            if not self._ending.captured:
                return JobFailed(message + ", which may be the launcher's", self.code, self.project)
            is_launchers = self._ending.became_python is False
            said = _launchers_words(self.stderr, others_write=is_launchers) if is_launchers or not self.stdout else None
            if said and self._ending.is_told_by(meaning, said):
                return meaning(said, self.code, self.project, tail)
        return JobFailed(_with_tail(message, tail), self.code, self.project, tail)

    def check(self) -> "Result":
        """Raises what went wrong, if anything did."""
        error = self.error
        if error is not None:
            raise error
        return self


class Job:
    """A script that runs: as of a ``Popen``, its ``pid``, :meth:`poll`, :meth:`wait`, :meth:`terminate` and
    :meth:`kill`."""

    def __init__(
        self, command: List[Union[str, bytes]], project: str, payload: Optional[bytes],
        environment: "Environment", cwd: Optional[Union[str, bytes]], timeout: Optional[float],
        logger: Optional[Log], capture: bool, keep: int, secrets: Sequence[str] = (),
    ) -> None:
        self.pid = 0  # of no process yet
        self.project = project
        self.command = command
        self.script = _script_of(command)
        self._started = time.monotonic()
        self._timed_out = False
        self._code: Optional[int] = None
        self._ending = _Ending(command, capture)
        # At a terminal it stays in the foreground, and so in the group of this process.
        self._leads_group = capture and not _WINDOWS
        self._process = _spawned(command, payload is not None, environment, cwd, capture)
        self.pid = self._process.pid
        self._pipes: List[_Pipe] = []
        if capture:
            hidden = _Secrets(environment, secrets)
            on_line = None if logger is None else _on_line(logger)
            for stream, level in ((self._process.stdout, logging.INFO), (self._process.stderr, logging.WARNING)):
                assert stream is not None
                self._pipes.append(_Pipe(stream, level, keep, on_line, _Masked(hidden)))
        self._ended = threading.Event()
        self._is_ending = False
        self._is_reaped = False
        # Held while the process is signalled or waited for: its number is another's afterwards.
        self._reaping = threading.Lock()
        # The time runs whether somebody waits or not.
        self._timer = None if timeout is None else threading.Timer(timeout, self._expire)
        threads: List[threading.Thread] = [threading.Thread(target=pipe.read, daemon=True) for pipe in self._pipes]
        threads.append(threading.Thread(target=self._watch, daemon=True))
        if payload is not None:
            threads.append(threading.Thread(target=_feed, args=(self._process.stdin, payload), daemon=True))
        if self._timer is not None:
            self._timer.daemon = True
            threads.insert(0, self._timer)
        try:
            for thread in threads:
                thread.start()
        except BaseException:
            self.kill()
            raise

    def __repr__(self) -> str:
        return "<Job %d: %s for %s>" % (self.pid, self.script, self.project)

    def poll(self) -> Optional[int]:
        """The exit code, or None while it runs."""
        return self._code

    def wait(self, timeout: Optional[float] = None) -> Result:
        """Waits until the job has ended, of itself or because its own time was over. If ``timeout`` passes
        before that, ``subprocess.TimeoutExpired`` is raised and the job goes on."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(self.script, timeout or 0.0)
        if self._timed_out and self._timer is not None:
            self._timer.join()
        self._wait_for_output(LEFT_BEHIND)
        for pipe in self._pipes:
            if pipe.failure is not None:
                raise pipe.failure
        return self._result()

    def terminate(self) -> None:
        """Asks the job to end; on Unix with captured output, also all that it started."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the job; on Unix with captured output, also all that it started."""
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self._ended.wait(GRACE)

    def end(self) -> None:
        """Asks the job to end, and when it has, or after a few seconds, ends what is left of it. Its output has
        ended then, too, so that nothing of it runs beside what comes next; a few seconds are waited for that."""
        self._is_ending = True
        self.terminate()
        if not self._ended.wait(GRACE):
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self._ended.wait(GRACE)
        self._wait_for_output(GRACE)

    def _wait_for_output(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for pipe in self._pipes:
            pipe.ended.wait(max(0.0, until - time.monotonic()))

    def _signal(self, number: int) -> None:
        with self._reaping:
            if not self._is_reaped:
                self._signal_all(number)

    def _signal_all(self, number: int) -> None:
        try:
            if self._leads_group:
                os.killpg(self.pid, number)
            elif _WINDOWS:
                # The launcher's job object ends Python with it.
                self._process.send_signal(number)
            else:
                # Popen would look for the end first, and take it from the thread that watches.
                os.kill(self.pid, number)
        except OSError:
            pass

    def _watch(self) -> None:
        code = self._waited_for()
        with self._reaping:
            if self._is_ending and self._leads_group:
                # While its leader has not been waited for, the group's number is no other's.
                self._signal_all(signal.SIGKILL)
            # Where somebody else has done it, the code that this returns is made up.
            self._process.wait()
            self._is_reaped = True
        self._ending.is_lost = code is None
        self._code = _LOST_CODE if code is None else code
        self._ended.set()
        if self._timer is not None and not self._timed_out:
            self._timer.cancel()

    def _waited_for(self) -> Optional[int]:
        """Python's exit code, negative the signal; None if the process was waited for elsewhere."""
        if _WINDOWS:
            return self._process.wait()
        try:
            if hasattr(os, "waitid"):
                ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
                assert ended is not None
                self._ending.look(self.pid)
                return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
            status = os.waitpid(self.pid, 0)[1]
            code = self._process.returncode = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            return code
        except ChildProcessError:
            return None

    def _expire(self) -> None:
        if not self._ended.is_set():
            self._timed_out = True
            self.end()

    def _result(self) -> Result:
        texts = [pipe.text() for pipe in self._pipes] or ["", ""]
        assert self._code is not None
        return Result(
            self.script, self.project, self._code, texts[0], texts[1],
            any(pipe.truncated for pipe in self._pipes), self._timed_out, time.monotonic() - self._started,
            self._ending,
        )


class _Ending:
    """Whether a code was the launcher's own, which a script may leave with, too: one that hands on the code of
    a launcher that it started, say. Told wrongly, a caller would pass over the failure or run the job again."""

    def __init__(self, command: Sequence[Union[str, bytes]], captured: bool) -> None:
        words = [os.fsdecode(word) for word in command]
        self.captured = captured
        #: Whether the process became Python, or had a worker run it; None if that is not known.
        self.became_python: Optional[bool] = None
        #: Whether nobody knows the code.
        self.is_lost = False
        self._launcher = os.path.basename(os.fsencode(command[0]))[:15]
        chosen = [word.split("=", 1) for word in words[1:words.index("--")] if "=" in word]
        self._names = [value for name, value in chosen if name in ("--project", "--project-id", "--config", "--pipeline")]
        self._script = _script_of(command)

    def look(self, process: int) -> None:
        """Looks at the ended process, which nobody has waited for: Linux still tells which program it was."""
        try:
            with open("/proc/%d/stat" % process, "rb") as file:
                program = file.read().partition(b"(")[2].rpartition(b")")[0]
        except OSError:
            return
        # A studio's own script may have started the launcher.
        is_launcher = program == self._launcher or program.startswith(b"sgtk-python")
        self.became_python = program == _IN_WORKER or not is_launcher

    def is_told_by(self, meaning: Type[Error], said: str) -> bool:
        """Whether the launcher's words are about this job, where they would tell."""
        if meaning is Busy:
            return self._script == "code" or self._script in said
        if meaning is not NoProject:
            return True
        # An unprintable name it writes in another way.
        return any(not name.isprintable() or re.search(r"(?<!\w)%s(?!\w)" % re.escape(name), said) for name in self._names)


_SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSWORD|PASSWD", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


def _is_secret(name: str, value: str) -> bool:
    return bool(_SECRET_NAME.search(name) or _SECRET_VALUE.search(value))


def _secret_names(variables: Mapping[str, str], named: Sequence[str]) -> Set[str]:
    """The variables that may hold a secret: by their names, by a password in an address, because they are
    said to, or because another of these holds the same."""
    names = {name for name, value in variables.items() if name in named or _is_secret(name, value)}
    values = {variables[name] for name in names if len(variables[name]) >= SHORTEST_SECRET}
    return names | {name for name, value in variables.items() if value in values}


class _Secrets:
    """The values of secret variables, to be left out of what is logged."""

    __slots__ = ("values", "pattern")

    def __init__(self, variables: Mapping[str, str], named: Sequence[str] = ()) -> None:
        whole = {value for name, value in variables.items() if name in named or _SECRET_NAME.search(name)}
        # Of one with several lines each line may be shown by itself.
        parts = whole.union(*(value.splitlines() for value in whole))
        values = {os.fsencode(part) for part in parts if len(part) >= SHORTEST_SECRET}
        self.values = sorted(values, key=len, reverse=True)
        self.pattern = re.compile(b"|".join(re.escape(value) for value in self.values))

    def __repr__(self) -> str:
        return "<secrets>"


class _Masked:
    """Hides secrets in a stream that comes in pieces: what may be the start of one is held back."""

    def __init__(self, secrets: _Secrets) -> None:
        self._secrets = secrets
        self._held = b""

    def take(self, piece: bytes, is_last: bool = False) -> bytes:
        values = self._secrets.values
        if not values:
            return piece
        data = self._held + piece
        until = len(data) if is_last else self._start_of_one(data)
        shown, at = [], 0
        if any(value in data for value in values):
            for found in self._secrets.pattern.finditer(data):
                if found.start() >= until:
                    break
                shown += [data[at:found.start()], b"***"]
                at = found.end()
        until = max(at, until)
        self._held = data[until:]
        return b"".join(shown) + data[at:until]

    def _start_of_one(self, data: bytes) -> int:
        """Where at the end of it a secret may start; the end if none may."""
        first = len(data)
        for value in self._secrets.values:
            at = data.find(value[:1], max(0, len(data) - len(value) + 1))
            while 0 <= at < first:
                if value.startswith(data[at:]):
                    first = at
                at = data.find(value[:1], at + 1)
        return first


def _spawned(
    command: List[Union[str, bytes]], takes_input: bool, environment: Environment,
    cwd: Optional[Union[str, bytes]], capture: bool,
) -> "subprocess.Popen[bytes]":
    output = subprocess.PIPE if capture else None
    special: Dict[str, Any] = {}
    if capture and _WINDOWS:
        special["creationflags"] = 0x08000000  # no console window (CREATE_NO_WINDOW)
    elif capture:
        special["start_new_session"] = True  # a group of its own, so that a time-out ends all of it
    try:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL, stdout=output, stderr=output,
            env=environment, cwd=cwd, bufsize=0, **special
        )
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        reason = getattr(error, "strerror", None) or str(error)
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


def _feed(stream: io.FileIO, payload: bytes) -> None:
    """Writes what the job reads. One that does not read it, or has ended, is no failure."""
    view = memoryview(payload)
    try:
        with stream:
            while view:
                view = view[stream.write(view):]
    except OSError:
        pass


class _Pipe:
    """One of a job's streams: its end is kept, and its lines are handed on."""

    def __init__(
        self, stream: Any, level: int, keep: int, on_line: Optional[Callable[[int, bytes], None]], masked: _Masked
    ) -> None:
        self._stream = stream
        self._masked = masked
        self._level = level
        self._keep = max(0, keep)
        self._on_line = on_line
        self._end = bytearray()
        self.truncated = False
        self.failure: Optional[BaseException] = None
        self.ended = threading.Event()

    def read(self) -> None:
        pending = b""
        try:
            with self._stream as stream:
                for chunk in self._chunks(stream):
                    self._remember(chunk)
                    if self._on_line is not None:
                        lines = (pending + chunk).split(b"\n")
                        pending = lines.pop()
                        self._hand_on(lines)
                        if len(pending) > LONGEST_LINE:
                            self._hand_on([pending])
                            pending = b""
            if pending:
                self._hand_on([pending])
        except (OSError, ValueError) as error:
            self.failure = self.failure or error
        finally:
            self.ended.set()

    def _chunks(self, stream: Any) -> Iterator[bytes]:
        """What comes, without secrets: they are hidden before anything is cut."""
        # No variable of this frame holds what is not masked yet.
        yield from map(self._masked.take, iter(lambda: stream.read(65536), b""))
        yield self._masked.take(b"", is_last=True)

    def text(self) -> str:
        return bytes(self._end[max(0, len(self._end) - self._keep):]).decode("utf-8", "backslashreplace")

    def _remember(self, chunk: bytes) -> None:
        self._end += chunk
        if len(self._end) > self._keep:
            self.truncated = True
            if len(self._end) > 2 * self._keep + len(chunk):
                del self._end[:len(self._end) - self._keep]

    def _hand_on(self, lines: List[bytes]) -> None:
        # Whatever becomes of the lines, the stream is read to its end, or the job would stand still.
        for line in lines:
            for start in range(0, len(line) or 1, LONGEST_LINE):
                if self._on_line is None:
                    return
                try:
                    self._on_line(self._level, line[start:start + LONGEST_LINE])
                except Exception as error:
                    self.failure = error
                    self._on_line = None


_LEVEL = "(DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)"
#: At the start of a line: 2024-01-01 10:00:00,123 or [2024-01-01T10:00:00Z] or 10:00:00, and what parts it from the rest.
_TIME = re.compile(r"[\[(]?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d[\d.,]*(?: ?Z| ?[+-]\d\d:?\d\d)?[\])]?[\s:|-]+(?=\S)")
#: Wherever a level is looked for, it is a word of these, with what tells it from prose.
_NAMED_LEVEL = re.compile("|".join((
    _LEVEL + r"(?::|\s+[-|]|\t|\s*$)",                  # ERROR: x, ERROR:root:x, ERROR - x, ERROR | x
    r"[\[<]" + _LEVEL + r"[\]>]",                       # [ERROR] x
    r"\[(?:\d+ )?" + _LEVEL + r" [^\]]{1,100}\]",       # [ERROR sgtk.ext.tool] x, [12345 ERROR sgtk.core] x
)))
#: After a time it needs nothing else, or follows a name.
_TIMED_LEVEL = re.compile("|".join((
    r"(?:\w[\w-]*\.[\w.-]+\s+)?" + _LEVEL + r"[\s/]",   # ERROR x, sgtk.core ERROR x
    r"[\w.\[\]: -]{0,80}?[\s\[|-]" + _LEVEL + r"(?:\]?:|\]|\s+[-|]|\s*$)",  # my.name - ERROR - x, my.name [ERROR] x
)))
_LEVELS = {
    "DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARNING": logging.WARNING, "WARN": logging.WARNING,
    "ERROR": logging.ERROR, "CRITICAL": logging.CRITICAL, "FATAL": logging.CRITICAL,
}


def _on_line(logger: Log) -> Callable[[int, bytes], None]:
    def log_to_logger(level: int, line: str) -> None:
        logger.log(level, "%s", line)  # type: ignore[union-attr]

    log = log_to_logger if hasattr(logger, "log") else logger

    def on_line(level: int, raw: bytes) -> None:
        line = one_line(raw.rstrip(b"\r").decode("utf-8", "backslashreplace"))
        log(_named_level(line[:200]) or level, line)

    return on_line


def _named_level(line: str) -> Optional[int]:
    """The level that a line of a log names itself."""
    time_of_day = _TIME.match(line)
    rest = line[time_of_day.end():] if time_of_day else line
    named = _NAMED_LEVEL.match(rest) or (_TIMED_LEVEL.match(rest) if time_of_day else None)
    return _LEVELS[next(filter(None, named.groups()))] if named else None


def _script_of(command: Sequence[Union[str, bytes]]) -> str:
    words = [os.fsdecode(word) for word in command]
    words = words[words.index("--") + 1:]
    return "code" if words[0] == "-c" else " ".join(words[:2]) if words[0] == "-m" else os.path.basename(words[0])


def _last_lines(text: str) -> str:
    return "\n".join(one_line(line) for line in text.rstrip()[-4000:].splitlines()[-20:])


def _with_tail(message: str, tail: str) -> str:
    # Indented, it cannot pass for a record of the log's own.
    return message + (":\n" + textwrap.indent(tail, "  ") if tail else "")


def _ending(code: int) -> str:
    if code >= 0:
        return "ended with exit code %d" % code
    try:
        return "was ended by signal %d (%s)" % (-code, signal.Signals(-code).name)
    except ValueError:
        return "was ended by signal %d" % -code


#: The launcher's code for a job whose end nobody knows.
_LOST_CODE = 125
_REAPED = "something else reaps the children of this process (SIGCHLD is ignored, or a thread waits for any child)"

#: The launcher's name once a worker has its job (`src/worker/client.rs`).
_IN_WORKER = b"sgtk-python job"

#: How the launcher's line starts when the worker with the job went away.
_LOST = "sgtk-python: error: the job's exit status is unknown: "


def _launchers_words(stderr: str, others_write: bool = False) -> Optional[str]:
    """What the launcher says went wrong, in one line; None if it was Python that wrote: a script may
    leave with one of the launcher's codes. Where that is ruled out, others' lines (the loader's) say nothing."""
    prefix = "sgtk-python: error: "
    said: List[str] = []
    for line in stderr.splitlines():
        if line.startswith("hint: "):
            # One before is a warning's.
            said.extend([line] if said else [])
        elif line.startswith("sgtk-python: warning: "):
            continue
        elif not line.startswith(prefix):
            if not others_write:
                return None
        else:
            said.append(line[len(prefix):])
    return "; ".join(said)


# --- events -----------------------------------------------------------------------------------------

#: Where a sent event says which of its texts are dates: a list of the ways to them.
DATES = "sgtk_python.dates"

_event: Optional[Dict[str, Any]] = None


def event() -> Dict[str, Any]:
    """In a script: the event that it was started for, read from standard input. Its dates are dates
    again. Asked again it is the same one."""
    global _event
    if _event is None:
        if sys.stdin is None or sys.stdin.isatty():
            raise NoEvent("no event comes on standard input; was this started with event=…?")
        data = sys.stdin.buffer.read()
        if not data.strip():
            raise NoEvent("there is no event on standard input; was this started with event=…?")
        try:
            _event = _decoded(json.loads(data.decode("utf-8")))
        except (ValueError, LookupError, TypeError) as error:
            raise NoEvent("what is on standard input is no event: %s" % error) from None
    return _event


def _encoded(event: Mapping[str, Any]) -> bytes:
    return json.dumps(_plain(event)).encode("ascii")


def _plain(event: Mapping[str, Any]) -> Dict[str, Any]:
    """An event that JSON can carry, and in it the ways to its dates."""
    dates: List[List[Union[str, int]]] = []

    def copy(value: Any, way: List[Union[str, int]]) -> Any:
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        if isinstance(value, (datetime.datetime, datetime.date)):
            dates.append(way)
            return value.isoformat()
        if isinstance(value, Mapping):
            return {str(key): copy(inner, way + [str(key)]) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [copy(inner, way + [at]) for at, inner in enumerate(value)]
        raise TypeError("the event's %s is a %s, which JSON cannot carry" % (way, type(value).__name__))

    plain = copy({key: value for key, value in event.items() if key != DATES}, [])
    return dict(plain, **{DATES: dates}) if dates else plain


def _decoded(plain: Any) -> Dict[str, Any]:
    if not isinstance(plain, dict):
        raise ValueError("it is no JSON object")
    for way in plain.pop(DATES, []):
        place: Any = plain
        for step in way[:-1]:
            place = place[step]
        text = place[way[-1]]
        kind = datetime.datetime if "T" in text else datetime.date
        place[way[-1]] = kind.fromisoformat(text)
    return plain


# --- saving and replaying ---------------------------------------------------------------------------

def save(
    path: Word, script: Word, *args: Word, event: Optional[Mapping[str, Any]] = None, secrets: Sequence[str] = (),
    sources: Optional[Mapping[str, str]] = None, **options: Any
) -> None:
    """Writes a file, for this user alone, with which ``python -m sgtk_python replay FILE`` runs a script
    again in the environment that this process has: with the same launcher, variables and working
    directory. ``options`` are those of :func:`start`. Of variables that may hold a secret (and of those that
    ``secrets`` names) only the names are written. ``sources`` names the variables that others take their values
    from: a replay without them is refused, for it would act as somebody else."""
    env = _hidden(options.pop("env", None))
    variables = Environment(os.environ, **_variables(env))
    hidden = _secret_names(variables, _names(secrets))
    options.pop("logger", None)
    cwd = os.fsdecode(options.pop("cwd", None) or os.getcwd())
    options = {name: os.fsdecode(value) if isinstance(value, (bytes, os.PathLike)) else value for name, value in options.items()}
    try:
        launcher: Optional[str] = find_launcher()
    except LauncherNotFound:
        launcher = None
    text = json.dumps({
        "sgtk_python": 1,
        "script": [os.fsdecode(_word(word)) for word in (script,) + args],
        "options": options,
        "event": None if event is None else _plain(event),
        "launcher": launcher,
        "cwd": cwd,
        "environment": {name: value for name, value in variables.items() if name not in hidden},
        "secrets": sorted(hidden),
        "sources": dict(sources or {}),
    }, indent=1)
    aside = os.fsdecode(_word(path)) + ".%d-%d" % (os.getpid(), threading.get_ident())
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        os.replace(aside, os.fsdecode(_word(path)))
    except BaseException:
        os.unlink(aside)
        raise


def replay(path: Word) -> Result:
    """Runs a saved script and event again, without a time-out. Its output goes where this process
    writes. Secrets come from this process' variables."""
    with open(_word(path), "rb") as file:
        data = file.read()
    try:
        job = _replayed(json.loads(data.decode("ascii")))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        reason = "%s is missing" % error if isinstance(error, KeyError) else one_line(error)
    else:
        sys.stderr.write("sgtk_python: %s for %s\n" % (job.script, job.project))
        try:
            return job.wait()
        except BaseException:
            job.terminate()
            raise
    raise WrongUse("%s is no saved event, or not a whole one: %s" % (os.fsdecode(_word(path)), reason))


def _replayed(saved: Any) -> Job:
    if not isinstance(saved, dict) or saved.get("sgtk_python") != 1:
        raise ValueError("it does not say that it is one")
    event = None if saved["event"] is None else _decoded(saved["event"])
    options, script, launcher = saved["options"], saved["script"], saved["launcher"]
    choice, shown = _choice(options.get("project"), options.get("project_id"), options.get("config"), event)
    if not launcher or not os.path.exists(launcher):
        launcher = find_launcher()
    command = _command(launcher, choice, options.get("pipeline"), options.get("warm", False), options.get("options", ()), script)
    sources = saved.get("sources", {})
    unset = [source for source in sources.values() if not os.environ.get(source)]
    if unset:
        raise WrongUse("the job acts by %s, which is not set here, and was never saved" % " and ".join(unset))
    missing = [name for name in saved["secrets"] if name not in os.environ and name not in sources]
    if missing:
        sys.stderr.write("sgtk_python: not set here, and never saved: %s\n" % ", ".join(missing))
    environment = Environment(_variables(_hidden(saved["environment"])), SGTK_PYTHON_BIN=launcher)
    environment.update((name, os.environ[name]) for name in saved["secrets"] if name in os.environ)
    environment.update((name, os.environ[source]) for name, source in sources.items())
    return Job(
        command, shown, None if event is None else _encoded(event), environment, saved["cwd"], None, None, False, KEEP,
    )


# --- several at once --------------------------------------------------------------------------------

class Lanes:
    """Works on several things at once: so many at the most, those of one key one after another, in the
    order in which they came. What is left is finished before the process ends. Where that cannot be
    (``THREADS_AT_END``), who adds a piece does it, too."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self.at_once = at_once
        self.waiting = waiting
        self._lanes: Dict[Any, Deque[Callable[[], Any]]] = {}
        self._ready: Deque[Any] = collections.deque()
        self._taken: Set[Any] = set()
        self._workers = 0
        self._waiting = 0
        self._change = threading.Condition()

    def add(self, key: Any, work: Callable[[], Any]) -> None:
        """Hands over a piece of work, which must not raise. If too many wait, this waits too."""
        with self._change:
            while self._waiting >= max(1, self.waiting):
                self._change.wait()
            lane = self._lanes.setdefault(key, collections.deque())
            lane.append(work)
            self._waiting += 1
            if len(lane) == 1 and key not in self._taken:
                self._ready.append(key)
            if not self._ready or self._workers >= max(1, self.at_once):
                return
            self._workers += 1
            if THREADS_AT_END:
                try:
                    # It leaves when there is nothing to do, so that it keeps no process alive.
                    threading.Thread(target=self._work, daemon=False).start()
                    return
                except RuntimeError:
                    if self._workers > 1:
                        self._workers -= 1
                        return
        # No thread can be started, now or for what is left at the end: this one does it.
        self._work()

    def is_full(self) -> bool:
        """Whether :meth:`add` would wait."""
        with self._change:
            return self._waiting >= max(1, self.waiting)

    def finish(self) -> None:
        """Waits until all is done."""
        with self._change:
            while self._workers or self._waiting:
                self._change.wait()

    def _work(self) -> None:
        try:
            for key, work in self._pieces():
                try:
                    work()
                except (Exception, SystemExit):
                    logging.getLogger(__name__).exception("a piece of work failed")
                finally:
                    with self._change:
                        self._taken.discard(key)
                        if key in self._lanes:
                            self._ready.append(key)
                        self._change.notify_all()
        except BaseException:
            with self._change:
                self._workers -= 1
                self._change.notify_all()
            raise

    def _pieces(self) -> Iterator[Tuple[Any, Callable[[], Any]]]:
        while True:
            with self._change:
                if not self._ready:
                    self._workers -= 1
                    self._change.notify_all()
                    return
                key = self._ready.popleft()
                self._taken.add(key)
                work = self._lanes[key].popleft()
                if not self._lanes[key]:
                    del self._lanes[key]
                self._waiting -= 1
                self._change.notify_all()
            yield key, work


_all_lanes: Dict[str, Lanes] = {}


def lanes(name: str, at_once: int, waiting: int) -> Lanes:
    """The lanes of a name: the same ones for all who ask, a plugin that is loaded again among them."""
    found = _all_lanes.setdefault(name, Lanes(at_once, waiting))
    found.at_once, found.waiting = at_once, waiting
    return found


# --- the edges --------------------------------------------------------------------------------------

def registerCallbacks(reg: Any) -> None:
    """shotgunEvents takes every file in its folder for a plugin. This one has no callbacks."""


def main(words: Sequence[str]) -> int:
    """``python -m sgtk_python replay FILE``"""
    if len(words) != 2 or words[0] != "replay":
        sys.stderr.write("usage: python -m sgtk_python replay FILE\n")
        return 125
    try:
        result = replay(words[1])
    except (Error, OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write("sgtk_python: %s\n" % error)
        return 125
    if isinstance(result.error, JobLost):
        sys.stderr.write("sgtk_python: %s\n" % result.error)
    return result.code if result.code >= 0 else 128 - result.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
