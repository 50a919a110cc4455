"""The journal of the plugin `sgtk_events`: its file, the plugin with it, and the commands that show it."""
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

from studio import LAUNCHER, PYTHON, SHIMS, read, write
from test_sgtk_events import PluginTest

EVENT = {"id": 1, "event_type": "A", "project": {"type": "Project", "id": 176, "name": "Big Buck"}}


class JournalTest(PluginTest):
    def setUp(self):
        super().setUp()
        import sgtk_python.journal
        self.module = sgtk_python.journal
        self.file = self.path("a.journal")

    def journal(self, **options):
        journal = self.module.Journal(self.file, **options)
        self.addCleanup(journal.close)
        return journal

    def added(self, journal, number, route="r", lane="176", **marks):
        runs = [self.module.NewRun(route, lane, "Big Buck", not marks)]
        return journal.add(dict(EVENT, id=number), "A", runs, marks)


class File(JournalTest):
    def test_event_is_added_once(self):
        journal = self.journal()
        [entry] = self.added(journal, 1)
        self.assertEqual((entry.key, entry.state, entry.loaded()), ("1:r", "waiting", EVENT))
        self.assertEqual(self.added(journal, 1), [])
        self.assertEqual(len(self.added(journal, 1, "other")), 1)
        self.assertEqual(journal.counts()["waiting"], 2)

    def test_lane_gives_its_first(self):
        journal = self.journal()
        for number, lane in ((1, "a"), (2, "b"), (3, "a")):
            self.added(journal, number, lane=lane)
        self.added(journal, 4, r="mark")
        self.assertEqual(journal.lanes(), ["176", "a", "b"])
        self.assertEqual([journal.first(lane).event for lane in ("a", "b", "176")], [1, 2, 4])
        self.assertIsNone(journal.first("176", {"mark"}))
        journal.end(journal.first("a"), "done")
        self.assertEqual((journal.first("a").event, journal.lanes()), (3, ["176", "a", "b"]))

    def test_state_outlives_the_process(self):
        journal = self.journal()
        [entry] = self.added(journal, 1)
        journal.begin(entry, "mark")
        journal.close()
        again = self.journal().first("176")
        self.assertEqual((again.state, again.tries, again.mark), ("running", 1, "mark"))

    def test_old_ends_are_removed(self):
        journal = self.journal()
        for number, state in enumerate(("done", "skipped", "failed", "done")):
            [entry] = self.added(journal, number)
            journal.end(entry, state)
        self.added(journal, 9)
        with sqlite3.connect(self.file) as other:
            other.execute("UPDATE runs SET ended = 1 WHERE event < 3")
        journal.remove_old()
        self.assertEqual([row["event"] for row in journal.newest(self.module.STATES, None, 9)], [2, 3, 9])
        self.module.KEEP_COUNT = 1
        journal.remove_old()
        self.assertEqual([row["event"] for row in journal.newest(self.module.STATES, None, 9)], [3, 9])

    def test_only_this_user_reads_it(self):
        self.addCleanup(os.umask, os.umask(0))
        self.added(self.journal(), 1)
        modes = {name: os.stat(self.path(name)).st_mode & 0o777 for name in os.listdir(self.folder) if "journal" in name}
        self.assertEqual(set(modes.values()), {0o600}, modes)

    def test_share_is_refused(self):
        kinds = {line.partition(" - ")[2].split()[0] for line in read("/proc/self/mountinfo").splitlines()}
        self.assertIsNone(self.module.share_of(self.file))
        self.module._SHARES += tuple(kinds)
        with self.assertRaisesRegex(self.module.JournalError, "%s.* on a share" % self.file):
            self.module.Journal(self.file)
        self.assertFalse(os.path.exists(self.file))

    def test_second_owner_is_refused(self):
        journal = self.journal()
        with self.assertRaisesRegex(self.module.JournalError, "another process"):
            self.module.Journal(self.file)
        self.added(journal, 1)
        reader = self.journal(is_owner=False)
        self.assertEqual(reader.counts()["waiting"], 1)
        journal.was_changed_elsewhere()
        self.assertFalse(journal.was_changed_elsewhere())
        reader.drop(1)
        self.assertTrue(journal.was_changed_elsewhere())

    def test_bad_file_is_named(self):
        write(self.file, "not a database " * 100)
        with self.assertRaisesRegex(self.module.JournalError, self.file):
            self.module.Journal(self.file)
        self.assertIn("not a database", read(self.file))
        os.unlink(self.file)
        with sqlite3.connect(self.file) as other:
            other.execute("PRAGMA user_version = 99")
        with self.assertRaisesRegex(self.module.JournalError, "newer version"):
            self.module.Journal(self.file)
        for path in (self.folder, self.path("missing", "a.journal")):
            with self.assertRaisesRegex(self.module.JournalError, path):
                self.module.Journal(path)


