"""A child's life: waits for a job, becomes what its launcher is, runs it and leaves as Python does.

A part of `worker.py`.
"""


def wait_for_job(channel, imports):
    """Waits for a job, up to the word that makes it begin."""
    rehearse()
    connection = receive_connection(channel)
    plan = Plan(read_plan(connection))
    connection.settimeout(None)
    plan.set_variables(imports)
    connection.send(REPLY.pack(b"R", os.getpid()))
    return connection, plan, receive_go(connection)


def run_job(channel, imports, connection, plan, descriptors):
    """Runs a job and leaves."""
    own = os.getpid()
    channel, connection = Kept(channel.detach()), Kept(connection.detach())
    os.register_at_fork(after_in_child=channel.let_go)
    os.register_at_fork(after_in_child=connection.let_go)
    first_streams = sys.stdout, sys.stderr
    try:
        take_streams(descriptors)
        plan.take_place(descriptors)
    except Exception as error:
        complain("sgtk-python: error: the worker cannot pass the streams to the job: %s" % one_line(error))
        code = 125
    else:
        code = code_of_session(plan.session, imports.kept)
        if code is None:
            code = exit_code_of(plan.kind, plan.program, plan.arguments)
    code = clean_up(code, imports, first_streams)
    if code < 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [-code])
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    let_go_of_streams()
    let_go_of_files([one.number for one in (channel, connection) if one.is_there()])
    # Where the job has closed the connection the worker tells.
    if os.getpid() == own and connection.is_there():
        # The worker may have gone, and the job may have wanted to die of that.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
        channel.send(b"d")
        connection.send(REPLY.pack(b"E", code))
    os._exit(code)


class Kept:
    """A descriptor that the job may have closed: then its number may be that of a file of the job's."""

    def __init__(self, number):
        self.number = number
        self.identity = self.found()

    def found(self):
        try:
            found = os.fstat(self.number)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def is_there(self):
        return self.found() == self.identity

    def send(self, data):
        try:
            if self.is_there():
                os.write(self.number, data)
        except OSError:
            pass

    def let_go(self):
        if self.is_there():
            os.close(self.number)


def let_go_of_streams():
    """Ends the caller's pipes, before the launcher ends."""
    try:
        empty = os.open(os.devnull, os.O_RDWR)
    except OSError:
        empty = None
    for number in range(3):
        try:
            os.close(number) if empty is None else os.dup2(empty, number)
        except OSError:
            pass
    # Whoever reads the list of what is open needs a number.
    if empty is not None and empty > 2:
        os.close(empty)


def let_go_of_files(needed):
    """Frees locks, ports and files before the launcher ends, so that whoever comes next finds them free: the end
    of a process with much memory takes a while."""
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > 2 and number not in needed:
            try:
                os.close(number)
            except OSError:
                pass


def code_of_session(session, kept):
    """Prepares what is to be there before the program runs; the exit code if that cannot be had."""
    if not session:
        return None
    session = json.loads(session)
    try:
        if kept:
            or_leave(take_up, kept, session["entity"])
        else:
            or_leave(prepare, session)
    except BaseException as error:
        return code_of_failure(error)
    return None


def rehearse():
    """Walks a job's path as far as nothing is changed by it, so that the system has copied the memory
    that a job writes to before there is one."""
    for finder in list(sys.path_importer_cache.items()):
        refresh(*finder)
    Plan(b"code\0pass\00077\0000\0000\0000:0\000\0000\0000\0A=1\0".split(b"\0"))
    stream(0, "<rehearsal>", "r", sys.stdin)
    for number, first in (1, sys.stdout), (2, sys.stderr):
        print(sys.modules["sgtk"], file=stream(number, "<rehearsal>", "w", first), flush=True)
    exec(compiled("import sys, sgtk\ndef f(*x): return str(x)\nf(sgtk)\n", "<rehearsal>"), {})
    for name, value in os.environ._data.items():
        os.putenv(name, value)
    flush_files()
    gc.collect()


