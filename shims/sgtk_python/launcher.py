"""The launcher: where it is, and its command line."""
from __future__ import annotations

import numbers
import os
import shutil
from typing import Any, List, Mapping, Optional, Sequence, Tuple, Union

from .errors import LauncherNotFound, NoProject
from .words import Word, checked_word, one_line

#: With these the launcher does not run the script for the project.
_OTHER_ACTIONS = (
    "--explain", "--help", "--version", "--list", "--doctor", "--workers", "--stop-workers", "--make-shim",
    "--make-venv", "--each", "--match",
)


def find_launcher() -> str:
    """Returns the launcher's path: ``SGTK_PYTHON_BIN``, else beside this package (or in the ``bin`` of the folder that
    an archive was unpacked to, or that pip installed to), else on ``PATH``."""
    name = "sgtk-python.exe" if os.name == "nt" else "sgtk-python"
    named = os.environ.get("SGTK_PYTHON_BIN")
    if named:
        found = shutil.which(named)
        if found:
            return os.path.abspath(found)
        raise LauncherNotFound("SGTK_PYTHON_BIN names no program: %s" % named)
    package = os.path.dirname(os.path.abspath(__file__))
    folder = os.path.dirname(package)
    unpacked = os.path.dirname(os.path.dirname(folder))  # from share/sgtk-python
    installed = os.path.dirname(unpacked)                # from lib/python3.11/site-packages
    for place in (folder, os.path.join(unpacked, "bin"), os.path.join(installed, "bin")):
        path = os.path.join(place, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    found = shutil.which(name)
    if found:
        return os.path.abspath(found)
    raise LauncherNotFound("there is no %s beside %s or on PATH; name it in SGTK_PYTHON_BIN" % (name, package))


def command_line(
    launcher: str, choice: Union[str, bytes], pipeline: Optional[Union[str, int]], warm: bool, options: Sequence[str],
    words: Sequence[Word],
) -> List[Union[str, bytes]]:
    command: List[Union[str, bytes]] = [launcher, choice]
    if pipeline is not None:
        command.append("--pipeline=%s" % pipeline)
    if warm:
        command.append("--warm")
    command.extend(checked_options(options))
    command.append("--")
    command.extend(checked_word(word) for word in words)
    return command


def checked_options(options: Sequence[str]) -> List[str]:
    """Returns the launcher's options. Raises ``TypeError`` for a word that is no option, which would be taken for the
    script, and ``ValueError`` for an option with which the script does not run."""
    if isinstance(options, (str, bytes)):
        raise TypeError("options is a list of words, such as [%r], not %r" % (options, options))
    for word in options:
        if not isinstance(word, str) or not word.startswith("--") or word == "--":
            raise TypeError("options holds words such as '--exclusive' or '--keep=NAME', not %r" % (word,))
        name = word.partition("=")[0]
        if name in _OTHER_ACTIONS:
            raise ValueError("with %s the launcher does not run the script for the project" % word)
        if name == "--status-fd":
            raise ValueError("%s is set for each job already" % name)
    return list(options)


def chosen_project(
    project: Optional[str], project_id: Optional[int], config: Optional[Word], event: Optional[Mapping[str, Any]]
) -> Tuple[Union[str, bytes], str]:
    """Returns the launcher's option that chooses the project, and the project's name for messages."""
    choices = (("project", project), ("project_id", project_id), ("config", config))
    given = [name for name, value in choices if value is not None]
    if len(given) > 1:
        raise TypeError("name the project once, not by %s" % " and ".join(given))
    if project is not None:
        if not isinstance(project, str) or not project:
            raise TypeError("project is a name, not %r" % (project,))
        return "--project=" + project, "project '%s'" % one_line(project)
    if project_id is not None:
        return "--project-id=%d" % _id(project_id), "project %d" % project_id
    if config is not None:
        path = checked_word(config)
        shown = "config %s" % one_line(os.fsdecode(path))
        return (b"--config=" + path if isinstance(path, bytes) else "--config=" + path), shown
    if event is None:
        raise TypeError("name the project: by project, project_id, config or event")
    return _project_of(event)


def _project_of(event: Mapping[str, Any]) -> Tuple[str, str]:
    project = event.get("project")
    if not project:
        raise NoProject("event %s has no project" % event.get("id"))
    if not isinstance(project, Mapping):
        raise TypeError("the event's project is an entity with an id, not %r" % (project,))
    number = _id(project.get("id"))
    name = project.get("name")
    return "--project-id=%d" % number, "project %d" % number + (" (%s)" % one_line(name) if name else "")


def _id(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError("a project's id is a whole number, not %r" % (value,))
    return int(value)


def script_of(command: Sequence[Union[str, bytes]]) -> str:
    """Returns the script's name for messages."""
    words = [os.fsdecode(word) for word in command]
    words = words[words.index("--") + 1:]
    if words[0] == "-c":
        return "code"
    return " ".join(words[:2]) if words[0] == "-m" else os.path.basename(words[0])
