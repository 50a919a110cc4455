"""Processes and process groups, as the system shows them."""
import os
import signal

# The codes of waitid(2): CLD_EXITED, CLD_KILLED, CLD_DUMPED, CLD_STOPPED, CLD_CONTINUED.
EXITED, KILLED, DUMPED, STOPPED, CONTINUED = 1, 2, 3, 5, 6
# On a worker's command line, before its project and configuration (src/worker/worker_status.rs).
WORKER_WORDS = [b"sgtk-python", b"worker"]


def wait_status(found):
    """Returns the status of waitpid(2) for a result of waitid(2); none if the process has not ended."""
    if found.si_code == EXITED:
        return found.si_status << 8
    if found.si_code == KILLED:
        return found.si_status
    if found.si_code == DUMPED:
        return found.si_status | 0x80
    return None


def stat_fields(pid):
    """Returns the fields of `/proc/PID/stat` that follow the name: state, parent, group, session, …"""
    with open("/proc/%d/stat" % pid, "rb") as file:
        return file.read().rsplit(b")", 1)[1].split()


def sessions(pid):
    """Yields the session of a process, of its parent, and so on."""
    while pid > 1:
        try:
            _, parent, _, session = stat_fields(pid)[:4]
        except (OSError, IndexError, ValueError):
            return
        yield int(session)
        pid = int(parent)


def is_in_a_job(pid):
    """Returns true if a job of any worker has started the process: jobs stay in their worker's session."""
    return any(is_worker(session) for session in sessions(pid))


def is_worker(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return False
    # The last is empty.
    return words[-5:-3] == WORKER_WORDS


def continue_if_stopped(pid):
    try:
        if stat_fields(pid)[0] == b"T":
            os.kill(pid, signal.SIGCONT)
    except (OSError, IndexError):
        pass


def proportional_memory(pid):
    """Returns KiB, each shared page divided among the processes that share it."""
    try:
        with open("/proc/%d/smaps_rollup" % pid) as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def signal_group(pid, number):
    try:
        os.killpg(pid, number)
    except OSError:
        pass


def end_group(pid):
    signal_group(pid, signal.SIGTERM)
    signal_group(pid, signal.SIGCONT)
