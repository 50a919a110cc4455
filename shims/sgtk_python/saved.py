"""Jobs saved in files, to run again later."""
from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, Mapping, Optional, Sequence

from .errors import LauncherNotFound, WrongUse
from .events import decoded, encoded, plain
from .job import KEEP, Job
from .result import Result
from .launcher import chosen_project, command_line, find_launcher
from .masking import secret_names
from .variables import Environment, checked_names, checked_variables, hidden
from .words import Word, checked_word, one_line


def save(
    path: Word, script: Word, *args: Word, event: Optional[Mapping[str, Any]] = None, secrets: Sequence[str] = (),
    sources: Optional[Mapping[str, str]] = None, **options: Any
) -> None:
    """Writes a file, for this user alone, with which ``python -m sgtk_python replay FILE`` runs a script
    again in the environment that this process has: with the same launcher, variables and working
    directory. ``options`` are those of :func:`start`. Of variables that may hold a secret (and of those that
    ``secrets`` names) only the names are written. ``sources`` names the variables that others take their values
    from: a replay without them is refused, for it would act as another user."""
    env = hidden(options.pop("env", None))
    variables = Environment(os.environ, **checked_variables(env))
    left_out = secret_names(variables, checked_names(secrets))
    options.pop("logger", None)
    cwd = os.fsdecode(options.pop("cwd", None) or os.getcwd())
    for name, value in options.items():
        if isinstance(value, (bytes, os.PathLike)):
            options[name] = os.fsdecode(value)
    try:
        launcher: Optional[str] = find_launcher()
    except LauncherNotFound:
        launcher = None
    text = json.dumps({
        "sgtk_python": 1,
        "script": [os.fsdecode(checked_word(word)) for word in (script,) + args],
        "options": options,
        "event": None if event is None else plain(event),
        "launcher": launcher,
        "cwd": cwd,
        "environment": {name: value for name, value in variables.items() if name not in left_out},
        "secrets": sorted(left_out),
        "sources": dict(sources or {}),
    }, indent=1)
    aside = os.fsdecode(checked_word(path)) + ".%d-%d" % (os.getpid(), threading.get_ident())
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        os.replace(aside, os.fsdecode(checked_word(path)))
    except BaseException:
        os.unlink(aside)
        raise


def replay(path: Word) -> Result:
    """Runs a saved script and event again, without a time-out. Its output goes where this process
    writes. Secrets come from this process' variables."""
    with open(checked_word(path), "rb") as file:
        data = file.read()
    try:
        job = _replayed(json.loads(data.decode("ascii")))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = "%s is missing" % error if isinstance(error, KeyError) else one_line(error)
    else:
        sys.stderr.write("sgtk_python: %s for %s\n" % (job.script, job.project))
        try:
            return job.wait()
        except BaseException:
            job.terminate()
            raise
    raise WrongUse("not a saved event, or an incomplete one: %s: %s" % (os.fsdecode(checked_word(path)), reason))


def _replayed(saved: Any) -> Job:
    if not isinstance(saved, dict) or saved.get("sgtk_python") != 1:
        raise ValueError("it has no \"sgtk_python\": 1")
    event = None if saved["event"] is None else decoded(saved["event"])
    options, script, launcher = saved["options"], saved["script"], saved["launcher"]
    choice, shown = chosen_project(options.get("project"), options.get("project_id"), options.get("config"), event)
    if not isinstance(launcher, str) or not os.path.exists(launcher):
        launcher = find_launcher()
    pipeline, warm, more = options.get("pipeline"), options.get("warm", False), options.get("options", ())
    command = command_line(launcher, choice, pipeline, warm, more, script)
    sources = saved.get("sources", {})
    unset = [source for source in sources.values() if not os.environ.get(source)]
    if unset:
        raise WrongUse("the job acts by %s, which is not set here, and was never saved" % " and ".join(unset))
    missing = [name for name in saved["secrets"] if name not in os.environ and name not in sources]
    if missing:
        sys.stderr.write("sgtk_python: not set here, and never saved: %s\n" % ", ".join(missing))
    environment = Environment(checked_variables(hidden(saved["environment"])), SGTK_PYTHON_BIN=launcher)
    environment.update((name, os.environ[name]) for name in saved["secrets"] if name in os.environ)
    environment.update((name, os.environ[source]) for name, source in sources.items())
    return Job(
        command, shown, None if event is None else encoded(event), environment, saved["cwd"], None, None, False, KEEP,
        ends_with_caller=True,
    )
