"""A plugin for shotgunEvents that runs scripts with the Toolkit core of the event's project, each event in
a process of its own.

Put this file into a folder of the daemon's plugins, and beside it the folder ``sgtk_python`` (or install that) and
the routes, ``sgtk_events.toml``: they say which events of which projects run which script. ``SGTK_PYTHON_ROUTES``
names another file. Routes are read again when the file changes. Where Python has no reader of TOML (before
3.11, without ``tomli``), write the routes as JSON into ``sgtk_events.json`` beside it.

No failure of an event leaves this file as an exception, for the daemon would switch the plugin off: it becomes
one record in the log.
"""
import difflib
import fnmatch
import functools
import importlib
import importlib.util
import json
import logging
import os
import shlex
import sys
import threading
import time
from urllib.parse import quote


def _load_package():
    """Returns the package beside this file, else the installed one. The daemon's folder is not on ``sys.path``."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sgtk_python")
    path = os.path.join(folder, "__init__.py")
    loaded = sys.modules.get("sgtk_python")
    if loaded is not None or not os.path.exists(path):
        return loaded or importlib.import_module("sgtk_python")
    spec = importlib.util.spec_from_file_location("sgtk_python", path, submodule_search_locations=[folder])
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["sgtk_python"] = package
    try:
        spec.loader.exec_module(package)
        # All of it, now: it loads most of its modules with the first name that is used.
        hasattr(package, "run")
    except BaseException:
        # The next import must not get half of it.
        for name in [name for name in sys.modules if name.partition(".")[0] == "sgtk_python"]:
            del sys.modules[name]
        raise
    return package


sgtk_python = _load_package()

#: The variables with the script's name and key of this plugin, if the routes name no others: the
#: plugin's own, the daemon's, those of Autodesk's recipe for farms.
CREDENTIALS = (
    ("SGDAEMON_SGTK_NAME", "SGDAEMON_SGTK_KEY"),
    ("SG_ED_SCRIPT_NAME", "SG_ED_API_KEY"),
    ("SHOTGUN_FARM_SCRIPT_USER", "SHOTGUN_FARM_SCRIPT_KEY"),
)


#: Seconds until the journal is tried again, if it cannot be used.
JOURNAL_AGAIN = 10
#: Seconds before a failed event runs again for the first time; each further time it takes twice as long.
FIRST_DELAY, LONGEST_DELAY = 10, 600
#: Runs with an unknown end after which an event counts as failed. The end of the daemon is none.
MOST_LOSSES = 3


def registerCallbacks(reg):
    """Registers one callback for all events; the routes choose among them, and may change."""
    routes = Routes(_routes_file, reg.logger)
    routes.refresh()
    try:
        sgtk_python.find_launcher()
    except sgtk_python.LauncherNotFound as error:
        reg.logger.error("no event can be handled without the launcher: %s", error)
    for name, key in routes.credentials or CREDENTIALS:
        if os.environ.get(name) and os.environ.get(key):
            # No variable of this frame holds the key.
            handler = Handler(routes, reg.logger)
            handler.open_journal()
            reg.registerCallback(os.environ[name], os.environ[key], route_event, None, handler)
            return
    pairs = ", or ".join("%s and %s" % pair for pair in routes.credentials or CREDENTIALS)
    if routes.broken and not routes.credentials:
        raise RuntimeError(
            "no script name and key to register with; the routes file, which may name them, is broken: %s; mend it and "
            "restart the daemon, or set %s" % (routes.broken, pairs))
    raise RuntimeError("no script name and key to register with: set %s" % pairs)


def route_event(sg, logger, event, args):
    """The daemon's callback."""
    try:
        args.handle(event)
    except Exception as error:
        logger.error("event %s could not be handled: %s", event.get("id"), _one_line(error))


def _routes_file():
    path = os.environ.get("SGTK_PYTHON_ROUTES") or os.path.splitext(os.path.abspath(__file__))[0] + ".toml"
    stem, extension = os.path.splitext(path)
    is_readable = os.path.exists(path) and _toml_reader() is not None
    if extension.lower() == ".toml" and not is_readable and os.path.exists(stem + ".json"):
        return stem + ".json"
    return path


