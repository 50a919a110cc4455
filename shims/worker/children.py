"""The worker's children: spares that wait for a job, jobs, and the groups of jobs that have ended."""
import os
import signal
import socket
import time

from worker.process import CONTINUED, STOPPED
from worker.process import continue_if_stopped, end_group, signal_group, wait_status
from worker.protocol import HEARTBEAT, give_connection, peer_of, reply

GRACE = 5               # seconds between TERM and KILL for a job whose launcher has gone
GROUP_GRACE = 1         # the same for the processes that an ended job has left
SPARES = 2              # children that are kept ready


class Child:
    """A forked process: a spare, and with a connection a job."""

    def __init__(self, pid, channel):
        self.pid = pid
        self.channel = channel
        self.connection = None
        self.has_begun = False      # has begun its job
        self.has_reported = False   # has sent its launcher the exit code
        self.kill_at = None         # when its group gets KILL, for its launcher has gone
        self.was_stopped = False

    def wake_launcher(self):
        """Continues a launcher that stopped because its job did."""
        if self.kill_at is None:
            continue_if_stopped(peer_of(self.connection)[0])

    def launcher_was_terminated(self):
        """Returns true if the launcher has announced with `K` that it got TERM."""
        try:
            return b"K" in self.connection.recv(64, socket.MSG_DONTWAIT)  # type: ignore[union-attr]
        except OSError:
            return False

    def check_report(self):
        """Returns true if the child has sent its launcher the exit code.

        It announces the begin of its job with `b`, and the exit code with `d`, before it sends that.
        """
        try:
            announced = self.channel.recv(64, socket.MSG_DONTWAIT)
        except OSError:
            announced = b""
        self.has_begun = self.has_begun or b"b" in announced
        self.has_reported = self.has_reported or b"d" in announced
        return self.has_reported

    def close(self):
        self.channel.close()
        if self.connection is not None:
            self.connection.close()


class Children:
    """All children of the worker that the system still knows."""

    def __init__(self, max_jobs):
        self.max_jobs = max_jobs
        self.spares = []
        self.jobs = {}              # by their process number
        self.ending_groups = {}     # ended jobs whose groups get KILL, and when
        self.failed_spares = 0      # spares that ended without a job, in a row
        self.fork_after = 0.0         # the system has had no process for a spare
        self.done = 0

    def wants_spare(self):
        if self.fork_after > time.monotonic():
            return False
        if self.spares and self.jobs:
            # One is enough for the next job, and a fork would slow down those that run.
            return False
        return len(self.spares) < min(SPARES, self.max_jobs - len(self.jobs))

    def fork(self):
        """Forks a spare, if the system has a process for it; in the spare it returns the channel to the worker."""
        try:
            ours, theirs = socket.socketpair()
        except OSError:
            self.fork_after = time.monotonic() + HEARTBEAT
            return None
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            self.fork_after = time.monotonic() + HEARTBEAT
            return None
        if pid:
            theirs.close()
            self.spares.append(Child(pid, ours))
            return None
        os.setpgid(0, 0)
        ours.close()
        return theirs

    def begin_job(self, connection):
        """Hands a launcher to a spare; returns false if the spare has died."""
        child = self.spares.pop(0)
        try:
            give_connection(child.channel, connection)
        except OSError:
            child.close()
            self.ending_groups[child.pid] = time.monotonic()
            self.failed_spares += 1
            return False
        child.connection = connection
        self.jobs[child.pid] = child
        return True

    def launcher_gone(self, descriptor):
        """Ends the job whose launcher has closed this connection."""
        for child in self.jobs.values():
            if child.connection.fileno() == descriptor and not child.check_report():
                # A launcher that got TERM first has waited for its job already.
                if child.launcher_was_terminated():
                    signal_group(child.pid, signal.SIGKILL)
                else:
                    end_group(child.pid)
                child.kill_at = time.monotonic() + GRACE

    def reap(self):
        """Reports the children that have stopped, gone on or ended; returns true if a job has ended."""
        done = self.done
        # An ended job keeps its process number until its group has been signalled, so WNOWAIT and one by one.
        for child in self.spares + list(self.jobs.values()):
            changes = os.WSTOPPED | os.WCONTINUED | os.WNOHANG
            found = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | changes)
            if found is None:
                continue
            status = wait_status(found)
            if status is None:
                # A child that had gone on may have stopped again since the first call: this one's answer counts.
                found = os.waitid(os.P_PID, child.pid, changes) or found
                if child.connection is not None and found.si_code == STOPPED:
                    child.was_stopped = True
                    reply(child.connection, b"T", found.si_status)
                elif child.was_stopped and found.si_code == CONTINUED:
                    child.wake_launcher()
            elif child.connection is not None:
                self.end_job(child, status)
            else:
                os.waitpid(child.pid, 0)
                self.spares.remove(child)
                child.close()
                self.failed_spares += 1
        return self.done > done

    def end_job(self, child, status):
        """Reports the end of a job, and ends its group if its launcher got TERM or has gone."""
        del self.jobs[child.pid]
        if not child.check_report():
            reply(child.connection, b"D", status)
        if child.has_begun:
            self.done += 1
            self.failed_spares = 0
        if child.was_stopped:
            child.wake_launcher()
        if child.kill_at is not None or child.launcher_was_terminated():
            end_group(child.pid)
            self.ending_groups[child.pid] = time.monotonic() + GROUP_GRACE
        else:
            os.waitpid(child.pid, 0)
        child.close()

    def deadlines(self):
        """Returns the times at which `kill_overdue` or a fork is due."""
        due = [child.kill_at for child in self.jobs.values() if child.kill_at] + list(self.ending_groups.values())
        return due + ([self.fork_after] if self.fork_after > time.monotonic() else [])

    def kill_overdue(self, now):
        for child in self.jobs.values():
            if child.kill_at and child.kill_at < now:
                signal_group(child.pid, signal.SIGKILL)
                child.kill_at = now + GRACE
        for pid in [pid for pid, until in self.ending_groups.items() if until < now]:
            signal_group(pid, signal.SIGKILL)
            self.ending_groups[pid] = now + GROUP_GRACE
            if os.waitpid(pid, os.WNOHANG)[0]:
                del self.ending_groups[pid]

    def pids(self):
        return list(self.jobs) + [spare.pid for spare in self.spares]

    def files(self):
        """Returns the open channels and connections."""
        children = self.spares + list(self.jobs.values())
        return [child.channel for child in children] + [job.connection for job in self.jobs.values()]
