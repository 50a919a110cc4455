"""Runs a program as `__main__`, in a process that has already done something else.

The program finds the state that plain Python would give it: `__main__`, `sys.argv`, `sys.path[0]`, its tracebacks, its
exit code. Python 3.7+. A program that uses this module is one text of `python -c`, with the module's functions in it:
so this process' first `__main__` holds them, and they drop their own frames from tracebacks.

`exit_code_of(kind, program, arguments)` runs:
  code    the text of `-c`
  module  the module of `-m`
  script  a file, or a folder or zip with a `__main__.py`
  input   the text on standard input; `program` is `-`
  prompt  the same for a Python without arguments; `program` is empty
"""
import os
import sys


def forget_runner():
    """Undoes what `python -c` has done: its entry on `sys.path`, its lines in tracebacks."""
    linecache = sys.modules.get("linecache")
    if linecache is not None:
        linecache.cache.pop("<string>", None)
    if not getattr(sys.flags, "safe_path", False) and sys.path[:1] == [""]:
        del sys.path[0]


def exit_code_of(kind, program, arguments):
    """Runs a program, prints its failure, and returns a code for `exit_as`: 0 to 255, or minus a signal."""
    failure = None
    try:
        run_as_main(kind, program, arguments)
    except BaseException as error:
        failure = error
    # Outside of the handler, so that `sys.excepthook` finds no exception being handled.
    return 0 if failure is None else code_of_failure(failure)


def exit_as(code):
    """Ends this process as Python does: threads, `atexit`, a flush; an interrupted program dies by the signal."""
    if code >= 0:
        sys.exit(code)
    import atexit
    import signal
    import threading
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    flush_output()
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)


def run_as_main(kind, program, arguments):
    """Runs a program, and lets its exceptions pass."""
    names = fresh_main()
    if kind == "module":
        sys.argv[:] = ["-m"] + arguments
        run_module(program)
    elif kind == "script":
        run_script(program, arguments, names)
    elif kind == "code":
        sys.argv[:] = ["-c"] + arguments
        put_on_path("")
        # CPython adds the line end too.
        code = compiled(program + "\n", "<string>")
        show_source(code, program)
        exec(code, names)
    else:
        sys.argv[:] = [program] + arguments
        put_on_path("")
        names["__file__"], names["__cached__"] = "<stdin>", None
        execute_file(compiled(sys.stdin.buffer.read(), "<stdin>"), names)


def fresh_main():
    """Makes the module `__main__` and returns its names (CPython: `add_main_module`)."""
    import builtins
    from importlib.machinery import BuiltinImporter
    main = type(sys)("__main__")
    names = main.__dict__
    names.update(__loader__=BuiltinImporter, __annotations__={}, __builtins__=builtins)
    sys.modules["__main__"] = main
    return names


def run_module(name):
    """Runs a module (CPython: `pymain_run_module`)."""
    try:
        put_on_path(os.getcwd())
    except OSError:
        pass
    import runpy
    runpy._run_module_as_main(name)  # type: ignore[attr-defined]


def run_script(program, arguments, names):
    """Runs a file, a folder or a zip (CPython: `pymain_run_python`)."""
    sys.argv[:] = [program] + arguments
    path = script_path(program)
    importer = importer_of(path)
    sys.path_importer_cache[path] = importer
    if importer is not None:
        sys.path.insert(0, path)
        import runpy
        runpy._run_module_as_main("__main__", False)  # type: ignore[attr-defined]
        return
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        name = repr(path) if sys.version_info >= (3, 10) else "'%s'" % path
        complain("%s: can't open file %s: [Errno %s] %s" % (sys.executable, name, error.errno, error.strerror))
        raise SystemExit(2) from None
    put_on_path(script_folder(program))
    names["__file__"], names["__cached__"] = path, None
    from importlib.machinery import SourceFileLoader, SourcelessFileLoader
    from importlib.util import MAGIC_NUMBER
    is_bytecode = path.endswith(".pyc") or source[:2] == MAGIC_NUMBER[:2]
    loader = SourcelessFileLoader if is_bytecode else SourceFileLoader
    names["__loader__"] = loader("__main__", path)
    execute_file(load_bytecode(source) if is_bytecode else compiled(source, path), names)


