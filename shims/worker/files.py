"""The files that a worker has imported, and their changes."""
import os
import stat
import sys
import time

# The clock of file systems (linux/time.h); it advances a few milliseconds at a time.
CLOCK_REALTIME_COARSE = 5


def identity(path):
    """Returns a value that changes with the file, or with the names in the folder; none if it is missing."""
    try:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            # Its time also changes when Python adds bytecode.
            names = [name for name in os.listdir(path) if name != "__pycache__" and not name.endswith(".pyc")]
            return found.st_dev, found.st_ino, sorted(names)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def file_clock():
    """Returns the time by the clock of file systems."""
    return time.clock_gettime_ns(CLOCK_REALTIME_COARSE)


def changed_since(begun, path):
    """Returns true if a file's times allow a change since then; times in the future count for nothing."""
    try:
        found = os.stat(path)
    except OSError:
        return True
    if stat.S_ISDIR(found.st_mode):
        return False
    for changed in found.st_mtime_ns, found.st_ctime_ns:
        # Some file systems store whole seconds only, or every second one.
        until = changed + (2 * 10 ** 9 if changed % 10 ** 9 == 0 else 0)
        if until >= begun and changed <= file_clock():
            return True
    return False


def imported_files():
    """Returns the imported files, without Python's own."""
    own = os.path.dirname(os.__file__) + os.sep
    paths = set()
    for module in list(sys.modules.values()):
        loader = getattr(getattr(module, "__spec__", None), "loader", None)
        path = getattr(loader, "archive", None) or getattr(module, "__file__", None)
        if isinstance(path, str) and (not path.startswith(own) or "-packages" in path):
            paths.add(path)
    return paths


def identities(paths):
    """Returns the paths that exist, with their identities. A module's `__file__` need not be a file."""
    found = [(path, identity(path)) for path in paths]
    return [(path, was) for path, was in found if was is not None]
