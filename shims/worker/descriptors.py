"""Descriptors in a job's process: the worker's own among those that the job may open and close."""
import os


class OwnDescriptor:
    """A descriptor of the worker's program; the job may have closed it and opened a file with its number."""

    def __init__(self, number):
        self.number = number
        self.identity = self.found()

    def found(self):
        try:
            found = os.fstat(self.number)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def is_open(self):
        return self.found() == self.identity

    def send(self, data):
        try:
            if self.is_open():
                os.write(self.number, data)
        except OSError:
            pass

    def close(self):
        if self.is_open():
            os.close(self.number)


def close_files(needed):
    """Closes all descriptors but the standard streams and the needed ones, so that locks, ports and files are free.

    The end of the process would do that too, but it takes a while with much memory, and the launcher ends earlier.
    """
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > 2 and number not in needed:
            try:
                os.close(number)
            except OSError:
                pass
