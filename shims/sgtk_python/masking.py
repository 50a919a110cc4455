"""Secrets, left out of all that is logged or saved."""
from __future__ import annotations

import os
import re
from typing import List, Mapping, Sequence, Set

#: A shorter value of a secret variable is not looked for in the output (characters).
SHORTEST_SECRET = 6

#: The launcher has the same rule (``src/environment.rs``). PASS is a word, AUTH is the last word.
_SECRET_NAME = re.compile(
    "CREDENTIAL|KEY|MYSQL_PWD|PASSPHRASE|PASSWD|PASSWORD|SECRET|SSHPASS|TOKEN"
    r"|(?<![A-Z0-9])PASS(?![A-Z0-9])|(?<![A-Z0-9])AUTH\Z", re.IGNORECASE | re.ASCII)
#: The password in an address, such as http://user:password@host (``src/display.rs``).
#: It may hold a ``/``; a port may not.
_PASSWORD = re.compile(r"(?<=://)[^/\s:\[]*:([^/\s]+|(?!\d*/)[^\s]+?)@")


def _passwords(name: str, value: str) -> List[str]:
    """Returns the passwords in the addresses of a variable. That of a proxy may lack its scheme."""
    is_bare = name.lower().endswith("_proxy") and "://" not in value
    return _PASSWORD.findall("://" + value if is_bare else value)


def secret_names(variables: Mapping[str, str], named: Sequence[str]) -> Set[str]:
    """Returns the variables that may hold a secret: by their names, by a password in an address, because ``named``
    lists them, or because another of these has the same value."""
    names = set()
    for name, value in variables.items():
        if name in named or _SECRET_NAME.search(name) or _passwords(name, value):
            names.add(name)
    values = {variables[name] for name in names if len(variables[name]) >= SHORTEST_SECRET}
    return names | {name for name, value in variables.items() if value in values}


class Secrets:
    """The values of secret variables, and the passwords in addresses."""

    __slots__ = ("values", "pattern")

    def __init__(self, variables: Mapping[str, str], named: Sequence[str] = ()) -> None:
        whole = {value for name, value in variables.items() if name in named or _SECRET_NAME.search(name)}
        whole.update(password for name, value in variables.items() for password in _passwords(name, value))
        # Each line of a value with several may be shown by itself.
        parts = whole.union(*(value.splitlines() for value in whole))
        values = {os.fsencode(part) for part in parts if len(part) >= SHORTEST_SECRET}
        self.values = sorted(values, key=len, reverse=True)
        self.pattern = re.compile(b"|".join(re.escape(value) for value in self.values))

    def __repr__(self) -> str:
        return "<secrets>"


class Masked:
    """Hides secrets in a stream that comes in pieces: the possible start of one is held back."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._held = b""

    def take(self, piece: bytes, is_last: bool = False) -> bytes:
        """Returns as much as may be shown by now."""
        values = self._secrets.values
        if not values:
            return piece
        data = self._held + piece
        until = len(data) if is_last else self._start_of_one(data)
        shown, at = [], 0
        if any(value in data for value in values):
            for found in self._secrets.pattern.finditer(data):
                if found.start() >= until:
                    break
                shown += [data[at:found.start()], b"***"]
                at = found.end()
        until = max(at, until)
        self._held = data[until:]
        return b"".join(shown) + data[at:until]

    def _start_of_one(self, data: bytes) -> int:
        """Returns where at the end of ``data`` a secret may start; the end if none may."""
        first = len(data)
        for value in self._secrets.values:
            at = data.find(value[:1], max(0, len(data) - len(value) + 1))
            while 0 <= at < first:
                if value.startswith(data[at:]):
                    first = at
                at = data.find(value[:1], at + 1)
        return first
