"""The fitness of a worker: a process may be forked for jobs if they would share nothing."""
import os
import stat
import threading
import traceback

from as_main import without_runner


class Unfit(Exception):
    """The reason why this process must not be forked."""


def check_fit(own):
    """Fails unless there is one thread, and nothing open that jobs would share; `own` are the worker's descriptors."""
    if len(os.listdir("/proc/self/task")) != 1:
        names = [thread.name for thread in threading.enumerate()[1:]]
        raise Unfit("a thread still runs after the imports: %s" % (", ".join(names) or "not started by Python"))
    for name in os.listdir("/proc/self/fd"):
        try:
            found = os.fstat(int(name))
            target = os.readlink("/proc/self/fd/" + name)
        except OSError:
            # The descriptor of this listing is closed by now.
            continue
        if int(name) not in own and would_be_shared(name, target, found):
            raise Unfit("the imports left %s open, and all jobs would share it" % target)


def would_be_shared(name, target, found):
    """Returns true for sockets, pipes and files to write; folders, devices and files to read do no harm."""
    if os.path.basename(os.path.dirname(target)) == "fd":
        return False
    if stat.S_ISDIR(found.st_mode) or stat.S_ISCHR(found.st_mode):
        return False
    with open("/proc/self/fdinfo/" + name) as info:
        flags = int(info.read().split("flags:")[1].split()[0], 8)
    return not stat.S_ISREG(found.st_mode) or flags & os.O_ACCMODE != os.O_RDONLY


def one_line(error):
    """Returns an exception in one line, with the line of code that raised it."""
    text = "%s: %s" % (type(error).__name__, " ".join(str(error).split()))
    for frame in traceback.extract_tb(without_runner(error.__traceback__))[-1:]:
        text += " (%s:%s)" % (frame.filename, frame.lineno)
    return text
