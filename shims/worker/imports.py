"""The modules that a worker imports before there are jobs, and the variables that these change."""
import collections
import gc
import importlib
import importlib.machinery
import os
import sys

from worker.plan import soft_limits

# inherited: the variables before the imports; changed, gone: the changes to them since;
# newest: the name of the last module; kept: the name of the kept engine, or none; limits: the worker's soft limits
Imports = collections.namedtuple("Imports", "inherited changed gone newest kept limits")


def first_variables():
    """Returns the variables before Python itself changed any (`LC_CTYPE`, in the C locale)."""
    with open("/proc/self/environ", "rb") as file:
        return dict(pair.split(b"=", 1) for pair in file.read().split(b"\0") if b"=" in pair)


def load(modules):
    for module in ["sgtk"] + modules:
        importlib.import_module(module)
    close_connections()


def close_connections():
    """Closes each connection to a site through its owner, which opens it again when it is used."""
    gc.collect()
    for one in gc.get_objects():
        if any(kind.__name__ == "Shotgun" for kind in type(one).__mro__) and hasattr(one, "close"):
            one.close()
    gc.collect()


def finished_imports(inherited, kept):
    """Returns the facts about the imports that a job needs; to be called after them."""
    changed = {name: value for name, value in os.environb.items() if inherited.get(name) != value}
    gone = [name for name in inherited if name not in os.environb]
    return Imports(inherited, changed, gone, list(sys.modules)[-1], kept, soft_limits())


def forget_missing():
    """Makes the import system forget modules that it did not find; they may exist when a job looks for them."""
    for path, finder in list(sys.path_importer_cache.items()):
        if finder is None:
            del sys.path_importer_cache[path]
        elif isinstance(finder, importlib.machinery.FileFinder):
            finder.invalidate_caches()
