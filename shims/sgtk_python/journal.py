"""The journal: which event runs by which route, kept on disk from its arrival until some days after its end."""
from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
import threading
import time
from typing import Any, Collection, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from .errors import Error
from .events import decoded, encoded
from .words import one_line

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

#: Runs that ended well, were skipped or dropped are kept so long (seconds), and all that ended up to so many.
KEEP_SECONDS = 7 * 24 * 3600
KEEP_COUNT = 100_000
#: Ends between two looks for runs that are too old.
_ENDS_BETWEEN_REMOVALS = 500
#: Seconds to wait for another process that writes.
_PATIENCE = 10

WAITING, RUNNING, DONE, SKIPPED, FAILED, DROPPED = "waiting", "running", "done", "skipped", "failed", "dropped"
STATES = (WAITING, RUNNING, DONE, SKIPPED, FAILED, DROPPED)

# The version is in user_version: a file of a newer one is refused.
_VERSION = 1
_SCHEMA = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL,
    route TEXT NOT NULL,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    project TEXT NOT NULL,
    state TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    came REAL NOT NULL,
    due REAL NOT NULL DEFAULT 0,
    begun REAL,
    ended REAL,
    mark TEXT,
    code INTEGER,
    how TEXT,
    cold TEXT,
    message TEXT,
    saved TEXT,
    content BLOB NOT NULL,
    UNIQUE (event, route)
);
CREATE INDEX by_state ON runs (state, number);
CREATE INDEX by_end ON runs (ended);
CREATE INDEX unfinished ON runs (lane, number) WHERE state IN ('waiting', 'running');
CREATE TABLE counts (state TEXT PRIMARY KEY, number INTEGER NOT NULL DEFAULT 0);
INSERT INTO counts (state) VALUES ('waiting'), ('running'), ('done'), ('skipped'), ('failed'), ('dropped');
CREATE TRIGGER added AFTER INSERT ON runs
    BEGIN UPDATE counts SET number = number + 1 WHERE state = NEW.state; END;
CREATE TRIGGER changed AFTER UPDATE OF state ON runs WHEN OLD.state != NEW.state
    BEGIN UPDATE counts SET number = number + (state = NEW.state) - (state = OLD.state)
          WHERE state IN (OLD.state, NEW.state); END;
CREATE TRIGGER removed AFTER DELETE ON runs
    BEGIN UPDATE counts SET number = number - 1 WHERE state = OLD.state; END;