# --- routes -----------------------------------------------------------------------------------------

class BadRoutes(Exception):
    """A routes file is broken."""


class Routes:
    """The routes of a file; while it is broken, the last good ones."""

    def __init__(self, find_file, logger):
        self._find_file = find_file
        self._logger = logger
        self._stamp = None
        self.routes = []
        #: The reason, while the file is broken.
        self.broken = None
        self.credentials = None
        #: The names of the variables that hold secrets.
        self.secrets = []
        #: Where failed events are saved, and how many of them.
        self.save_to, self.keep = None, 500
        #: Where units of work for other machines go.
        self.units = None
        #: The journal's file, and how many of its events run at once.
        self.journal, self.jobs = None, 4

    def __repr__(self):
        return "<%d routes of %s>" % (len(self.routes), self._find_file())

    def refresh(self):
        """Reads the file if it has changed. Logs once why it is broken."""
        path = self._find_file()
        try:
            found = os.stat(path)
            stamp = (path, "", found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError as error:
            stamp, found = (path, str(error), 0, 0, 0), None
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            if found is None:
                raise BadRoutes("there is no such file, or it cannot be read (%s)" % stamp[1])
            self._take(_read(path), path)
            self.broken = None
            self._logger.info("%s read from %s", _routes(len(self.routes)), path)
            for route in self.routes:
                for warning in route.warnings():
                    self._logger.warning("%s: route '%s': %s", path, route.name, warning)
        except Exception as error:
            self.broken = "%s: %s" % (path, _one_line(error))
            kept = "the last good routes stay (%s)" % _routes(len(self.routes))
            if not self.routes:
                kept = "no event is handled"
            self._logger.error("%s; %s", self.broken, kept)

    def _take(self, table, path):
        folder = os.path.dirname(os.path.abspath(path))
        # By themselves: the plugin has to register once, and the rest may be mended later.
        credentials = _credentials(table.get("credentials"), "credentials") if isinstance(table, dict) else None
        self.credentials = [credentials] if credentials else None
        top = _Table(table, "the file", ("route", "credentials", "background", "journal", "save_to", "keep", "units"))
        jobs = _Table(top.get("background", dict, {}), "[background]", ("jobs",)).count("jobs", 4)
        tables = top.get("route", list, [])
        if not tables:
            raise BadRoutes("it has no [[route]]")
        routes = [Route(one, number, folder) for number, one in enumerate(tables, 1)]
        names = [route.name for route in routes]
        for name in names:
            if names.count(name) > 1:
                raise BadRoutes("two routes are named '%s'; give each a 'name' of its own" % name)
        units = top.get("units", str, None)
        for route in routes:
            if route.submission is not None and units is None:
                raise BadRoutes("route '%s' has 'submit'; name a folder 'units' that all machines see" % route.name)
        save_to = os.path.join(folder, top.get("save_to", str, "saved_events"))
        keep = top.count("keep", 500)
        journal = os.path.join(folder, top.get("journal", str, "sgtk_events.journal"))
        # All of it is good, or none of it is taken.
        self.routes, self.save_to, self.keep = routes, save_to, keep
        self.jobs, self.journal = jobs, journal
        self.units = units and os.path.join(folder, units)
        pairs = [route.credentials for route in routes] + [credentials]
        self.secrets = sorted({name for pair in pairs if pair for name in pair})

    def of(self, event):
        """Returns the routes that take an event."""
        return [route for route in self.routes if route.takes(event)]

    def named(self, name):
        return next((route for route in self.routes if route.name == name), None)


class Route:
    """One ``[[route]]``."""

    KEYS = (
        "name", "events", "projects", "no_project", "no_config", "script", "module", "args", "timeout", "warm",
        "background", "save", "pipeline", "env", "credentials", "log_lines", "options", "repeat", "retries",
        "submit",
    )

    def __init__(self, table, number, folder):
        where = "[[route]] %d" % number
        if isinstance(table, dict) and isinstance(table.get("name"), str):
            where = "[[route]] '%s'" % table["name"]
        table = _Table(table, where, self.KEYS)
        script, module = table.get("script", str, None), table.get("module", str, None)
        if bool(script) == bool(module):
            table.fail("name a script, or a module")
        self.words = ["-m", module] if module else [os.path.join(folder, script)]
        self.words += [str(word) for word in table.strings("args", (str, int, float))]
        self.name = table.get("name", str, module or os.path.basename(script or ""))
        self.events = self._events(table)
        self.projects = table.strings("projects", (str, int)) if "projects" in table.table else None
        self.no_project = self._no_project(table)
        timeout = table.get("timeout", (int, float), 600)
        if not 0 <= timeout <= threading.TIMEOUT_MAX:
            table.fail("timeout is a number of seconds, from 0 (none) to %d" % threading.TIMEOUT_MAX)
        self.timeout = timeout or None
        self.warm = table.get("warm", bool, False)
        self.background = table.get("background", bool, False)
        self.save = table.get("save", bool, False)
        self.repeat = table.get("repeat", bool, True)
        self.retries = table.count("retries", 0, 0)
        self.pipeline = table.get("pipeline", (str, int), None)
        self.options = table.strings("options", (str,))
        try:
            sgtk_python.checked_options(self.options)
        except (TypeError, ValueError) as error:
            table.fail("'options': %s" % error)
        # A route that names a configuration needs it; a name that is not found may be a slip of the pen.
        options = [option for option in self.options if option.startswith(("--pipeline=", "--config="))]
        default = "error" if options or self.pipeline is not None else "skip"
        self.skips_no_config = table.one_of("no_config", ("skip", "error"), default) == "skip"
        self._skipped = set()
        self.log_lines = table.count("log_lines", 1000)
        self.env = self._env(table)
        self.credentials = _credentials(table.get("credentials", dict, None), where)
        self.submission = self._submission(table)

    def _submission(self, table):
        how = table.get("submit", (str, list), None)
        try:
            return None if how is None else sgtk_python.Submission(how)
        except ValueError as error:
            return table.fail("'submit': %s" % error)

    def _env(self, table):
        for name, value in table.get("env", dict, {}).items():
            if not name or "=" in name or "\0" in name:
                table.fail("env: %r cannot be a variable's name" % name)
            if not isinstance(value, (str, int, float)) or "\0" in str(value):
                # It is not shown, for it may be a key.
                table.fail("env.%s is text or a number" % name)
        return {name: str(value) for name, value in table.get("env", dict, {}).items()}

    def warnings(self):
        """Yields the reasons for which each event of the route would fail now."""
        if self.words[0] != "-m" and not os.path.isfile(self.words[0]):
            yield "there is no script %s" % self.words[0]
        # The machine that runs a unit has them.
        for name in [] if self.submission else self.unset_credentials():
            yield "the variable %s, which its credentials name, is not set" % name
        for wanted in self.projects or ():
            if isinstance(wanted, str) and wanted.isdigit():
                yield "the project \"%s\" is a name; for an id write %s without quotes" % (wanted, wanted)

    def skips_first(self, project):
        """Returns whether a project is skipped for the first time since the routes were read."""
        is_first = project not in self._skipped
        self._skipped.add(project)
        return is_first

    def unset_credentials(self):
        return [name for name in self.credentials or () if name not in os.environ]

    def _events(self, table):
        events = table.get("events", (dict, list, str), None)
        if not events:
            table.fail("events are missing: a list of types, or a table of types and attributes")
        if isinstance(events, str):
            events = {events: True}
        if isinstance(events, list):
            events = dict.fromkeys(table.strings("events", (str,), events), True)
        for kind, attributes in events.items():
            good = attributes is True or isinstance(attributes, list) and all(isinstance(a, str) for a in attributes)
            if not good:
                table.fail("events.%s is a list of attributes, or true for all" % kind)
        return events

    def _no_project(self, table):
        value = table.get("no_project", (str, dict), "skip")
        if isinstance(value, dict):
            return _Table(value, table.where + " no_project", ("project",)).get("project", str, None) or table.fail(
                "no_project = { project = \"NAME\" } names no project")
        return {"skip": False, "error": None}[table.one_of("no_project", ("skip", "error"), "skip")]

    def lane(self, event):
        """Returns the lane in which an event runs: that of its project, else of the project that stands for none."""
        project = event.get("project")
        return str(project.get("id") if isinstance(project, dict) else project or "'%s'" % self.no_project)

    def takes(self, event):
        """Returns whether the route is for an event."""
        return self._takes_type(event) and self._takes_project(event.get("project"))

    def _takes_type(self, event):
        for kind, attributes in self.events.items():
            is_taken = attributes is True or "*" in attributes or event.get("attribute_name") in attributes
            if is_taken and fnmatch.fnmatchcase(event.get("event_type") or "", kind):
                return True
        return False

    def _takes_project(self, project):
        if self.projects is None or not project:
            return True
        name = project.get("name") or ""
        for wanted in self.projects:
            is_wanted = wanted == (project.get("id") if isinstance(wanted, int) else name)
            if is_wanted or isinstance(wanted, str) and fnmatch.fnmatchcase(name, wanted):
                return True
        return False


class _Table:
    """A table of the file, whose keys and types are checked."""

    def __init__(self, table, where, keys):
        self.table, self.where = table, where
        if not isinstance(table, dict):
            self.fail("it is no table")
        for key in table:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, 1)
                self.fail("unknown key '%s'%s" % (key, "; did you mean '%s'?" % near[0] if near else ""))

    def fail(self, message):
        raise BadRoutes("%s: %s" % (self.where, message))

    def get(self, key, kinds, default):
        if key not in self.table:
            return default
        value = self.table[key]
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            if kinds == (bool,):
                self.fail("'%s' is true or false, not %r" % (key, value))
            if kinds == (list,) and isinstance(value, (str, int)):
                self.fail("'%s' is a list, such as [%s]" % (key, json.dumps(value)))
            self.fail("'%s' cannot be %r" % (key, value))
        return value

    def count(self, key, default, least=1):
        value = self.get(key, int, default)
        return value if value >= least else self.fail("'%s' is %d or more" % (key, least))

    def one_of(self, key, values, default):
        value = self.get(key, str, default)
        return value if value in values else self.fail("'%s' is one of: %s" % (key, ", ".join(values)))

    def strings(self, key, kinds, default=()):
        values = self.get(key, list, list(default))
        for value in values:
            if not isinstance(value, kinds) or isinstance(value, bool):
                self.fail("'%s' cannot hold %r" % (key, value))
        return values


