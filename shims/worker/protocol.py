"""The messages between a worker, its children and its launchers, as docs/warm-protocol.md describes them."""
import fcntl
import os
import socket
import struct
import termios
import time

FIRST_ANSWER = 5        # seconds for a launcher to send its plan, and then `G`
MOMENT = 0.05           # seconds without a job after which a spare rehearses
HEARTBEAT = 0.5         # seconds between two `W` to launchers that wait
LARGEST = 16 << 20      # bytes of a plan
DESCRIPTORS = 253       # received with `G` at most (SCM_MAX_FD of Linux)
NESTED_JOB = b"N"       # a job whose launcher knows that it is part of a job
JOBS = (b"J", NESTED_JOB)
NO_MORE_JOBS, NO_PLACE, FILES_CHANGED, NO_NUMBER = 0, 1, 2, 3     # the reasons of `X`
HEAD = struct.Struct("<cI")
REPLY = struct.Struct("<ci")
NUMBER = struct.Struct("i")
CUT = int(socket.MSG_CTRUNC)        # a plain number: `&` would make an enum


def reply(connection, word, number):
    """Sends a letter and a number to a launcher, which may have gone."""
    send(connection, REPLY.pack(word, number))


def send(connection, data):
    """Sends to a launcher. The worker waits for none: what a launcher has no room for is lost."""
    try:
        connection.send(data, socket.MSG_DONTWAIT)
    except OSError:
        pass


def peek(connection):
    """Returns the first byte that a launcher has sent, and leaves it unread.

    Returns none if there is no byte yet, and nothing at the end of the connection.
    """
    try:
        return connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def peer_of(connection):
    """Returns the process and the user at the other end."""
    return struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[:2]


def give_connection(channel, connection):
    """Hands a launcher's connection over to a spare."""
    channel.sendmsg([b"j"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, NUMBER.pack(connection.fileno()))])


def receive_connection(channel, rehearse):
    """Returns the connection that the worker hands over; a spare that is no longer needed ends here.

    If the worker hands over none in the first moment, it rehearses meanwhile.
    """
    channel.settimeout(MOMENT)
    try:
        _, rights, _, _ = channel.recvmsg(1, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
    except socket.timeout:
        rehearse()
        channel.settimeout(None)
        _, rights, _, _ = channel.recvmsg(1, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
    channel.settimeout(None)
    descriptors = descriptors_in(rights)
    if not descriptors:
        os._exit(0)
    # With the kind of socket, which Python would ask the system for.
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, descriptors[0])


def unread(connection):
    """Returns the number of bytes that have arrived and were not read."""
    return struct.unpack("i", fcntl.ioctl(connection, termios.FIONREAD, bytes(4)))[0]


def receive_plan(connection):
    """Returns the fields of the launcher's plan; one time limit holds for all of it."""
    until = time.monotonic() + FIRST_ANSWER
    try:
        # Most plans arrive in one piece.
        first = receive_part(connection, 1 << 16, until)
        first += receive(connection, HEAD.size - len(first), until)
        word, size = HEAD.unpack_from(first)
        if word not in JOBS or size > LARGEST:
            os._exit(1)
        rest = HEAD.size + size - len(first)
        return (first[HEAD.size:] + receive(connection, rest, until)).split(b"\0")
    except OSError:
        os._exit(1)


def receive(connection, size, until):
    """Returns so many bytes; a launcher that leaves before has changed its mind."""
    parts = []
    while size > 0:
        part = receive_part(connection, min(size, 1 << 20), until)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive_part(connection, size, until):
    connection.settimeout(max(0, until - time.monotonic()))
    part = connection.recv(size)
    if not part:
        os._exit(0)
    return part


def await_go(connection):
    """Waits for `G`. A launcher that is stopped, and sends none in time, cannot send it later either."""
    try:
        connection.recv(1, socket.MSG_PEEK)
    except OSError:
        connection.shutdown(socket.SHUT_RD)


def receive_go(connection):
    """Waits for `G`, and returns the descriptors that come with it: streams, working directory, and those
    that the program inherits.

    Ends the child if the launcher has changed its mind. Raises an `OSError` with number 0 if the system drops one of
    the descriptors (unix(7): `MSG_CTRUNC`, for a limit of this process or a security module).
    """
    message, rights, flags, _ = connection.recvmsg(1, socket.CMSG_SPACE(4 * DESCRIPTORS), socket.MSG_CMSG_CLOEXEC)
    if message != b"G":
        os._exit(0)
    descriptors = descriptors_in(rights)
    if flags & CUT or len(descriptors) < 4:
        raise OSError(0, "a descriptor was lost")
    return descriptors


def descriptors_in(rights):
    numbers: "list[int]" = []
    for _, _, data in rights:
        numbers += struct.unpack_from("%di" % (len(data) // NUMBER.size), data)
    return numbers
