"""Runs scripts with the Toolkit core (sgtk) of a project, each in a process of its own, by the launcher
sgtk-python. For event daemons, farm wrappers and DCCs::

    import sgtk_python

    try:
        done = sgtk_python.run("/studio/jobs/publish.py", "--shot", "010", event=event, timeout=600)
    except sgtk_python.NoProject:
        pass                                # this project has no configuration here

and in the script, where the event came on standard input::

    event = sgtk_python.event()             # its dates are dates again

One folder for Python 3.7 and newer, without dependencies: install it, or put it beside the script or the
plugin that imports it. ``python -m sgtk_python replay FILE`` runs a saved event again,
``unit FILE`` a unit of work for another machine.
"""
from .events import DATES, event

# Type checkers take it for typing's own.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .errors import (
        BrokenStudio, Busy, Error, JobFailed, JobLost, JobTimedOut, LauncherNotFound, NoEvent, NoProject, NotSubmitted,
        PythonNotFound, WrongUse,
    )
    from .job import GRACE, KEEP, LEFT_BEHIND, Job, run, start
    from .journal import DONE, FAILED, SKIPPED, Entry, JournalError, NewRun
    from .lane import Lanes, Runner, lanes
    from .launcher import checked_options, find_launcher
    from .left_over import end_left_over
    from .masking import SHORTEST_SECRET
    from .output import LONGEST_LINE, Log
    from .result import Result
    from .saved import replay, save
    from .submission import Submission
    from .unit import write_unit
    from .variables import Environment
    from .words import Word, one_line
else:
    def __getattr__(name):
        """Loads the other modules when one of their names is needed (PEP 562): a script that reads its event needs
        none, and only a journal needs SQLite, which some builds of Python lack."""
        import importlib

        modules = "errors job launcher left_over masking output result saved submission unit variables words"
        for module in (modules + " journal lane").split():
            loaded = vars(importlib.import_module("." + module, __name__))
            for public in [public for public in __all__ if public in loaded]:
                globals().setdefault(public, loaded[public])
            if name in globals():
                return globals()[name]
        raise AttributeError("module %r has no attribute %r" % (__name__, name))


__all__ = [
    "BrokenStudio", "Busy", "DATES", "DONE", "Entry", "Environment", "Error", "FAILED", "GRACE", "Job", "JobFailed",
    "JobLost", "JobTimedOut", "JournalError", "KEEP", "LEFT_BEHIND", "LONGEST_LINE", "Lanes", "LauncherNotFound",
    "Log", "NewRun", "NoEvent", "NoProject", "NotSubmitted", "PythonNotFound", "Result", "Runner", "SHORTEST_SECRET",
    "SKIPPED", "Submission", "Word", "WrongUse", "checked_options", "end_left_over", "event", "find_launcher", "lanes",
    "one_line", "replay", "run", "save", "start", "write_unit",
]
