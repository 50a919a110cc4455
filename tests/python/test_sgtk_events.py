"""The plugin `sgtk_events`, driven as shotgunEvents drives its plugins."""
import datetime
import importlib.machinery
import importlib.util
import json
import logging
import os
import pprint
import shlex
import shutil
import subprocess
import sys
import threading
import traceback
import unittest

from studio import LAUNCHER, PYTHON, SHIMS, StudioTest, read, write

try:
    import tomllib
except ImportError:
    tomllib = None

KEY = "k3y-that-nobody-may-see"


class Records(logging.Handler):
    def __init__(self):
        super().__init__(0)
        self.all = []

    def emit(self, record):
        self.all.append((record.levelname, record.getMessage()))

    def of(self, level):
        return [message for name, message in self.all if name == level]


class Registrar:
    """The object that the daemon gives to a plugin, with its three methods."""

    def __init__(self, logger):
        self.logger = logger
        self.callbacks = []

    def setEmails(self, *emails):
        pass

    def registerCallback(self, sgScriptName, sgScriptKey, callback, matchEvents=None, args=None, stopOnError=True):
        assert callable(callback) and callback.__name__
        self.callbacks.append((sgScriptName, sgScriptKey, callback, matchEvents, args))


class Daemon:
    """The daemon: it disables a plugin for good as soon as a callback raises."""

    def __init__(self, path, logger):
        self.path, self.logger = path, logger
        self.load()

    def load(self):
        name = os.path.splitext(os.path.basename(self.path))[0]
        loader = importlib.machinery.SourceFileLoader(name, self.path)
        spec = importlib.util.spec_from_file_location(name, self.path, loader=loader)
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)  # and not in sys.modules
        self.registrar = Registrar(self.logger)
        module.registerCallbacks(self.registrar)
        self.module = module

    def process(self, event):
        for name, key, callback, match, args in self.registrar.callbacks:
            assert match is None
            try:
                callback(object(), self.logger, event, args)
            except BaseException:
                raise AssertionError("the daemon would switch the plugin off: " + traceback.format_exc())


class PluginTest(StudioTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("plugins"))
        self.plugin = shutil.copy(os.path.join(SHIMS, "sgtk_events.py"), self.path("plugins"))
        shutil.copytree(os.path.join(SHIMS, "sgtk_python"), self.path("plugins", "sgtk_python"))
        self.set(SGDAEMON_SGTK_NAME="events", SGDAEMON_SGTK_KEY=KEY, SGTK_PYTHON_ROUTES=None)
        loaded = {name: sys.modules[name] for name in self.modules()}
        self.addCleanup(sys.modules.update, loaded)
        self.addCleanup(self.forget_modules)
        self.addCleanup(self.close_journals)
        self.forget_modules()
        self.records = Records()
        self.logger = logging.getLogger("plugin.sgtk_events.%s" % self.id())
        self.logger.setLevel(1)
        self.logger.propagate = False
        self.logger.addHandler(self.records)
        self.mark = self.path("mark")
        self.job = self.script(
            "import os, sgtk, sgtk_python\nevent = sgtk_python.event()\n"
            "assert event['created_at'].year == 2024\n"
            "with open(%r, 'a') as file: file.write('%%d %%s\\n' %% (event['id'], os.path.basename(sgtk.origin)))\n" % self.mark
        )

    def lanes(self):
        """Returns the lanes of the plugin's journal."""
        [lanes] = sys.modules["sgtk_python"].lane._all.values()
        return lanes

    def close_journals(self):
        """Closes the journals, as the end of the daemon does."""
        all_lanes = sys.modules["sgtk_python"].lane._all if "sgtk_python" in sys.modules else {}
        while all_lanes:
            all_lanes.popitem()[1].close()

    @staticmethod
    def modules():
        return [name for name in sys.modules if name.partition(".")[0] in ("sgtk_python", "sgtk_events")]

    def forget_modules(self):
        for name in self.modules():
            del sys.modules[name]

    def routes(self, *routes, **top):
        routes = [dict({"events": ["Shotgun_Version_New"], "script": self.job}, **route) for route in routes or [{}]]
        self.write_routes(json.dumps(dict(top, route=routes)))

    def write_routes(self, text):
        """Writes the plugin's file, with a newer time: two changes within a clock tick must differ."""
        path = write(self.path("plugins", "sgtk_events.json"), text)
        self.ticks = getattr(self, "ticks", 0) + 1
        os.utime(path, (self.ticks, self.ticks))

    def daemon(self):
        return Daemon(self.plugin, self.logger)

    def marks(self):
        return read(self.mark).splitlines() if os.path.exists(self.mark) else []

    @staticmethod
    def event(number=1, project=176, kind="Shotgun_Version_New", attribute=None):
        names = {176: "Big Buck", 177: "Sintel"}
        return {
            "id": number, "type": "EventLogEntry", "event_type": kind, "attribute_name": attribute, "meta": {},
            "entity": None, "user": None, "session_uuid": None,
            "project": project and {"type": "Project", "id": project, "name": names.get(project, "Nowhere")},
            "created_at": datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        }