#: A daemon in a process of its own: handles the events START to END, which come to two projects in turn.
DAEMON = """
import sys
sys.path.insert(0, {tests!r})
import logging
from test_sgtk_events import Daemon, PluginTest
logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
daemon = Daemon({plugin!r}, logging.getLogger("plugin"))
for number in range(int(sys.argv[1]), int(sys.argv[2])):
    daemon.process(PluginTest.event(number, (176, 177)[number % 2]))
    print(number, flush=True)
[lanes] = sys.modules["sgtk_python"].lane._all.values()
{end}
lanes.finish()
print("finished", flush=True)
sys.stdin.read()
"""


class Plugin(JournalTest):
    def started(self, start, stop, end=""):
        """Starts a daemon in a process of its own."""
        text = DAEMON.format(tests=os.path.dirname(os.path.abspath(__file__)), plugin=self.plugin, end=end)
        command = [PYTHON, "-c", text, str(start), str(stop)]
        daemon = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
        self.addCleanup(daemon.stdout.close)
        self.addCleanup(daemon.stdin.close)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        return daemon

    def rows(self):
        with sqlite3.connect(self.path("plugins", "sgtk_events.journal")) as journal:
            journal.row_factory = sqlite3.Row
            return [dict(row) for row in journal.execute("SELECT * FROM runs ORDER BY number")]

    def test_killed_daemon_loses_nothing(self):
        begun, ended = self.path("begun"), self.path("ended")
        self.routes({"background": True, "script": self.script(
            "import os, sgtk, sgtk_python\nevent = sgtk_python.event()\n"
            "line = '%%d %%s %%s\\n' %% (event['id'], os.path.basename(sgtk.origin), os.environ.get('SGTK_PYTHON_AGAIN', ''))\n"
            "for name in (%r, %r):\n"
            "    with open(name, 'a') as file: file.write(line)\n" % (begun, ended))})
        chance = random.Random(1)
        for kill in range(4):
            # The daemon has its number of the last event no longer: it delivers all of them again.
            daemon = self.started(0, 40)
            done = 5 * kill + chance.randrange(5)
            while len(read(ended).splitlines() if os.path.exists(ended) else ()) < done:
                self.assertIsNone(daemon.poll())
            daemon.kill()
            daemon.wait()
        daemon = self.started(0, 40)
        self.assertNotIn("", iter(daemon.stdout.readline, "finished\n"))
        self.assertEqual({(row["event"], row["state"]) for row in self.rows()}, {(number, "done") for number in range(40)})
        lines = [line.split(" ") for line in read(ended).splitlines()]
        self.assertEqual({int(line[0]) for line in lines}, set(range(40)))
        for event, project, again in lines:
            self.assertEqual(project, ("bigbuck", "sintel")[int(event) % 2])
        for name in ("bigbuck", "sintel"):
            firsts = []
            for event, project, again in (line.split(" ") for line in read(begun).splitlines()):
                # A run after the first one knows that there was one.
                self.assertTrue(again or event not in firsts, (event, again))
                if project == name and event not in firsts:
                    firsts.append(event)
            self.assertEqual(firsts, sorted(firsts, key=int))

    def test_ended_daemon_keeps_what_waits(self):
        gate = self.path("gate")
        os.mkfifo(gate)
        self.routes({"background": True, "projects": [177], "script": self.script(
            "import os\nopen(%r).close()\nopen(%r, 'a').write('done')" % (gate, self.mark), "gate.py")})
        daemon = self.started(0, 8, "import os, threading\n"
                              "def say(): threading.main_thread().join(); os.write(1, b'ended\\n')\n"
                              "threading.Thread(target=say, daemon=True).start()\nsys.exit()")
        self.assertNotIn("", iter(daemon.stdout.readline, "ended\n"))
        with open(gate, "w"):
            # The daemon has nothing more to do but to wait for this run.
            daemon.stdout.read()
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(self.marks(), ["done"])
        self.assertEqual([row["state"] for row in self.rows()], ["done", "waiting", "waiting", "waiting"])

    def test_number_of_runs_at_once_is_bounded(self):
        running, most = [], []
        self.routes({"background": True}, background={"jobs": 2})
        daemon = self.daemon()

        def run(journal, entry, mark):
            running.append(entry)
            most.append(len(running))
            running.remove(entry)
            if entry.event == 3:
                raise ValueError("a fault of the plugin's own")
            return lambda: journal.end(entry, "done")

        daemon.registrar.callbacks[0][4].run = run
        for number in range(20):
            daemon.process(self.event(number, number % 5))
        self.lanes().finish()
        self.assertLessEqual(max(most), 2)
        states = {row["event"]: row["state"] for row in self.rows()}
        self.assertEqual([number for number, state in states.items() if state != "done"], [3, 8, 13, 18])

    def test_delivered_twice_runs_once(self):
        self.routes({"name": "a", "background": True}, {"name": "b"})
        daemon = self.daemon()
        for _ in range(3):
            daemon.process(self.event(1))
        self.lanes().finish()
        self.assertEqual(self.marks(), ["1 bigbuck", "1 bigbuck"])
        self.assertEqual([(row["route"], row["state"], row["tries"], row["how"]) for row in self.rows()],
                         [("a", "done", 1, "plain"), ("b", "done", 1, "plain")])

    def fails_until(self, number):
        """Makes a script that fails until its run with a number."""
        runs = self.path("runs")
        return self.script("import os, sys\nwith open(%r, 'a') as file: file.write('x')\n"
                           "sys.exit(os.path.getsize(%r) < %d and 'not yet')" % (runs, runs, number), "fails.py")

    def test_failure_runs_again(self):
        for background in (True, False):
            self.routes({"background": background, "retries": 2, "script": self.fails_until(3)})
            daemon = self.daemon()
            daemon.module.FIRST_DELAY = 0
            daemon.process(self.event(1 + background))
            self.lanes().finish()
            self.assertEqual(self.records.of("ERROR"), [])
            self.assertEqual(len([text for text in self.records.of("WARNING") if "runs again" in text]), 2)
            self.assertEqual([(row["state"], row["tries"], row["failures"]) for row in self.rows()[-1:]], [("done", 3, 2)])
            os.unlink(self.path("runs"))
            self.records.all.clear()

    def test_failure_for_good_is_kept(self):
        self.routes({"retries": 1, "script": self.fails_until(9), "background": True})
        daemon = self.daemon()
        daemon.module.FIRST_DELAY = 0
        daemon.process(self.event(1))
        daemon.process(self.event(3))
        self.lanes().finish()
        self.assertEqual(len(self.records.of("ERROR")), 2)
        self.assertEqual([(row["state"], row["tries"], row["code"]) for row in self.rows()], [("failed", 2, 1)] * 2)
        self.assertIn("not yet", self.rows()[0]["message"])

    def test_delay_grows_and_keeps_the_order(self):
        self.routes({"retries": 20, "script": self.fails_until(99), "background": True})
        daemon = self.daemon()
        waits = []
        for number, failures in enumerate((0, 1, 2, 19)):
            before = time.time()
            entry = self.module.Entry(1, 1, "fails.py", "176", "waiting", 1, failures, 0, 0, None, json.dumps(self.event(1), default=str).encode())
            note = daemon.registrar.callbacks[0][4].run(self.lanes().journal, entry, "0" * 16)
            waits.append(round(note.args[1] - before))
        self.assertEqual(waits, [10, 20, 40, 600])
        daemon.process(self.event(1))
        self.lanes().finish()
        daemon.process(self.event(2))
        self.lanes().finish()
        self.assertEqual([(row["state"], row["tries"]) for row in self.rows()], [("waiting", 1), ("waiting", 0)])

    def lost(self, **route):
        """Runs an event whose launcher is killed together with its job's start."""
        self.stand_in("report('started', how='worker', pid=1)\nwith open(%r, 'a') as file: "
                      "file.write(os.environ.get('SGTK_PYTHON_AGAIN', '-'))\nos.kill(os.getpid(), 9)" % self.path("runs"))
        self.routes(dict({"background": True}, **route))
        self.daemon().process(self.event(1))
        self.lanes().finish()
        self.assertEqual(len(self.records.of("ERROR")), 1, self.records.all)
        self.assertIn("it is unknown how it ended", self.records.of("ERROR")[0])
        [row] = self.rows()
        self.assertEqual(row["state"], "failed")
        return read(self.path("runs"))

    def test_lost_run_is_repeated_and_knows_it(self):
        self.assertEqual(self.lost(), "-11")

    def test_lost_run_is_not_repeated_if_the_route_says_so(self):
        self.assertEqual(self.lost(repeat=False), "-")

    def test_removed_route_fails_its_events(self):
        journal = self.module.Journal(self.path("plugins", "sgtk_events.journal"))
        journal.add(self.event(1), "A", [self.module.NewRun("gone", "176", "", True)], {})
        journal.close()
        self.routes()
        self.daemon()
        self.lanes().finish()
        self.assertIn("no route 'gone'", self.records.of("ERROR")[0])
        self.assertEqual(self.rows()[0]["state"], "failed")

    def test_unusable_journal_runs_in_the_foreground(self):
        write(self.path("plugins", "sgtk_events.journal"), "not a database " * 100)
        self.routes({"background": True})
        daemon = self.daemon()
        daemon.process(self.event(1))
        daemon.process(self.event(2))
        self.assertEqual(self.marks(), ["1 bigbuck", "2 bigbuck"])
        [error] = self.records.of("ERROR")
        self.assertIn("sgtk_events.journal: file is not a database", error)

    def test_full_disk_runs_in_the_foreground(self):
        self.routes({"background": True})
        daemon = self.daemon()
        pages = self.lanes().journal._execute("PRAGMA page_count")[0][0]
        self.lanes().journal._execute("PRAGMA max_page_count = %d" % pages)
        event = dict(self.event(1), meta={"text": "x" * 10000})
        for number in (1, 2):
            daemon.process(dict(event, id=number))
        self.assertEqual(self.marks(), ["1 bigbuck", "2 bigbuck"])
        [error] = self.records.of("ERROR")
        self.assertIn("disk is full", error)
        self.lanes().journal._execute("PRAGMA max_page_count = 1000000")
        daemon.process(self.event(3))
        self.lanes().finish()
        self.assertEqual([row["event"] for row in self.rows()], [3])

    def test_unnoted_end_holds_up_no_daemon(self):
        self.routes({})
        daemon = self.daemon()
        journal, full = self.lanes().journal, [True]

        def end(*values, **more):
            if full:
                raise self.module.JournalError("no space")
            self.module.Journal.end(journal, *values, **more)

        journal.end = end
        daemon.process(self.event(1))
        daemon.process(self.event(2, 177))
        self.assertEqual(self.marks(), ["1 bigbuck", "2 sintel"])
        self.assertEqual(len(self.records.of("ERROR")), 1, self.records.of("ERROR"))
        full.clear()
        lanes = self.lanes()
        for lane in ("176", "177"):
            lanes.notice(lane)
        lanes.finish()
        self.assertEqual([row["state"] for row in self.rows()], ["done", "done"])
        self.assertEqual(self.marks(), ["1 bigbuck", "2 sintel"])

    def test_changed_number_of_jobs_counts(self):
        self.routes({}, background={"jobs": 2})
        daemon = self.daemon()
        self.assertEqual(self.lanes().at_once, 2)
        self.routes({}, background={"jobs": 7})
        daemon.process(self.event(1))
        self.assertEqual(self.lanes().at_once, 7)

    def test_unnoted_end_holds_its_project_up(self):
        self.routes({"background": True})
        daemon = self.daemon()
        journal, failing = self.lanes().journal, []

        def end(*values, **more):
            if not failing:
                failing.append(True)
                daemon.process(self.event(2))
                raise self.module.JournalError("no space")
            self.assertEqual(self.marks(), ["1 bigbuck"])
            del journal.end
            journal.end(*values, **more)

        journal.end = end
        self.module.sys.modules["sgtk_python.lane"]._TRY_AGAIN = 0
        daemon.process(self.event(1))
        self.lanes().finish()
        self.assertEqual(self.marks(), ["1 bigbuck", "2 bigbuck"])
        self.assertEqual(len(self.records.of("ERROR")), 1)


