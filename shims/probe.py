"""What `sgtk-python --doctor` asks each Python: its version, and how long `import sgtk` takes.

Prints one line: version, milliseconds, and the error if there was one, between tabs. Runs on every
Python since 2.6; the error is that of the import, in one line.
"""
import sys
import time

start = time.time()
error = ""
try:
    import sgtk  # noqa: F401
except Exception:
    kind, value = sys.exc_info()[:2]
    error = " ".join(("%s: %s" % (kind.__name__, value)).split())
milliseconds = int((time.time() - start) * 1000)
version = ".".join(str(part) for part in sys.version_info[:3])
sys.stdout.write("\nsgtk-python-probe\t%s\t%d\t%s\n" % (version, milliseconds, error))