class Handling(PluginTest):
    def test_event_runs_with_its_projects_core(self):
        self.routes()
        daemon = self.daemon()
        self.assertEqual([call[:2] for call in daemon.registrar.callbacks], [("events", KEY)])
        for number, project in enumerate((176, 177, 176)):
            daemon.process(self.event(number, project))
        self.assertEqual(self.marks(), ["0 bigbuck", "1 sintel", "2 bigbuck"])
        self.assertEqual(len(self.records.of("INFO")), 5, self.records.all)
        self.assertEqual(self.records.of("ERROR") + self.records.of("WARNING"), [])

    def test_routes_match_attributes_and_projects(self):
        self.routes(
            {"name": "a", "events": {"Shotgun_Task_Change": ["sg_status_list"], "Shotgun_Note_*": True}, "args": [1]},
            {"name": "b", "events": ["*"], "projects": [177], "args": [2]},
            {"name": "c", "events": ["*"], "projects": ["Sin*", "Big"], "args": [3]},
        )
        routes = self.daemon().registrar.callbacks[0][4].routes
        taken = lambda **of: [route.words[1] for route in routes.routes if route.takes(self.event(**of))]
        self.assertEqual(taken(kind="Shotgun_Shot_New", project=176), [])
        self.assertEqual(taken(kind="Shotgun_Task_Change", attribute="sg_status_list"), ["1"])
        self.assertEqual(taken(kind="Shotgun_Task_Change", attribute="code"), [])
        self.assertEqual(taken(kind="Shotgun_Note_New"), ["1"])
        self.assertEqual(taken(kind="Shotgun_Shot_New", project=177), ["2", "3"])

    def test_brackets_in_names_match_literally(self):
        self.routes({"name": "a", "projects": ["Big [old]"], "args": [1]}, {"name": "b", "projects": ["Big [bB]uck"], "args": [2]},
                    {"name": "c", "projects": ["176"], "args": [3]}, {"name": "d", "events": "Shotgun_Version_New", "args": [4]})
        routes = self.daemon().registrar.callbacks[0][4].routes
        self.assertEqual(self.records.of("ERROR"), [])
        [warning] = self.records.of("WARNING")
        self.assertIn("route 'c': the project \"176\" is a name; for an id write 176 without quotes", warning)
        for name, expected in (("Big [old]", ["1", "4"]), ("Big x", ["4"]), ("Big Buck", ["2", "4"]), ("176", ["3", "4"])):
            event = dict(self.event(), project={"type": "Project", "id": 176, "name": name})
            self.assertEqual([route.words[1] for route in routes.routes if route.takes(event)], expected, name)
        self.assertFalse(routes.routes[3].takes(self.event(kind="Shotgun_Version_News")))

    def test_events_without_a_project_are_passed_over(self):
        self.routes(
            {"name": "skips"}, {"name": "fails", "no_project": "error"}, {"name": "runs", "no_project": {"project": "sintel"}}
        )
        self.daemon().process(self.event(5, None))
        self.assertEqual(self.marks(), ["5 sintel"])
        [error] = self.records.of("ERROR")
        self.assertIn("'fails': the event has no project", error)

    def test_projects_without_a_config_are_passed_over(self):
        self.routes({"name": "skips"}, {"name": "fails", "no_config": "error"})
        self.daemon().process(self.event(5, 999))
        self.assertEqual(self.records.of("WARNING"), [])
        [error] = self.records.of("ERROR")
        self.assertIn("999", error)
        self.assertIn("'fails'", error)

    def test_first_passed_over_event_is_logged(self):
        self.routes({"name": "a"}, {"name": "b"})
        daemon = self.daemon()
        for number, project in enumerate((999, 999, 998)):
            daemon.process(self.event(number, project))
        skipped = lambda level: [message for message in self.records.of(level) if "skipped" in message]
        events = lambda level: [message.split()[1] for message in skipped(level)]
        self.assertEqual((events("INFO"), events("DEBUG")), (["0", "0", "2", "2"], ["1", "1"]))
        self.assertIn("project 999 (Nowhere) has no configuration here", skipped("INFO")[0])

    def test_missing_named_config_is_an_error(self):
        self.routes({"name": "a", "pipeline": "Dve"}, {"name": "b", "options": ["--pipeline=Dve"]},
                    {"name": "c", "pipeline": "Dve", "no_config": "skip"}, {"name": "d", "pipeline": "Primary"})
        daemon = self.daemon()
        daemon.process(self.event(1))
        self.assertEqual([m.split(",")[1].split(":")[0] for m in self.records.of("ERROR")], [" route 'a'", " route 'b'"], self.records.all)
        self.assertEqual(self.marks(), ["1 bigbuck"])

    def test_credentials_are_in_variables_alone(self):
        script = self.script("import os, sys; assert os.environ['SHOTGUN_FARM_SCRIPT_USER'] == 'me'; "
                             "assert os.environ['SHOTGUN_FARM_SCRIPT_KEY'] == %r; sys.exit(os.environ['SHOTGUN_FARM_SCRIPT_KEY'])" % KEY, "keys.py")
        self.routes({"script": script, "credentials": {"name": "MY_NAME", "key": "MY_KEY"}})
        daemon = self.daemon()
        daemon.process(self.event())
        self.assertIn("MY_NAME", self.records.of("WARNING")[0])
        error = self.records.of("ERROR")[0]
        self.assertIn("MY_NAME", error)
        self.assertIn("project 176 (Big Buck)", error)
        saved = json.loads(read(error.split()[-1]))
        self.assertIn("replay", error)
        self.assertEqual({"SHOTGUN_FARM_SCRIPT_USER", "SHOTGUN_FARM_SCRIPT_KEY"} - set(saved["secrets"]), set())
        self.set(MY_NAME="me", MY_KEY=KEY)
        daemon.process(self.event(2))
        self.assertIn("***", self.records.of("ERROR")[1])
        self.assertNotIn(KEY, pprint.pformat(self.records.all) + repr(daemon.registrar.callbacks[0][4]))

    def test_credentials_are_secret(self):
        script = self.script("import os, sys; sys.exit(os.environ['WHAT'] + os.environ['TOO'])", "tells.py")
        self.set(WHO="the-script", WHAT=KEY, TOO="the-daemons-own", SAME=KEY)
        self.routes({"script": script, "credentials": {"name": "WHO", "key": "WHAT"}}, credentials={"name": "WHO", "key": "TOO"})
        self.daemon().process(self.event())
        [error] = self.records.of("ERROR")
        self.assertIn("******", error)
        text = read(error.split()[-1])
        for secret in ("the-script", KEY, "the-daemons-own"):
            self.assertNotIn(secret, text + pprint.pformat(self.records.all))

    def test_half_loaded_module_is_not_used(self):
        write(self.path("plugins", "sgtk_python", "job.py"), "1 / 0")
        self.assertRaises(ZeroDivisionError, self.daemon)
        self.assertEqual(self.modules(), [])

    def test_plugin_registers_with_credentials(self):
        self.routes(credentials={"name": "A_NAME", "key": "A_KEY"})
        with self.assertRaisesRegex(RuntimeError, "A_NAME and A_KEY"):
            self.daemon()
        self.set(A_NAME="a", A_KEY="b")
        self.assertEqual(self.daemon().registrar.callbacks[0][:2], ("a", "b"))
        # With broken routes it registers, and runs them when they are mended.
        self.routes({"timeot": 1}, credentials={"name": "A_NAME", "key": "A_KEY"})
        daemon = self.daemon()
        self.assertEqual(daemon.registrar.callbacks[0][:2], ("a", "b"))
        self.routes(credentials={"name": "A_NAME", "key": "A_KEY"}, top=1)
        self.assertEqual(self.daemon().registrar.callbacks[0][:2], ("a", "b"))
        self.routes(credentials={"name": "A_NAME", "key": "A_KEY"})
        daemon.process(self.event(4))
        self.assertEqual(self.marks(), ["4 bigbuck"])
        self.routes()
        self.set(SGDAEMON_SGTK_KEY=None, SG_ED_SCRIPT_NAME="daemon", SG_ED_API_KEY="its")
        self.assertEqual(self.daemon().registrar.callbacks[0][:2], ("daemon", "its"))

    def test_broken_file_registers_nothing(self):
        self.set(SGDAEMON_SGTK_KEY=None, SG_ED_API_KEY=None, SHOTGUN_FARM_SCRIPT_KEY=None)
        for text, reason in (("{", "Expecting"), ('{"credentials": {"name": "A"}}', "two variables")):
            path = write(self.path("plugins", "sgtk_events.json"), text)
            with self.assertRaisesRegex(RuntimeError, "is broken: %s: .*%s.*restart" % (path, reason)):
                self.daemon()

    def test_package_beside_it_is_no_plugin(self):
        # The daemon loads each file in the folder with this ending.
        names = os.listdir(self.path("plugins"))
        self.assertEqual([name for name in names if name.endswith(".py")], ["sgtk_events.py"])
        self.assertIn("sgtk_python", names)
        self.routes()
        daemon = self.daemon()
        self.assertEqual(os.path.dirname(daemon.module.sgtk_python.__file__), self.path("plugins", "sgtk_python"))

    def test_background_keeps_the_order_of_a_project(self):
        self.routes({"background": True}, background={"jobs": 3})
        daemon = self.daemon()
        for number in range(12):
            daemon.process(self.event(number, (176, 177)[number % 2]))
        self.lanes().finish()
        marks = self.marks()
        self.assertEqual(len(marks), 12)
        for rest, name in ((0, "bigbuck"), (1, "sintel")):
            self.assertEqual([mark for mark in marks if mark.endswith(name)], ["%d %s" % (n, name) for n in range(rest, 12, 2)])

    def test_slow_project_delays_no_other(self):
        gate = self.path("gate")
        slow = self.script("import os\nopen(%r).close()" % gate, "slow.py")
        os.mkfifo(gate)
        self.routes({"background": True, "projects": [176], "script": slow}, {"background": True, "projects": [177]})
        daemon = self.daemon()
        daemon.process(self.event(1, 176))
        daemon.process(self.event(2, 177))
        lanes = self.lanes()
        with lanes._change:
            self.assertTrue(lanes._change.wait_for(lambda: self.marks() == ["2 sintel"] and lanes._workers == 1, 60))
        with open(gate, "w"):
            pass
        lanes.finish()
        self.assertEqual(self.records.of("ERROR"), [])

    def test_reloaded_plugin_keeps_its_lanes(self):
        self.routes({"background": True})
        daemon = self.daemon()
        before = self.lanes()
        daemon.process(self.event(1))
        daemon.load()
        daemon.process(self.event(2))
        self.assertIs(self.lanes(), before)
        before.finish()
        self.assertEqual(self.marks(), ["1 bigbuck", "2 bigbuck"])