def script_path(program):
    """Returns a script's path as plain Python keeps it (CPython: `_Py_abspath`): absolute since 3.9."""
    if sys.version_info < (3, 9) or os.path.isabs(program):
        return program
    try:
        if program == "." and sys.version_info >= (3, 11):
            return os.getcwd()
        return os.getcwd() + os.sep + program
    except OSError:
        return program


def script_folder(program):
    """Returns a script's entry on `sys.path`: its folder, links resolved."""
    real = os.path.realpath(program)
    return os.path.dirname(real if os.path.exists(real) else program)


def importer_of(path):
    """Returns the importer of a folder or zip; none for an ordinary file."""
    for hook in sys.path_hooks:
        try:
            return hook(path)
        except ImportError:
            pass
    return None


def put_on_path(entry):
    """Puts a folder first on `sys.path`, unless `-P` or `PYTHONSAFEPATH` forbids it."""
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, entry)


def compiled(source, name):
    return compile(source, name, "exec", dont_inherit=True)


def load_bytecode(source):
    import marshal
    from importlib.util import MAGIC_NUMBER
    if source[:4] != MAGIC_NUMBER:
        raise RuntimeError("Bad magic number in .pyc file")
    code = marshal.loads(source[16:])
    if not isinstance(code, type(compiled("", ""))):
        raise RuntimeError("Bad code object in .pyc file")
    return code


def show_source(code, source):
    """Lets tracebacks show the lines of `-c`, as Python 3.13 does."""
    if sys.version_info >= (3, 13):
        import linecache
        key = code if hasattr(linecache, "_interactive_cache") else "<string>"
        linecache._register_code(key, source, "<string>")


def execute_file(code, names):
    try:
        exec(code, names)
    finally:
        # CPython does so for files (`flush_io`); a traceback then follows the output.
        for stream in sys.stderr, sys.stdout:
            try:
                stream.flush()
            except Exception:
                pass


def code_of_failure(failure):
    """Prints an exception and returns its exit code (CPython: `PyErr_PrintEx`)."""
    failure.__traceback__ = without_runner(failure.__traceback__)
    # With `-i` Python prints it like any other.
    if isinstance(failure, SystemExit) and not sys.flags.inspect:
        return code_of_exit(failure)
    sys.last_type, sys.last_value = type(failure), failure
    sys.last_traceback = failure.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = failure
    problem = None
    try:
        sys.excepthook(type(failure), failure, failure.__traceback__)
    except BaseException as error:
        problem = error
    if isinstance(problem, SystemExit):
        return code_of_exit(problem)
    if not hasattr(sys, "excepthook"):
        complain("sys.excepthook is missing")
        show(failure)
    elif problem is not None:
        problem.__traceback__ = without_runner(problem.__traceback__)
        complain("Error in sys.excepthook:")
        show(problem)
        complain("\nOriginal exception was:")
        show(failure)
    was_interrupted = type(failure) is KeyboardInterrupt and sys.version_info >= (3, 8)
    return -2 if was_interrupted else 1


def show(failure):
    sys.__excepthook__(type(failure), failure, failure.__traceback__)


def without_runner(traceback):
    """Returns a traceback without the frames of this text, with which each one begins."""
    while traceback is not None and traceback.tb_frame.f_globals is globals():
        traceback = traceback.tb_next
    return traceback


def code_of_exit(failure):
    """Returns the exit code of a `SystemExit` (CPython: `_Py_HandleSystemExit`)."""
    try:
        value = failure.code
    except BaseException:
        value = failure
    if value is None:
        return 0
    if isinstance(value, int):
        # A C long, cut down to a byte; -1 if it does not fit.
        return value & 255 if -2 ** 63 <= value < 2 ** 63 else 255
    try:
        text = str(value)
    except Exception:
        text = ""
    complain(text)
    return 1


def complain(text):
    """Writes a line to standard error, also if the program has set `sys.stderr` to none."""
    stream = sys.stderr
    if stream is None:
        os.write(2, (text + "\n").encode(errors="backslashreplace"))
    else:
        stream.write(text + "\n")
        stream.flush()


def flush_output():
    """Flushes the standard streams; reports a failure as Python does, and returns false."""
    worked = True
    for stream in sys.stdout, sys.stderr:
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception as error:
            worked = False
            if stream is sys.stdout:
                complain("Exception ignored in: %r\n%s: %s" % (stream, type(error).__name__, error))
    return worked
