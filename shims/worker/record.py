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
    """Creates the record again for a worker that became unfit after its start.

    The record appears with its text, so that no reader finds it empty. The record of a newer start stays.
    """
    folder, marker = start["folder"], start["marker"]
    new = marker + ".new"
    try:
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        record_unfit(start, file, why)
        os.close(file)
        os.link(new, marker, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        pass
    try:
        os.unlink(new, dir_fd=folder)
    except OSError:
        pass