class Commands(JournalTest):
    def setUp(self):
        super().setUp()
        journal = self.journal()
        for number, state, message in ((1, "done", None), (2, "failed", "job.py ended\n  line\x1b[31m"), (3, None, None)):
            [entry] = self.added(journal, number)
            if state:
                journal.begin(entry, "m")
                journal.end(entry, state, code=0, how="plain", message=message)

    def command(self, *words, code=0):
        command = [PYTHON, "-m", "sgtk_python", *words]
        ended = subprocess.run(command, env=dict(os.environ, SGTK_PYTHON_JOURNAL=self.file, TZ="UTC", PYTHONPATH=SHIMS),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        self.assertEqual(ended.returncode, code, ended)
        return ended.stdout + ended.stderr

    def test_events_are_listed(self):
        text = re.sub(r"\d\d:\d\d:\d\d", "HH:MM:SS", self.command("events"))
        self.assertEqual(text, (
            "EVENT  STATE    PROJECT   TRIES  CAME      TOOK   EXIT  HOW\n"
            "1:r    done     Big Buck  1      HH:MM:SS  0.0 s  0     plain\n"
            "2:r    failed   Big Buck  1      HH:MM:SS  0.0 s  0     plain\n"
            "    job.py ended\n"
            "      line\\x1b[31m\n"
            "3:r    waiting  Big Buck  0      HH:MM:SS\n"
            "1 waiting, 1 done, 1 failed\n"))
        self.assertEqual(self.command("events", "--waiting", "--project", "nothing"), "1 waiting, 1 done, 1 failed\n")
        listed = json.loads(self.command("events", "--json", "--failed", "--project", "176"))
        [event] = listed["events"]
        self.assertEqual((listed["format"], event["key"], event["project"]["id"], event["tries"], event["how"]),
                         (1, "2:r", 176, 1, "plain"))

    def test_events_are_changed(self):
        self.assertEqual(self.command("events", "retry", "2", "1:r"), "2:r: runs again\n1:r: runs again\n")
        self.assertEqual(self.command("events", "drop", "3:r", "2"), "3:r: dropped\n2:r: dropped\n")
        self.assertIn("it has not ended", self.command("events", "retry", "1", code=1))
        self.assertIn("no such event", self.command("events", "drop", "77", code=1))
        self.assertIn("no such event", self.command("events", "drop", "x:y", code=1))

    def test_runs_are_counted(self):
        text = self.command("events", "stats")
        self.assertRegex(text, r"MINUTE +ROUTE +RUNS +FAILED +MIN +MEDIAN +MAX\n\d\d:\d\d +r +")
        stats = json.loads(self.command("events", "--json", "stats"))["stats"]
        self.assertEqual((sum(one["runs"] for one in stats), sum(one["failures"] for one in stats)), (2, 1))

    def test_missing_journal_is_named(self):
        self.file = self.path("nowhere", "x.journal")
        self.assertIn(self.file, self.command("events", code=125))

    def test_waiting_daemon_takes_a_retry_up(self):
        fails = self.path("fails")
        script = self.script("import os, sys\nsys.exit(not os.path.exists(%r) and 'not yet')" % fails, "once.py")
        self.file = self.path("plugins", "sgtk_events.journal")
        self.routes({"background": True, "script": script})
        self.daemon().process(self.event(7))
        lanes = self.lanes()
        lanes.finish()
        write(fails, "")
        self.command("events", "retry", "7")
        with lanes._change:
            self.assertTrue(lanes._change.wait_for(lambda: lanes.journal.counts()["done"] == 1, 60))


del PluginTest, JournalTest

if __name__ == "__main__":
    unittest.main()