class Failing(PluginTest):
    def one_error(self, **route):
        self.routes(route)
        self.daemon().process(self.event(7))
        [error] = self.records.of("ERROR")
        self.assertIn("event 7 (Shotgun_Version_New)", error)
        self.assertIn("project 176 (Big Buck)", error)
        return error

    def test_failing_job_is_an_error(self):
        error = self.one_error(script=self.script("print('first'); raise ValueError('why it failed')", "bad.py"))
        self.assertIn("bad.py", error)
        self.assertIn("exit code 1", error)
        self.assertIn("why it failed", error)
        self.assertIn(("INFO", "first"), [(level, message.rpartition(": ")[2]) for level, message in self.records.all])

    def test_hanging_job_is_an_error(self):
        self.assertIn("within 0.2 seconds", self.one_error(timeout=0.2, script=self.script("import time; time.sleep(600)", "hangs.py")))

    def test_killed_job_is_an_error(self):
        self.assertIn("SIGKILL", self.one_error(script=self.script("import os; os.kill(os.getpid(), 9)", "killed.py")))

    def test_long_output_is_cut(self):
        script = self.script("import sys\nfor _ in range(100000): print('x' * 1000)\nsys.exit('at last')", "chatty.py")
        error = self.one_error(script=script, log_lines=10)
        self.assertLess(len(error), 6000)
        self.assertIn("at last", error)
        self.assertIn("99991 more lines", self.records.of("WARNING")[-1])
        self.assertLess(len(self.records.all), 20)

    def test_errors_of_a_job_make_one_record(self):
        error = self.one_error(script=self.script("import logging, sys; logging.error('one'); logging.critical('two'); sys.exit(2)", "logs.py"))
        self.assertIn("two", error)
        self.assertEqual(len(self.records.of("WARNING")), 2)

    def test_output_forges_no_record(self):
        self.routes({"script": self.script("import sys; sys.exit('a\\n2024-01-01 - ERROR - b\\x1b[31m')", "forges.py")})
        event = self.event(7)
        event["project"]["name"] = "Big\n2024-01-01 - ERROR - Buck"
        self.daemon().process(event)
        [error] = self.records.of("ERROR")
        self.assertFalse([line for line in error.splitlines() if line.startswith("2024")], error)
        self.assertNotIn("\x1b", error)

    def test_exception_forges_no_record(self):
        self.routes({"script": self.script("pass")})
        event = self.event(7)
        event["meta"] = type("a\u2028ERROR\x1b[31m\u202e", (), {})()
        self.daemon().process(event)
        [error] = self.records.of("ERROR")
        self.assertEqual(len(error.splitlines()), 1, error)
        self.assertNotIn("\x1b", error)
        self.assertNotIn("\u202e", error)

    def test_missing_parts_are_named(self):
        self.assertIn("nothing.py", self.one_error(script="/nowhere/nothing.py"))
        self.records.all.clear()
        self.set(SGTK_PYTHON_BIN="/nowhere/sgtk-python")
        self.routes()
        daemon = self.daemon()
        [at_load] = self.records.of("ERROR")
        self.assertIn("no event can be handled without the launcher: SGTK_PYTHON_BIN", at_load)
        daemon.process(self.event(7))
        self.assertIn("SGTK_PYTHON_BIN", self.records.of("ERROR")[1])

    def test_unusual_event_breaks_nothing(self):
        self.routes()
        daemon = self.daemon()
        for odd in ({"id": 1}, {}, dict(self.event(1), project={"type": "Project"}), dict(self.event(2), project="x"),
                    dict(self.event(3), meta=object()), dict(self.event(4), event_type=None), None):
            daemon.process(odd) if odd is not None else None
        self.assertEqual(len(self.records.of("ERROR")), 3, self.records.all)
        daemon.process(self.event(9))
        self.assertEqual(self.marks(), ["9 bigbuck"])

    def test_failed_event_can_be_replayed(self):
        script = self.script(
            "import os, sgtk_python, sys\nif not os.path.exists(%r): sys.exit('not yet')\n"
            "print('now', sgtk_python.event()['id'], os.environ['MODE'], os.getcwd())" % self.mark, "twice.py"
        )
        self.routes({"script": script, "env": {"MODE": "route's"}, "name": "a/b c"}, save_to="saved events")
        self.daemon().process(self.event(7))
        [error] = self.records.of("ERROR")
        command = shlex.split(error.splitlines()[-1].split(": ", 1)[1])
        self.assertEqual(command[1], self.path("plugins", "sgtk_python"))
        self.assertEqual(command[3], self.path("plugins", "saved events", "7-a_b_c.json"))
        self.assertNotIn(KEY, read(command[3]))
        self.assertEqual(os.stat(self.path("plugins", "saved events")).st_mode & 0o777, 0o700)
        write(self.mark, "")
        done = subprocess.run([PYTHON] + command[1:], stdout=subprocess.PIPE, cwd="/", env={}, stderr=subprocess.PIPE)
        self.assertEqual(done.stdout.decode(), "now 7 route's %s\n" % os.getcwd(), done.stderr)

    def test_number_of_saved_events_is_bounded(self):
        self.routes({"save": True}, keep=2)
        daemon = self.daemon()
        for number in range(4):
            daemon.process(self.event(number))
            os.utime(self.path("plugins", "saved_events", "%d-job.py.json" % number), (number, number))
        self.assertEqual(sorted(os.listdir(self.path("plugins", "saved_events"))), ["2-job.py.json", "3-job.py.json"])
        self.routes({"script": "/nowhere.py"}, save_to="/proc/nowhere")
        daemon.process(self.event(9))
        self.assertIn("could not be saved", self.records.of("ERROR")[0])


