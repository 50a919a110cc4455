"""The start record: the file beside a worker's socket that says why a start failed.

`--workers`, `--explain` and the next start read it (`StartRecord` in src/worker). `start` is the launcher's JSON.
"""
import os


def remove_record(start):
    """Removes the record of a start that succeeded, or that the next job may repeat at once."""
    try:
        os.unlink(start["marker"], dir_fd=start["folder"])
    except OSError:
        pass


def record_unfit(start, file, why):
    """Writes the reason into the start's record, which is open as `file`."""
    text = "%s\t%s" % (start["project"], why)
    os.ftruncate(file, 0)
    os.pwrite(file, text.encode(errors="backslashreplace"), 0)


def recreate_record(start, why):
    """Creates the record again for a worker that became unfit after its start."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        file = os.open(start["marker"], flags, 0o600, dir_fd=start["folder"])
        record_unfit(start, file, why)
        os.close(file)
    except OSError:
        pass
