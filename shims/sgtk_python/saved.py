"""Jobs saved in files, to run again later."""
from __future__ import annotations

import json
import os
import sys
from typing import Any, Dict, Mapping, Optional, Sequence

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
    try:
        launcher: Optional[str] = find_launcher()
    except LauncherNotFound:
        launcher = None
    saved = described((script,) + args, event, options)
    saved.update(
        launcher=launcher, cwd=cwd, inherits=False,
        environment={name: value for name, value in variables.items() if name not in left_out},
        secrets=sorted(left_out), sources=dict(sources or {}))
    write_private(os.fsdecode(checked_word(path)), saved)


def described(words: Sequence[Word], event: Optional[Mapping[str, Any]], options: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns the part of a saved job that says what runs, as JSON can carry it."""
    return {
        "sgtk_python": 1,
        "script": [os.fsdecode(checked_word(word)) for word in words],
        "options": {
            name: os.fsdecode(value) if isinstance(value, (bytes, os.PathLike)) else value
            for name, value in options.items()
        },
        "event": None if event is None else plain(event),
    }


def write_private(path: str, table: Mapping[str, Any]) -> None:
    """Writes a table for this user alone. It is on the disk then, but for its name: see :func:`sync_folder`."""
    replace_private(path, json.dumps(table, indent=1).encode("ascii"))


def replace_private(path: str, data: bytes) -> None:
    """Replaces a file by one for this user alone; a reader sees the old or the new one."""
    aside = "%s.%s" % (path, os.urandom(8).hex())
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        os.unlink(aside)
        raise


def sync_folder(path: str) -> None:
    """Has the names in a folder on the disk. Windows cannot be asked to."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_saved(path: Word) -> Dict[str, Any]:
    """Raises ``ValueError`` if the file holds no saved job."""
    with open(checked_word(path), "rb") as file:
        saved = json.loads(file.read().decode("ascii"))
    if not isinstance(saved, dict) or saved.get("sgtk_python") != 1:
        raise ValueError("it has no \"sgtk_python\": 1")
    return saved


def credentials(saved: Mapping[str, Any]) -> Environment:
    """Returns the variables that a saved job takes from others of this process. Raises :class:`WrongUse` if one of
    those is not set, and says which secrets are missing."""
    sources = saved.get("sources", {})
    unset = [source for source in sources.values() if not os.environ.get(source)]
    if unset:
        raise WrongUse("the job acts by %s, which is not set here, and was never saved" % " and ".join(unset))
    missing = [name for name in saved["secrets"] if name not in os.environ and name not in sources]
    if missing:
        sys.stderr.write("sgtk_python: not set here, and never saved: %s\n" % ", ".join(missing))
    return Environment({name: os.environ[source] for name, source in sources.items()})


def replay(path: Word) -> Result:
    """Runs a saved script and event again, without a time-out. Its output goes where this process
    writes. Secrets come from this process' variables."""
    try:
        job = _replayed(read_saved(path))
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


def _replayed(saved: Dict[str, Any]) -> Job:
    event = None if saved["event"] is None else decoded(saved["event"])
    options, script, launcher = saved["options"], saved["script"], saved["launcher"]
    choice, shown = chosen_project(options.get("project"), options.get("project_id"), options.get("config"), event)
    if not isinstance(launcher, str) or not os.path.exists(launcher):
        launcher = find_launcher()
    pipeline, warm, more = options.get("pipeline"), options.get("warm", False), options.get("options", ())
    command = command_line(launcher, choice, pipeline, warm, more, script)
    environment = Environment(os.environ if saved.get("inherits") else {})
    environment.update(checked_variables(hidden(saved["environment"])), SGTK_PYTHON_BIN=launcher)
    acting = credentials(saved)
    environment.update((name, os.environ[name]) for name in saved["secrets"] if name in os.environ)
    environment.update(acting)
    return Job(
        command, shown, None if event is None else encoded(event), environment, saved["cwd"], None, None, False, KEEP,
        ends_with_caller=True,
    )
