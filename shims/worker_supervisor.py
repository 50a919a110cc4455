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
        self.was_stopped = False

    def wake_launcher(self):
        """Continues a launcher that stopped because its job did."""
        if self.kill_at is None:
            pid = peer_of(self.connection)[0]
            try:
                with open("/proc/%d/stat" % pid) as file:
                    if file.read().rsplit(")", 1)[1].split()[0] == "T":
                        os.kill(pid, signal.SIGCONT)
            except OSError:
                pass

    def was_told_to_end(self):
        """Whether its launcher was, and said so before it passed that on."""
        try:
            return b"K" in self.connection.recv(64, socket.MSG_DONTWAIT)
        except OSError:
            return False

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

    def __init__(self, start, folder, listener, watched):
        self.start = start
        self.folder = folder
        self.listener = listener
        self.identity = os.stat(start["name"], dir_fd=folder)
        self.aside = "%s.%d.sock" % (os.path.splitext(start["name"])[0], self.identity.st_ino)
        self.is_retiring = False
        self.watched = watched
        self.spares = []
        self.jobs = {}
        self.remains = {}                           # ended jobs whose groups have to end, until when
        self.barren = 0                             # spares that ended without a job, in a row
        self.fork_after = 0                         # the system has no process for a spare
        self.unheard = collections.OrderedDict()    # connections that said nothing yet, until when
        self.waiting = []                           # connections that wait for a child
        self.strangers = weakref.WeakSet()          # those of them that no job has begun
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
            wants_spare = not self.is_retiring and len(self.spares) < self.wanted_spares()
            # Not at the cost of a job that runs, as long as there is one for the next.
            wants_spare = wants_spare and not (self.spares and self.jobs)
            wants_spare = wants_spare and self.fork_after <= time.monotonic()
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
        until += list(self.remains.values()) + ([self.fork_after] if self.fork_after > now else [])
        until += list(self.unheard.values())[:1]
        return max(0.001, min(until) - now)

    def handle(self, descriptor, event):
        if descriptor == self.alarm.fileno():
            self.alarm.recv(4096)
        elif descriptor == self.listener.fileno():
            self.accept()
        elif not self.hear(descriptor):
            self.hang_up(descriptor)

    def accept(self):
        for _ in range(64):
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            if peer_of(connection)[1] != os.geteuid():
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
            if not self.is_retiring:
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
                # Who told it to end before, and then went away himself, has waited long enough.
                if child.was_told_to_end():
                    signal_group(child.pid, signal.SIGKILL)
                else:
                    end_group(child.pid)
                child.kill_at = time.monotonic() + GRACE

    def reap(self):
        # Each by its number: that of an ended job has to stay its own while its group is to be signalled.
        for child in self.spares + list(self.jobs.values()):
            changes = os.WSTOPPED | os.WCONTINUED | os.WNOHANG
            found = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | changes)
            if found is None:
                continue
            if found.si_code not in ENDED:
                os.waitid(os.P_PID, child.pid, changes)
                if child.connection is not None and found.si_code == STOPPED:
                    child.was_stopped = True
                    tell(child.connection, b"T", found.si_status)
                elif child.was_stopped and found.si_code == CONTINUED:
                    child.wake_launcher()
            elif child.connection is not None:
                self.end_job(child, ENDED[found.si_code](found.si_status))
            else:
                os.waitpid(child.pid, 0)
                self.spares.remove(child)
                child.close()
                self.count_barren()

    def end_job(self, child, status):
        """Tells how a job ended, and ends what it started if its launcher was to end, or has gone."""
        del self.jobs[child.pid]
        self.done += 1
        self.idle_since = time.monotonic()
        if child.has_told():
            self.barren = 0
        else:
            tell(child.connection, b"D", status)
        if child.was_stopped:
            child.wake_launcher()
        if child.kill_at is not None or child.was_told_to_end():
            end_group(child.pid)
            self.remains[child.pid] = time.monotonic() + GRACE_OF_A_GROUP
        else:
            os.waitpid(child.pid, 0)
        child.close()

    def count_barren(self):
        """Retires where no child lives long enough for a job, and leaves word of that for the next start."""
        self.barren += 1
        if self.barren >= BARREN and not self.is_retiring and self.is_at(self.start["name"]):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            try:
                file = os.open(self.start["marker"], flags, 0o600, dir_fd=self.folder)
                tell_why_unfit(file, self.start, "its children die before they have a job")
                os.close(file)
            except OSError:
                pass
            self.retire()

    # Children.

    def begin_jobs(self):
        """Gives what waits to children, as many as may run; in a child returns its channel."""
        while self.waiting and self.has_room():
            if not self.spares:
                channel = self.fork()
                if channel is not None:
                    return channel
                if not self.spares:
                    # Those who wait need no new process to run plainly.
                    self.refuse(self.waiting)
                    self.waiting = []
                    return None
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
                self.remains[child.pid] = time.monotonic()
                self.count_barren()
                continue
            self.jobs[child.pid] = child
        self.refuse_nested()
        return None

    def refuse_nested(self):
        """Lets what a job has begun run plainly where it would wait: the job may keep its place until that has ended."""
        for connection in [one for one in self.waiting if one not in self.strangers]:
            if any(pid in self.jobs for pid in ancestors(peer_of(connection)[0])):
                self.waiting.remove(connection)
                self.refuse([connection])
            else:
                self.strangers.add(connection)

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
        """Forks a spare, if the system has a process for it; in it returns its channel."""
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
        self.close()
        return theirs

    def close(self):
        """Lets a child go of all that is the worker's, or it would keep others from seeing its end."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for child in self.spares + list(self.jobs.values()):
            child.close()
        for connection in list(self.unheard) + self.waiting + [self.alarm, self.wakeup, self.listener]:
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
        for pid in [pid for pid, until in self.remains.items() if until < now]:
            signal_group(pid, signal.SIGKILL)
            self.remains[pid] = now + GRACE_OF_A_GROUP
            if os.waitpid(pid, os.WNOHANG)[0]:
                del self.remains[pid]
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
        if self.is_retiring and not self.jobs and not self.remains:
            self.leave()

    def look_at_files(self):
        """Retires where another worker has taken the place, or what was imported has changed."""
        now = time.monotonic()
        if now - self.looked_at < 1 or self.is_retiring:
            return
        self.looked_at = now
        if not self.is_at(self.start["name"]) or any(identity(path) != was for path, was in self.watched):
            self.retire()

    def is_at(self, name):
        """Whether this is the worker's own socket."""
        try:
            found = os.stat(name, dir_fd=self.folder, follow_symlinks=False)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (self.identity.st_dev, self.identity.st_ino)

    def retire(self):
        """Takes no more jobs; those that run go on. It gives its place away, and can still be asked and stopped."""
        if self.is_retiring:
            return
        self.is_retiring = True
        # A launcher that passed it by has done so already.
        if self.is_at(self.start["name"]):
            try:
                os.rename(self.start["name"], self.aside, src_dir_fd=self.folder, dst_dir_fd=self.folder)
            except OSError:
                # Rather unseen than in the way of the next one.
                os.unlink(self.start["name"], dir_fd=self.folder)
        self.refuse(self.waiting)
        self.waiting = []

    def leave(self):
        if self.is_at(self.aside):
            os.unlink(self.aside, dir_fd=self.folder)
        # Spares see the end of their channels, and leave.
        os._exit(0)

    def refuse(self, connections):
        for connection in connections:
            tell(connection, b"X", 0)
            connection.close()

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
            "state": "retiring" if self.is_retiring else "ready",
        }

    def memory(self):
        """KiB of the worker and its children, shared pages counted once."""
        children = list(self.jobs) + [spare.pid for spare in self.spares]
        return sum(proportional_memory(pid) for pid in [os.getpid()] + children)


def peer_of(connection):
    """The process and user at the other end."""
    return struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[:2]


def ancestors(pid):
    """A process, the one that started it, and so on."""
    while pid > 1:
        yield pid
        try:
            with open("/proc/%d/stat" % pid, "rb") as file:
                pid = int(file.read().rsplit(b")", 1)[1].split()[1])
        except (OSError, IndexError):
            return


def by_number(connections, descriptor):
    return next((one for one in connections if one.fileno() == descriptor), None)


def proportional_memory(pid):
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


def tell(connection, word, number):
    """Says something to a launcher, which may have gone."""
    send(connection, REPLY.pack(word, number))


def send(connection, data):
    try:
        connection.send(data)
    except OSError:
        pass
