"""The session of a job at a terminal."""
import os
import socket

from worker.descriptors import close_files


def lead_session(has_job_control):
    """Makes this process the leader of a session of its own; returns the sockets that the session needs."""
    # The leader of a group cannot make a session (setsid(2)), so this process joins the worker's group.
    os.setpgid(0, os.getsid(0))
    os.setsid()
    return [allow_stops()] if has_job_control else []


def allow_stops():
    """Lets the terminal stop the job's group; returns a socket that keeps two processes for that.

    The kernel drops such a stop if no process of the group has its parent in the same session and another group
    (setpgid(2): orphaned process group). The job's parent is in the worker's session. So a companion is in the job's
    group, and its parent beside it; both do nothing, and end when the job does. The job is the parent of neither.
    """
    group = os.getpid()
    ours, theirs = socket.socketpair()
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        theirs.close()
        if not ours.recv(1):
            raise OSError("the system has no process for a companion")
        return ours
    try:
        if os.fork() == 0:
            close_files([theirs.fileno()])
            os.setpgid(0, 0)
            if os.fork() == 0:
                os.setpgid(0, group)
                theirs.send(b"j")
            theirs.recv(1)
    finally:
        os._exit(0)
