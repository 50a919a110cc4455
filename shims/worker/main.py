"""A project's worker: imports Toolkit once, then forks a child for each job that a launcher sends.

Python 3.7 or later, Linux. docs/warm-protocol.md describes the protocol and the guarantees. The launcher is built with
the modules of this folder in one text (build.rs).
"""
import gc
import json
import os
import resource
import signal
import sys

# `as_main` imports these when a program needs them: here once, instead of in each job.
import importlib.util  # noqa: F401
import linecache  # noqa: F401
import runpy  # noqa: F401

from as_main import forget_runner
from engine import handed_over
from worker.descriptors import close_files, occupy_low_numbers
from worker.files import changed_since, file_clock, identities, imported_files
from worker.fitness import Unfit, check_fit, one_line
from worker.imports import finished_imports, first_variables, forget_missing, load
from worker.job import run_job, wait_for_job
from worker.kept_engine import keep_engine
from worker.plan import IGNORED_BY_PYTHON
from worker.record import record_unfit, remove_record
from worker.supervisor import Supervisor


def serve(start):
    """Becomes the worker, and in each child runs a job; `start` is the launcher's JSON."""
    begun = file_clock()
    start = json.loads(start)
    folder, lock = start["folder"], start["lock"]
    for descriptor in folder, lock:
        os.set_inheritable(descriptor, False)
    # The launcher cannot keep descriptors above its limit from the worker.
    close_files({folder, lock, start["kept"]})
    leave_launcher()
    watched = identities(start["watched"])
    try:
        inherited = first_variables()
        occupied = occupy_low_numbers()
        load(start["preload"])
        kept, further = None, []
        if start["kept"] is not None:
            kept, further = keep_engine(handed_over(start["kept"]))
        watched += identities(imported_files().union(further))
        # Output of the imports belongs to no job.
        sys.stdout.flush()
        sys.stderr.flush()
        for number in occupied:
            os.close(number)
        check_fit({0, 1, 2, folder, lock})
    except BaseException as error:
        record_unfit(start, lock, str(error) if isinstance(error, Unfit) else one_line(error))
        os._exit(1)
    imports = finished_imports(inherited, kept)
    forget_missing()
    gc.collect()
    gc.freeze()
    # Neither the worker nor a spare runs Python's end: a kept engine may have registered something for it.
    try:
        if any(changed_since(begun, path) for path, _ in watched):
            # It may have been imported before or after its change. The next job starts another worker.
            remove_record(start)
            os._exit(1)
        supervisor = Supervisor(start, watched)
        remove_record(start)
        os.close(lock)
        channel = supervisor.supervise()
        # From here on this is a child.
        job = wait_for_job(channel, imports)
    except BaseException:
        os._exit(1)
    run_job(imports, *job)


def leave_launcher():
    """Drops the launcher's session, working directory and signals, so that no job gets them."""
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    for number in range(1, signal.NSIG):
        try:
            if signal.getsignal(number) == signal.SIG_IGN and number not in IGNORED_BY_PYTHON:
                signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            pass
    # Each waiting job takes a connection. A job has its own limit.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    forget_runner()
    sys.argv[:] = [""]


if __name__ == "__main__":
    serve(os.environ.pop("SGTK_PYTHON_WORKER_START"))