def receive_connection(channel):
    message, rights, _, _ = channel.recvmsg(1, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
    descriptors = numbers_in(rights)
    if not descriptors:
        # The worker has gone, or lets go of its spares.
        os._exit(0)
    return socket.socket(fileno=descriptors[0])


def read_plan(connection):
    connection.settimeout(FIRST_ANSWER)
    try:
        word, size = HEAD.unpack(read(connection, HEAD.size))
        if word != b"J" or size > LARGEST:
            os._exit(1)
        return read(connection, size).split(b"\0")
    except OSError:
        os._exit(1)


def read(connection, size):
    """So many bytes; a launcher that leaves before has changed its mind."""
    parts = []
    while size:
        part = connection.recv(min(size, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive_go(connection):
    message, rights, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(4 * 64), socket.MSG_CMSG_CLOEXEC)
    descriptors = numbers_in(rights)
    if message != b"G" or len(descriptors) < 4:
        os._exit(0)
    return descriptors


def numbers_in(rights):
    numbers = array.array("i")
    for _, _, data in rights:
        numbers.frombytes(data[:len(data) // numbers.itemsize * numbers.itemsize])
    return list(numbers)


class Plan:
    """What a launcher sent (src/worker/protocol.rs)."""

    def __init__(self, fields):
        try:
            kind, program, umask, ignored, blocked, limits, session, arguments, words = fields[:9]
            self.kind = kind.decode()
            self.program = os.fsdecode(program)
            self.umask = int(umask, 8)
            self.ignored = signals_in(int(ignored, 16))
            self.blocked = signals_in(int(blocked, 16))
            self.limits = [tuple(map(int, limit.split(b":"))) for limit in limits.split()]
            self.session = session.decode()
            arguments, words = 9 + int(arguments), 9 + int(arguments) + int(words)
            self.arguments = [os.fsdecode(word) for word in fields[9:arguments]]
            self.words = [os.fsdecode(word) for word in fields[arguments:words]]
            self.variables = dict(pair.split(b"=", 1) for pair in fields[words:] if pair)
        except ValueError:
            os._exit(1)

    def set_variables(self, imports):
        """The plan's variables, and what the imports would have done to them."""
        wanted = self.variables
        for name, value in imports.changed.items():
            if wanted.get(name) == imports.inherited.get(name):
                wanted[name] = value
        for name in imports.gone:
            if wanted.get(name) == imports.inherited.get(name):
                wanted.pop(name, None)
        # Through the system's functions only where something differs, for each costs.
        current = os.environ._data
        for name in [name for name in current if name not in wanted]:
            os.unsetenv(name)
        for name, value in wanted.items():
            if current.get(name) != value:
                os.putenv(name, value)
        current.clear()
        current.update(wanted)
        time.tzset()
        tempfile.tempdir = None
        if hasattr(sys, "orig_argv"):
            sys.orig_argv[:] = self.words
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()

    def take_place(self, descriptors):
        os.fchdir(descriptors[3])
        os.close(descriptors[3])
        for lock in descriptors[4:]:
            os.set_inheritable(lock, True)
        os.umask(self.umask)
        for number, soft in self.limits:
            old, hard = resource.getrlimit(number)
            soft = resource.RLIM_INFINITY if soft == 2 ** 64 - 1 else soft
            if soft != old:
                resource.setrlimit(number, (soft, hard))
        for number in self.ignored:
            if number not in IGNORED_BY_PYTHON:
                signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.blocked)


def signals_in(mask):
    return [
        number for number in range(1, signal.NSIG)
        if mask >> (number - 1) & 1 and number not in OF_THE_THREAD_LIBRARY
    ]


def refresh(path, finder):
    """Forgets what the imports did not find, for it may be there now."""
    if finder is None:
        del sys.path_importer_cache[path]
    elif isinstance(finder, importlib.machinery.FileFinder):
        finder.invalidate_caches()


def take_streams(descriptors):
    """The caller's streams, opened as Python opens them (CPython: `create_stdio`)."""
    for number in range(3):
        os.dup2(descriptors[number], number)
        os.close(descriptors[number])
    sys.stdin = sys.__stdin__ = stream(0, "<stdin>", "r", sys.__stdin__)
    sys.stdout = sys.__stdout__ = stream(1, "<stdout>", "w", sys.__stdout__)
    sys.stderr = sys.__stderr__ = stream(2, "<stderr>", "w", sys.__stderr__)


def stream(number, name, mode, first):
    """A stream like the worker's first one."""
    is_unbuffered = first.write_through and mode == "w"
    buffer = open(number, mode + "b", 0 if is_unbuffered else -1, closefd=False)
    raw = buffer if is_unbuffered else buffer.raw
    raw.name = name
    is_line_buffered = not first.write_through and (first.line_buffering or raw.isatty())
    text = io.TextIOWrapper(
        buffer, first.encoding, first.errors, "\n", is_line_buffered, first.write_through
    )
    text.mode = mode
    return text


def clean_up(code, imports, first_streams):
    """What Python's end does that can be seen: threads, `atexit`, files closed, output flushed."""
    for step in threading._shutdown, atexit._run_exitfuncs:
        try:
            step()
        except BaseException as error:
            if step is not atexit._run_exitfuncs and not isinstance(error, SystemExit):
                show(error)
    flush_files()
    # Threads that are left would stumble over what is missing.
    if len(sys._current_frames()) == 1:
        drop_modules(imports.newest)
    for first in first_streams:
        try:
            first.flush()
        except Exception:
            pass
    return code if flush_output() else 120


def flush_files():
    """Flushes the files that the job left open, texts before what is below them."""
    left = gc.get_objects()
    for kind in io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom:
        for file in [one for one in left if type(one) is kind]:
            try:
                file.flush()
            except Exception:
                pass


def list_of(names):
    """What can be walked from its end: a dictionary since 3.8."""
    return names if sys.version_info >= (3, 8) else list(names)


def drop_modules(newest):
    """Ends what lives in the job's own modules, so that files are closed and finalisers run."""
    sys.last_type = sys.last_value = sys.last_traceback = sys.last_exc = None
    if newest not in sys.modules or "__main__" not in sys.modules:
        return
    # They come after the worker's newest; looking at each of those would copy the memory of each.
    own = itertools.takewhile(lambda name: name != newest, reversed(list_of(sys.modules)))
    names = ["__main__"] + [name for name in own if name != "__main__"]
    left = [weakref.ref(module) for module in map(sys.modules.pop, names) if hasattr(module, "__dict__")]
    gc.collect()
    for module in reversed(left):
        module = module()
        for name in list(getattr(module, "__dict__", ())):
            if name != "__builtins__":
                module.__dict__[name] = None
