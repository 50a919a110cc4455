"""What `sgtk-python --doctor` asks each Python: its version, and how long `import sgtk` takes.

Prints one line: version, milliseconds, the folder that sgtk came from, and the error if there was one,
between tabs. Runs on every Python since 2.6.
"""
import os
import sys
import time

# With -c the working directory comes first, and what lies there is not to be run.
sys.path[:] = [entry for entry in sys.path if entry]

start = time.time()
folder = error = ""
try:
    import sgtk
    folder = os.path.dirname(os.path.dirname(sgtk.__file__))
except Exception:
    kind, value = sys.exc_info()[:2]
    error = " ".join(("%s: %s" % (kind.__name__, value)).split())
milliseconds = int((time.time() - start) * 1000)
version = ".".join(str(part) for part in sys.version_info[:3])
fields = ("sgtk-python-probe", version, str(milliseconds), folder, error[:1000])
sys.stdout.write("\n" + "\t".join(fields) + "\n")
