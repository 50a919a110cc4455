"""The plan that a launcher sends for a job (src/worker/protocol.rs)."""
import os
import resource
import signal
import sys
import tempfile
import time
# `signal` makes an enum of each number that it returns, and all signals are blocked until a job begins.
from _signal import pthread_sigmask  # type: ignore[import-not-found]

from worker.descriptors import place

# Without those of the thread library.
ALL_SIGNALS = [number for number in range(1, signal.NSIG) if number not in (32, 33)]
LIMITS = 16     # of the system (getrlimit(2)), numbered from 0
# Python itself ignores these from its start.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class Plan:
    """The program of a job, and all that the job takes over from its launcher."""

    def __init__(self, fields, own_limits):
        try:
            kind, program, umask, ignored, blocked, limits, inherited, terminal, session, arguments, words = fields[:11]
            self.kind = kind.decode()
            self.program = os.fsdecode(program)
            self.umask = int(umask, 8)
            self.ignored = signals_in(int(ignored, 16))
            self.blocked = signals_in(int(blocked, 16))
            self.limits = [limit_of(limit) for limit in limits.split() if limit not in own_limits]
            self.inherited = [int(number) for number in inherited.split()]
            self.terminal = terminal.decode()
            self.session = session.decode()
            arguments_end = 11 + int(arguments)
            words_end = arguments_end + int(words)
            self.arguments = [os.fsdecode(word) for word in fields[11:arguments_end]]
            self.words = [os.fsdecode(word) for word in fields[arguments_end:words_end]]
            self.variables = dict(pair.split(b"=", 1) for pair in fields[words_end:] if pair)
        except ValueError:
            os._exit(1)

    def set_variables(self, imports):
        """Sets the plan's variables, with the changes that the imports would have made to them."""
        wanted = self.variables
        for name, value in imports.changed.items():
            if wanted.get(name) == imports.inherited.get(name):
                wanted[name] = value
        for name in imports.gone:
            if wanted.get(name) == imports.inherited.get(name):
                wanted.pop(name, None)
        # Each call of the system's functions takes time, so only for differences.
        current = os.environ._data  # type: ignore[attr-defined]
        for name in [name for name in current if name not in wanted]:
            os.unsetenv(name)
        for name, value in wanted.items():
            if current.get(name) != value:
                os.putenv(name, value)
        has_other_time = wanted.get(b"TZ") != current.get(b"TZ")
        current.clear()
        current.update(wanted)
        if has_other_time:
            time.tzset()
        tempfile.tempdir = None
        show_mark(wanted.get(b"SGTK_PYTHON_RUN", b""))
        if hasattr(sys, "orig_argv"):
            sys.orig_argv[:] = self.words
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()

    def take_over(self, descriptors):
        """Takes over the launcher's working directory, inherited descriptors, umask, limits and ignored signals."""
        os.fchdir(descriptors[3])
        os.close(descriptors[3])
        place(descriptors[4:], self.inherited)
        os.umask(self.umask)
        for number, soft in self.limits:
            resource.setrlimit(number, (soft, resource.getrlimit(number)[1]))
        for number in self.ignored:
            if number not in IGNORED_BY_PYTHON:
                signal.signal(number, signal.SIG_IGN)

    def release_signals(self):
        """Lets the signals in that `hold_signals` has kept; the launcher's blocked ones stay blocked."""
        pthread_sigmask(signal.SIG_SETMASK, self.blocked)


def soft_limits():
    """Returns this process' soft limits, each in the form of a plan's."""
    limits = set()
    for number in range(LIMITS):
        soft, _ = resource.getrlimit(number)
        limits.add(b"%d:%s" % (number, b"unlimited" if soft == resource.RLIM_INFINITY else b"%d" % soft))
    return limits


def limit_of(text):
    """Returns the number and the soft limit in a plan's `number:limit`."""
    number, soft = text.split(b":")
    return int(number), resource.RLIM_INFINITY if soft == b"unlimited" else int(soft)


def hold_signals():
    """Blocks all signals, so that none ends the child before its job has begun."""
    pthread_sigmask(signal.SIG_BLOCK, ALL_SIGNALS)


def show_mark(marks):
    """Names the process, and those that it forks, by the mark of its run: to others its variables are the worker's
    (shims/sgtk_python/left_over.py)."""
    for mark in marks.split()[-1:]:
        try:
            with open("/proc/self/comm", "wb") as file:
                file.write(b"job-" + mark[:11])
        except OSError:
            pass


def signals_in(mask):
    return [number for number in ALL_SIGNALS if mask >> (number - 1) & 1] if mask else []
