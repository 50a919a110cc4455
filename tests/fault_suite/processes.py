"""Processes, as `/proc` shows them."""
import os
import signal

# On the command line of a worker and its children (`WORKER_WORDS` in src/worker/worker_status.rs).
WORKER_WORDS = b"\0sgtk-python\0worker\0"
# In the shell that starts a worker (`DETACH` in src/worker/start.rs).
STARTER_WORDS = b"printf"


def read(pid, name):
    try:
        with open("/proc/%d/%s" % (pid, name), "rb") as file:
            return file.read()
    except OSError:
        return b""


def with_variable(text):
    """Returns the processes whose variables hold a text, without this one."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and text in read(pid, "environ")]


def kind_of(pid):
    """Returns `starter`, `worker`, `child` (of a worker) or `other`."""
    words = read(pid, "cmdline")
    if words.startswith(b"/bin/sh\0") and STARTER_WORDS in words:
        return "starter"
    if WORKER_WORDS not in words:
        return "other"
    fields = read(pid, "stat").rsplit(b")", 1)[-1].split()
    if len(fields) < 4:
        return "other"
    group, session = int(fields[2]), int(fields[3])
    if session == pid:
        return "worker"
    # A child leads its own group; a worker that still imports has those of its launcher.
    return "child" if group == pid else "starter"


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


def descriptors(pid):
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return 0


def open_files(pid):
    found = []
    try:
        for number in sorted(os.listdir("/proc/%d/fd" % pid), key=int):
            found.append("%s %s" % (number, os.readlink("/proc/%d/fd/%s" % (pid, number))))
    except OSError:
        pass
    return found


def processor_seconds(pid):
    fields = read(pid, "stat").rsplit(b")", 1)[-1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if len(fields) > 12 else 0.0


def tracer(pid):
    """Returns the process that traces another; 0 if none does."""
    for line in read(pid, "status").splitlines():
        if line.startswith(b"TracerPid:"):
            return int(line.split()[1])
    return 0
