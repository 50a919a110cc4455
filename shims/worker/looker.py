"""The looker: a process that looks at the watched files for the worker.

A file server may take half a millisecond for each file, and a broken one may never answer. So the worker does not look
itself, and the looker looks at several files at once: it may have threads, since no job is forked from it.
"""
import _thread
import os
import signal
import socket
import threading
import time

from worker.files import identity
from worker.protocol import send

SLOW = 0.00025          # seconds for a file, after which another thread helps
THREADS = 32            # at most
SAME, CHANGED = b"=", b"!"     # answers


class Looker:
    """The worker's side: one look at a time."""

    def __init__(self, watched):
        self.watched = watched
        self.pid = 0            # none yet
        self.channel, self.theirs = socket.socketpair()
        self.is_looking = False
        # When the last look began or was tried, and when the last one began that found no change.
        self.asked_at = self.looked_at = time.monotonic()

    def ask(self, leave):
        """Begins a look, unless one is under way. The first one forks the looker, where `leave` drops what is the
        worker's. Fails if the system has no process for it.
        """
        if self.is_looking:
            return
        self.asked_at = time.monotonic()
        if not self.pid:
            self.start(leave)
        self.is_looking = True
        # If the looker has ended, its answer is the end of the channel.
        send(self.channel, b"?")

    def start(self, leave):
        self.pid = os.fork()
        if self.pid:
            self.theirs.close()
            return
        try:
            # The worker may have no descriptor left for the copy.
            self.channel.close()
            channel = self.theirs.dup()
            leave()
            answer(channel, self.watched)
        finally:
            os._exit(0)

    def receive(self):
        """Receives the answer to `ask`: nothing if the looker has ended."""
        self.is_looking = False
        answer = self.channel.recv(1)
        if answer == SAME:
            self.looked_at = self.asked_at
        return answer

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def files(self):
        """Returns the open files. The worker's children need none."""
        return [file for file in (self.channel, self.theirs) if file.fileno() >= 0]


def answer(channel, watched):
    """Becomes the looker: answers until the worker leaves."""
    while channel.recv(1):
        channel.send(CHANGED if Look(watched).finds_change() else SAME)


class Look:
    """A look at all files."""

    def __init__(self, watched):
        self.left = iter(watched)       # shared by the threads: each takes the next file
        self.has_changed = False
        self.threads = 1
        self.lock = threading.Lock()    # of `threads`
        self.end = threading.Semaphore(0)

    def finds_change(self):
        self.work()
        self.end.acquire()
        return self.has_changed

    def work(self):
        for path, was in self.left:
            begun = time.monotonic()
            if self.has_changed or identity(path) != was:
                self.has_changed = True
                break
            if time.monotonic() - begun > SLOW:
                self.get_help()
        with self.lock:
            self.threads -= 1
            if self.threads == 0:
                self.end.release()

    def get_help(self):
        with self.lock:
            if self.threads < THREADS:
                try:
                    # `threading` would wait until it runs.
                    _thread.start_new_thread(self.work, ())
                    self.threads += 1
                except RuntimeError:
                    # The system has no thread: those that there are do the work.
                    pass
