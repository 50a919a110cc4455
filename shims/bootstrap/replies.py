"""The replies to the launcher, the log, and the limit of the time without either."""
import json
import logging
import os
import sys
import threading


class Replies:
    """Lines of JSON on the first standard output, which is then connected to the log; a key is never written."""

    def __init__(self):
        self._output = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self.secret = None

    def send(self, answer, **fields):
        with self._lock:
            self._output.write(json.dumps(dict(fields, answer=answer)) + "\n")
            self._output.flush()

    def fail(self, kind, message):
        lines = self.without_secret(message).strip().splitlines() or ["no reason given"]
        self.send("failed", kind=kind, message=lines[0][:1000])

    def log(self, text):
        """Writes to the log if it can; a full disk must not stop the replies."""
        try:
            sys.stderr.write(self.without_secret(text) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            pass

    def without_secret(self, text):
        text = str(text)
        return text.replace(self.secret, "***") if self.secret else text


class Watchdog:
    """A time limit that ends the process when it has passed."""

    def __init__(self, replies):
        self._replies = replies
        self._timer = None

    def watch(self, limit, problem):
        """Starts a limit of so many seconds, in place of the last one."""
        self.stop()
        self._timer = threading.Timer(limit, self._give_up, ["%s within %d seconds" % (problem, limit)])
        self._timer.daemon = True
        self._timer.start()

    def stop(self):
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self, message):
        self._replies.fail("unreachable", message)
        os._exit(0)


class ToolkitLog(logging.Handler):
    """A handler that writes Toolkit's messages to the log, and keeps its errors: a bootstrap survives some of them."""

    def __init__(self, replies):
        super().__init__(logging.INFO)
        self.replies = replies
        self.errors = []

    def emit(self, record):
        if record.levelno >= logging.ERROR:
            self.errors.append(record.getMessage())
        self.replies.log("%s: %s" % (record.levelname, record.getMessage()))
