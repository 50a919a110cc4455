"""A child's life: waits for a job, takes the launcher's place, runs the program and leaves as Python does."""
import gc
import json
import os
import signal
import sys

from as_main import code_of_failure, compiled, complain, exit_code_of
from engine import or_leave, prepare
from worker.cleanup import clean_up, flush_files
from worker.descriptors import OwnDescriptor, close_files
from worker.fitness import one_line
from worker.imports import forget_missing
from worker.kept_engine import take_up
from worker.plan import Plan
from worker.protocol import FIRST_ANSWER, REPLY, await_go, receive_connection, receive_go, receive_plan
from worker.streams import open_stream, release_streams, take_streams


def wait_for_job(channel, imports):
    """Waits for a job until `G`, from which on the job counts as begun."""
    rehearse()
    connection = receive_connection(channel)
    plan = Plan(receive_plan(connection))
    plan.set_variables(imports)
    # A launcher that was stopped while it waited may have left no room for the reply.
    connection.settimeout(FIRST_ANSWER)
    connection.send(REPLY.pack(b"R", os.getpid()))
    await_go(connection)
    connection.settimeout(None)
    return connection, plan, receive_go(connection)


def run_job(channel, imports, connection, plan, descriptors):
    """Runs a job and leaves."""
    own = os.getpid()
    channel, connection = OwnDescriptor(channel.detach()), OwnDescriptor(connection.detach())
    os.register_at_fork(after_in_child=channel.close)
    os.register_at_fork(after_in_child=connection.close)
    first_streams = sys.stdout, sys.stderr
    try:
        take_streams(descriptors)
        plan.take_over(descriptors)
    except Exception as error:
        complain("sgtk-python: error: cannot set up the job in its worker: %s" % one_line(error))
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
    release_streams()
    close_files([one.number for one in (channel, connection) if one.is_open()])
    # If the job has closed the connection, the worker reports the end.
    if os.getpid() == own and connection.is_open():
        # The worker may have gone, and the job may have restored SIGPIPE's default.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
        channel.send(b"d")
        connection.send(REPLY.pack(b"E", code))
    os._exit(code)


def code_of_session(session, kept):
    """Prepares the program's session; returns an exit code if that fails."""
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
    """Walks a job's path as far as that changes nothing.

    The system copies a page of shared memory when it is first written to; here that happens before there is a job.
    """
    forget_missing()
    Plan(b"code\0pass\00077\0000\0000\0000:0\000\0000\0000\0A=1\0".split(b"\0"))
    open_stream(0, "<rehearsal>", "r", sys.stdin)
    for number, first in (1, sys.stdout), (2, sys.stderr):
        print(sys.modules["sgtk"], file=open_stream(number, "<rehearsal>", "w", first), flush=True)
    exec(compiled("import sys, sgtk\ndef f(*x): return str(x)\nf(sgtk)\n", "<rehearsal>"), {})
    for name, value in os.environ._data.items():  # type: ignore[attr-defined]
        os.putenv(name, value)
    flush_files()
    gc.collect()
