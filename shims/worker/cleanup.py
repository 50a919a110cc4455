"""The end of a job: the steps of Python's own end that others can see; the process does not run the rest."""
import atexit
import gc
import io
import itertools
import sys
import threading
import weakref

from as_main import flush_output, show


def clean_up(code, imports, first_streams):
    """Waits for threads, runs `atexit`, closes files, flushes output; returns the exit code."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
    except BaseException as error:
        if not isinstance(error, SystemExit):
            show(error)
    try:
        atexit._run_exitfuncs()
    except BaseException:
        # Python has printed it.
        pass
    flush_files()
    # Threads that are left would fail without their modules.
    if len(sys._current_frames()) == 1:
        drop_modules(imports.newest)
    for first in first_streams:
        try:
            first.flush()
        except Exception:
            pass
    # A signal ends the job also where its output cannot be written.
    return code if flush_output() or code < 0 else 120


def flush_files():
    """Flushes the files that the job left open, text layers before the binary ones below them."""
    left = gc.get_objects()
    for kind in io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom:
        for file in [one for one in left if type(one) is kind]:
            try:
                file.flush()
            except Exception:
                pass


def drop_modules(newest):
    """Empties the job's own modules, so that files are closed and finalisers run."""
    sys.last_type = sys.last_value = sys.last_traceback = sys.last_exc = None  # type: ignore[attr-defined]
    if newest not in sys.modules or "__main__" not in sys.modules:
        return
    # They follow the worker's newest. A look at each of the worker's modules would copy the memory of each.
    # A dictionary can be walked from its end since 3.8.
    names = sys.modules if sys.version_info >= (3, 8) else list(sys.modules)
    latest = itertools.takewhile(lambda name: name != newest, reversed(names))
    own = ["__main__"] + [name for name in latest if name != "__main__"]
    # A module that nothing else holds ends as soon as it is taken out: the order is that of `own`.
    left = [weakref.ref(module) for module in map(sys.modules.pop, own) if hasattr(module, "__dict__")]
    gc.collect()
    for reference in reversed(left):
        module = reference()
        for name in list(getattr(module, "__dict__", ())):
            if name != "__builtins__":
                module.__dict__[name] = None
