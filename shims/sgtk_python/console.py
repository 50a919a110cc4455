"""``python -m sgtk_python events``: what the journal holds, for people and as JSON."""
from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .journal import DONE, DROPPED, FAILED, RUNNING, SKIPPED, STATES, WAITING, Journal
from .words import one_line

_COLOURS = {FAILED: "31", WAITING: "33", RUNNING: "36", DONE: "32", SKIPPED: "2", DROPPED: "2"}
_HEAD = ("EVENT", "STATE", "PROJECT", "TRIES", "CAME", "TOOK", "EXIT", "HOW")
_STATS_HEAD = ("MINUTE", "ROUTE", "RUNS", "FAILED", "MIN", "MEDIAN", "MAX")


def events(words: Sequence[str]) -> int:
    """Lists events, or changes one; returns the exit code."""
    options = _parser().parse_args(words)
    journal = Journal(options.journal or _default_path(), is_owner=False)
    try:
        return int(options.act(journal, options))
    finally:
        journal.close()


def saved_file(key: str) -> str:
    """Returns the file in which the event with a key was saved, else the key."""
    event, _, route = key.partition(":")
    if not event.isdigit():
        return key
    journal = Journal(_default_path(), is_owner=False)
    try:
        files = [row["saved"] for row in journal.of_key(int(event), route or None) if row["saved"]]
    finally:
        journal.close()
    return str(files[-1]) if files else key


