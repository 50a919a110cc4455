"""Runs what waits in a journal, several events at once, those of one project in order."""
from __future__ import annotations

import collections
import logging
import threading
import time
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Sequence, Set

from .journal import RUNNING, Entry, Journal, JournalError, NewRun
from .left_over import CAN_LOOK, end_left_over, new_mark

#: Seconds until something is tried again that the system did not allow: a change to the journal, the end of a process.
_TRY_AGAIN = 10.0
#: Seconds between two looks for what another process has changed in the journal.
_LOOK = 2.0

#: Notes in the journal how a run ended.
Note = Callable[[], None]


class Runner:
    """Runs an entry; the plugin's part."""

    def run(self, journal: Journal, entry: Entry, mark: str) -> Note:
        """Runs an entry, whose processes get the mark. Returns what notes its end in the journal."""
        raise NotImplementedError

    def lose(self, journal: Journal, entry: Entry, may_repeat: bool) -> Note:
        """Does the same for an entry that was running when the daemon ended. It may run again if nothing of it is left,
        which not every system shows."""
        raise NotImplementedError


class Lanes:
    """The lanes of a journal: one for each project. At most ``at_once`` events run at the same time."""

    def __init__(self, journal: Journal, runner: Runner, logger: logging.Logger, at_once: int) -> None:
        self.journal = journal
        self.runner = runner
        self.logger = logger
        self.at_once = at_once
        self._ready: Deque[str] = collections.deque()
        self._taken: Set[str] = set()
        self._noticed: Set[str] = set()        # taken ones that have got something new
        self._due: Dict[str, float] = {}
        self._workers = 0
        self._here: Set[str] = set()           # the marks of entries that run outside the lanes
        self._stuck: Set[int] = set()          # entries whose processes do not end
        self._ends: Dict[str, List[Note]] = {}  # ends that the journal could not take yet, by lane
        self._noting = threading.RLock()
        self._complaint = ""                   # the last one of the journal, which is logged once
        self._is_closed = False
        lock = threading.RLock()
        self._change = threading.Condition(lock)
        self._clock = threading.Condition(lock)    # notified when something is due earlier
        self.journal.was_changed_elsewhere()
        for lane in journal.lanes():
            self.notice(lane)
        threading.Thread(target=self._keep_time, daemon=True).start()

    def notice(self, lane: str) -> None:
        """Begins to work on a lane in which something waits."""
        with self._change:
            if lane in self._taken:
                self._noticed.add(lane)
            elif lane not in self._ready:
                self._due.pop(lane, None)
                self._ready.append(lane)
            self._change.notify_all()
            if self._workers >= max(1, self.at_once) or self._is_closed:
                return
            self._workers += 1
        try:
            # It ends when nothing is left, or with the event that it runs when the daemon ends.
            threading.Thread(target=self._work, daemon=False).start()
        except RuntimeError:
            # The interpreter ends: the journal keeps it.
            with self._change:
                self._workers -= 1

    def take(self, event: Mapping[str, Any], kind: str, runs: Sequence[NewRun]) -> List[Entry]:
        """Takes an event. Returns those of its runs that are not for the background, for :meth:`run_here`. A run that
        the journal knows already is not taken again."""
        marks = {run.route: new_mark() for run in runs if not run.in_background}
        with self._change:
            self._here.update(marks.values())
        added: List[Entry] = []
        try:
            added = self.journal.add(event, kind, runs, marks)
        finally:
            with self._change:
                self._here.difference_update(set(marks.values()) - {entry.mark for entry in added})
        for entry in added:
            if not entry.mark:
                self.notice(entry.lane)
        return [entry for entry in added if entry.mark]

    def run_here(self, entry: Entry) -> None:
        """Runs an entry in this thread."""
        try:
            note = self.runner.run(self.journal, entry, entry.mark or "")
        except BaseException:
            self._leave(entry)
            raise

        def note_and_leave() -> None:
            note()
            self._leave(entry)

        try:
            self._end(entry.lane, note_and_leave)
        except JournalError as error:
            self._complain(error)
        if self._has_more(entry.lane):
            # It has to run again, another one has waited for it, or its end is not noted yet.
            self.notice(entry.lane)

    def _leave(self, entry: Entry) -> None:
        with self._change:
            self._here.discard(entry.mark or "")

    def _has_more(self, lane: str) -> bool:
        try:
            return lane in self._ends or self._first(lane) is not None
        except JournalError:
            # The lane's own look says why.
            return True

    def _first(self, lane: str) -> Optional[Entry]:
        with self._change:
            here = set(self._here)
        return self.journal.first(lane, here)

    def finish(self) -> None:
        """Waits until nothing is left that can run now."""
        with self._change:
            while self._workers or self._ready:
                self._change.wait()

    def close(self) -> None:
        """Takes no more, waits until what runs has ended, and closes the journal."""
        with self._change:
            self._is_closed = True
            self._clock.notify()
            while self._workers:
                self._change.wait()
        self.journal.close()

    def _is_ending(self) -> bool:
        return self._is_closed or not threading.main_thread().is_alive()

    def _work(self) -> None:
        while True:
            with self._change:
                if not self._ready or self._is_ending() or self._workers > max(1, self.at_once):
                    self._workers -= 1
                    self._change.notify_all()
                    return
                lane = self._ready.popleft()
                self._taken.add(lane)
            due: Optional[float] = time.time() + _TRY_AGAIN
            try:
                due = self._step(lane)
                self._complaint = ""
            except JournalError as error:
                self._complain(error)
            except Exception:
                self.logger.exception("an event could not be run; tried again in %d s", _TRY_AGAIN)
            finally:
                self._let_go(lane, due)

    def _let_go(self, lane: str, due: Optional[float]) -> None:
        with self._change:
            self._taken.discard(lane)
            is_noticed = lane in self._noticed
            self._noticed.discard(lane)
            if is_noticed or due is not None and due <= time.time():
                self._ready.append(lane)
            elif due is not None:
                self._due[lane] = due
                self._clock.notify()
            self._change.notify_all()

    def _step(self, lane: str) -> Optional[float]:
        """Runs the first event of a lane; returns when to look again, None if nothing is left."""
        # An event whose end is not noted would run a second time.
        self._note_ends(lane)
        entry = self._first(lane)
        if entry is None:
            return None
        if entry.due > time.time():
            return entry.due
        if entry.state == RUNNING:
            return self._take_up(entry)
        mark = new_mark()
        self.journal.begin(entry, mark)
        self._end(lane, self.runner.run(self.journal, entry, mark))
        return 0.0

    def _take_up(self, entry: Entry) -> float:
        """Ends what is left of a run whose daemon has ended."""
        if entry.mark and CAN_LOOK and not end_left_over(entry.mark):
            if entry.number not in self._stuck:
                self._stuck.add(entry.number)
                self.logger.error("event %s: processes of its last run do not end; its project waits", entry.key)
            return time.time() + _TRY_AGAIN
        self._stuck.discard(entry.number)
        self._end(entry.lane, self.runner.lose(self.journal, entry, CAN_LOOK))
        return 0.0

    def _end(self, lane: str, note: Note) -> None:
        """Notes the end of a run; what the journal does not take now is noted later."""
        with self._noting:
            self._ends.setdefault(lane, []).append(note)
            self._note_ends(lane)

    def _note_ends(self, lane: str) -> None:
        with self._noting:
            notes = self._ends.get(lane, [])
            while notes:
                notes[0]()
                del notes[0]
            self._ends.pop(lane, None)

    def _complain(self, error: JournalError) -> None:
        if str(error) != self._complaint:
            self._complaint = str(error)
            self.logger.error("%s; tried again every %d s", error, _TRY_AGAIN)

    def _keep_time(self) -> None:
        """Wakes lanes whose time has come, and those that another process has changed."""
        while not self._is_closed:
            with self._change:
                until = min([time.time() + _LOOK] + list(self._due.values()))
                self._clock.wait(max(0.05, until - time.time()))
                woken = [lane for lane, due in self._due.items() if due <= time.time()]
            try:
                if self.journal.was_changed_elsewhere():
                    woken += self.journal.lanes()
            except JournalError:
                # The next change of the plugin's own reports it.
                pass
            for lane in woken:
                self.notice(lane)


_all: Dict[str, Lanes] = {}


def lanes(path: str, runner: Runner, logger: logging.Logger, at_once: int) -> Lanes:
    """Returns the lanes of a journal: always the same for a path, also for a plugin that is loaded again."""
    found = _all.get(path)
    if found is None:
        found = _all[path] = Lanes(Journal(path), runner, logger, at_once)
    found.runner, found.logger, found.at_once = runner, logger, at_once
    return found
