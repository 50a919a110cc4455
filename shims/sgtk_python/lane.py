"""Several pieces of work at once, in order for each key."""
from __future__ import annotations

import collections
import logging
import sys
import threading
from typing import Any, Callable, Deque, Dict, Iterator, Set, Tuple

#: Python 3.12.0 to 3.12.2 start no thread, and so no job, once the interpreter ends (gh-113964).
THREADS_AT_END = not (3, 12, 0) <= sys.version_info[:3] <= (3, 12, 2)


class Lanes:
    """Works on several pieces at once, at most ``at_once``; those of one key run one after another, in the
    order in which they came. Waiting pieces are finished before the process ends. Where that is impossible
    (``THREADS_AT_END``), :meth:`add` does the piece itself."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self.at_once = at_once
        self.waiting = waiting
        self._lanes: Dict[Any, Deque[Callable[[], Any]]] = {}
        self._ready: Deque[Any] = collections.deque()
        self._taken: Set[Any] = set()
        self._workers = 0
        self._waiting = 0
        self._change = threading.Condition()

    def add(self, key: Any, work: Callable[[], Any]) -> None:
        """Takes a piece of work, which must not raise. Waits while ``waiting`` pieces wait."""
        with self._change:
            while self._waiting >= max(1, self.waiting):
                self._change.wait()
            lane = self._lanes.setdefault(key, collections.deque())
            lane.append(work)
            self._waiting += 1
            if len(lane) == 1 and key not in self._taken:
                self._ready.append(key)
            if not self._ready or self._workers >= max(1, self.at_once):
                return
            self._workers += 1
            if THREADS_AT_END:
                try:
                    # It ends when no piece is left, so that it keeps no process alive.
                    threading.Thread(target=self._work, daemon=False).start()
                    return
                except RuntimeError:
                    if self._workers > 1:
                        self._workers -= 1
                        return
        # No thread can be started, now or for the pieces that are left at the end: this one does it.
        self._work()

    def is_full(self) -> bool:
        """Returns whether :meth:`add` would wait."""
        with self._change:
            return self._waiting >= max(1, self.waiting)

    def finish(self) -> None:
        """Waits until all pieces are done."""
        with self._change:
            while self._workers or self._waiting:
                self._change.wait()

    def _work(self) -> None:
        try:
            for key, work in self._pieces():
                try:
                    work()
                except (Exception, SystemExit):
                    logging.getLogger("sgtk_python").exception("a piece of work failed")
                finally:
                    with self._change:
                        self._taken.discard(key)
                        if key in self._lanes:
                            self._ready.append(key)
                        self._change.notify_all()
        except BaseException:
            with self._change:
                self._workers -= 1
                self._change.notify_all()
            raise

    def _pieces(self) -> Iterator[Tuple[Any, Callable[[], Any]]]:
        while True:
            with self._change:
                if not self._ready:
                    self._workers -= 1
                    self._change.notify_all()
                    return
                key = self._ready.popleft()
                self._taken.add(key)
                work = self._lanes[key].popleft()
                if not self._lanes[key]:
                    del self._lanes[key]
                self._waiting -= 1
                self._change.notify_all()
            yield key, work


_all_lanes: Dict[str, Lanes] = {}


def lanes(name: str, at_once: int, waiting: int) -> Lanes:
    """Returns the lanes of a name: always the same, also for a plugin that is loaded again."""
    found = _all_lanes.setdefault(name, Lanes(at_once, waiting))
    found.at_once, found.waiting = at_once, waiting
    return found