def _parser() -> argparse.ArgumentParser:
    name = "python3 -m sgtk_python events"
    parser = argparse.ArgumentParser(name, description="Shows and changes the events of a journal.")
    parser.add_argument("--journal", metavar="FILE", help="the journal; default: SGTK_PYTHON_JOURNAL, else "
                        "sgtk_events.journal beside SGTK_PYTHON_ROUTES or the folder of this package")
    parser.add_argument("--project", help="only those of a project, by its name or id")
    parser.add_argument("--most", type=int, default=50, metavar="N", help="so many of the newest (default: 50)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    for state in STATES:
        text = "only those that are " + state
        parser.add_argument("--" + state, dest="states", action="append_const", const=state, help=text)
    parser.set_defaults(act=_list)
    verbs = parser.add_subparsers(metavar="VERB")
    for word, act, text in (
        ("retry", _retry, "run an event again that has ended"),
        ("drop", _drop, "give up an event that waits or has failed"),
    ):
        verb = verbs.add_parser(word, help=text, description=text)
        verb.add_argument("keys", nargs="+", metavar="KEY", help="an event's id, or id:route")
        verb.set_defaults(act=act)
    stats = verbs.add_parser("stats", help="runs by route and minute", description="Shows runs by route and minute.")
    stats.add_argument("--hours", type=float, default=1, help="so far back (default: 1)")
    stats.set_defaults(act=_stats)
    return parser


def _default_path() -> str:
    named = os.environ.get("SGTK_PYTHON_JOURNAL")
    if named:
        return named
    routes = os.environ.get("SGTK_PYTHON_ROUTES")
    beside = routes or os.path.dirname(os.path.abspath(__file__))
    return os.path.join(os.path.dirname(os.path.abspath(beside)), "sgtk_events.journal")


# --- verbs ------------------------------------------------------------------------------------------

def _list(journal: Journal, options: argparse.Namespace) -> int:
    rows = journal.newest(options.states or STATES, options.project, max(1, options.most))
    if options.json:
        _print_json(events=[_plain(row) for row in rows], counts=journal.counts())
        return 0
    lines: List[Tuple[Sequence[str], str, str]] = []
    for row in rows:
        message = row["message"] if row["state"] in (FAILED, WAITING, RUNNING) else None
        lines.append((_cells(row), row["state"], message or ""))
    _print_table(_HEAD, lines)
    counts = ["%d %s" % (count, state) for state, count in journal.counts().items() if count]
    print(", ".join(counts) or "no events")
    return 0


def _retry(journal: Journal, options: argparse.Namespace) -> int:
    return _change(journal, options.keys, journal.retry, "runs again", "it has not ended")


def _drop(journal: Journal, options: argparse.Namespace) -> int:
    return _change(journal, options.keys, journal.drop, "dropped", "it neither waits nor has failed")


def _change(journal: Journal, keys: Sequence[str], change: Any, done: str, refused: str) -> int:
    code = 0
    for key in keys:
        event, _, route = key.partition(":")
        rows = journal.of_key(int(event), route or None) if event.isdigit() else []
        if not rows:
            sys.stderr.write("sgtk_python: no such event in %s: %s\n" % (journal.path, one_line(key)))
            code = 1
        for row in rows:
            is_changed = change(row["number"])
            print("%s: %s" % (_key(row), done if is_changed else refused))
            code = code if is_changed else 1
    return code


def _stats(journal: Journal, options: argparse.Namespace) -> int:
    minutes: Dict[Tuple[int, str], List[Dict[str, Any]]] = {}
    for row in journal.ended_since(time.time() - options.hours * 3600):
        minutes.setdefault((int(row["ended"] // 60) * 60, row["route"]), []).append(row)
    found = []
    for (minute, route), rows in sorted(minutes.items()):
        seconds = [row["ended"] - row["begun"] for row in rows if row["begun"] is not None] or [0.0]
        found.append({
            "minute": _time(minute), "route": route, "runs": len(rows),
            "failures": sum(row["state"] in (FAILED, WAITING) for row in rows),
            "min_s": min(seconds), "median_s": sorted(seconds)[len(seconds) // 2], "max_s": max(seconds),
        })
    if options.json:
        _print_json(stats=found)
        return 0
    lines = []
    for one in found:
        took = ["%.2f s" % one[name] for name in ("min_s", "median_s", "max_s")]
        cells = [one["minute"][11:16], one_line(one["route"]), str(one["runs"]), str(one["failures"])] + took
        lines.append((cells, FAILED if one["failures"] else "", ""))
    _print_table(_STATS_HEAD, lines)
    return 0


# --- rows -------------------------------------------------------------------------------------------

def _key(row: Mapping[str, Any]) -> str:
    return "%d:%s" % (row["event"], one_line(row["route"]))


def _plain(row: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns a row as JSON has it; times are ISO 8601 in UTC."""
    event = json.loads(row["content"])
    plain = {"key": "%d:%s" % (row["event"], row["route"]), "project": event.get("project"), "event_type": row["kind"]}
    plain.update((name, row[name]) for name in ("event", "route", "state", "tries", "failures", "losses"))
    plain.update((name, _time(row[name])) for name in ("came", "begun", "ended"))
    plain.update((name, row[name]) for name in ("code", "how", "cold", "message", "saved"))
    return plain


def _time(seconds: Optional[float]) -> Optional[str]:
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="seconds")


def _cells(row: Mapping[str, Any]) -> Sequence[str]:
    came = datetime.datetime.fromtimestamp(row["came"])
    is_today = came.date() == datetime.date.today()
    took = row["ended"] - row["begun"] if row["ended"] and row["begun"] and row["ended"] >= row["begun"] else None
    how = row["how"] or ""
    return (
        _key(row), row["state"], one_line(row["project"]) or row["lane"], str(row["tries"]),
        came.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M"), "" if took is None else "%.1f s" % took,
        "" if row["code"] is None else str(row["code"]), how + (" (%s)" % one_line(row["cold"]) if row["cold"] else ""),
    )


# --- printing ---------------------------------------------------------------------------------------

def _print_json(**what: Any) -> None:
    print(json.dumps(dict(what, format=1), indent=1))


def _print_table(head: Sequence[str], lines: Sequence[Tuple[Sequence[str], str, str]]) -> None:
    """Prints rows, each with its state, which has a colour, and a message below it."""
    if not lines:
        return
    widths = [max(len(cells[at]) for cells in [head] + [cells for cells, _, _ in lines]) for at in range(len(head))]
    colours = _has_colours()
    width = os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 0
    for cells, state, message in [(head, "", "")] + list(lines):
        line = "  ".join(cell.ljust(size) for cell, size in zip(cells, widths)).rstrip()
        if colours and state in _COLOURS:
            line = line.replace(state, "\x1b[%sm%s\x1b[0m" % (_COLOURS[state], state), 1)
        print(line)
        for text in message.splitlines()[:1] + message.splitlines()[1:][-3:]:
            text = "    " + one_line(text)
            print(text[:width] if width else text)


def _has_colours() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return sys.stdout.isatty() or os.environ.get("CLICOLOR_FORCE", "0") != "0"
