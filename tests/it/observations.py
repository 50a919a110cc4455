"""Prints what a program can observe of an imported core, one observation a line. Python 3.7+."""
import sys

# Before anything else is imported.
FIRST_MODULES = sorted(sys.modules)

import hashlib
import importlib
import importlib.util
import inspect
import multiprocessing
import os
import pickle
import pkgutil
import threading
import traceback
import unicodedata  # The compiler imports it for some sources.
import warnings

warnings.simplefilter("ignore")


def show(*words):
    print(*(ascii(word) for word in words))


def digest(data):
    return hashlib.sha1(data if isinstance(data, bytes) else data.encode("utf-8", "replace")).hexdigest()


def facts_of(value):
    """Returns the content of a code object, or of a constant in it; `marshal` also says how often each is used."""
    if inspect.iscode(value):
        names = sorted(name for name in dir(value) if name.startswith("co_") and name not in ("co_lines", "co_positions"))
        return [(name, facts_of(getattr(value, name))) for name in names if not callable(getattr(value, name))]
    if isinstance(value, tuple):
        return [facts_of(part) for part in value]
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def result(function, *words):
    """Returns what a call returns, or how it fails."""
    try:
        return function(*words)
    except BaseException as error:
        return type(error).__name__, str(error)


def show_loader(name, loader):
    kinds = [kind.__name__ for kind in type(loader).__mro__]
    plain = [kind for kind in kinds if not kind.startswith("Image")]
    show(name, "loader", plain, sorted(set(getattr(loader, "__dict__", ())) - {"_files"}))
    for attribute in ("name", "path", "archive", "prefix"):
        show(name, attribute, getattr(loader, attribute, None))
    copy = result(lambda: pickle.loads(pickle.dumps(loader)))
    show(name, "copy", copy if isinstance(copy, tuple) else (type(copy).__name__, getattr(copy, "path", None)))
    if hasattr(loader, "path"):
        other = result(lambda: type(loader)(name, loader.path).get_code(name))
        show(name, "made", digest(repr(facts_of(other))))
    if hasattr(loader, "get_source"):
        source = result(loader.get_source, name)
        show(name, "source", digest(source) if isinstance(source, str) else source)
        show(name, "filename", result(loader.get_filename, name), "package", result(loader.is_package, name))
        code = result(loader.get_code, name)
        show(name, "code", digest(repr(facts_of(code))) if inspect.iscode(code) else code)
        show(name, "other", result(loader.get_code, name + "x"))


def show_module(name, module):
    for attribute in ("__name__", "__file__", "__cached__", "__path__", "__package__", "__doc__"):
        value = getattr(module, attribute, None)
        show(name, attribute, list(value) if attribute == "__path__" and value is not None else value)
    show(name, "names", sorted(vars(module)))
    spec = getattr(module, "__spec__", None)
    if spec is not None:
        show(name, spec.name, spec.origin, spec.cached, spec.parent, spec.has_location, spec.loader_state)
        show(name, spec.submodule_search_locations and list(spec.submodule_search_locations))
        show(name, spec.loader is getattr(module, "__loader__", None))
        if spec.loader is not None:
            show_loader(spec.name, spec.loader)
    for value in list(vars(module).values()):
        if inspect.isfunction(value) and value.__module__ == module.__name__:
            code = value.__code__
            show(name, value.__qualname__, code.co_filename, code.co_firstlineno, digest(result(inspect.getsource, value)[0]))


def show_folders(package):
    for entry in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        show("iterated", type(entry.module_finder).__mro__[-2].__name__, entry.name, entry.ispkg)


def traced(steps):
    """Takes steps as a debugger or coverage sees them, and shows what they met."""
    events = {}
    # What the standard library does in a set's order differs from run to run.
    left_out = "<frozen", os.path.dirname(os.__file__)

    def trace(frame, event, _value):
        file = frame.f_code.co_filename
        if file.startswith(left_out):
            return None
        key = file, frame.f_lineno, event
        events[key] = events.get(key, 0) + 1
        return trace

    sys.settrace(trace)
    steps()
    sys.settrace(None)
    show("events", len(events), digest(repr(sorted(events.items()))))


def import_all():
    for word in sys.argv[1:]:
        show("import", word, result(lambda word=word: importlib.import_module(word).__name__))


def main():
    show("first", FIRST_MODULES)
    show("path", sys.path, sys.argv[1:], getattr(sys, "orig_argv", [])[1:-1], sys.flags)
    show("meta path", [getattr(finder, "__name__", type(finder).__name__) for finder in sys.meta_path])
    show("variables", sorted(name for name in os.environ))
    traced(import_all)
    show("order", list(sys.modules))
    show("path", sys.path)
    show("entries", sorted(sys.path_importer_cache))
    show("threads", threading.active_count(), sorted(os.listdir("/dev/fd")))
    folder = os.path.dirname(os.path.dirname(os.path.dirname(sys.modules["sgtk"].__file__)))
    for name, module in sorted(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(folder):
            show_module(name, module)
            if hasattr(module, "__path__"):
                show_folders(module)
    import sgtk

    show("missing", result(importlib.import_module, "sgtk.no_such_module"), importlib.util.find_spec("no_such_module"))
    show("reload", importlib.reload(sys.modules["tank"]).__name__)
    try:
        sgtk.sgtk_from_path("/no/such/path")
    except Exception:
        lines = traceback.format_exc().splitlines()
        show("traceback", [line for line in lines if " at 0x" not in line])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        show("spawned", pool.apply(eval, ("__import__('sgtk').__file__, __import__('sys').path",)))
    for name in ("TankError", "Hook"):
        value = getattr(sgtk, name, None)
        show("pickle", name, result(lambda value=value: pickle.loads(pickle.dumps(value)) is value))


if __name__ == "__main__":
    main()
