"""The program of an attempt: writes its ledger, checks that the core is its project's own, and ends as its words say.

    job.py LEDGER CONFIG CHECK ENDING SECONDS [COMMAND...]

CHECK `path` looks at the core's path, and at `sgtk` where a worker has imported it; `core` imports and uses `sgtk`.
"""
import os
import signal
import subprocess
import sys
import time


def faults_of_core(config, check):
    """Yields each sign of another project's core."""
    try:
        # Beside the packages of each core.
        import fault_marker  # type: ignore[import-not-found]
    except ImportError:
        if os.path.join(config, "install", "core", "python") in sys.path:
            # A fault keeps its files from being read, which is no other project's core.
            raise
        yield "none of the studio's cores"
        return
    named = [os.environ.get("SGTK_PYTHON_CONFIG"), fault_marker.CONFIG]
    if check == "core" or "sgtk" in sys.modules:
        import sgtk
        python = os.path.dirname(os.path.dirname(os.path.abspath(sgtk.__file__)))
        named.append(os.path.dirname(os.path.dirname(os.path.dirname(python))))
        if check == "core":
            toolkit = sgtk.sgtk_from_path(config)
            named.append(toolkit.pipeline_configuration.get_path())
            if toolkit.version != fault_marker.VERSION:
                yield "version %s" % toolkit.version
    for path in named:
        if path != config:
            yield str(path)


def end(ending):
    if ending == "exception":
        raise RuntimeError("on purpose")
    if ending == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if ending == "left":
        os._exit(9)
    sys.exit(7 if ending == "code" else 0)


def main(ledger, config, check, ending, seconds, *command):
    file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    # Only a worker has imported it before the program.
    os.write(file, b"begun worker\n" if "sgtk" in sys.modules else b"begun plain\n")
    for fault in faults_of_core(config, check):
        os.write(file, b"wrong %s\n" % fault.encode())
    time.sleep(float(seconds))
    code = subprocess.call(command, stdin=subprocess.DEVNULL) if command else 0
    if code:
        sys.exit(code if code > 0 else 1)
    print("a line")
    os.write(file, b"ended\n")
    end(ending)


main(*sys.argv[1:])
