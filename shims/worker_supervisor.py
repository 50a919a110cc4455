"""The worker's life: accepts launchers, hands each to a child, and tells how children died.

A part of `worker.py`.
"""


class Child:
    """A forked process: a spare, or with a connection a job."""

    def __init__(self, pid, channel):
        self.pid = pid
        self.channel = channel
        self.connection = None
        self.has_ended = False  # has told its launcher how it ended
        self.kill_at = None     # its launcher has gone

    def has_told(self):
        """Whether it has told its launcher how it ended: then it said so here before."""
        try:
            self.has_ended = self.has_ended or self.channel.recv(1, socket.MSG_DONTWAIT) == b"d"
        except OSError:
            pass
        return self.has_ended

    def close(self):
        self.channel.close()
        if self.connection is not None:
            self.connection.close()


class Worker:
    """Accepts launchers, hands each to a child, and tells how children died."""

    def __init__(self, start, folder, listener):
        self.start = start
        self.folder = folder
        self.listener = listener
        self.identity = os.stat(start["name"], dir_fd=folder)
        self.watched = watched_files()
        self.spares = []
        self.jobs = {}
        self.unheard = collections.OrderedDict()    # connections that said nothing yet, until when
        self.waiting = []                           # connections that wait for a child
        self.done = 0
        self.born = self.idle_since = self.looked_at = self.spoke_at = self.weighed_at = time.monotonic()
        self.is_heavy = False
        self.alarm, wakeup = socket.socketpair()
        self.alarm.setblocking(False)
        wakeup.setblocking(False)
        self.wakeup = wakeup
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)

    def supervise(self):
        """Never returns in the worker; in a child the channel to the worker."""
        while True:
            channel = self.begin_jobs()
            if channel is not None:
                return channel
            wants_spare = self.listener and len(self.spares) < self.wanted_spares()
            # Not at the cost of a job that runs, as long as there is one for the next.
            wants_spare = wants_spare and not (self.spares and self.jobs)
            events = self.wait(0 if wants_spare else self.patience())
            if wants_spare and not events:
                channel = self.fork()
                if channel is not None:
                    return channel
            for descriptor, event in events:
                self.handle(descriptor, event)
            self.reap()
            self.keep_house()

    # What happens.

    def wait(self, seconds):
        poll = select.poll()
        poll.register(self.alarm, select.POLLIN)
        if self.listener:
            poll.register(self.listener, select.POLLIN)
        for connection in self.unheard:
            poll.register(connection, select.POLLIN)
        for connection in self.waiting:
            poll.register(connection, HANGS_UP)
        for child in self.jobs.values():
            if not child.has_ended and child.kill_at is None:
                poll.register(child.connection, HANGS_UP)
        return poll.poll(seconds * 1000)

    def patience(self):
        now = time.monotonic()
        until = [now + TICK, self.idle_since + self.start["idle_after"]]
        until += [self.spoke_at + HEARTBEAT] if self.waiting else []
        until += [child.kill_at for child in self.jobs.values() if child.kill_at]
        until += list(self.unheard.values())[:1]
        return max(0.001, min(until) - now)

    def handle(self, descriptor, event):
        if descriptor == self.alarm.fileno():
            self.alarm.recv(4096)
        elif self.listener and descriptor == self.listener.fileno():
            self.accept()
        elif not self.hear(descriptor):
            self.hang_up(descriptor)

    def accept(self):
        for _ in range(64):
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            if struct.unpack("3i", peer)[1] != os.geteuid():
                connection.close()
                continue
            connection.setblocking(False)
            self.unheard[connection] = time.monotonic() + FIRST_ANSWER
            self.hear(connection.fileno())

    def hear(self, descriptor):
        """Reads the first byte of what a launcher wants; whether it was one that had said nothing."""
        connection = by_number(self.unheard, descriptor)
        if connection is None:
            return False
        try:
            wish = connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            wish = b""
        del self.unheard[connection]
        if wish == b"J":
            self.look_at_files()
            if self.listener:
                if not self.waiting:
                    self.spoke_at = time.monotonic()
                self.waiting.append(connection)
                return True
            tell(connection, b"X", 0)
        elif wish in (b"S", b"Q"):
            # What stays unread makes the system throw the answer away.
            connection.recv(1)
            if wish == b"Q":
                self.retire()
            send(connection, json.dumps(self.status()).encode())
        connection.close()
        return True

    def hang_up(self, descriptor):
        """A launcher has gone: what it wanted is no longer wanted."""
        connection = by_number(self.waiting, descriptor)
        if connection is not None:
            self.waiting.remove(connection)
            connection.close()
            return
        for child in self.jobs.values():
            if child.connection.fileno() == descriptor and not child.has_told():
                signal_group(child.pid, signal.SIGTERM)
                signal_group(child.pid, signal.SIGCONT)
                child.kill_at = time.monotonic() + GRACE

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self.jobs.get(pid)
            if os.WIFSTOPPED(status):
                if child:
                    tell(child.connection, b"T", os.WSTOPSIG(status))
                continue
            if child:
                del self.jobs[pid]
                self.done += 1
                self.idle_since = time.monotonic()
                if not child.has_told():
                    tell(child.connection, b"D", status)
            for spare in [spare for spare in self.spares if spare.pid == pid]:
                self.spares.remove(spare)
                child = spare
            if child:
                child.close()

    # Children.

    def begin_jobs(self):
        """Gives what waits to children, as many as may run; in a child returns its channel."""
        while self.waiting and self.has_room():
            if not self.spares:
                channel = self.fork()
                if channel is not None:
                    return channel
            child = self.spares.pop(0)
            child.connection = self.waiting.pop(0)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [child.connection.fileno()]))]
            try:
                child.channel.sendmsg([b"j"], rights)
            except OSError:
                # That spare has died.
                self.waiting.insert(0, child.connection)
                child.connection = None
                child.close()
                continue
            self.jobs[child.pid] = child
        return None

    def has_room(self):
        if not self.jobs:
            return True
        if len(self.jobs) >= self.start["max_jobs"]:
            return False
        now = time.monotonic()
        most = self.start["max_memory"]
        if most and now - self.weighed_at > HEARTBEAT:
            self.weighed_at = now
            self.is_heavy = self.memory() > most * 1024
        return not self.is_heavy

    def wanted_spares(self):
        return min(SPARES, self.start["max_jobs"] - len(self.jobs))

    def fork(self):
        """Forks a spare; in it returns its channel."""
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid:
            theirs.close()
            self.spares.append(Child(pid, ours))
            return None
        os.setpgid(0, 0)
        ours.close()
        self.close()
        return theirs

    def close(self):
        """Lets a child go of all that is the worker's, or it would keep others from seeing its end."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for child in self.spares + list(self.jobs.values()):
            child.close()
        for connection in list(self.unheard) + self.waiting + [self.alarm, self.wakeup, self.listener]:
            if connection:
                connection.close()
        os.close(self.folder)

    # The worker's own life.

    def keep_house(self):
        now = time.monotonic()
        for connection in [c for c, until in self.unheard.items() if until < now]:
            del self.unheard[connection]
            connection.close()
        for child in self.jobs.values():
            if child.kill_at and child.kill_at < now:
                signal_group(child.pid, signal.SIGKILL)
                child.kill_at = now + GRACE
        if self.waiting and now - self.spoke_at >= HEARTBEAT:
            self.spoke_at = now
            for connection in self.waiting:
                tell(connection, b"W", 0)
        if self.jobs or self.waiting:
            self.idle_since = now
        elif now - self.idle_since >= self.start["idle_after"]:
            self.retire()
        if now - self.looked_at >= TICK:
            self.look_at_files()
        if not self.listener and not self.jobs:
            # Spares see the end of their channels, and leave.
            os._exit(0)

    def look_at_files(self):
        """Retires where another worker has taken the place, or what was imported has changed."""
        now = time.monotonic()
        if now - self.looked_at < 1 or not self.listener:
            return
        self.looked_at = now
        if not self.is_in_place() or any(identity(path) != was for path, was in self.watched):
            self.retire()

    def is_in_place(self):
        try:
            found = os.stat(self.start["name"], dir_fd=self.folder, follow_symlinks=False)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (self.identity.st_dev, self.identity.st_ino)

    def retire(self):
        """Takes no more jobs; those that run go on."""
        if not self.listener:
            return
        if self.is_in_place():
            os.unlink(self.start["name"], dir_fd=self.folder)
        self.listener.close()
        self.listener = None
        for connection in self.waiting + list(self.unheard):
            tell(connection, b"X", 0)
            connection.close()
        self.waiting, self.unheard = [], collections.OrderedDict()

    def status(self):
        return {
            "pid": os.getpid(),
            "project": self.start["project"],
            "config": self.start["config"],
            "core": self.start["core"],
            "python": sys.executable,
            "age": int(time.monotonic() - self.born),
            "idle": int(time.monotonic() - self.idle_since),
            "done": self.done,
            "running": len(self.jobs),
            "waiting": len(self.waiting),
            "memory": self.memory(),
            "state": "ready" if self.listener else "retiring",
        }

    def memory(self):
        """KiB of the worker and its children, shared pages counted once."""
        children = list(self.jobs) + [spare.pid for spare in self.spares]
        return sum(proportional_memory(pid) for pid in [os.getpid()] + children)


def by_number(connections, descriptor):
    return next((one for one in connections if one.fileno() == descriptor), None)


def proportional_memory(pid):
    try:
        with open("/proc/%d/smaps_rollup" % pid) as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def identity(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def watched_files():
    """The files that were imported, but Python's own."""
    own = os.path.dirname(os.__file__) + os.sep
    paths = set()
    for module in list(sys.modules.values()):
        loader = getattr(getattr(module, "__spec__", None), "loader", None)
        path = getattr(loader, "archive", None) or getattr(module, "__file__", None)
        if isinstance(path, str) and (not path.startswith(own) or "-packages" in path):
            paths.add(path)
    return [(path, identity(path)) for path in paths]


def signal_group(pid, number):
    try:
        os.killpg(pid, number)
    except OSError:
        pass


def tell(connection, word, number):
    """Says something to a launcher, which may have gone."""
    send(connection, REPLY.pack(word, number))


def send(connection, data):
    try:
        connection.send(data)
    except OSError:
        pass
