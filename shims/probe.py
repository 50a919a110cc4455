"""Reports a Python's version and the time of its `import sgtk` to `sgtk-python --doctor`.

Prints one line, with tabs between: a mark, the version, milliseconds, the folder that sgtk came from, and the error.
Runs on every Python since 2.6.
"""
import os
import sys
import time

# With -c the working directory comes first, and its files must not run.
sys.path[:] = [entry for entry in sys.path if entry]

start = time.time()
folder = error = ""
try:
    import sgtk
    folder = os.path.dirname(os.path.dirname(sgtk.__file__))
except Exception:
    value = sys.exc_info()[1]
    error = " ".join(("%s: %s" % (type(value).__name__, value)).split())
milliseconds = int((time.time() - start) * 1000)
version = ".".join(str(part) for part in sys.version_info[:3])
fields = ("sgtk-python-probe", version, str(milliseconds), folder, error[:1000])
sys.stdout.write("\n" + "\t".join(fields) + "\n")
