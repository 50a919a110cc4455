"""The worker's life: accepts launchers, hands each to a child, and leaves when it is idle or out of date."""
import collections
import itertools
import json
import os
import select
import signal
import socket
import sys
import time
import weakref
# `signal` makes enums.
from _signal import SIG_DFL, signal as set_handler  # type: ignore[import-not-found]

from worker.children import Children
from worker.looker import CHANGED, SAME, Looker
from worker.process import is_in_a_job, proportional_memory
from worker.protocol import FILES_CHANGED, FIRST_ANSWER, HEAD, HEARTBEAT, JOBS, NESTED_JOB, NO_MORE_JOBS, NO_PLACE
from worker.protocol import peek, peer_of, reply, send, unread
from worker.record import recreate_record
from worker.socket_file import SocketFile

FAILED_SPARES = 3       # spares in a row that end without a job and make the worker unfit
TICK = 5                # seconds between two looks at the worker's own socket and files
FRESH = 1               # seconds after the begin of a look, in which jobs need no other
AHEAD = 0.75            # seconds between two looks while jobs come, so that the next one need not wait
RECENT = 3              # seconds since the latest job in which another is expected
PATIENCE = 5            # seconds for a look
HANG_UP = 0             # events that are always reported: the end of a connection


class Supervisor:
    """The parent of all jobs: a loop that never blocks on a launcher or a job."""

    def __init__(self, start, watched):
        self.start = start
        self.looker = Looker(watched)
        self.socket_file = SocketFile(start["folder"], start["name"])
        self.children = Children(start["max_jobs"])
        self.is_retiring = False
        self.refusal = NO_MORE_JOBS                 # why it takes no more jobs
        self.pending = collections.OrderedDict()    # connections without a whole request, and their deadlines
        self.arrivals = select.epoll()              # reports each new part of a pending request once
        # A connection holds at least so many bytes of a plan: a quarter of the system's buffer.
        self.most_unread = self.socket_file.listener.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 4
        self.reserve = socket.socket(socket.AF_UNIX)    # its descriptor lets a launcher in that is refused
        self.accept_after = 0.0                     # the system has had no descriptor for a connection
        self.waiting = []                           # connections that wait for a child
        self.seen_waiting: "weakref.WeakSet[socket.socket]" = weakref.WeakSet()  # those of them that are not nested
        # Those that wait for a look at the files, and since when.
        self.unlooked: "weakref.WeakKeyDictionary[socket.socket, float]" = weakref.WeakKeyDictionary()
        self.came_at = 0.0                          # when the latest job came
        self.born = self.idle_since = self.spoke_at = self.weighed_at = time.monotonic()
        self.is_heavy = False
        self.has_alarm = False
        self.alarm, self.wakeup = socket.socketpair()
        self.alarm.setblocking(False)
        self.wakeup.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self.wakeup.fileno(), warn_on_full_buffer=False)

    def supervise(self):
        """Never returns in the worker; in a child it returns the channel to the worker."""
        while True:
            channel = self.begin_jobs()
            if channel is None:
                wants_spare = not self.is_retiring and self.children.wants_spare()
                events = self.wait(0 if wants_spare else self.seconds_to_wait())
                if wants_spare and not events:
                    channel = self.children.fork()
            if channel is not None:
                self.leave()
                return channel
            for descriptor, _ in events:
                self.handle(descriptor)
            self.reap()
            self.check_failed_spares()
            self.tick()

    def reap(self):
        """Reaps children if the system has sent SIGCHLD.

        To be called after all events: it closes descriptors, whose numbers a new connection may get.
        """
        if self.has_alarm:
            self.has_alarm = False
            if self.children.reap():
                self.idle_since = time.monotonic()

    def wait(self, seconds):
        poll = select.poll()
        poll.register(self.alarm, select.POLLIN)
        poll.register(self.arrivals, select.POLLIN)
        if self.accept_after <= time.monotonic():
            poll.register(self.socket_file.listener, select.POLLIN)
        if self.looker.is_looking:
            poll.register(self.looker.channel, select.POLLIN)
        for connection in self.waiting:
            poll.register(connection, HANG_UP)
        for child in self.children.jobs.values():
            if not child.has_reported and child.kill_at is None:
                poll.register(child.connection, HANG_UP)
        return poll.poll(seconds * 1000)

    def seconds_to_wait(self):
        now = time.monotonic()
        until = [now + TICK]
        if not self.is_retiring:
            until += [self.next_look(), self.idle_since + self.start["idle_after"]]
        if self.waiting:
            until.append(self.spoke_at + HEARTBEAT)
        if self.accept_after > now:
            until.append(self.accept_after)
        until += self.children.deadlines()
        until += list(self.pending.values())[:1]
        return max(0.001, min(until) - now)

    def handle(self, descriptor):
        if descriptor == self.alarm.fileno():
            self.alarm.recv(4096)
            self.has_alarm = True
        elif descriptor == self.socket_file.listener.fileno():
            self.accept()
        elif descriptor == self.arrivals.fileno():
            self.read_arrivals()
        elif self.looker.is_looking and descriptor == self.looker.channel.fileno():
            self.end_look()
        else:
            self.hang_up(descriptor)

    def accept(self):
        """Accepts one launcher; the listener stays readable while there are others."""
        try:
            connection, _ = self.socket_file.listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            self.refuse_next()
            return
        if peer_of(connection)[1] != os.geteuid():
            connection.close()
            return
        connection.setblocking(False)
        wish = self.wish_of(connection)
        if wish is not None:
            self.obey(connection, wish)
        else:
            self.pending[connection] = time.monotonic() + FIRST_ANSWER
            self.arrivals.register(connection, select.EPOLLIN | select.EPOLLET)

    def refuse_next(self):
        """Refuses a launcher by the reserved descriptor, for there is no other; without that one it pauses."""
        self.reserve.close()
        try:
            refuse(self.socket_file.listener.accept()[0], NO_MORE_JOBS)
        except OSError:
            self.accept_after = time.monotonic() + HEARTBEAT
        try:
            self.reserve = socket.socket(socket.AF_UNIX)
        except OSError:
            pass

    def read_arrivals(self):
        """Obeys the pending requests that are whole by now, and drops those whose launcher has gone."""
        for descriptor, event in self.arrivals.poll(0):
            connection = with_number(self.pending, descriptor)
            if connection is not None:
                wish = self.wish_of(connection)
                if wish is not None or event & select.EPOLLHUP:
                    self.forget_pending(connection)
                    self.obey(connection, wish)

    def forget_pending(self, connection):
        del self.pending[connection]
        self.arrivals.unregister(connection)

    def wish_of(self, connection):
        """Returns the first byte of a request that is whole; none if a part is missing."""
        try:
            head = connection.recv(HEAD.size, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        return None if head[:1] in JOBS and not self.holds_plan(connection, head) else head[:1]

    def holds_plan(self, connection, head):
        """Returns true if a plan has arrived, or as much of it as its connection holds."""
        if len(head) < HEAD.size:
            return False
        _, size = HEAD.unpack(head)
        return unread(connection) >= min(HEAD.size + size, self.most_unread)

    def obey(self, connection, wish):
        if wish in JOBS:
            if self.refusal == FILES_CHANGED:
                self.retire()
            if not self.is_retiring:
                self.came_at = now = time.monotonic()
                if not self.waiting:
                    self.spoke_at = now
                self.waiting.append(connection)
                if now - self.looker.looked_at >= FRESH:
                    self.unlooked[connection] = now
                    self.begin_look()
                return
            reply(connection, b"X", self.refusal)
        elif wish in (b"S", b"Q"):
            # The system drops the answer if a byte stays unread.
            connection.recv(1)
            if wish == b"Q":
                self.retire()
            send(connection, json.dumps(self.status()).encode())
        connection.close()

    def hang_up(self, descriptor):
        """Drops a launcher that has gone, and ends its job."""
        connection = with_number(self.waiting, descriptor)
        if connection is not None:
            self.waiting.remove(connection)
            connection.close()
        else:
            self.children.launcher_gone(descriptor)

    def begin_jobs(self):
        """Gives waiting connections to children, as many as may run; in a child it returns the channel."""
        while self.waiting and self.waiting[0] not in self.unlooked and self.has_room():
            if not self.children.spares:
                channel = self.children.fork()
                if channel is not None:
                    return channel
                if not self.children.spares:
                    # The system has no process: plain launches need no new one.
                    self.refuse_waiting()
                    return None
            if self.children.begin_job(self.waiting[0]):
                del self.waiting[0]
            else:
                self.check_failed_spares()
        self.refuse_nested()
        return None

    def refuse_nested(self):
        """Refuses the launchers of nested jobs, which a job of this worker or another has started.

        That job may wait for them. So a job that holds a place never waits for one, and jobs never wait for each other.
        """
        for connection in [one for one in self.waiting if one not in self.seen_waiting]:
            if connection in self.unlooked:
                # A look needs no place.
                continue
            if peek(connection) == NESTED_JOB or is_in_a_job(peer_of(connection)[0]):
                self.waiting.remove(connection)
                refuse(connection, NO_PLACE)
            else:
                self.seen_waiting.add(connection)

    def refuse_waiting(self):
        for connection in self.waiting:
            refuse(connection, self.refusal)
        self.waiting = []

    def has_room(self):
        if not self.children.jobs:
            return True
        if len(self.children.jobs) >= self.start["max_jobs"]:
            return False
        now = time.monotonic()
        most = self.start["max_memory"]
        if most and now - self.weighed_at > HEARTBEAT:
            self.weighed_at = now
            self.is_heavy = self.memory() > most * 1024
        return not self.is_heavy

    def leave(self):
        """Closes the worker's descriptors in a child, so that the others notice when the worker ends.

        By their numbers: the objects are never used again, and the system would copy the memory of each that changes.
        """
        signal.set_wakeup_fd(-1)
        set_handler(signal.SIGCHLD, SIG_DFL)
        own = [self.alarm, self.wakeup, self.arrivals, self.reserve, self.socket_file.listener]
        for file in itertools.chain(own, self.looker.files(), self.children.files(), self.pending, self.waiting):
            os.close(file.fileno())
        os.close(self.start["folder"])

    def tick(self):
        """Does the work that is due by the clock."""
        now = time.monotonic()
        for connection in [one for one, until in self.pending.items() if until < now]:
            self.forget_pending(connection)
            connection.close()
        self.children.kill_overdue(now)
        if self.waiting and now - self.spoke_at >= HEARTBEAT:
            self.spoke_at = now
            for connection in self.waiting:
                reply(connection, b"W", 0)
        if self.children.jobs or self.waiting:
            self.idle_since = now
        elif now - self.idle_since >= self.start["idle_after"]:
            self.retire()
        if not self.is_retiring and now >= self.next_look():
            if self.looker.is_looking:
                # A file server does not answer. A plain launch says so, if it has to wait too.
                self.looker.kill()
                self.retire()
            else:
                self.begin_look()
        if self.is_retiring and not self.children.jobs and not self.children.ending_groups:
            self.socket_file.remove()
            # Spares see the end of their channels, and leave.
            os._exit(0)

    def check_failed_spares(self):
        """Retires if no child lives until its job, and records that for the next start."""
        if self.children.failed_spares >= FAILED_SPARES and not self.is_retiring:
            if self.socket_file.is_in_place():
                recreate_record(self.start, "%d children in a row ended before they had a job" % FAILED_SPARES)
            self.retire()

    def next_look(self):
        """Returns when a look is due that no job waits for; while one is under way, when that takes too long."""
        if self.looker.is_looking:
            return self.looker.asked_at + PATIENCE
        return self.looker.asked_at + (AHEAD if self.expects_job() else TICK)

    def expects_job(self):
        return time.monotonic() - self.came_at < RECENT

    def begin_look(self):
        """Has the watched files looked at; retires if another worker has taken the place."""
        if self.is_retiring:
            return
        if not self.socket_file.is_in_place():
            self.retire()
            return
        try:
            self.looker.ask(self.leave)
        except OSError:
            # The system has no process: plain launches need no new one.
            self.refuse_waiting()

    def end_look(self):
        """Retires if a watched file has changed; else lets the jobs begin that came within a second of the look.

        If no job waits, but the next one is likely, it learns the reason first.
        """
        answer = self.looker.receive()
        if answer == CHANGED:
            self.refusal = FILES_CHANGED
        if answer != SAME and (self.waiting or not self.expects_job()):
            self.retire()
        for connection, since in list(self.unlooked.items()):
            if since - self.looker.looked_at < FRESH:
                del self.unlooked[connection]
        if self.unlooked:
            self.begin_look()

    def retire(self):
        """Takes no more jobs and frees the place; jobs that run go on, and the worker still answers and stops."""
        if not self.is_retiring:
            self.is_retiring = True
            self.socket_file.move_aside()
            self.refuse_waiting()

    def memory(self):
        """Returns KiB of the worker, its looker and its children, shared pages counted once."""
        pids = [os.getpid(), self.looker.pid] + self.children.pids()
        return sum(proportional_memory(pid) for pid in pids if pid)

    def status(self):
        return {
            "pid": os.getpid(),
            "project": self.start["project"],
            "config": self.start["config"],
            "core": self.start["core"],
            "files": self.start["files"],
            "python": sys.executable,
            "born": int(self.born * 1e9),
            "age": int(time.monotonic() - self.born),
            "idle": int(time.monotonic() - self.idle_since),
            "done": self.children.done,
            "running": len(self.children.jobs),
            "waiting": len(self.waiting),
            "memory": self.memory(),
            "state": "retiring" if self.is_retiring else "ready",
        }


def refuse(connection, why):
    """Lets a launcher run its job plainly."""
    reply(connection, b"X", why)
    connection.close()


def with_number(connections, descriptor):
    return next((one for one in connections if one.fileno() == descriptor), None)
