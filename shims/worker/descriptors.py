"""Descriptors in a job's process: the worker's own among those that the job may open and close."""
import fcntl
import os
import resource
import socket

LOW = 256               # numbers below are kept free for descriptors that jobs inherit
OWN = 16                # descriptors that a child needs for a while, and some more


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


def occupy_low_numbers():
    """Opens all free low numbers, so that what the imports open gets others; returns them, to be closed then."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY)]
    while taken[-1] < min(LOW, most // 2):
        taken.append(os.dup(taken[0]))
    return taken


def make_way(inherited, sockets):
    """Returns the worker's sockets, with other numbers than those that the program inherits.

    Fails if a file of the imports has one of these, or the system has too few numbers.
    """
    above = max(inherited, default=2) + 1
    if above + len(inherited) + OWN > resource.getrlimit(resource.RLIMIT_NOFILE)[0]:
        raise OSError("too few numbers")
    moved = [moved_above(above, one) if one.fileno() in inherited else one for one in sockets]
    for number in inherited:
        if OwnDescriptor(number).identity is not None:
            raise OSError("number %d is taken" % number)
    return moved


def moved_above(least, one):
    number = fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, least)
    one.close()
    return socket.socket(fileno=number)


def place(received, numbers):
    """Gives received descriptors their numbers in the program, and lets its children inherit them."""
    places = dict(zip(numbers, received))
    for number in numbers:
        source = places.pop(number)
        for other, at in places.items():
            if at == number:
                places[other] = os.dup(number)
        if source == number:
            os.set_inheritable(number, True)
        else:
            os.dup2(source, number)
            os.close(source)


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
