"""A studio on disk whose jobs leave a record, the events for it, and the plugin as the event daemon drives it."""
import datetime
import importlib.machinery
import importlib.util
import json
import logging
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHIMS = os.path.join(ROOT, "shims")
#: The jobs' Python: Debian's starts faster than one with many site packages.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else os.path.realpath(sys.executable)
KIND = "Shotgun_Version_New"

#: Writes "begin" and "end" with the event's id into the project's record, and holds two locks between: of the event
#: (a byte of the record), whose loss means "beside", and of the project, whose loss means "together".
JOB = """import fcntl, json, os, sys, time
event = json.load(sys.stdin)
record = os.path.join(%(records)r, os.path.basename(os.environ["SGTK_PYTHON_CONFIG"]))
descriptor = os.open(record, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
def note(word):
    os.write(descriptor, ("%%s %%d %%s %%f\\n" %% (word, event["id"], os.environ.get("SGTK_PYTHON_AGAIN", "0"), time.time())).encode())
try:
    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, event["id"])
except OSError:
    note("beside")
try:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    note("together")
if event["project"]["name"] != os.path.basename(os.environ["SGTK_PYTHON_CONFIG"]):
    note("wrong")
note("begin")
time.sleep(%(seconds)g)
note("end")
"""


class Studio:
    """Projects 1, 2, … named p1, p2, …, each with a core of its own, and a job that takes ``seconds``."""

    def __init__(self, folder, projects, seconds=0.02):
        self.folder, self.projects = folder, projects
        for number in range(1, projects + 1):
            self._add_project(number)
        self.records = self.path("records")
        os.makedirs(self.records)
        self.job = self.write("jobs/record.py", JOB % {"records": self.records, "seconds": seconds})
        self.variables = {
            "SHOTGUN_BASE": self.path("configs"), "SGTK_PYTHON_BIN": os.environ["SGTK_PYTHON_BIN"],
            "SGTK_PYTHON_CACHE": self.path("cache"), "SGTK_PYTHON_SETTINGS": self.write("settings.toml", ""),
            "HOME": self.path("home"), "SGDAEMON_SGTK_NAME": "events", "SGDAEMON_SGTK_KEY": "the-daemons-own-key",
        }

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def _add_project(self, number):
        config = "configs/p%d/" % number
        self.write(config + "config/core/roots.yml", "{}\n")
        self.write(config + "config/core/pipeline_configuration.yml",
                   "pc_id: %d\npc_name: Primary\nproject_id: %d\nproject_name: p%d\n" % (number, number, number))
        self.write(config + "config/core/interpreter_Linux.cfg", PYTHON)
        self.write(config + "install/core/_core_upgrader.py", "")
        for package in ("sgtk", "tank"):
            self.write(config + "install/core/python/%s/__init__.py" % package, "")

    def event(self, number):
        project = number % self.projects + 1
        return {
            "id": number, "type": "EventLogEntry", "event_type": KIND, "attribute_name": None, "meta": {},
            "entity": None, "user": None, "session_uuid": None,
            "project": {"type": "Project", "id": project, "name": "p%d" % project},
            "created_at": datetime.datetime.now(datetime.timezone.utc),
        }

    def write_routes(self, name, top=None, **route):
        route = dict({"name": "record", "events": [KIND], "script": self.job}, **route)
        return self.write(name, json.dumps(dict(top or {}, route=[route])))


class Plugin:
    """The plugin with a file of routes, loaded as the daemon loads it."""

    def __init__(self, routes):
        os.environ["SGTK_PYTHON_ROUTES"] = routes
        path = os.path.join(SHIMS, "sgtk_events.py")
        loader = importlib.machinery.SourceFileLoader("sgtk_events", path)
        spec = importlib.util.spec_from_file_location("sgtk_events", path, loader=loader)
        self.module = importlib.util.module_from_spec(spec)
        loader.exec_module(self.module)
        self.logger = logging.getLogger("plugin.sgtk_events")
        self.module.registerCallbacks(self)

    def registerCallback(self, name, key, callback, matching, routes):
        self._callback, self._routes = callback, routes

    def handle(self, event):
        self._callback(None, self.logger, event, self._routes)

    def finish(self):
        """Waits for the events in the background."""
        for lanes in self.module.sgtk_python.lane._all.values():
            lanes.finish()
