"""The file in which shotgunEvents keeps the id of the last event, and a copy of its last good state.

The daemon empties the file before it writes: killed in between, it leaves a file with which it does not start again,
and exits with code 0.
"""
from __future__ import annotations

import io
import pickle
from typing import Any

from .errors import Error
from .saved import replace_private


class NoCopy(Error):
    """The file is broken, and there is no good copy."""


def mend_ids(path: str) -> str:
    """Restores the file from its copy if it is broken; else copies it. Returns what was done. The daemon must not
    run."""
    data, copy = _read(path), path + ".good"
    if data is None:
        return "there is no %s: the daemon starts at the site's newest event" % path
    if _is_good(data):
        _copy(data, copy)
        return "%s is good; copied to %s" % (path, copy)
    good = _read(copy)
    if good is None or not _is_good(good):
        raise NoCopy(
            "%s is broken (%d bytes), and there is no good copy %s; remove it, and the daemon starts at the site's "
            "newest event" % (path, len(data), copy))
    replace_private(path, good)
    return "%s was broken (%d bytes); restored from %s" % (path, len(data), copy)


def copy_ids(path: str) -> bool:
    """Copies the file if it is good, and never changes it. The daemon may run: while it writes, the file is broken.
    Returns whether the file is good."""
    data = _read(path)
    is_good = data is not None and _is_good(data)
    if data is not None and is_good:
        _copy(data, path + ".good")
    return is_good


def _copy(data: bytes, copy: str) -> None:
    if data != _read(copy):
        replace_private(copy, data)


def _read(path: str) -> "bytes | None":
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _is_good(data: bytes) -> bool:
    """Returns whether the daemon can read the file: a number, as old daemons wrote it, or a pickled dict whose values
    are dicts."""
    if data.strip().isdigit():
        return True
    try:
        table = _Unpickler(io.BytesIO(data)).load()
    except Exception:
        # Broken data raises errors of any kind.
        return False
    return isinstance(table, dict) and all(isinstance(value, dict) for value in table.values())


class _Unpickler(pickle.Unpickler):
    """Makes nothing but the types that the daemon writes: a pickle can name any function to be called."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("datetime", "datetime"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError("%s.%s is not read" % (module, name))