def _credentials(table, where):
    """Returns the *names* of the variables with a script's name and key."""
    if table is None:
        return None
    table = _Table(table, where + " credentials" if where != "credentials" else where, ("name", "key"))
    name, key = table.get("name", str, None), table.get("key", str, None)
    if not name or not key:
        table.fail("name = and key = are the names of two variables")
    return name, key


@functools.lru_cache(maxsize=None)
def _toml_reader():
    for name in ("tomllib", "tomli", "pip._vendor.tomli"):
        try:
            return importlib.import_module(name)
        except ImportError:
            pass
    return None


def _read(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.lower().endswith(".json"):
        return json.loads(data.decode("utf-8"))
    reader = _toml_reader()
    if reader is not None:
        return reader.loads(data.decode("utf-8"))
    raise BadRoutes(
        "Python %d.%d has no reader of TOML; install 'tomli' for it, or write the routes as JSON into %s.json"
        % (sys.version_info[0], sys.version_info[1], os.path.splitext(path)[0])
    )


# --- events -----------------------------------------------------------------------------------------

class Handler(sgtk_python.Runner):  # type: ignore[name-defined]
    """Runs the scripts of each event's routes. The journal keeps an event until they have run."""

    def __init__(self, routes, logger):
        self.routes, self.logger = routes, logger
        self._lanes = None
        #: Why the journal cannot be used, as the log has it, and when to try again.
        self._no_journal, self._try_at = None, 0.0

    def open_journal(self):
        """Opens the journal that the routes name, if it is not open, and begins to run what it holds."""
        routes = self.routes
        is_to_wait = self._lanes is None and time.monotonic() < self._try_at
        if not routes.journal or is_to_wait:
            return
        self._try_at = time.monotonic() + JOURNAL_AGAIN
        try:
            lanes = sgtk_python.lanes(routes.journal, self, self.logger, routes.jobs)
        except sgtk_python.JournalError as error:
            self._lanes = None
            self._without_journal(error)
            return
        if self._lanes is not lanes:
            self.logger.info("the journal is %s: %s", routes.journal, _counts(lanes.journal.counts()))
        self._lanes = lanes

    def _without_journal(self, error):
        if str(error) != self._no_journal:
            self.logger.error("%s; events run in the foreground, and are not kept", _one_line(error))
        self._no_journal = str(error)

    def handle(self, event):
        """Takes an event of the daemon's."""
        self.routes.refresh()
        routes = [route for route in self.routes.of(event) if self._run(route, event).has_project()]
        if not routes:
            return
        self.open_journal()
        if self._lanes is not None and isinstance(event.get("id"), int):
            project = _project_name(event)
            runs = [sgtk_python.NewRun(route.name, route.lane(event), project, route.background) for route in routes]
            try:
                here = self._lanes.take(event, str(event.get("event_type")), runs)
            except sgtk_python.JournalError as error:
                self._without_journal(error)
            else:
                self._no_journal = None
                for entry in here:
                    self._lanes.run_here(entry)
                return
        for route in routes:
            self._run(route, event).run_once()

    def _run(self, route, event):
        return Run(route, event, self.routes, self.logger)

    def run(self, journal, entry, mark):
        """Runs an event of the journal; returns what notes its end."""
        return self._with_route(journal, entry, lambda run: run.run(entry, mark))

    def lose(self, journal, entry, may_repeat):
        """Decides on an event that ran when the daemon ended; returns what notes that."""
        why = "the daemon ended while it ran"
        return self._with_route(journal, entry, lambda run: run.lost(entry, why, may_repeat))

    def _with_route(self, journal, entry, act):
        route = self.routes.named(entry.route)
        if route is None:
            message = "there is no route '%s' any more" % entry.route
            self.logger.error("event %d: %s", entry.event, message)
            return functools.partial(journal.end, entry, sgtk_python.FAILED, message=message)
        return act(Run(route, entry.loaded(), self.routes, self.logger, journal))


class Run:
    """An event that a route takes."""

    def __init__(self, route, event, routes, logger, journal=None):
        self._route, self._event, self._routes, self._logger = route, event, routes, logger
        self._journal = journal
        self._title = "event %s (%s), route '%s'" % (
            event.get("id"), sgtk_python.one_line(event.get("event_type")), route.name)

    def has_project(self):
        """Returns whether there is a project to run for. If not, logs it as the route says."""
        if self._event.get("project") or self._route.no_project:
            return True
        if self._route.no_project is None:
            self._logger.error("%s: the event has no project", self._title)
        else:
            self._logger.debug("%s: the event has no project, skipped", self._title)
        return False

    def run_once(self):
        """Runs the script, or submits the event, without a journal."""
        try:
            if self._route.submission is not None:
                self._submit()
            else:
                started = time.monotonic()
                result, error = self._result()
                self._log_end(result, error, started)
        except Exception as error:
            self._logger.error("%s: %s%s", self._title, _one_line(error), _to_replay(self._saved()))

    def run(self, entry, mark):
        """Runs the script, or submits the event; returns what notes its end in the journal."""
        if self._route.submission is not None:
            return self._submit_entry(entry)
        started = time.monotonic()
        result, error = self._result({"SGTK_PYTHON_AGAIN": "1"} if entry.tries else {}, mark)
        if isinstance(error, sgtk_python.JobLost):
            is_gone = sgtk_python.end_left_over(mark)
            return self.lost(entry, str(error), is_gone and entry.losses + 1 < MOST_LOSSES, losses=1)
        if error is not None and not self._is_skipped(error) and entry.failures < self._route.retries:
            return self._again(entry, str(error), _delay(entry), failures=1)
        state, saved = self._log_end(result, error, started)
        return functools.partial(
            self._journal.end, entry, state, message=None if error is None else str(error), saved=saved,
            **{name: getattr(result or error, name, None) for name in ("code", "how", "cold")})

    def _submit_entry(self, entry):
        """Submits the event; what the engine does not take is submitted again later."""
        try:
            answer = self._submit()
        except sgtk_python.NotSubmitted as error:
            return self._again(entry, str(error), _delay(entry), failures=1)
        except Exception as error:
            saved, reason = self._saved(), _one_line(error)
            self._logger.error("%s: %s%s", self._title, reason, _to_replay(saved))
            return functools.partial(self._journal.end, entry, sgtk_python.FAILED, message=reason, saved=saved)
        return functools.partial(self._journal.end, entry, sgtk_python.DONE, how="submitted", message=answer)

    def _submit(self):
        """Writes the unit of work and hands it to the engine. Returns the engine's answer."""
        route, project = self._route, (self._event.get("project") or {}).get("id") or self._route.no_project
        options = dict(self._options({}), timeout=route.timeout, env=route.env, repeat=route.repeat)
        sources = dict(zip(CREDENTIALS[-1], route.credentials or ()))
        unit = sgtk_python.write_unit(
            self._routes.units, "%s-%s" % (self._event.get("id"), route.name), *route.words, event=self._event,
            sources=sources, skips_no_project=route.skips_no_config, **options)
        answer = route.submission.submit(unit, "sgtk-%s" % quote(str(project), ""), project, self._event.get("id"))
        self._logger.info("%s: submitted for %s%s", self._title, self._project(), answer and ": " + answer)
        return answer

    def lost(self, entry, why, may_repeat, losses=0):
        """Decides on a run whose end is unknown; returns what notes that."""
        if self._route.repeat and may_repeat:
            return self._again(entry, "it is unknown how it ended: %s" % why, losses=losses)
        saved = self._saved()
        self._logger.error(
            "%s: it is unknown how it ended, and it does not run again: %s%s", self._title, why, _to_replay(saved))
        return functools.partial(self._journal.end, entry, sgtk_python.FAILED, message=why, saved=saved)

    def _again(self, entry, why, delay=0, **counts):
        self._logger.warning("%s: %s; it runs again%s", self._title, why, " in %d s" % delay if delay else "")
        return functools.partial(self._journal.wait_again, entry, time.time() + delay, why, **counts)

    def _result(self, variables=None, mark=None):
        """Runs the script; returns its result, if it ran, and the error, if it failed."""
        lines = _Lines(self._logger, self._title, self._route.log_lines)
        try:
            for name in self._route.unset_credentials():
                raise BadRoutes("the variable %s, which the route's credentials name, is not set" % name)
            result = sgtk_python.run(
                *self._route.words, event=self._event, timeout=self._route.timeout, logger=lines, check=False,
                keep=64 * 1024, mark=mark, **self._options(variables or {})
            )
            return result, result.error
        except Exception as error:
            return None, error
        finally:
            lines.close()

    def _is_skipped(self, error):
        return isinstance(error, sgtk_python.NoProject) and self._route.skips_no_config

    def _log_end(self, result, error, started):
        """Logs the end in one record, and saves an event that failed. Returns its state and the file."""
        project, saved = self._project(), None
        if error is not None and self._is_skipped(error):
            level = logging.INFO if self._route.skips_first(project) else logging.DEBUG
            self._logger.log(level, "%s: skipped: %s has no configuration here", self._title, project)
            return sgtk_python.SKIPPED, None
        if error is not None or self._route.save:
            saved = self._saved()
        if error is None:
            seconds = time.monotonic() - started
            self._logger.info("%s: done for %s in %.1f s%s", self._title, project, seconds, _to_replay(saved))
            return sgtk_python.DONE, saved
        reason = str(error) if isinstance(error, sgtk_python.Error) else _one_line(error)
        of_project = "" if project in reason else ", " + project
        self._logger.error("%s%s: %s%s", self._title, of_project, reason, _to_replay(saved))
        return sgtk_python.FAILED, saved

    def _project(self):
        project = self._event.get("project")
        if project and not isinstance(project, dict):
            return "project %s" % sgtk_python.one_line(project)
        if project:
            return "project %s (%s)" % (project.get("id"), sgtk_python.one_line(project.get("name")))
        return "project '%s'" % self._route.no_project

    def _options(self, variables):
        options = {
            "warm": self._route.warm, "pipeline": self._route.pipeline, "options": self._route.options,
            "env": self._variables(variables), "secrets": self._routes.secrets,
        }
        if not self._event.get("project"):
            options["project"] = self._route.no_project
        return options

    def _variables(self, more):
        """Returns the route's variables, and the credentials under the names that scripts on farms look for."""
        variables = sgtk_python.Environment(self._route.env, **more)
        for target, source in zip(CREDENTIALS[-1], self._route.credentials or ()):
            variables[target] = os.environ.get(source, "")
        return variables

    def _saved(self):
        """Saves the event to be replayed. Returns the file, or None if that fails, which is logged."""
        folder = self._routes.save_to
        name = "%s-%s.json" % (self._event.get("id"), self._route.name)
        path = os.path.join(folder, "".join(c if c.isalnum() or c in "-_." else "_" for c in name))
        try:
            if not os.path.isdir(folder):
                os.mkdir(folder, 0o700)
            sources = dict(zip(CREDENTIALS[-1], self._route.credentials or ()))
            options = dict(self._options({}), secrets=self._routes.secrets + list(sources), sources=sources)
            sgtk_python.save(path, *self._route.words, event=self._event, **options)
            _prune(folder, self._routes.keep)
        except Exception as error:
            self._logger.error("%s: the event could not be saved: %s", self._title, _one_line(error))
            return None
        return path


def _delay(entry):
    """Returns the seconds before an event runs again."""
    return min(FIRST_DELAY * 2 ** min(entry.failures, 16), LONGEST_DELAY)


def _to_replay(path):
    """Returns the command that runs a saved event again, for the log."""
    if path is None:
        return ""
    package = os.path.dirname(os.path.abspath(sgtk_python.__file__))
    return "\nto run the event again: python3 %s replay %s" % (shlex.quote(package), shlex.quote(path))


def _project_name(event):
    project = event.get("project")
    return sgtk_python.one_line(project.get("name") or project.get("id")) if isinstance(project, dict) else ""


def _counts(counts):
    kept = ["%d %s" % (counts[state], state) for state in ("waiting", "running", "failed") if counts[state]]
    return ", ".join(kept) or "nothing waits"


class _Lines:
    """Logs the first lines of a job. None becomes an error, for the daemon mails each error, and the record of the
    job's end is one already."""

    def __init__(self, logger, title, most):
        self._logger, self._title, self._left, self._more = logger, title, most, 0

    def __call__(self, level, line):
        if self._left > 0:
            self._left -= 1
            self._logger.log(min(level, logging.WARNING), "%s: %s", self._title, line)
        else:
            self._more += 1

    def close(self):
        if self._more:
            self._logger.warning("%s: %d more lines, which are not logged", self._title, self._more)


def _prune(folder, keep):
    """Removes all saved events but the newest ones. Another thread may do the same at the same time."""
    try:
        files = [(entry.stat().st_mtime, entry.path) for entry in os.scandir(folder) if entry.name.endswith(".json")]
        for _, path in sorted(files)[: max(0, len(files) - keep)]:
            os.unlink(path)
    except FileNotFoundError:
        pass


def _routes(number):
    return "1 route" if number == 1 else "%d routes" % number


def _one_line(error):
    text = sgtk_python.one_line(" ".join(str(error).split())) or "no reason given"
    return text if isinstance(error, (BadRoutes, sgtk_python.Error)) else "%s: %s" % (type(error).__name__, text)
