"""Gives the readers in `shims/` mutated inputs: `fuzz/python.py TARGET SECONDS [SEED]`. A file in place of the seconds
is read alone.

Each target is a function of bytes with the property that holds for all bytes, as in `src/fuzzing/`. The inputs in
`fuzz/corpus/TARGET/` are read first. An input that breaks a property is written to `fuzz/artifacts/TARGET/`.
"""
import contextlib
import io
import json
import logging
import os
import random
import socket
import sys
import tempfile
import time
import traceback

FOLDER = os.path.dirname(os.path.abspath(__file__))
SHIMS = os.path.join(os.path.dirname(FOLDER), "shims")
sys.path[:0] = [SHIMS]

import sgtk_events  # noqa: E402
import sgtk_python  # noqa: E402
from sgtk_python import events, saved  # noqa: E402
from sgtk_python.masking import Secrets  # noqa: E402
from sgtk_python.status import Status  # noqa: E402
from worker import plan, protocol  # noqa: E402

LONGEST = 16 * 1024     # bytes of an input; a pipe holds 64 KiB
SECRET = "hunter2-hunter2"

PIECES = [
    b"\0", b"\n", b"=", b":", b"%", b"-1", b"0", b"ffffffffffffffff", b"99999999999999999999", b"\xff", b"\xed\xa0\x80",
    b"J", b"\xff\xff\xff\xff", b"null", b"true", b"NaN", b"1e999", b'"\\ud800"', b"[", b"{", b"[[route]]\n", b"'", b'"',
    SECRET.encode(),
]
VALUES = [
    None, True, False, 0, -1, 3, 1e999, float("nan"), 10 ** 30, "", "x", "0", SECRET, "2020-01-01",
    "2020-01-01T10:00:00", "\ud800", "a\0b", [], {}, [[]], ["x"], {"x": "y"}, [1], "started", "error", "skip",
]


class Left(BaseException):
    """A call of `os._exit`."""


def worker_plan(data):
    """A plan is read, or the child leaves by `os._exit`."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data)
        ours.close()
        try:
            plan.Plan(protocol.receive_plan(theirs), ())
        except Left as left:
            assert left.args[0] in (0, 1)


def launcher_status(data):
    """Reports are read to the end; the caller hears once whether Python runs, and no secret."""
    status, decisions = Status(), []
    os.write(status._writer, data + b"\n")
    status.close_writer()
    status.read(Secrets({"A_KEY": SECRET}), lambda: decisions.append(1))
    assert decisions == [1] and status.closed.is_set()
    shown = [status.cold, status.lost] + ([status.failure.message, status.failure.hint] if status.failure else [])
    assert not any(SECRET in text for text in shown if text)


def python_event(data):
    """An event is refused by the errors that `event` expects, or stays the same when it is sent again."""
    try:
        event = events.parsed(data)
    except sgtk_python.NoEvent:
        return
    assert repr(events.parsed(events.encoded(event))) == repr(event)


def event_routes(data):
    """A routes file is refused in words for a person, or its routes take events or leave them."""
    routes = sgtk_events.Routes(lambda: "/no/routes.toml", logging.getLogger("fuzz"))
    try:
        text = data.decode("utf-8")
        table = json.loads(text) if text.lstrip().startswith("{") else sgtk_events._toml_reader().loads(text)
        routes._take(table, "/no/routes.toml")
    except (sgtk_events.BadRoutes, ValueError, RecursionError):
        return
    for route in routes.routes:
        list(route.warnings())
        for event in EVENTS:
            assert route.takes(event) in (True, False)


EVENTS = [
    {}, {"event_type": "Shotgun_Shot_Change", "attribute_name": "code", "project": {"id": 176, "name": "big"}},
    {"event_type": None, "project": {"id": None}},
]


def saved_event(data):
    """A saved event is refused as wrong use, or gives a job."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                saved.replay(file.name)
        except sgtk_python.Error:
            pass


class StandIn:
    """A job that is not started."""

    def __init__(self, command, project, *rest):
        self.script, self.project = command[-1], project

    def wait(self):
        pass


def read_all(target, name, seconds, seed):
    """Reads the kept inputs, then mutated ones until the time is over; returns how many."""
    generator = random.Random(seed)
    kept = []
    folder = os.path.join(FOLDER, "corpus", name)
    for entry in sorted(os.listdir(folder)):
        with open(os.path.join(folder, entry), "rb") as file:
            kept.append(file.read())
    count, end = 0, time.monotonic() + seconds
    for data in kept:
        read(target, name, data)
    while time.monotonic() < end:
        for _ in range(100):
            read(target, name, mutated(generator, kept))
            count += 1
    return count


def read(target, name, data):
    try:
        target(data)
    except BaseException:
        traceback.print_exc()
        folder = os.path.join(FOLDER, "artifacts", name)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "crash-%x" % (hash(data) & 0xffffffff))
        with open(path, "wb") as file:
            file.write(data)
        sys.exit("the input is in %s" % path)


def mutated(generator, kept):
    data = generator.choice(kept)
    if generator.random() < 0.5:
        try:
            value = with_other_value(generator, json.loads(data.decode("utf-8")))
            return json.dumps(value).encode("ascii")[:LONGEST]
        except (ValueError, RecursionError):
            pass
    for _ in range(generator.choice((1, 1, 2, 4, 16))):
        at, to = sorted(generator.randrange(len(data) + 1) for _ in range(2))
        choice = generator.randrange(6)
        if choice == 0:
            data = data[:at] + data[to:]
        elif choice == 1:
            data = data[:at] + generator.choice(PIECES) + data[at:]
        elif choice == 2:
            other = generator.choice(kept)
            data = data[:at] + other[generator.randrange(len(other) + 1):]
        elif choice == 3:
            data = data[:at] + bytes([generator.randrange(256)]) + data[at + 1:]
        elif choice == 4:
            data = data[:to] + data[at:]
        else:
            data = data[:at] + data[at:at + 1] * generator.choice((2, 300, 5000)) + data[at + 1:]
    if data[:1] == b"J" and generator.random() < 0.9:
        data = data[:5].ljust(5, b"\0") + data[5:]
        data = protocol.HEAD.pack(b"J", len(data) - 5) + data[5:]
    return data[:LONGEST]


def with_other_value(generator, value):
    """Returns a value of JSON with another one in a place of it."""
    if isinstance(value, dict) and value and generator.random() < 0.85:
        key = generator.choice(sorted(value))
        if generator.random() < 0.1:
            return {name: inner for name, inner in value.items() if name != key}
        return dict(value, **{key: with_other_value(generator, value[key])})
    if isinstance(value, list) and value and generator.random() < 0.85:
        at = generator.randrange(len(value))
        return value[:at] + [with_other_value(generator, value[at])] + value[at + generator.randrange(2):]
    return generator.choice(VALUES)


TARGETS = {
    target.__name__: target for target in (worker_plan, launcher_status, python_event, event_routes, saved_event)
}


def main(name, seconds_or_file, seed="0"):
    def leave(code):
        raise Left(code)

    os._exit = leave
    # No launcher is started.
    saved.Job = StandIn
    saved.find_launcher = lambda: "/no/launcher"
    if os.path.exists(seconds_or_file):
        with open(seconds_or_file, "rb") as file:
            read(TARGETS[name], name, file.read())
    else:
        print("executed: %d" % read_all(TARGETS[name], name, float(seconds_or_file), int(seed)))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print("\n".join(sorted(TARGETS)))
    else:
        main(*sys.argv[1:])