"""

#: File systems of other machines: SQLite's write-ahead log needs memory that all processes share.
_SHARES = (
    "nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "beegfs", "ceph", "coda", "davfs", "fuse.sshfs",
    "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "glusterfs", "gpfs", "lustre", "ncpfs", "orangefs", "panfs", "pvfs2",
    "virtiofs", "wekafs",
)


class JournalError(Error):
    """The journal cannot be used; the message names the file."""


class NewRun(NamedTuple):
    """The run of an event by a route, in the lane of its project, whose name is for people."""

    route: str
    lane: str
    project: str
    in_background: bool


class Entry(NamedTuple):
    """An event and the route by which it runs."""

    number: int
    event: int
    route: str
    lane: str
    state: str
    #: Runs that were begun before, and those of them that failed, and whose ends are unknown.
    tries: int
    failures: int
    losses: int
    #: The time before which it does not run.
    due: float
    #: The mark by which the processes of its last run can be found.
    mark: Optional[str]
    content: bytes

    @property
    def key(self) -> str:
        return "%d:%s" % (self.event, self.route)

    def loaded(self) -> Dict[str, Any]:
        """Returns the event."""
        return decoded(json.loads(self.content.decode("ascii")))


_ENTRY = "number, event, route, lane, state, tries, failures, losses, due, mark, content"


class Journal:
    """A journal's file. A process that is killed loses no change; a machine that loses its power loses at most the last
    ends, so that such a run counts as one whose end is unknown."""

    def __init__(self, path: str, is_owner: bool = True) -> None:
        """Opens the file. Its owner runs what it holds; there is one at a time, and it makes the file."""
        self.path = os.path.abspath(path)
        self._lock = threading.RLock()
        self._ends = 0
        self._changes = 0
        share = share_of(self.path)
        if share is not None:
            raise self._error("SQLite cannot keep it safe on a share (%s); name a file on a local disk" % share)
        self._owner = _owned(self.path) if is_owner else None
        try:
            self._connection = self._connect(is_owner)
        except BaseException:
            self._disown()
            raise

    def _connect(self, is_owner: bool) -> sqlite3.Connection:
        try:
            # SQLite gives its other files the mode of this one.
            flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | (os.O_CREAT if is_owner else 0)
            os.close(os.open(self.path, flags, 0o600))
            connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise self._error(one_line(error)) from None
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                connection.executescript("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT;" % (_SCHEMA, _VERSION))
            elif version != _VERSION:
                raise self._error("a newer version of sgtk-python has made it (%d)" % version)
        except sqlite3.Error as error:
            connection.close()
            raise self._error(one_line(error)) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            self._disown()

    def _disown(self) -> None:
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None

    def _error(self, why: str) -> JournalError:
        return JournalError("the journal cannot be used: %s: %s" % (self.path, why))

    def _execute(self, text: str, values: Sequence[Any] = ()) -> List[sqlite3.Row]:
        with self._lock:
            try:
                return self._connection.execute(text, values).fetchall()
            except sqlite3.Error as error:
                raise self._error(one_line(error)) from None

    def _change(self, text: str, values: Sequence[Any]) -> int:
        """Changes rows, and returns how many."""
        with self._lock:
            try:
                return self._connection.execute(text, values).rowcount
            except sqlite3.Error as error:
                raise self._error(one_line(error)) from None

    @contextlib.contextmanager
    def _synced(self) -> Iterator[None]:
        """Makes one transaction, which is on the disk at the end."""
        with self._lock:
            self._execute("PRAGMA synchronous = FULL")
            try:
                self._execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self._execute("COMMIT")
                except BaseException:
                    self._connection.rollback()
                    raise
            finally:
                self._execute("PRAGMA synchronous = NORMAL")

    # --- the owner's part -------------------------------------------------------------------------------

    def add(
        self, event: Mapping[str, Any], kind: str, runs: Iterable[NewRun], marks: Mapping[str, str]
    ) -> List[Entry]:
        """Adds the runs of an event; those that begin at once have a mark, by their routes. Returns the runs that are
        new: the daemon may deliver an event twice."""
        content, now, added = encoded(event), time.time(), []
        with self._synced():
            for run in runs:
                mark = marks.get(run.route)
                state, tries, begun = (RUNNING, 1, now) if mark else (WAITING, 0, None)
                is_new = self._change(
                    "INSERT OR IGNORE INTO runs"
                    " (event, route, kind, lane, project, state, tries, came, begun, mark, content)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (event["id"], run.route, kind, run.lane, run.project, state, tries, now, begun, mark, content))
                if is_new:
                    added += self._execute("SELECT %s FROM runs WHERE number = last_insert_rowid()" % _ENTRY)
        return [_entry(row)._replace(tries=0) for row in added]

    def lanes(self) -> List[str]:
        """Returns the lanes in which something waits, or was running when its process ended."""
        lanes: List[str] = []
        while True:
            # One look for each lane, however many wait in it.
            row = self._execute(
                "SELECT lane FROM runs INDEXED BY unfinished WHERE state IN ('waiting', 'running') AND lane > ?"
                " ORDER BY lane LIMIT 1", lanes[-1:] or ("",))
            if not row:
                return lanes
            lanes.append(row[0][0])

    def first(self, lane: str, marks: Collection[str] = ()) -> Optional[Entry]:
        """Returns the first unfinished run of a lane without those that have one of the marks."""
        rows = self._execute(
            "SELECT %s FROM runs WHERE lane = ? AND state IN ('waiting', 'running') ORDER BY number LIMIT ?" % _ENTRY,
            (lane, len(marks) + 1))
        return next((_entry(row) for row in rows if row["mark"] not in marks), None)

    def begin(self, entry: Entry, mark: str) -> None:
        """Notes that a run begins, with the mark by which its processes can be found."""
        with self._synced():
            self._execute(
                "UPDATE runs SET state = 'running', tries = tries + 1, begun = ?, mark = ? WHERE number = ?",
                (time.time(), mark, entry.number))

    def wait_again(self, entry: Entry, due: float, message: str, failures: int = 0, losses: int = 0) -> None:
        """Notes why and when a run is begun again, and counts its failure or its unknown end."""
        self._execute(
            "UPDATE runs SET state = 'waiting', failures = failures + ?, losses = losses + ?, due = ?, ended = ?,"
            " message = ? WHERE number = ?", (failures, losses, due, time.time(), message, entry.number))

    def end(
        self, entry: Entry, state: str, code: Optional[int] = None, how: Optional[str] = None,
        cold: Optional[str] = None, message: Optional[str] = None, saved: Optional[str] = None,
    ) -> None:
        """Notes the end of a run, and removes now and then what has ended long ago."""
        self._execute(
            "UPDATE runs SET state = ?, ended = ?, code = ?, how = ?, cold = ?, message = ?, saved = ?"
            " WHERE number = ?", (state, time.time(), code, how, cold, message, saved, entry.number))
        with self._lock:
            self._ends += 1
            is_due = self._ends % _ENDS_BETWEEN_REMOVALS == 0
        if is_due:
            self.remove_old()

    def remove_old(self) -> None:
        self._execute(
            "DELETE FROM runs WHERE ended < ? AND state IN ('done', 'skipped', 'dropped')",
            (time.time() - KEEP_SECONDS,))
        self._execute(
            "DELETE FROM runs WHERE state IN ('done', 'skipped', 'failed', 'dropped') AND ended <="
            " (SELECT ended FROM runs WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT 1 OFFSET ?)", (KEEP_COUNT,))

    def was_changed_elsewhere(self) -> bool:
        """Returns whether another process has changed the journal since the last call."""
        before, self._changes = self._changes, self._execute("PRAGMA data_version")[0][0]
        return before != self._changes

    # --- for every process ------------------------------------------------------------------------------

    def counts(self) -> Dict[str, int]:
        """Returns how many runs there are of each state."""
        return dict(tuple(row) for row in self._execute("SELECT state, number FROM counts ORDER BY rowid"))

    def newest(self, states: Sequence[str], project: Optional[str], most: int) -> List[Dict[str, Any]]:
        """Returns the newest runs of some states and a project (a name or an id), the oldest of them first."""
        rows: List[sqlite3.Row] = []
        where, values = "", [] if project is None else [project, project]
        if values:
            where = " AND (project = ? OR lane = ?)"
        # Each state has its own place in the index.
        for state in states:
            rows += self._execute(
                "SELECT * FROM runs WHERE state = ?%s ORDER BY number DESC LIMIT ?" % where, (state, *values, most))
        return [dict(row) for row in sorted(rows, key=lambda row: row["number"])[-most:]]

    def of_key(self, event: int, route: Optional[str]) -> List[Dict[str, Any]]:
        """Returns the runs of an event, by one route or by all."""
        rows = self._execute("SELECT * FROM runs WHERE event = ? ORDER BY number", (event,))
        return [dict(row) for row in rows if route in (None, row["route"])]

    def retry(self, number: int) -> bool:
        """Lets a run that has ended run again; returns false for one that has not."""
        with self._synced():
            return bool(self._change(
                "UPDATE runs SET state = 'waiting', failures = 0, losses = 0, due = 0"
                " WHERE number = ? AND state NOT IN ('waiting', 'running')", (number,)))

    def drop(self, number: int) -> bool:
        """Gives up a run that waits or has failed; returns false for any other."""
        with self._synced():
            return bool(self._change(
                "UPDATE runs SET state = 'dropped', ended = ? WHERE number = ? AND state IN ('waiting', 'failed')",
                (time.time(), number)))

    def ended_since(self, since: float) -> List[Dict[str, Any]]:
        rows = self._execute("SELECT route, state, begun, ended FROM runs WHERE ended >= ? ORDER BY ended", (since,))
        return [dict(row) for row in rows]


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(**dict(row))


def _owned(path: str) -> int:
    """Locks the file beside the journal, until its descriptor is closed or this process ends."""
    try:
        descriptor = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        raise JournalError("the journal cannot be used: %s.lock: %s" % (path, error.strerror)) from None
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise JournalError("the journal cannot be used: %s: another process runs its events" % path) from None
    return descriptor


def share_of(path: str) -> Optional[str]:
    """Returns the kind of the network file system that a path lies on; None on a local disk, or where the system does
    not say."""
    if sys.platform == "win32":
        return "a network drive" if _is_remote_drive(path) else None
    folder = os.path.realpath(os.path.dirname(path))
    kind, length = None, -1
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                # proc(5): … mount point …  -  type …
                before, _, after = line.partition(" - ")
                point = before.split(" ")[4].encode("latin-1", "ignore").decode("unicode_escape")
                is_above = folder == point or folder.startswith(point.rstrip("/") + "/")
                # A later line lies over an earlier one.
                if is_above and len(point) >= length:
                    kind, length = after.split(" ")[0], len(point)
    except (OSError, IndexError, ValueError):
        return None
    return kind if kind in _SHARES else None


if sys.platform == "win32":

    def _is_remote_drive(path: str) -> bool:
        import ctypes

        drive = os.path.splitdrive(os.path.abspath(path))[0]
        return drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(drive + "\\") == 4
