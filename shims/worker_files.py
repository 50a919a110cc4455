"""The files that a worker has imported, and whether they have changed.

A part of `worker.py`.
"""
# The clock that file systems take their times from (linux/time.h); it steps some milliseconds at a time.
CLOCK_REALTIME_COARSE = 5


def identity(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def now_of_files():
    """The time as file systems tell it."""
    return time.clock_gettime_ns(CLOCK_REALTIME_COARSE)


def changed_since(begun, path):
    """Whether a file may have changed since then, as far as its times tell; those in the future tell nothing."""
    try:
        found = os.stat(path)
    except OSError:
        # Not each module's file is one.
        return False
    for changed in found.st_mtime_ns, found.st_ctime_ns:
        # Some file systems know whole seconds only, or two of them.
        until = changed + (2 * 10 ** 9 if changed % 10 ** 9 == 0 else 0)
        if until >= begun and changed <= now_of_files():
            return True
    return False


def watched_files(further):
    """The files that were imported, but Python's own, and further ones."""
    own = os.path.dirname(os.__file__) + os.sep
    paths = set(further)
    for module in list(sys.modules.values()):
        loader = getattr(getattr(module, "__spec__", None), "loader", None)
        path = getattr(loader, "archive", None) or getattr(module, "__file__", None)
        if isinstance(path, str) and (not path.startswith(own) or "-packages" in path):
            paths.add(path)
    return [(path, identity(path)) for path in paths]
