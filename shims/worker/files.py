"""The files that a worker has imported, and their changes."""
import os
import sys
import time

# The clock of file systems (linux/time.h); it advances a few milliseconds at a time.
CLOCK_REALTIME_COARSE = 5


def identity(path):
    """Returns a value that changes with the file; none if the file is missing."""
    try:
        found = os.stat(path)
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
        # A module's `__file__` need not be a file.
        return False
    for changed in found.st_mtime_ns, found.st_ctime_ns:
        # Some file systems store whole seconds only, or every second one.
        until = changed + (2 * 10 ** 9 if changed % 10 ** 9 == 0 else 0)
        if until >= begun and changed <= file_clock():
            return True
    return False


def watched_files(further):
    """Returns the imported files without Python's own, and further ones, with their identities."""
    own = os.path.dirname(os.__file__) + os.sep
    paths = set(further)
    for module in list(sys.modules.values()):
        loader = getattr(getattr(module, "__spec__", None), "loader", None)
        path = getattr(loader, "archive", None) or getattr(module, "__file__", None)
        if isinstance(path, str) and (not path.startswith(own) or "-packages" in path):
            paths.add(path)
    return [(path, identity(path)) for path in paths]
