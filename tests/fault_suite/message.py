"""What a launcher sends to a worker (docs/warm-protocol.md)."""
import array
import os
import socket
import struct

LARGEST = 16 << 20      # bytes of a plan
REPLY = struct.Struct("<ci")


def job_message(plan, size=None):
    return b"J" + struct.pack("<I", len(plan) if size is None else size) + plan


def plan_of(attempt):
    words = [os.fsencode(word) for word in attempt.job[1:]]
    python = [os.fsencode(word) for word in [attempt.studio.python] + attempt.job]
    job = os.fsencode(attempt.job[0])
    head = [b"script", job, b"0022", b"0", b"0", b"", b"", b"", b"", b"%d" % len(words), b"%d" % len(python)]
    variables = attempt.studio.variables(SGTK_PYTHON_CONFIG=attempt.project.config)
    pairs = [os.fsencode("%s=%s" % pair) for pair in variables.items()]
    return b"".join(field + b"\0" for field in head + words + python + pairs)


def send_descriptors(connection, data, count):
    """Sends data with descriptors: the empty device three times, then the folder `/`."""
    empty, root = os.open(os.devnull, os.O_RDWR), os.open("/", os.O_RDONLY)
    try:
        numbers = array.array("i", ([empty] * 3 + [root] * count)[:count])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)] if count else []
        connection.sendmsg([data], rights)
    finally:
        os.close(empty)
        os.close(root)
