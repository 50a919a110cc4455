"""A project's worker: imports Toolkit once, then forks a child for each job that a launcher sends.

Follows `as_main.py` and `engine.py` in one text, and is followed by `worker_files.py`, by `worker_supervisor.py`, which is the
worker's life, and by `worker_job.py`, which is a child's. The protocol is told in docs/warm.md. Python 3.7+, Linux.
"""
import array
import atexit
import collections
import gc
import importlib
import importlib.machinery
import importlib.util
import io
import itertools
import json
import linecache
import os
import resource
import runpy
import select
import signal
import socket
import stat
import struct
import sys
import tempfile
import threading
import time
import traceback
import weakref

FIRST_ANSWER = 5        # seconds for a launcher to say what it wants, and for a plan to arrive
GRACE = 5               # seconds between TERM and KILL for a job whose launcher has gone
GRACE_OF_A_GROUP = 1    # the same for what an ended job started
BARREN = 3              # spares that may end without a job, in a row
HEARTBEAT = 0.5         # seconds between the words to launchers that wait
TICK = 5                # seconds between looks at the worker's own socket
SPARES = 2              # children that are kept ready
LARGEST = 16 << 20      # bytes of a plan
REPLY = struct.Struct("<ci")
HEAD = struct.Struct("<cI")
# glibc's number; the name is not in each Python's `select`.
HANGS_UP = getattr(select, "POLLRDHUP", 0x2000)
OF_THE_THREAD_LIBRARY = (32, 33)
# The codes of waitid(2) for ends (CLD_EXITED, CLD_KILLED, CLD_DUMPED), and their status of waitpid(2).
ENDED = {1: lambda code: code << 8, 2: lambda number: number, 3: lambda number: number | 0x80}
# What Python itself ignores at its start.
STOPPED, CONTINUED = 5, 6
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class Unfit(Exception):
    """Why this process must not be forked."""


def serve(start):
    """Becomes the worker; in each child runs a job. `start` is the launcher's JSON."""
    begun = now_of_files()
    start = json.loads(start)
    folder, lock = start["folder"], start["lock"]
    for descriptor in folder, lock:
        os.set_inheritable(descriptor, False)
    leave_the_launcher()
    try:
        inherited = first_variables()
        load(start["preload"])
        kept = None if start["kept"] is None else keep(handed_over(start["kept"]))
        watched = watched_files(environment_files() if kept else [])
        # What was printed so far is no job's.
        sys.stdout.flush()
        sys.stderr.flush()
        check_fit({0, 1, 2, folder, lock})
    except BaseException as error:
        tell_why_unfit(lock, start, str(error) if isinstance(error, Unfit) else one_line(error))
        os._exit(1)
    changed = {name: value for name, value in os.environb.items() if inherited.get(name) != value}
    gone = [name for name in inherited if name not in os.environb]
    imports = Imports(inherited, changed, gone, list(sys.modules)[-1], kept)
    gc.collect()
    gc.freeze()
    # Neither the worker nor a spare leaves as Python does: what a kept engine has for its end may wait there.
    try:
        if any(changed_since(begun, path) for path, _ in watched):
            # Nobody knows what was imported of it. The next job starts another worker.
            forget_start(start, folder)
            os._exit(1)
        listener = listen(folder, start["name"])
        forget_start(start, folder)
        os.close(lock)
        channel = Worker(start, folder, listener, watched).supervise()
        # From here on this is a child.
        job = wait_for_job(channel, imports)
    except BaseException:
        os._exit(1)
    run_job(channel, imports, *job)


def forget_start(start, folder):
    """Takes away the start's file: there is nothing to tell."""
    try:
        os.unlink(start["marker"], dir_fd=folder)
    except OSError:
        pass


def tell_why_unfit(file, start, why):
    """Leaves word in the start's file, for `--workers`, `--explain` and the next start."""
    told = "%s\t%s" % (start["project"], why)
    os.ftruncate(file, 0)
    os.pwrite(file, told.encode(errors="backslashreplace"), 0)


def leave_the_launcher():
    """Takes nothing of the launcher's into the jobs: session, working directory, signals."""
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    for number in range(1, signal.NSIG):
        try:
            if signal.getsignal(number) == signal.SIG_IGN and number not in IGNORED_BY_PYTHON:
                signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            pass
    # A connection for each job that waits; a job has its own limit.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    forget_runner()
    sys.argv[:] = [""]


def first_variables():
    """The variables before Python itself changed any (`LC_CTYPE`, in the C locale)."""
    with open("/proc/self/environ", "rb") as file:
        return dict(pair.split(b"=", 1) for pair in file.read().split(b"\0") if b"=" in pair)


def load(modules):
    for module in ["sgtk"] + modules:
        importlib.import_module(module)
    close_connections()


def keep(request):
    """Starts an engine that all jobs will have, and returns its name."""
    request = json.loads(request)
    try:
        prepare(request)
    except NotPrepared as error:
        raise Unfit(str(error))
    let_go()
    return request["engine"]


def one_line(error):
    """An exception in one line, with the line of code that raised it."""
    frames = traceback.extract_tb(without_runner(error.__traceback__))
    where = ["%s:%d" % (frame.filename, frame.lineno) for frame in frames[-1:]]
    told = " ".join(str(error).split())
    return "%s: %s%s" % (type(error).__name__, told, "".join(" (%s)" % place for place in where))


def check_fit(own):
    """Whether children can be forked: one thread, and nothing open that jobs would share."""
    if len(os.listdir("/proc/self/task")) != 1:
        names = [thread.name for thread in threading.enumerate()[1:]]
        raise Unfit("a thread runs after the start: %s" % (", ".join(names) or "not one of Python's"))
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        try:
            found = os.fstat(descriptor)
            target = os.readlink("/proc/self/fd/" + name)
        except OSError:
            continue
        if descriptor in own or os.path.basename(os.path.dirname(target)) == "fd":
            continue
        if stat.S_ISDIR(found.st_mode) or stat.S_ISCHR(found.st_mode):
            continue
        with open("/proc/self/fdinfo/" + name) as info:
            flags = int(info.read().split("flags:")[1].split()[0], 8)
        if not stat.S_ISREG(found.st_mode) or flags & os.O_ACCMODE != os.O_RDONLY:
            raise Unfit("the start leaves %s open, which jobs would share" % target)


def listen(folder, name):
    """Binds aside and renames into place, so that starts that race leave one whole socket."""
    aside = "%s.%d" % (name, os.getpid())
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind("/proc/self/fd/%d/%s" % (folder, aside))
    listener.listen(512)
    listener.setblocking(False)
    os.rename(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
    return listener


Imports = collections.namedtuple("Imports", "inherited changed gone newest kept")
