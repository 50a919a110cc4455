"""The standard streams of a job."""
import io
import os
import sys


def take_streams(descriptors):
    """Opens the caller's streams as Python opens them (CPython: `create_stdio`)."""
    for number in range(3):
        os.dup2(descriptors[number], number)
        os.close(descriptors[number])
    sys.stdin = sys.__stdin__ = open_stream(0, "<stdin>", "r", sys.__stdin__)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = open_stream(1, "<stdout>", "w", sys.__stdout__)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = open_stream(2, "<stderr>", "w", sys.__stderr__)  # type: ignore[misc]


def open_stream(number, name, mode, first):
    """Opens a stream with the encoding and buffering of the worker's first one."""
    is_unbuffered = first.write_through and mode == "w"
    buffer = open(number, mode + "b", 0 if is_unbuffered else -1, closefd=False)  # noqa: SIM115
    raw = buffer if is_unbuffered else buffer.raw
    raw.name = name
    is_line_buffered = not first.write_through and (first.line_buffering or raw.isatty())
    text = io.TextIOWrapper(buffer, first.encoding, first.errors, "\n", is_line_buffered, first.write_through)
    text.mode = mode  # type: ignore[misc]
    return text


def release_streams():
    """Replaces the caller's streams with the empty device, so that pipes end before the launcher does."""
    try:
        empty = os.open(os.devnull, os.O_RDWR)
    except OSError:
        empty = None
    for number in range(3):
        try:
            if empty is None:
                os.close(number)
            else:
                os.dup2(empty, number)
        except OSError:
            pass
    # `close_files` needs a free number to list the others.
    if empty is not None and empty > 2:
        os.close(empty)
