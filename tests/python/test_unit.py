"""Units of work for other machines, and how they are handed over."""
import glob
import json
import os
import signal
import stat
import subprocess
import sys
import time
import unittest

from studio import SHIMS, StudioTest, is_running, read, write
from test_sgtk_events import PluginTest

import sgtk_python.unit
from sgtk_python.claim import own_claim, parsed
from sgtk_python.submission import NotSubmitted, Submission
from sgtk_python.unit import write_unit

EVENT = {"id": 1, "project": {"type": "Project", "id": 176, "name": "Big Buck"}}
SECRET = "k3y-that-nobody-may-see"


class UnitTest(StudioTest):
    def setUp(self):
        super().setUp()
        self.units = self.path("units")
        os.mkdir(self.units)
        self.mark = self.path("mark")
        self.job = self.marking()

    def marking(self, then=""):
        """Returns a script that writes its event, whether it may have begun before, and its process."""
        return self.script(
            "import json, os, sys, time\n"
            "with open(%r, 'a') as file:\n"
            "    file.write('%%s %%s %%d\\n' %% (json.load(sys.stdin)['id'], os.environ.get('SGTK_PYTHON_AGAIN'), os.getpid()))\n"
            "%s\n" % (self.mark, then))

    def unit(self, name="1-publish", job=None, **options):
        return write_unit(self.units, name, job or self.job, event=dict(EVENT), **options)

    def command(self, unit):
        return [sys.executable, os.path.join(SHIMS, "sgtk_python"), "unit", unit]

    def run_unit(self, unit, **variables):
        environment = dict(os.environ, **variables)
        return subprocess.run(
            self.command(unit), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)

    def start_unit(self, unit, **variables):
        """Starts a unit whose job waits, and returns when the job has begun."""
        process = subprocess.Popen(
            self.command(unit), env=dict(os.environ, **variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(self.marks)
        self.addCleanup(end, int(self.marks()[0][2]))
        return process

    def marks(self):
        """Returns the complete lines that jobs have written."""
        text = read(self.mark) if os.path.exists(self.mark) else ""
        return [line.split() for line in text.splitlines(True) if line.endswith("\n")]

    def begun(self):
        return [mark[:2] for mark in self.marks()]

    @staticmethod
    def outcome(unit):
        return json.loads(read(os.path.join(os.path.dirname(unit), "done.json")))

    def claim(self, unit, **fields):
        """Claims a unit as another process would."""
        claim = own_claim()._replace(**fields)
        os.rename(unit, os.path.join(os.path.dirname(unit), claim.file_name()))


class Running(UnitTest):
    def test_unit_runs_in_the_nodes_environment(self):
        self.set(OF_THE_DAEMON="x")
        job = self.script("import os; print(os.environ.get('OF_THE_DAEMON'), os.environ['OF_THE_NODE'], os.environ['OF_ROUTE'])")
        unit = self.unit(job=job, env={"OF_ROUTE": "r"})
        self.set(OF_THE_DAEMON=None)
        done = self.run_unit(unit, OF_THE_NODE="n")
        self.assertEqual((done.returncode, done.stdout), (0, "None n r\n"), done.stderr)
        self.assertNotIn("OF_THE_DAEMON", read(unit))

    def test_outcome_says_how_the_unit_ended(self):
        unit = self.unit(job=self.script("import sys; print('almost'); sys.exit('no ' + 'luck')"))
        self.assertEqual(self.run_unit(unit).returncode, 1)
        outcome = self.outcome(unit)
        self.assertEqual((outcome["state"], outcome["code"], outcome["how"], outcome["again"]), ("failed", 1, "plain", False))
        self.assertEqual(outcome["tail"], "no luck")
        self.assertIn("ended with exit code 1", outcome["message"])

    def test_unit_holds_no_secret(self):
        job = self.script("import os; print(os.environ['SHOTGUN_FARM_SCRIPT_USER']); raise SystemExit(os.environ['MY_TOKEN'])")
        self.set(WHO=SECRET, MY_TOKEN="t0ken-of-the-daemon")
        unit = self.unit(job=job, env={"MY_TOKEN": "t0ken-of-the-route"}, sources={"SHOTGUN_FARM_SCRIPT_USER": "WHO"})
        self.assertEqual(stat.S_IMODE(os.stat(unit).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(unit)).st_mode), 0o700)
        done = self.run_unit(unit, MY_TOKEN="t0ken-of-the-node")
        self.assertEqual(done.stdout, "***\n")
        texts = read(unit) + done.stderr + read(os.path.join(os.path.dirname(unit), "done.json"))
        for secret in (SECRET, "t0ken"):
            self.assertNotIn(secret, texts)

    def test_unit_without_its_key_fails(self):
        unit = self.unit(sources={"SHOTGUN_FARM_SCRIPT_KEY": "PUBLISH"})
        self.assertEqual(self.run_unit(unit).returncode, 125)
        self.assertIn("PUBLISH", self.outcome(unit)["message"])
        self.assertEqual(self.marks(), [])

    def test_project_without_a_config_is_skipped(self):
        event = dict(EVENT, project={"type": "Project", "id": 999, "name": "Nowhere"})
        for skips, code, state in ((True, 0, "skipped"), (False, 121, "failed")):
            unit = write_unit(self.units, state, self.job, event=event, skips_no_project=skips)
            self.assertEqual(self.run_unit(unit).returncode, code)
            self.assertEqual((self.outcome(unit)["state"], self.outcome(unit)["code"]), (state, 121))

    def test_broken_unit_fails(self):
        for name, text in (
            ("a", "{}"), ("b", "nonsense"), ("c", '{"sgtk_python": 1}'), ("nested", "[" * 100000),
        ):
            unit = write(os.path.join(self.units, name, "unit.json"), text)
            self.assertEqual(self.run_unit(unit).returncode, 125)
            self.assertIn("not a unit", self.outcome(unit)["message"])
        done = self.run_unit(os.path.join(self.units, "d", "unit.json"))
        self.assertEqual(done.returncode, 125)
        self.assertIn("there is no unit", done.stderr)

    def test_unit_can_be_replayed(self):
        unit = self.unit()
        done = subprocess.run([sys.executable, os.path.join(SHIMS, "sgtk_python"), "replay", unit])
        self.assertEqual((done.returncode, self.begun()), (0, [["1", "None"]]))


class Once(UnitTest):
    def test_finished_unit_does_not_run_again(self):
        unit = self.unit()
        for _ in range(2):
            self.assertEqual(self.run_unit(unit).returncode, 0)
        self.assertEqual(self.unit(), unit)
        self.assertEqual(self.run_unit(unit, SLURM_JOB_ID="7", SLURM_RESTART_COUNT="1").returncode, 0)
        self.assertEqual(self.begun(), [["1", "None"]])

    def test_failed_unit_runs_again_if_its_engine_says_so(self):
        unit = self.unit(job=self.marking("sys.exit(3)"))
        for variables in ({"SLURM_JOB_ID": "7"}, {"SLURM_JOB_ID": "8", "SLURM_RESTART_COUNT": "1"}, {"SLURM_JOB_ID": "7"}):
            self.assertEqual(self.run_unit(unit, **variables).returncode, 3)
        self.assertEqual(self.begun(), [["1", "None"]])
        self.assertEqual(self.run_unit(unit, SLURM_JOB_ID="7", SLURM_RESTART_COUNT="1").returncode, 3)
        self.assertEqual(self.begun(), [["1", "None"], ["1", "1"]])

    def test_one_of_many_claims_wins(self):
        unit = self.unit()
        several = [
            subprocess.Popen(self.command(unit), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(6)]
        self.assertLessEqual({process.wait() for process in several}, {0, 75})
        self.assertEqual(len(self.marks()), 1)
        self.assertEqual(self.outcome(unit)["state"], "done")

    def test_unit_at_work_is_busy(self):
        unit = self.unit(job=self.marking("time.sleep(600)"))
        process = self.start_unit(unit)
        done = self.run_unit(unit, SLURM_JOB_ID="7", SLURM_RESTART_COUNT="1")
        self.assertEqual(done.returncode, 75)
        self.assertIn("process %d of this host works on it" % process.pid, done.stderr)
        self.assertEqual((self.unit(), len(self.marks())), (unit, 1))

    def test_unit_of_a_killed_process_runs_again(self):
        unit = self.unit(job=self.marking(
            "import signal, subprocess\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "if 'SGTK_PYTHON_AGAIN' not in os.environ:\n"
            "    child = subprocess.Popen(['sleep', '600'])\n"
            "    open(%r, 'w').write('%%d ' %% child.pid)\n"
            "    time.sleep(600)" % self.path("child")))
        process = self.start_unit(unit)
        wait_until(lambda: os.path.exists(self.path("child")) and read(self.path("child")).endswith(" "))
        process.kill()
        process.wait()
        self.assertEqual(self.run_unit(unit).returncode, 0)
        self.assertEqual(self.begun(), [["1", "None"], ["1", "1"]])
        self.assertTrue(self.outcome(unit)["again"])
        for left in (int(self.marks()[0][2]), int(read(self.path("child")))):
            self.assertFalse(is_running(left))

    def test_number_of_a_later_process_is_no_claim(self):
        unit = self.unit()
        self.claim(unit, started="1")
        self.assertEqual(self.run_unit(unit).returncode, 0)
        self.assertEqual(self.begun(), [["1", "1"]])

    def test_unit_of_another_host_waits_for_the_engine(self):
        for name, fields in (("a", {"host": "other"}), ("b", {"table": "of-another-start"}), ("c", {"table": ""})):
            unit = self.unit(name)
            self.claim(unit, job="slurm--7", restart=1, **fields)
            for number, restart in (("", ""), ("7", "1"), ("8", "9")):
                done = self.run_unit(unit, SLURM_JOB_ID=number, SLURM_RESTART_COUNT=restart)
                self.assertEqual(done.returncode, 75)
                self.assertIn("no engine says that it is dead; if it is dead, rename", done.stderr)
            self.assertEqual(self.run_unit(unit, SLURM_JOB_ID="7", SLURM_RESTART_COUNT="2").returncode, 0)
        self.assertEqual(self.begun(), [["1", "1"]] * 3)

    def test_renamed_claim_is_free(self):
        unit = self.unit()
        self.claim(unit, host="other")
        error = self.run_unit(unit).stderr
        command = error.rpartition("rename ")[2].split()
        os.rename(command[0], command[2])
        done = self.run_unit(unit)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_terminated_unit_ends_its_job(self):
        unit = self.unit(job=self.marking("os.environ.get('SGTK_PYTHON_AGAIN') or time.sleep(600)"))
        process = self.start_unit(unit)
        process.terminate()
        self.assertEqual(process.wait(), 128 + signal.SIGTERM)
        self.assertFalse(is_running(int(self.marks()[0][2])))
        [left] = glob.glob(os.path.join(self.units, "*", "stopped,*"))
        # Another host may take it.
        elsewhere = parsed(os.path.basename(left))._replace(host="other").file_name("stopped")
        os.rename(left, os.path.join(os.path.dirname(left), elsewhere))
        self.assertEqual(self.run_unit(unit).returncode, 0)
        self.assertEqual(self.begun(), [["1", "None"], ["1", "1"]])

    def test_outcome_of_a_killed_process_counts(self):
        unit = self.unit()
        self.run_unit(unit)
        self.claim(unit, started="1")
        self.assertEqual(self.run_unit(unit).returncode, 0)
        self.assertEqual(len(self.marks()), 1)

    def test_outcome_counts_beside_a_claim_of_another_host(self):
        unit = self.unit()
        self.run_unit(unit)
        self.claim(unit, host="other")
        self.assertEqual(self.run_unit(unit).returncode, 0)
        self.assertEqual(len(self.marks()), 1)

    def test_outcome_written_before_the_claim_counts(self):
        unit = self.unit()
        self.run_unit(unit)
        done = os.path.join(os.path.dirname(unit), "done.json")
        os.rename(done, done + ".later")

        class Late(sgtk_python.unit.Unit):
            def _claim(self, own, place):
                os.rename(done + ".later", done)
                return super()._claim(own, place)

        self.assertEqual(Late(unit).run(own_claim()).state, "done")
        self.assertEqual(len(self.marks()), 1)

    def test_unit_without_repeat_is_lost(self):
        unit = self.unit(repeat=False)
        self.claim(unit, started="1")
        self.assertEqual(self.run_unit(unit).returncode, 125)
        self.assertEqual((self.outcome(unit)["state"], self.marks()), ("lost", []))
        self.assertEqual(self.run_unit(self.unit("2", repeat=False)).returncode, 0)

    def test_names_of_units_stay_different(self):
        names = ["1-a b", "1-a_b", "1-a/b", "1-a%20b", "1-ä"]
        self.assertEqual(len({self.unit(name) for name in names}), len(names))
        self.assertEqual(len(os.listdir(self.units)), len(names))

    def test_unit_is_written_after_a_kill(self):
        os.mkdir(os.path.join(self.units, "1-publish"))
        self.assertEqual(self.run_unit(self.unit()).returncode, 0)


class Submitting(StudioTest):
    def submit(self, how, **more):
        return Submission(how).submit("/u/unit.json", "sgtk-176", 176, 1, **more)

    def test_words_are_filled_in(self):
        self.assertEqual(self.submit(["echo", "first\n{unit} {key}", "--of={project}/{event}", "{unit}x"]),
                         "/u/unit.json sgtk-176 --of=176/1 /u/unit.jsonx")
        self.assertEqual(Submission(["echo", "{project}{unit}"]).submit("u", "k", "{unit}", 1), "{unit}u")

    def test_wrong_submission_is_refused(self):
        for how in ("sbatch", ["sbatch"], ["sbatch", "{unit}", "{user}"], [], ["{unit}", 1], "a:b:c", ["{unit.__class__}", "{}"]):
            with self.assertRaises(ValueError, msg=how):
                Submission(how)

    def test_failing_command_is_an_error(self):
        for words, expected in (
            (["sh", "-c", "echo queue is full >&2; exit 3", "{unit}"], "sh ended with 3:\n  queue is full"),
            (["/no/such/sbatch", "{unit}"], "/no/such/sbatch cannot be started"),
        ):
            with self.assertRaises(NotSubmitted) as caught:
                self.submit(words)
            self.assertIn(expected, str(caught.exception))

    def test_hanging_command_is_ended(self):
        with self.assertRaises(NotSubmitted) as caught:
            self.submit(["sh", "-c", "echo $$ > %s; sleep 600 & sleep 600" % self.path("pid"), "{unit}"], timeout=1)
        self.assertIn("did not end within 1 seconds", str(caught.exception))
        self.assertFalse(is_running(int(read(self.path("pid")))))

    def test_command_may_leave_a_process_running(self):
        self.addCleanup(lambda: end(int(read(self.path("pid")))))
        self.assertEqual(self.submit(["sh", "-c", "sleep 600 & echo $! > %s; echo 7" % self.path("pid"), "{unit}"]), "7")

    def test_function_gets_the_unit(self):
        write(self.path("modules", "queue_of_ours.py"), (
            "import sgtk_python\n"
            "def put(unit, key, project, event, timeout): return '%s for %s' % (unit, key)\n"
            "def fail(**_): raise sgtk_python.Error('no room')\n"))
        sys.path.insert(0, self.path("modules"))
        self.addCleanup(sys.path.remove, self.path("modules"))
        self.assertEqual(self.submit("queue_of_ours:put"), "/u/unit.json for sgtk-176")
        for how, expected in (
            ("queue_of_ours:fail", "queue_of_ours:fail failed: no room"), ("queue_of_ours:none", "AttributeError"),
            ("no_such_module:put", "ModuleNotFoundError"),
        ):
            with self.assertRaises(NotSubmitted) as caught:
                self.submit(how)
            self.assertIn(expected, str(caught.exception))


class Routing(PluginTest):
    def test_route_submits_its_events(self):
        command = ["sh", "-c", "echo \"$@\" >> " + self.path("log"), "sh", "{unit}", "{key}", "{event}"]
        self.routes({"name": "publish", "submit": command,
                     "args": ["--quick"], "timeout": 5, "credentials": {"name": "A", "key": "B"}}, units="units")
        os.mkdir(self.path("plugins", "units"))
        daemon = self.daemon()
        for number, project in ((1, 176), (2, 177), (1, 176)):
            daemon.process(self.event(number, project))
        units = [self.path("plugins", "units", name, "unit.json") for name in ("1-publish", "2-publish")]
        self.assertEqual(read(self.path("log")).splitlines(), [
            units[0] + " sgtk-176 1", units[1] + " sgtk-177 2"], self.records.all)
        self.assertEqual(self.records.of("ERROR") + self.records.of("WARNING") + self.marks(), [])
        done = subprocess.run([sys.executable, "-m", "sgtk_python", "unit", units[1]], env=dict(os.environ, A="a", B="bbbbbb"))
        self.assertEqual((done.returncode, self.marks()), (0, ["2 sintel"]))
        unit = json.loads(read(units[0]))
        self.assertEqual((unit["script"][1:], unit["options"]["timeout"]), (["--quick"], 5))

    def test_failed_submission_is_repeated(self):
        count = "echo x >> %s; test $(wc -l < %s) -gt 2" % (self.path("count"), self.path("count"))
        self.routes({"name": "publish", "submit": ["sh", "-c", count, "sh", "{unit}"]}, units=self.path())
        daemon = self.daemon()
        daemon.module.FIRST_DELAY = 0
        daemon.process(self.event())
        self.lanes().finish()
        self.assertEqual(self.records.of("ERROR"), [])
        self.assertEqual(len(self.records.of("WARNING")), 2)
        self.assertIn("route 'publish': sh ended with 1; it runs again", self.records.of("WARNING")[0])
        self.assertEqual(self.lanes().journal.counts()["done"], 1)

    def test_broken_submit_breaks_the_routes(self):
        for route, top, expected in (
            ({"submit": ["sbatch", "{unit}"]}, {}, "name a folder 'units'"),
            ({"submit": ["sbatch", "{file}"]}, {"units": "/u"}, "'submit': there is no {file}"),
            ({"submit": 1}, {"units": "/u"}, "'submit' cannot be 1"),
        ):
            self.routes(dict(route, name="publish"), **top)
            self.daemon()
            self.assertIn(expected, self.records.of("ERROR")[-1])


def wait_until(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it never comes true"
        time.sleep(0.02)


def end(pid):
    """Kills a process, and returns when it has ended."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_until(lambda: not is_running(pid))


if __name__ == "__main__":
    unittest.main()
