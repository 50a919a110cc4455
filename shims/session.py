"""Prepares a Toolkit session in the program's own process, and then runs the program as Python would.

The arguments are the request (JSON, see `engine.py`), the kind of the program, the program, and its own arguments.
The credentials are on the descriptor that a variable names. Both are gone before the program runs. Python 3.7+.
"""
import os
import sys

from as_main import exit_as, exit_code_of, forget_runner, fresh_main, put_on_path
from engine import handed_over, or_leave, prepare


def run_with_session():
    import json
    forget_runner()
    request, kind, program, arguments = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
    restore_words(kind, program, arguments)
    number = os.environ.pop("SGTK_PYTHON_CREDENTIALS", None)
    if number is not None:
        request["credentials"] = json.loads(handed_over(int(number)))
    or_leave(prepare, request)
    if kind == "prompt" and sys.stdin is not None and (sys.stdin.isatty() or sys.flags.inspect):
        sys.argv[:] = [""]
        put_on_path("")
        fresh_main()
        # Python's prompt follows, as after `python -i`.
        os.environ["PYTHONINSPECT"] = "1"
        return
    code = exit_code_of(kind, program, arguments)
    # With `-i` the prompt follows, whatever the exit code.
    if not sys.flags.inspect:
        exit_as(code)


def restore_words(kind, program, arguments):
    """Makes `sys.orig_argv` the words that plain Python would have."""
    if hasattr(sys, "orig_argv"):
        words = {"code": ["-c", program], "module": ["-m", program], "prompt": []}.get(kind, [program])
        # Python's own options come first, then `-c`, its text, the request, the kind and the program.
        del sys.orig_argv[len(sys.orig_argv) - len(arguments) - 5:]
        sys.orig_argv += words + arguments


if __name__ == "__main__":
    run_with_session()
