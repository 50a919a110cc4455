"""A script that runs with the core of a project."""
from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import threading
import time
from typing import Any, List, Mapping, Optional, Sequence, Tuple, Union

from .events import encoded
from .launcher import chosen_project, command_line, find_launcher, script_of
from .left_over import RUN, checked_mark, identity_of, marks_with, new_mark
from .masking import Masked, Secrets
from .output import Log, Pipe
from .process import PARENT, WINDOWS, feed, feed_at_once, spawned
from .result import Result
from .status import Status
from .variables import Environment, checked_names, checked_variables, hidden
from .words import Word, checked_word

#: Bytes kept of each stream, counted from its end.
KEEP = 1024 * 1024
#: Seconds that a job gets to end after it was asked to.
GRACE = 5.0
#: Seconds to wait for output of processes that an ended job has left running.
LEFT_BEHIND = 2.0

#: The code of a job whose launcher was reaped elsewhere.
LOST_CODE = 125


def run(script: Word, *args: Word, check: bool = True, **options: Any) -> "Result":
    """Runs a script (or ``"-m", "module"``, or ``"-c", "code"``) with the core of a project, and waits
    until it has ended. Takes the options of :func:`start`; the job ends with this process, unless ``ends_with_caller``
    is false. With ``check`` a failure is raised; else it is the result's ``error``."""
    options["env"] = hidden(options.get("env"))
    options.setdefault("ends_with_caller", True)
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
    ends_with_caller: bool = False,
    mark: Optional[str] = None,
) -> "Job":
    """Starts a script and does not wait for it.

    The project is named by one of ``project`` (its name), ``project_id``, ``config`` (the configuration's
    folder), or else is that of the ``event``, which the script gets as JSON on standard input.
    ``timeout`` (seconds) ends the real Python; on Unix with captured output, also all that it started.
    ``logger`` gets the output line by line, with the level that a line names, else INFO for standard
    output and WARNING for standard error (DEBUG for the launcher's lines if it fails: the exception has its
    message); Python does not buffer it (``PYTHONUNBUFFERED=1``, if the variable is not set). ``env`` adds variables
    (the place for values that must not appear in the list of processes), ``options`` more words for the launcher,
    such as ``["--exclusive", "--keep=LANG"]``. Without ``capture`` the script writes where this process does.
    ``keep`` is how many bytes of each stream's end stay in the result. ``secrets`` names variables that hold secrets
    although their names do not say so. With ``ends_with_caller`` (Linux) the job gets TERM when this process ends,
    however that happens, and also when the *thread* ends that calls this. By ``mark`` (16 to 64 random hexadecimal
    digits; a new one, if none is given) :func:`end_left_over` finds the job's processes."""
    env = hidden(env)
    choice, shown = chosen_project(project, project_id, config, event)
    timeout = _seconds(timeout)
    command = command_line(find_launcher(), choice, pipeline, warm, options, (script,) + args)
    environment = Environment(os.environ, **checked_variables(env))
    if capture:
        # To a pipe Python would write only when it has much, and lose what it has when it is killed.
        environment.setdefault("PYTHONUNBUFFERED", "1")
    secrets = checked_names(secrets)
    return Job(
        command, shown, None if event is None else encoded(event), environment,
        None if cwd is None else checked_word(cwd), timeout, logger, capture, keep, secrets, ends_with_caller, mark,
    )


def _seconds(timeout: Optional[float]) -> Optional[float]:
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError("timeout is a number of seconds, not %r" % (timeout,))
    if not 0 <= timeout <= threading.TIMEOUT_MAX:
        raise ValueError("timeout is a number of seconds from 0 to %d, not %r" % (threading.TIMEOUT_MAX, timeout))
    return timeout


