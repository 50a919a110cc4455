"""A child's life: waits for a job, takes the launcher's place, runs the program and leaves as Python does."""
import errno
import fcntl
import gc
import json
import os
import signal
import sys
import termios
from _signal import pthread_sigmask  # type: ignore[import-not-found]

from as_main import code_of_failure, compiled, exit_code_of
from engine import or_leave, prepare
from worker.cleanup import clean_up, flush_files
from worker.descriptors import OwnDescriptor, close_files, make_way
from worker.kept_engine import take_up
from worker.plan import Plan, hold_signals
from worker.protocol import FIRST_ANSWER, NO_NUMBER, REPLY
from worker.protocol import await_go, receive_connection, receive_go, receive_plan, reply, send
from worker.session import lead_session
from worker.streams import open_stream, release_streams, take_streams


def wait_for_job(channel, imports):
    """Waits for a job, answers its launcher with `R`, and waits for `G`; with `X` if the job can have no place here."""
    connection = receive_connection(channel, rehearse)
    plan = Plan(receive_plan(connection), imports.limits)
    plan.set_variables(imports)
    hold_signals()
    own = [channel, connection]
    try:
        if plan.terminal:
            own += lead_session(plan.terminal == "job-control")
        if plan.inherited:
            own = make_way(plan.inherited, own)
    except OSError:
        reply(connection, b"X", NO_NUMBER)
        os._exit(0)
    connection = own[1]
    # A launcher that was stopped while it waited may have left no room for the reply.
    connection.settimeout(FIRST_ANSWER)
    connection.send(REPLY.pack(b"R", os.getpid()))
    await_go(connection)
    connection.settimeout(None)
    return own, plan


def run_job(imports, own, plan):
    """Takes the launcher's place at `G`, runs the job and leaves."""
    pid = os.getpid()
    first_streams = sys.stdout, sys.stderr
    take_place(own[0], own[1], plan)
    own = [OwnDescriptor(one.detach()) for one in own]
    for one in own:
        os.register_at_fork(after_in_child=one.close)
    channel, connection = own[:2]
    code = clean_up(code_of_job(plan, imports.kept), imports, first_streams)
    if code < 0:
        pthread_sigmask(signal.SIG_UNBLOCK, [-code])
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    release_streams()
    close_files([one.number for one in (channel, connection) if one.is_open()])
    # If the job has closed the connection, the worker reports the end.
    if os.getpid() == pid and connection.is_open():
        # The worker may have gone, and the job may have restored SIGPIPE's default.
        pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
        channel.send(b"d")
        connection.send(REPLY.pack(b"E", code))
    os._exit(code)


def take_place(channel, connection, plan):
    """Takes the launcher's place at `G`, and confirms with `B` that the job begins; leaves after `F` if that fails."""
    try:
        descriptors = receive_go(connection)
        take_streams(descriptors)
        if plan.terminal:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        plan.take_over(descriptors)
        connection.send(REPLY.pack(b"B", 0))
    except Exception as error:
        number = getattr(error, "errno", None)
        reply(connection, b"F", errno.EINVAL if number is None else number)
        os._exit(1)
    send(channel, b"b")


def code_of_job(plan, kept):
    """Prepares the session, runs the program, and returns the exit code."""
    try:
        plan.release_signals()
    except BaseException as error:
        return code_of_failure(error)
    code = code_of_session(plan.session, kept)
    return exit_code_of(plan.kind, plan.program, plan.arguments) if code is None else code


def code_of_session(session, kept):
    """Prepares the program's session; returns an exit code if that fails."""
    if not session:
        return None
    try:
        session = json.loads(session)
        if kept:
            or_leave(take_up, kept, session["entity"])
        else:
            or_leave(prepare, session)
    except BaseException as error:
        return code_of_failure(error)
    return None


def rehearse():
    """Walks a job's path as far as that changes nothing.

    The system copies a page of shared memory when it is first written to; here that happens before there is a job. It
    costs more than it saves the job, so only a spare that would wait anyway does it.
    """
    Plan(b"code\0pass\00077\0000\0000\0000:0\000\000\000\0000\0000\0A=1\0".split(b"\0"), ())
    open_stream(0, "<rehearsal>", "r", sys.stdin)
    for number, first in (1, sys.stdout), (2, sys.stderr):
        print("", file=open_stream(number, "<rehearsal>", "w", first), flush=True)
    exec(compiled("import sys, sgtk\n", "<rehearsal>"), {})
    flush_files()
    gc.collect()