class Reading(PluginTest):
    def test_change_counts_at_once(self):
        self.routes({"projects": [177]})
        daemon = self.daemon()
        daemon.process(self.event(1))
        self.routes()
        daemon.process(self.event(2))
        self.assertEqual(self.marks(), ["2 bigbuck"])

    def test_broken_file_keeps_the_last_good_routes(self):
        self.routes()
        daemon = self.daemon()
        path = self.path("plugins", "sgtk_events.json")
        good = {"events": ["*"], "script": "x.py"}
        broken = {
            "{": "Expecting", "[]": "no table", "{}": "no [[route]]", '{"route": [1]}': "no table", '{"route": {}}': "cannot be",
            json.dumps({"route": [good, good]}): "two routes are named 'x.py'", '{"rout": []}': "did you mean 'route'?", "\x00": "Expecting",
        }
        for change, message in (
            ({"script": None}, "'script' cannot be"), ({"module": "m"}, "a script, or a module"), ({"events": []}, "events are missing"),
            ({"events": [1]}, "cannot hold"), ({"events": {"a": 1}}, "list of attributes"), ({"timeot": 1}, "did you mean 'timeout'?"),
            ({"timeout": -1}, "from 0"), ({"timeout": float("nan")}, "from 0"), ({"timeout": float("inf")}, "from 0"), ({"timeout": "1"}, "'timeout'"), ({"timeout": True}, "'timeout'"), ({"warm": 1}, "'warm' is true or false"),
            ({"projects": "x*"}, "'projects' is a list, such as [\"x*\"]"), ({"options": ["warm"]}, "'options'"),
            ({"options": ["--explain=json"]}, "'options': with --explain=json the launcher does not run the script"),
            ({"events": ""}, "events are missing"),
            ({"env": {"A": []}}, "env.A"), ({"env": {"A=B": ""}}, "variable's name"), ({"projects": [None]}, "'projects'"), ({"no_project": "x"}, "no_project"),
            ({"no_project": {"projct": 1}}, "did you mean 'project'?"), ({"no_config": 1}, "no_config"), ({"log_lines": 0}, "log_lines"),
            ({"credentials": {"name": "x"}}, "two variables"), ({"args": [{}]}, "'args'"), ({"name": "n", "env": 1}, "[[route]] 'n'"),
        ):
            broken[json.dumps({"route": [dict(good, **change)]})] = message
        for count, (text, message) in enumerate(broken.items()):
            self.write_routes(text)
            daemon.process(self.event(count, kind="Other"))
            daemon.process(self.event(count, kind="Other"))
            errors = self.records.of("ERROR")
            self.assertEqual(len(errors), count + 1, (text, errors[count:]))
            self.assertIn(message, errors[-1])
            self.assertIn(path, errors[-1])
            self.assertIn("the last good routes stay (1 route)", errors[-1])
        os.unlink(path)
        daemon.process(self.event(100))
        self.assertIn("no such file", self.records.of("ERROR")[-1])
        self.assertEqual(self.marks(), ["100 bigbuck"])

    def test_missing_script_is_logged_at_once(self):
        self.routes({"script": "/nowhere/x.py"})
        self.daemon()
        [warning] = self.records.of("WARNING")
        self.assertIn("/nowhere/x.py", warning)

    def test_json_is_read_without_tomllib(self):
        write(self.path("plugins", "sgtk_events.toml"), "[[route]]")
        self.routes()
        daemon = self.daemon()
        daemon.module._toml_reader = lambda: None
        daemon.process(self.event(1))
        self.assertEqual(self.marks(), ["1 bigbuck"])

    def test_file_broken_from_the_start_is_logged(self):
        daemon = self.daemon()
        self.assertIn("no event is handled", self.records.of("ERROR")[0])
        daemon.process(self.event(1))
        self.routes()
        daemon.process(self.event(2))
        self.assertEqual(self.marks(), ["2 bigbuck"])
        self.assertEqual(len(self.records.of("ERROR")), 1)

    def test_unreadable_toml_is_explained(self):
        self.set(SGTK_PYTHON_ROUTES=write(self.path("my routes.toml"), "[[route]]\nevents = ['Shotgun_*_New']\nscript = 'jobs/job.py'\n"))
        daemon = self.daemon()
        daemon.process(self.event(3))
        if self.records.of("ERROR"):
            self.assertIsNone(tomllib)
            self.assertIn("'tomli'", self.records.of("ERROR")[0])
            self.assertIn("my routes.json", self.records.of("ERROR")[0])
        else:
            self.assertEqual(self.marks(), ["3 bigbuck"])

    @unittest.skipIf(tomllib is None, "TOML is read from Python 3.11 on")
    def test_example_is_valid(self):
        text = read(os.path.join(SHIMS, "sgtk_events.toml"))
        self.set(SGTK_PYTHON_ROUTES=write(self.path("routes.toml"), text))
        self.daemon()
        self.assertEqual(self.records.of("ERROR"), [])
        # The lines in comments are valid too.
        lines = [line[2:] if line.startswith("# ") and " = " in line or line.startswith("# [") else line for line in text.splitlines()]
        lines = [line for line in lines if "= " in line or line.startswith("[") and "]" in line]
        self.set(SGTK_PYTHON_ROUTES=write(self.path("all.toml"), "\n".join(lines)), SGDAEMON_PUBLISH_NAME="a")
        self.daemon()
        self.assertEqual(self.records.of("ERROR"), [])


if __name__ == "__main__":
    unittest.main()