class Job:
    """A script that runs: as of a ``Popen``, its ``pid``, :meth:`poll`, :meth:`wait`, :meth:`terminate` and
    :meth:`kill`. Its processes have its ``mark``."""

    def __init__(
        self, command: List[Union[str, bytes]], project: str, payload: Optional[bytes],
        environment: Environment, cwd: Optional[Union[str, bytes]], timeout: Optional[float],
        logger: Optional[Log], capture: bool, keep: int, secrets: Sequence[str] = (), ends_with_caller: bool = False,
        mark: Optional[str] = None,
    ) -> None:
        self.pid = 0  # of no process yet
        self.mark = new_mark() if mark is None else checked_mark(mark)
        environment[RUN] = marks_with(self.mark, environment)
        if ends_with_caller:
            environment[PARENT] = str(os.getpid())
        self.project = project
        self.command = command
        self.script = script_of(command)
        self._started = time.monotonic()
        self._timed_out = False
        self._code: Optional[int] = None
        # At a terminal it stays in the foreground, and so in the group of this process.
        self._leads_group = capture and not WINDOWS
        self._status = Status()
        self._process = spawned(command, payload is not None, environment, cwd, capture, self._status)
        self.pid = self._process.pid
        values = Secrets(environment, secrets)
        self._pipes: List[Pipe] = []
        if capture:
            for stream, level in ((self._process.stdout, logging.INFO), (self._process.stderr, logging.WARNING)):
                assert stream is not None
                self._pipes.append(Pipe(stream, level, keep, logger, Masked(values)))
        self._ended = threading.Event()
        self._is_ending = False
        self._is_reaped = False
        self._reaped_elsewhere = False
        # Held while the process is signalled or waited for: its number is another's afterwards.
        self._reaping = threading.Lock()
        self._timeout = timeout
        self._timer: Optional[threading.Timer] = None
        threads: List[threading.Thread] = [threading.Thread(target=pipe.read, daemon=True) for pipe in self._pipes]
        threads.append(threading.Thread(target=self._status.read, args=(values, self._release_lines), daemon=True))
        threads.append(threading.Thread(target=self._watch, daemon=True))
        rest = feed_at_once(self._process.stdin, payload) if self._process.stdin and payload is not None else b""
        if rest:
            threads.append(threading.Thread(target=feed, args=(self._process.stdin, rest), daemon=True))
        try:
            for thread in threads:
                thread.start()
        except BaseException:
            self.kill()
            raise

    def __repr__(self) -> str:
        return "<Job %d: %s for %s>" % (self.pid, self.script, self.project)

    def processes(self) -> List[Tuple[int, str]]:
        """Returns the launcher's process, and that of a job in a worker once it has begun, for :func:`end_left_over`.
        Nothing when they have ended, and on other systems than Linux."""
        with self._reaping:
            if self._is_reaped:
                return []
            pids = [self.pid] + self._status.pids
            identities = [identity_of(pid) for pid in pids]
        return [(pid, identity) for pid, identity in zip(pids, identities) if identity is not None]

    def poll(self) -> Optional[int]:
        """Returns the exit code, or None while it runs."""
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
        """Asks the job to end, and when it has, or after a few seconds, ends all that is left of it. Waits a few
        seconds until its output has ended, too, so that nothing of it runs beside the next job."""
        self._is_ending = True
        self.terminate()
        if not self._ended.wait(GRACE):
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self._ended.wait(GRACE)
        self._wait_for_output(GRACE)

    def _wait_for_output(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for end in [self._status.closed] + [pipe.ended for pipe in self._pipes]:
            end.wait(max(0.0, until - time.monotonic()))

    def _release_lines(self) -> None:
        level = logging.DEBUG if self._status.failure is not None and self._status.how is None else None
        for pipe in self._pipes:
            pipe.release(level)

    def _signal(self, number: int) -> None:
        with self._reaping:
            if not self._is_reaped:
                self._signal_all(number)

    def _signal_all(self, number: int) -> None:
        try:
            if self._leads_group:
                os.killpg(self.pid, number)
            elif WINDOWS:
                # The launcher's job object ends Python with it.
                self._process.send_signal(number)
            else:
                # Popen would look for the end first, and take it from the thread that watches.
                os.kill(self.pid, number)
        except OSError:
            pass

    def _watch(self) -> None:
        if self._timeout is not None:
            self._keep_time(self._timeout)
        code = self._waited_for()
        with self._reaping:
            if self._is_ending and self._leads_group:
                # While its leader has not been waited for, no other group has its number.
                self._signal_all(signal.SIGKILL)
            # Where it was reaped elsewhere, the code that this returns is made up.
            self._process.wait()
            self._is_reaped = True
        self._reaped_elsewhere = code is None
        self._code = LOST_CODE if code is None else code
        self._ended.set()
        if self._timer is not None and not self._timed_out:
            self._timer.cancel()

    def _keep_time(self, timeout: float) -> None:
        """Ends the job when its time is over, even if no thread waits for it. Where the system has descriptors of
        processes, that needs no other thread before."""
        try:
            process = os.pidfd_open(self.pid)
            try:
                poll = select.poll()
                poll.register(process, select.POLLIN)
                if poll.poll(timeout * 1000):
                    return
            finally:
                os.close(process)
            timeout = 0
        except (AttributeError, OSError, OverflowError):
            pass
        self._timer = threading.Timer(timeout, self._expire)
        self._timer.daemon = True
        try:
            self._timer.start()
        except RuntimeError:
            # No thread can be started any more.
            self.kill()

    def _waited_for(self) -> Optional[int]:
        """Returns Python's exit code, negative the signal; None if the process was waited for elsewhere."""
        if WINDOWS:
            return self._process.wait()
        try:
            if hasattr(os, "waitid"):
                ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
                assert ended is not None
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
        timed_out_after = self._timeout if self._timed_out else None
        return Result(
            self.script, self.project, self._code, texts[0], texts[1],
            any(pipe.truncated for pipe in self._pipes), timed_out_after,
            time.monotonic() - self._started, self._status, self._reaped_elsewhere,
        )
