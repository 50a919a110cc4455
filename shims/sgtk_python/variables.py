"""Environment variables, which may hold secrets."""
from __future__ import annotations

from typing import Dict, Mapping, Optional, Sequence


class Environment(Dict[str, str]):
    """Variables whose values do not show where the local variables of a frame are printed."""

    def __repr__(self) -> str:
        return "<%d variables>" % len(self)


#: Stands for an argument that is no mapping.
_NO_VARIABLES = Environment()


def hidden(env: Optional[Mapping[str, str]]) -> Environment:
    """Returns a caller's variables so that no frame shows them from here on. Raises nothing, for the calling frame
    still holds the caller's own; :func:`checked_variables` reports what is wrong with them."""
    if isinstance(env, Environment):
        return env
    return Environment(env or {}) if env is None or isinstance(env, Mapping) else _NO_VARIABLES


def checked_variables(env: Environment) -> Environment:
    """Raises ``TypeError`` unless all names and values are text."""
    if env is _NO_VARIABLES:
        raise TypeError("env is a mapping of variables' names to their values")
    for name in env:
        if not isinstance(name, str):
            raise TypeError("a variable's name is text, not %r" % (name,))
        if not isinstance(env[name], str):
            # A value of another type may hold a secret as well: bytes are not shown.
            is_plain = isinstance(env[name], (int, float, type(None)))
            shown = repr(env[name]) if is_plain else "a " + type(env[name]).__name__
            raise TypeError("env[%r] is text, not %s" % (name, shown))
    return env


def checked_names(secrets: Sequence[str]) -> Sequence[str]:
    if isinstance(secrets, (str, bytes)) or not all(isinstance(name, str) for name in secrets):
        raise TypeError("secrets is a list of variables' names")
    return secrets
