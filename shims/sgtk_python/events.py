"""The event that a script is started for: JSON on its standard input, with dates."""
from __future__ import annotations

import json
import sys
from collections.abc import Mapping

# Type checkers take it for typing's own. Each job with an event imports this file, so it imports no more than it needs.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from typing import Any, Dict, List, Optional, Union

    from .errors import NoEvent

#: The key in a sent event that lists the ways to those of its texts that are dates.
DATES = "sgtk_python.dates"

_event: Optional[Dict[str, Any]] = None


def event() -> Dict[str, Any]:
    """Returns, in a script, the event that it was started for, read from standard input. Its dates are dates again.
    Each call returns the same one."""
    global _event
    if _event is None:
        if sys.stdin is None or sys.stdin.isatty():
            raise _no_event("no event comes on standard input; was this started with event=…?")
        data = sys.stdin.buffer.read()
        if not data.strip():
            raise _no_event("there is no event on standard input; was this started with event=…?")
        _event = parsed(data)
    return _event


def parsed(data: bytes) -> Dict[str, Any]:
    try:
        return decoded(json.loads(data.decode("utf-8")))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _no_event("standard input holds no event: %s" % error) from None


def _no_event(why: str) -> NoEvent:
    from .errors import NoEvent

    return NoEvent(why)


def encoded(event: Mapping[str, Any]) -> bytes:
    return json.dumps(plain(event)).encode("ascii")


def plain(event: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns an event that JSON can carry, and in it the ways to its dates."""
    import datetime

    dates: List[List[Union[str, int]]] = []

    def copy(value: Any, way: List[Union[str, int]]) -> Any:
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        if isinstance(value, (datetime.datetime, datetime.date)):
            dates.append(way)
            return value.isoformat()
        if isinstance(value, Mapping):
            return {str(key): copy(inner, way + [str(key)]) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [copy(inner, way + [at]) for at, inner in enumerate(value)]
        raise TypeError("the event's %s is a %s, which JSON cannot carry" % (way, type(value).__name__))

    copied = copy({key: value for key, value in event.items() if key != DATES}, [])
    return dict(copied, **{DATES: dates}) if dates else copied


def decoded(plain: Any) -> Dict[str, Any]:
    if not isinstance(plain, dict):
        raise ValueError("it is no JSON object")
    for way in plain.pop(DATES, []):
        place: Any = plain
        for step in way[:-1]:
            place = place[step]
        place[way[-1]] = _date(place[way[-1]])
    return plain


def _date(text: str) -> datetime.date:
    import datetime

    kind = datetime.datetime if "T" in text else datetime.date
    return kind.fromisoformat(text)
