"""The package `sgtk_python`, against the real launcher."""
import datetime
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import unittest
import unittest.mock

from studio import LAUNCHER, PYTHON, SHIMS, StudioTest, is_running, read, wait_until, write

import sgtk_python

REAL_CORE = os.environ.get("SGTK_PYTHON_TEST_CORE")

EVENT = {
    "type": "EventLogEntry", "id": 17, "event_type": "Shotgun_Version_New", "attribute_name": None,
    "created_at": datetime.datetime(2024, 2, 29, 1, 2, 3, 4, datetime.timezone(datetime.timedelta(hours=2))),
    "project": {"type": "Project", "id": 176, "name": "Big Buck"},
    "meta": {"new_value": "2024-02-29", "when": [datetime.date(2024, 2, 29)], "text": "a\nb\u20ac"},
}


class Running(StudioTest):
    def test_event_runs_its_project_and_keeps_dates(self):
        script = self.script("import sgtk, sgtk_python; print(sgtk.origin); print(repr(sgtk_python.event()))\n"
                             "assert sgtk_python.event() is sgtk_python.event()")
        done = sgtk_python.run(script, event=EVENT)
        origin, event = done.stdout.splitlines()
        self.assertEqual(origin, self.path("configs", "bigbuck"))
        self.assertEqual(eval(event), EVENT)
        self.assertEqual((done.code, done.error, done.truncated, done.stderr), (0, None, False, ""))

    def test_reading_an_event_imports_little(self):
        script = self.script("import sys\nbefore = set(sys.modules)\nimport sgtk_python\nsgtk_python.event()\n"
                             "print(*set(sys.modules) - before)")
        imported = set(sgtk_python.run(script, event=EVENT).stdout.split())
        self.assertEqual({name for name in imported if "sgtk" in name}, {"sgtk_python", "sgtk_python.events"})
        for name in ("logging", "subprocess", "threading", "typing", "shutil", "importlib"):
            self.assertNotIn(name, imported)

    def test_every_name_of_the_package_is_there(self):
        script = self.script("from sgtk_python import *; import sgtk_python\n"
                             "print([name for name in sgtk_python.__all__ if name not in globals()])\n"
                             "print(hasattr(sgtk_python, 'nothing'), sgtk_python.job.Job is Job)")
        self.assertEqual(sgtk_python.run(script, project="bigbuck").stdout, "[]\nFalse True\n")

    def test_event_is_plain_json(self):
        script = self.script("import json, sys; event = json.load(sys.stdin); print(event['created_at'], event['id'])")
        self.assertEqual(sgtk_python.run(script, event=EVENT).stdout, "2024-02-29T01:02:03.000004+02:00 17\n")

    def test_large_event_reaches_the_script(self):
        event = dict(EVENT, meta={"long": "x" * 3000000})
        script = self.script("import sgtk_python; print(len(sgtk_python.event()['meta']['long']))")
        self.assertEqual(sgtk_python.run(script, event=event).stdout, "3000000\n")
        # A script that does not read its event.
        self.assertEqual(sgtk_python.run(self.script("print(1)"), event=event).stdout, "1\n")

    def test_odd_events_reach_the_script(self):
        script = self.script("import sgtk_python; print(repr(sgtk_python.event()))")
        odd = {"id": 1, "project": {"id": 176}, 7: {8: datetime.date(2024, 2, 29)}, "t": (1,), "T": "2024-01-01T00:00:00"}
        plain = {"id": 1, "project": {"id": 176}, "7": {"8": datetime.date(2024, 2, 29)}, "t": [1], "T": "2024-01-01T00:00:00"}
        self.assertEqual(eval(sgtk_python.run(script, event=odd).stdout), plain)
        self.assertEqual(sgtk_python.run("-c", "import json, sys; print(json.load(sys.stdin)['id'])", project="sintel", event={"id": 4}).stdout, "4\n")

    def test_name_id_and_config_choose_the_project(self):
        script = self.script("import sgtk; print(sgtk.origin)")
        for options in ({"project": "sintel"}, {"project_id": 177}, {"config": self.path("configs", "sintel")},
                        {"project": "sintel", "event": EVENT}):
            self.assertEqual(sgtk_python.run(script, **options).stdout, self.path("configs", "sintel\n"))

    def test_words_reach_the_script(self):
        script = self.script("import sys; print(sys.argv[1:])")
        words = ["--project", "x", "", "a b", "$HOME", "\u20ac", "--", 7, 1.5]
        done = sgtk_python.run(script, *words, project="bigbuck")
        self.assertEqual(done.stdout, "%r\n" % [str(word) for word in words])
        self.assertEqual(sgtk_python.run("-c", "print(6)", project="bigbuck").stdout, "6\n")
        self.assertIn("usage", sgtk_python.run("-m", "unittest", "--help", project="bigbuck").stdout)
        for wrong in ({"a": 1}, None, True):
            with self.assertRaises(TypeError):
                sgtk_python.run(script, wrong, project="bigbuck")

    def test_hostile_names_are_refused(self):
        for name in ("--explain", "../x", "/etc", "a//b", "-c"):
            with self.assertRaises((sgtk_python.NoProject, sgtk_python.WrongUse)):
                sgtk_python.run("-c", "print(1)", project=name)
        for wrong in ({"project_id": "176; rm"}, {"project_id": True}, {"project": ""}, {"project": b"x"}, {},
                      {"project": "a", "project_id": 1}):
            with self.assertRaises(TypeError):
                sgtk_python.run("-c", "print(1)", **wrong)
        with self.assertRaises(TypeError):
            sgtk_python.run("-c", "1", event={"id": 1, "project": {"id": "176"}})
        with self.assertRaises(TypeError):
            sgtk_python.run("-c", "1", event={"id": 1, "project": "bigbuck"})

    def test_options_variables_and_folder_count(self):
        script = self.script("import os; print(os.getcwd(), os.environ['WHAT'])")
        done = sgtk_python.run(script, project="bigbuck", env={"WHAT": "this"}, cwd=self.folder)
        self.assertEqual(done.stdout, "%s this\n" % self.folder)
        done = sgtk_python.run(script, project="bigbuck", options=["--env=WHAT=that"])
        self.assertIn(" that\n", done.stdout)

    def test_warm_and_pipeline_reach_the_launcher(self):
        self.stand_in("report('started', how='plain'); print(sys.argv[1:])")
        done = sgtk_python.run("x.py", "a", project="p", warm=True, pipeline="Dev", options=["--clean"])
        self.assertEqual(eval(done.stdout), ["--project=p", "--pipeline=Dev", "--warm", "--clean", "--", "x.py", "a"])

    def test_started_job_can_be_polled(self):
        job = sgtk_python.start("-c", "import sys; sys.stdin.read(); print('ran')", project="bigbuck")
        self.assertEqual(job.wait().stdout, "ran\n")
        self.assertEqual(job.poll(), 0)
        sleeper = sgtk_python.start("-c", "import time; time.sleep(600)", project="bigbuck")
        self.assertIsNone(sleeper.poll())
        with self.assertRaises(subprocess.TimeoutExpired):
            sleeper.wait(0.01)
        sleeper.kill()
        self.assertEqual(sleeper.wait().code, -9)
        self.assertIn("SIGKILL", str(sleeper.wait().error))

    def test_event_keeps_its_types(self):
        import typing
        self.assertEqual(typing.get_type_hints(sgtk_python.run)["check"], bool)


class Failing(StudioTest):
    def test_exit_codes_become_exceptions(self):
        with self.assertRaises(sgtk_python.NoProject) as caught:
            sgtk_python.run("x.py", project="bigbukc")
        self.assertEqual((caught.exception.code, caught.exception.kind), (121, "unknown-project"))
        with self.assertRaises(sgtk_python.NoProject):
            sgtk_python.run("x.py", project_id=5)
        with self.assertRaises(sgtk_python.NoProject):
            sgtk_python.run("x.py", event=dict(EVENT, project=None))
        with self.assertRaises(sgtk_python.WrongUse) as caught:
            sgtk_python.run("x.py", project="bigbuck", options=["--prject"])
        self.assertEqual((caught.exception.code, caught.exception.kind), (125, "unknown-option"))
        write(self.path("configs/sintel/config/core/interpreter_Linux.cfg"), "/no/such/python")
        with self.assertRaises(sgtk_python.PythonNotFound) as caught:
            sgtk_python.run("x.py", project="sintel")
        self.assertEqual((caught.exception.code, caught.exception.kind), (127, "python-missing"))
        write(self.path("configs/sintel/config/core/interpreter_Linux.cfg"), "")
        with self.assertRaises(sgtk_python.BrokenStudio) as caught:
            sgtk_python.run("x.py", project="sintel")
        self.assertEqual(caught.exception.code, 122)
        for options, kind in (({"pipeline": "Dve"}, "unknown-config"), ({"options": ["--python=nosuch"]}, "python-not-on-path")):
            error = sgtk_python.run("x.py", project="bigbuck", check=False, capture=False, **options).error
            self.assertEqual(error.kind, kind)

    def test_code_of_the_script_is_its_own(self):
        for code in (1, 75, 121, 122, 127, 255):
            with self.assertRaises(sgtk_python.JobFailed) as caught:
                sgtk_python.run("-c", "import sys; print('no way', file=sys.stderr); sys.exit(%d)" % code, project="bigbuck")
            self.assertEqual((caught.exception.code, caught.exception.tail), (code, "no way"))
            self.assertIn("no way", str(caught.exception))
        self.assertIsInstance(sgtk_python.run("-c", "1/0", project="bigbuck", check=False).error, sgtk_python.JobFailed)

    def test_code_of_a_nested_launcher_is_the_scripts(self):
        for words, code in ((["--project=nobody", "x.py"], 121), (["--prject"], 125), (["--config=/nowhere", "x.py"], 122)):
            script = self.script("import subprocess, sys; sys.exit(subprocess.call(%r))" % ([LAUNCHER] + words))
            for capture in (True, False):
                job = sgtk_python.start(script, project="bigbuck", capture=capture)
                error = job.wait().error
                self.assertEqual((type(error), error.code), (sgtk_python.JobFailed, code))

    def test_only_reports_make_launcher_exceptions(self):
        plain, worker = "report('started', how='plain')", "report('started', how='worker', pid=7)"
        ended, error = "report('ended', code=121)", "report('error', code=%d, kind='a-kind', message='m', hint=None)"
        for steps, code, kind in (
            ((plain,), 121, sgtk_python.JobFailed),
            ((plain,), 75, sgtk_python.JobFailed),
            ((plain,), 125, sgtk_python.JobFailed),
            ((worker, ended), 121, sgtk_python.JobFailed),
            ((error % 121,), 121, sgtk_python.NoProject),
            ((error % 75,), 75, sgtk_python.Busy),
            ((error % 122,), 122, sgtk_python.BrokenStudio),
            ((error % 125,), 125, sgtk_python.WrongUse),
            ((error % 127,), 127, sgtk_python.PythonNotFound),
            ((plain, error % 126), 126, sgtk_python.PythonNotFound),
            ((worker, "report('lost', why='w')", error % 125), 125, sgtk_python.JobLost),
            ((worker, "report('lost', why='w')"), 125, sgtk_python.JobLost),
        ):
            self.stand_in("%s\nsys.stderr.write('sgtk-python: error: no project: bigbuck\\n'); sys.exit(%d)" % ("\n".join(steps), code))
            for capture in (True, False):
                done = sgtk_python.run("/jobs/job.py", project="bigbuck", check=False, capture=capture)
                self.assertEqual((type(done.error), done.error.code), (kind, code), steps)
        self.assertTrue(issubclass(sgtk_python.JobLost, sgtk_python.JobFailed))

    def test_launcher_that_ends_early_is_a_failure(self):
        worker = "report('started', how='worker', pid=7)\n"
        for steps in ("", "report('cold', why='w')\n", worker, "os.write(_number, b'[]\\n1\\n{}\\nx\\n{\"status\": \"started\"}\\n{\"status\"')\n"):
            for ending, code in (("sys.exit(0)", 0), ("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", -9)):
                self.stand_in(steps + ending)
                done = sgtk_python.run("x.py", project="bigbuck", check=False)
                self.assertEqual((type(done.error), done.error.code), (sgtk_python.JobLost, code), steps)

    def test_unreadable_reports_are_passed_over(self):
        infinite = b'{"status": "error", "code": 1e999, "kind": "k", "message": "m"}'
        for line in (infinite, b"[" * 50000):
            self.stand_in("os.write(_number, %r)\nreport('started', how='plain')" % (line + b"\n"))
            self.assertEqual(sgtk_python.run("x.py", project="bigbuck").how, "plain", line[:10])

    def test_result_says_how_and_why_cold(self):
        self.stand_in("report('cold', why='no worker')\nreport('started', how='plain')")
        done = sgtk_python.run("x.py", project="bigbuck", warm=True)
        self.assertEqual((done.how, done.cold, done.error), ("plain", "no worker", None))

    @unittest.skipUnless(sys.platform == "linux", "workers are for Linux")
    def test_job_in_a_worker_reports_its_end(self):
        first, done = self.start_worker()
        self.assertEqual((first.how, bool(first.cold)), ("plain", True))
        self.assertEqual((done.how, done.cold, done.stdout), ("worker", None, "1\n"))
        for program, code in (("raise SystemExit(121)", 121), ("import os; os.kill(os.getpid(), 9)", -9)):
            error = sgtk_python.run("-c", program, project="bigbuck", warm=True, check=False).error
            self.assertEqual((type(error), error.code), (sgtk_python.JobFailed, code))
        job = sgtk_python.start("-c", "import time; print(1); time.sleep(600)", project="bigbuck", warm=True)
        wait_until(job._pipes[0].text)
        job.kill()
        self.assertIs(type(job.wait().error), sgtk_python.JobLost)

    def test_arguments_of_wrong_types_are_refused(self):
        for options in ("--clean", b"--clean", ["x.py"], ["--clean", "--"], [7]):
            with self.assertRaises(TypeError):
                sgtk_python.run("-c", "print(1)", project="bigbuck", options=options)
        for secrets in ("NAME", [b"NAME"]):
            with self.assertRaises(TypeError):
                sgtk_python.run("-c", "print(1)", project="bigbuck", secrets=secrets)
        with self.assertRaisesRegex(TypeError, "env is a mapping"):
            sgtk_python.run("-c", "print(1)", project="bigbuck", env=[("A", "1")])
        for timeout, kind in (("5", TypeError), (True, TypeError), (float("nan"), ValueError), (float("inf"), ValueError),
                              (-1, ValueError), (10 ** 400, ValueError)):
            with self.assertRaises(kind):
                sgtk_python.start("-c", "print(1)", project="bigbuck", timeout=timeout)
        with self.assertRaisesRegex(TypeError, r"env\['A'\] is text, not 1"):
            sgtk_python.run("-c", "1", project="bigbuck", env={"A": 1})

    def test_options_that_run_no_script_are_refused(self):
        for word in ("--explain", "--explain=json", "--help", "--version", "--list=names", "--doctor", "--workers",
                     "--stop-workers", "--make-shim=bigbuck", "--make-venv=bigbuck", "--each=2", "--match=*",
                     "--status-fd"):
            with self.assertRaisesRegex(ValueError, word.replace("*", ".")):
                sgtk_python.start("-c", "print(1)", project="bigbuck", options=["--clean", word])

    @unittest.skipUnless(sys.platform == "linux", "with a loader that complains")
    def test_line_of_the_loader_changes_no_exception(self):
        with self.assertRaises(sgtk_python.NoProject) as caught:
            sgtk_python.run("x.py", project="nobody", env={"LD_PRELOAD": "/nowhere.so"})
        self.assertEqual(caught.exception.kind, "unknown-project")

    def test_exception_has_message_and_hint(self):
        self.stand_in("report('error', code=121, kind='k', message='no project a\\nb', hint='look')\nsys.exit(121)")
        with self.assertRaisesRegex(sgtk_python.NoProject, r"^no project a\\x0ab; hint: look$"):
            sgtk_python.run("x.py", project="a")

    def test_launcher_lines_are_debug_records(self):
        failing = "sys.stderr.write('sgtk-python: error: why\\n'); report('error', code=121, kind='k', message='m', hint=None)"
        late = "report('error', code=121, kind='k', message='m', hint=None)\nimport time; time.sleep(0.2); print('out'); sys.exit('ERROR: why')"
        started = "sys.stderr.write('sgtk-python: warning: w\\n'); report('started', how='plain'); print('ERROR: x', flush=True)"
        for text, expected in ((failing, [(10, "sgtk-python: error: why")]), (late, [(10, "ERROR: why"), (10, "out")]), (started, [(30, "sgtk-python: warning: w"), (40, "ERROR: x")]),
                               ("print('other')", [(20, "other")])):
            self.stand_in(text)
            lines = []
            sgtk_python.run("x.py", project="a", logger=lambda *line: lines.append(line), check=False)
            self.assertEqual(sorted(lines), expected)

    def test_many_early_lines_do_not_block(self):
        self.stand_in("for _ in range(200000): print('x' * 20)\nreport('started', how='plain')")
        lines = []
        done = sgtk_python.run("x.py", project="a", logger=lambda level, line: lines.append(line), timeout=60)
        self.assertEqual((len(lines), done.error), (200000, None))

    def test_only_the_launcher_inherits_the_pipe(self):
        program = "import os; print([name for name in os.listdir('/proc/self/fd') if int(name) > 2 and os.path.exists('/proc/self/fd/' + name)])"
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            self.assertEqual(sgtk_python.run("-c", program, project="bigbuck").stdout, "[]\n")
            sgtk_python.run("x.py", project="nobody", check=False)
        with self.assertRaises(sgtk_python.WrongUse):
            sgtk_python.run("-c", "1", project="bigbuck", cwd=self.path("nowhere"))
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    @unittest.skipIf(os.name == "nt", "Windows has handles")
    def test_closed_streams_receive_no_reports(self):
        program = (
            "import os\nfor number in (0, 1, 2): os.close(number)\nimport sgtk_python\n"
            "done = sgtk_python.run('-c', 'print(5)', project='bigbuck', check=False)\n"
            "with open(%r, 'w') as file: file.write(repr((done.code, done.stdout, done.error)))" % self.path("result")
        )
        self.assertEqual(subprocess.call([PYTHON, "-c", program]), 0)
        self.assertEqual(read(self.path("result")), "(0, '5\\n', None)")

    def test_unprintable_name_is_no_project(self):
        with self.assertRaises(sgtk_python.NoProject):
            sgtk_python.run("x.py", project="a\x1bb")

    def test_foreign_reaper_hides_no_failure(self):
        ignored = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGCHLD, ignored)
        for code in ("raise SystemExit(3)", "1"):
            job = sgtk_python.start("-c", code, project="bigbuck")
            with self.assertRaisesRegex(sgtk_python.JobLost, "reaps the children of this process"):
                job.wait().check()
            self.assertEqual((job.poll(), job.wait().code), (125, 125))
        self.stand_in("report('started', how='worker', pid=1)\nreport('ended', code=3)\nraise SystemExit(3)")
        with self.assertRaises(sgtk_python.JobLost):
            sgtk_python.run("x.py", project="bigbuck", warm=True)
        self.set(SGTK_PYTHON_BIN=LAUNCHER)
        with self.assertRaises(sgtk_python.NoProject):
            sgtk_python.run("x.py", project="nobody")

    @unittest.skipUnless(hasattr(os, "waitid"), "the system tells how a process ended and keeps it")
    def test_exit_code_survives_a_foreign_wait(self):
        # Another thread waits for the process as soon as it has ended.
        before = os.waitid

        def waited_for_elsewhere(kind, number, how):
            ended = before(kind, number, how)
            os.waitpid(number, 0)
            return ended

        self.addCleanup(setattr, os, "waitid", before)
        os.waitid = waited_for_elsewhere
        self.codes()
        # A system that keeps no exit status.
        del os.waitid
        self.codes()

    def codes(self):
        for program, code in (("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -9), ("1", 0)):
            self.assertEqual(sgtk_python.run("-c", program, project="bigbuck", check=False).code, code)

    def test_ended_job_leaves_nothing_beside_the_next(self):
        # Like a job in a worker: in another session, and it ends after its launcher.
        self.stand_in(
            "import time\nreport('started', how='plain')\nlauncher = os.getpid()\nif os.fork() == 0:\n    os.setsid()\n    print('runs', flush=True)\n"
            "    while os.getppid() == launcher: time.sleep(0.01)\n    time.sleep(0.5)\n    print('late')\n"
            "else: time.sleep(600)\n"
        )
        before, sgtk_python.job.LEFT_BEHIND = sgtk_python.job.LEFT_BEHIND, 0
        self.addCleanup(setattr, sgtk_python.job, "LEFT_BEHIND", before)
        runs = threading.Event()
        job = sgtk_python.start("x.py", project="bigbuck", logger=lambda level, line: runs.set())
        self.assertTrue(runs.wait(60))
        job.end()
        self.assertEqual(job.wait().stdout, "runs\nlate\n")

    def test_reaped_process_gets_no_signal(self):
        before, signalled = os.killpg, []
        self.addCleanup(setattr, os, "killpg", before)
        os.killpg = lambda group, number: signalled.append(number) or before(group, number)
        job = sgtk_python.start("-c", "1", project="bigbuck")
        job.wait()
        job.end()
        self.assertEqual(signalled, [])

    def test_missing_launcher_is_an_exception(self):
        self.set(SGTK_PYTHON_BIN=self.path("nowhere"))
        with self.assertRaises(sgtk_python.LauncherNotFound) as caught:
            sgtk_python.run("x.py", project="bigbuck")
        self.assertIn("SGTK_PYTHON_BIN", str(caught.exception))
        self.set(SGTK_PYTHON_BIN=None, PATH=self.path("empty"))
        with self.assertRaises(sgtk_python.LauncherNotFound):
            sgtk_python.run("x.py", project="bigbuck")
        self.set(PATH=os.path.dirname(LAUNCHER))
        self.assertEqual(os.path.realpath(sgtk_python.find_launcher()), os.path.realpath(LAUNCHER))
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(os.path.dirname(LAUNCHER))
        self.set(SGTK_PYTHON_BIN=os.path.join(os.curdir, os.path.basename(LAUNCHER)))
        self.assertEqual(sgtk_python.run("-c", "print(1)", project="bigbuck", cwd=self.folder).stdout, "1\n")
        self.set(SGTK_PYTHON_BIN=write(self.path("text"), "no program"))
        os.chmod(self.path("text"), 0o755)
        with self.assertRaises(sgtk_python.LauncherNotFound):
            sgtk_python.run("x.py", project="bigbuck")

    def test_values_that_cannot_be_passed_are_refused(self):
        with self.assertRaises(sgtk_python.WrongUse) as caught:
            sgtk_python.run("-c", "x" * 200000, project="bigbuck")
        self.assertIn("too long", str(caught.exception))
        with self.assertRaises(sgtk_python.WrongUse):
            sgtk_python.run("-c", "a\0b", project="bigbuck")
        with self.assertRaises(sgtk_python.WrongUse):
            sgtk_python.run("-c", "1", project="bigbuck", cwd=self.path("nowhere"))
        with self.assertRaises(TypeError):
            sgtk_python.run("-c", "1", event=dict(EVENT, odd=object()))

    def test_missing_event_fails_the_job(self):
        script = self.script("import sgtk_python; sgtk_python.event()")
        with self.assertRaises(sgtk_python.JobFailed) as caught:
            sgtk_python.run(script, project="bigbuck")
        self.assertIn("no event on standard input", str(caught.exception))

    def test_deeply_nested_event_is_refused(self):
        script = self.script("import sgtk_python; sgtk_python.event()")
        done = subprocess.run(
            [sys.executable, script], input=b"[" * 100000, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.assertIn(b"standard input holds no event", done.stderr)

    def test_timeout_ends_python_and_its_children(self):
        pids = self.path("pids")
        script = self.script(
            "import os, signal, subprocess, sys, time\n"
            "deaf = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)'\n"
            "child = subprocess.Popen([sys.executable, '-c', deaf], stdout=subprocess.PIPE)\n"
            "child.stdout.readline()\n"
            "print('last words', flush=True)\n"
            "with open(%r, 'w') as file: file.write('%%d %%d' %% (os.getpid(), child.pid))\n"
            "os.rename(%r, %r)\n"
            "time.sleep(600)\n" % (pids + "~", pids + "~", pids)
        )
        job = sgtk_python.start(script, project="bigbuck", timeout=600)
        self.addCleanup(job.kill)
        until = time.monotonic() + 60
        while not os.path.exists(pids) and time.monotonic() < until:
            time.sleep(0.01)
        job._expire()
        if job._timer is not None:
            job._timer.cancel()  # only older systems have one before the time is over
        error = job.wait().error
        self.assertIsInstance(error, sgtk_python.JobTimedOut)
        self.assertIn("last words", str(error))
        python, child = map(int, read(pids).split())
        self.assertEqual(python, job.pid)
        while (is_running(python) or is_running(child)) and time.monotonic() < until:
            time.sleep(0.01)
        self.assertFalse(is_running(python) or is_running(child))

    def test_timeout_counts_without_a_waiter(self):
        job = sgtk_python.start("-c", "import time; time.sleep(600)", project="bigbuck", timeout=0.1)
        until = time.monotonic() + 60
        while job.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        self.assertIsInstance(job.wait().error, sgtk_python.JobTimedOut)

    def test_timeout_without_process_descriptors_counts(self):
        with unittest.mock.patch.object(os, "pidfd_open", side_effect=OSError, create=True):
            with self.assertRaises(sgtk_python.JobTimedOut):
                sgtk_python.run("-c", "import time; time.sleep(600)", project="bigbuck", timeout=0.1)

    def test_run_times_out(self):
        with self.assertRaises(sgtk_python.JobTimedOut):
            sgtk_python.run("-c", "import time; time.sleep(600)", project="bigbuck", timeout=0.1)

    def test_processes_left_running_are_not_awaited(self):
        left = self.path("left")
        script = self.script("import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
                             "open(%r, 'w').write(str(child.pid))\nprint('done')" % left)
        before, sgtk_python.job.LEFT_BEHIND = sgtk_python.job.LEFT_BEHIND, 0.2
        self.addCleanup(setattr, sgtk_python.job, "LEFT_BEHIND", before)
        job = sgtk_python.start(script, project="bigbuck")
        until = time.monotonic() + 60
        while job._pipes[0].text() != "done\n" and time.monotonic() < until:
            time.sleep(0.01)
        self.assertEqual(job.wait().stdout, "done\n")
        os.kill(int(read(left)), 9)


class Output(StudioTest):
    def test_levels_and_odd_bytes_are_logged(self):
        script = self.script(
            "import logging, sys\n"
            "sys.stdout.buffer.write(b'plain \\xff\\x1b[0m 100%\\r\\nERROR: bad\\n'); sys.stdout.flush()\n"
            "logging.basicConfig(stream=sys.stderr, level=0)\n"
            "logging.debug('fine'); sys.stderr.write('stray\\n')\n"
            "sys.stderr.write('2024-01-01 10:00:00,123 - my.name - CRITICAL - boo\\nERROR pages\\nno end')\n"
        )
        lines = []
        done = sgtk_python.run(script, project="bigbuck", logger=lambda *line: lines.append(line))
        self.assertEqual(sorted(lines), sorted([
            (20, "plain \\xff\\x1b[0m 100%"), (40, "ERROR: bad"), (10, "DEBUG:root:fine"), (30, "stray"),
            (50, "2024-01-01 10:00:00,123 - my.name - CRITICAL - boo"), (30, "ERROR pages"), (30, "no end"),
        ]))
        self.assertIn("plain \\xff", done.stdout)

    def test_line_is_logged_at_the_level_it_names(self):
        for line in (
            "ERROR: x", "ERROR:root:x", "ERROR - x", "ERROR    | x", "[ERROR] x", "<ERROR> x", "[ERROR sgtk.ext.mytool] boom",
            "[ERROR sgtk.env.asset.tk-shell] boom", "2024-01-01 10:00:00,123 [12345 ERROR sgtk.core] x", "[12345 ERROR sgtk.core] x",
            "2024-01-01 10:00:00,123 ERROR boom", "[2024-01-01 10:00:00,123] ERROR in x: y", "10:00:01 [ERROR] x",
            "[2024-01-01 10:00:00,123: ERROR/MainProcess] x", "2024-01-01T10:00:00Z ERROR x", "2024-01-01 10:00:00+02:00 ERROR x",
            "2024-01-01 10:00:00.123 | ERROR    | mod:f:3 - x", "2024-01-01 10:00:00,123 - my.name - ERROR - x",
            "2024-01-01 10:00:00,123 sgtk.core ERROR x", "10:00:01 [worker 3] my.name: ERROR: x", "10:00:01 ERROR: x",
        ):
            self.assertEqual(sgtk_python.output.named_level(line), logging.ERROR, line)
        for line in (
            "error in line 3", "Error: x", "Warning signs", "INFO desk called", "ERROR pages", "ERRORS: 3", "no ERROR here", "[INFOS] x", "",
            "[see ERROR log] x", "10:00 ERROR", "10:00:01 the ERROR page was made", "2024-01-01 10:00:00 waits", "2024 ERROR x", "10:00:01",
            "[INFORMATION desk] x", "shot_010: INFO", "[x] ERROR pages",
        ):
            self.assertIsNone(sgtk_python.output.named_level(line), line)

    @unittest.skipUnless(REAL_CORE and sys.version_info < (3, 12), "with a real core")
    def test_levels_of_a_real_core_are_read(self):
        script = self.script(
            "import sys; sys.path.insert(0, %r); import sgtk\nsgtk.LogManager().initialize_custom_handler()\n"
            "log = sgtk.LogManager.get_logger('mytool'); log.error('boom'); log.info('fine')" % REAL_CORE
        )
        lines = []
        sgtk_python.run(script, project="bigbuck", env={"HOME": self.folder, "SHOTGUN_HOME": self.folder}, logger=lambda *line: lines.append(line))
        self.assertIn((40, "[ERROR sgtk.ext.mytool] boom"), lines)
        self.assertIn((20, "[INFO sgtk.ext.mytool] fine"), lines)

    def test_lines_are_logged_as_they_come(self):
        gate = self.path("gate")
        os.mkfifo(gate)
        script = self.script("import os\nprint('first')\nopen(%r).close()\nprint('last')\nos.kill(os.getpid(), 9)" % gate)
        lines = []

        def log(level, line):
            lines.append(line)
            if line == "first":
                open(gate, "w").close()

        done = sgtk_python.run(script, project="bigbuck", logger=log, timeout=60, check=False)
        self.assertEqual((lines, done.code), (["first", "last"], -9))
        self.assertIn("last", str(done.error))

    def test_buffering_set_by_the_caller_counts(self):
        script = self.script("import os; open(%r, 'w').write(repr(os.environ.get('PYTHONUNBUFFERED')))" % self.path("value"))
        for value, options in (("'1'", {}), ("None", {"capture": False}), ("''", {"env": {"PYTHONUNBUFFERED": ""}})):
            sgtk_python.run(script, project="bigbuck", **options)
            self.assertEqual(read(self.path("value")), value)
        self.set(PYTHONUNBUFFERED="")
        sgtk_python.run(script, project="bigbuck")
        self.assertEqual(read(self.path("value")), "''")

    def test_logger_receives_the_lines(self):
        with self.assertLogs("job", logging.DEBUG) as logs:
            sgtk_python.run("-c", "print('100%s of it')", project="bigbuck", logger=logging.getLogger("job"))
        self.assertEqual(logs.output, ["INFO:job:100%s of it"])

    def test_long_output_does_not_fill_memory(self):
        import resource
        script = self.script("import sys\nfor _ in range(100): sys.stdout.write('x' * 1000000)\nprint('end')\n"
                             "for _ in range(1000): print('y' * 1000)")
        count = []
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        done = sgtk_python.run(script, project="bigbuck", logger=lambda level, line: count.append(len(line)))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        self.assertLess(grown, 40 * 1024, "KiB")
        self.assertEqual(len(done.stdout), sgtk_python.KEEP)
        self.assertTrue(done.truncated and done.stdout.endswith("y\n"))
        self.assertEqual(sum(count), 101000003)
        self.assertLessEqual(max(count), sgtk_python.LONGEST_LINE)

    def test_failing_log_stops_no_job(self):
        def log(level, line):
            raise RuntimeError("full")
        with self.assertRaisesRegex(RuntimeError, "full"):
            sgtk_python.run("-c", "print('x\\n' * 500000)", project="bigbuck", logger=log)


class Secrets(StudioTest):
    KEY = "s3cr3t-k3y-of-the-script"

    def test_secrets_are_in_no_argument_or_message(self):
        script = self.script("import os, sys; print(os.environ['MY_KEY']); sys.exit('with ' + os.environ['MY_KEY'])")
        lines = []
        self.set(OTHER_KEY=self.KEY)
        folders = [{}, {"cwd": self.path("nowhere")}, {"project": "nobody"}]
        for options in folders:
            options = dict({"project": "bigbuck"}, **options)
            try:
                variables = sgtk_python.Environment(MY_KEY=self.KEY)
                sgtk_python.run(script, env=variables, logger=lambda *line: lines.append(line), **options)
            except sgtk_python.Error as error:
                self.assertNotIn(self.KEY, "%s %s" % (error, error.tail))
                shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
                self.assertNotIn(self.KEY, shown)
                self.assertIn("options = ", shown)
            else:
                self.fail("no error")
        self.assertIn((20, "***"), lines)
        job = sgtk_python.start("-c", "1", project="bigbuck", env={"MY_KEY": self.KEY})
        self.assertNotIn(self.KEY, repr(vars(job)))
        job.wait()

    def test_secrets_are_in_no_launcher_message(self):
        self.stand_in(
            "import os, sys; key = os.environ['MY_KEY']\n"
            "report('error', code=125, kind='wrong-use', message='a ' + key, hint='b ' + key); sys.exit(125)"
        )
        for capture in (True, False):
            with self.assertRaisesRegex(sgtk_python.WrongUse, r"^a \*\*\*; hint: b \*\*\*$"):
                sgtk_python.run("x.py", project="bigbuck", env={"MY_KEY": self.KEY}, capture=capture)

    def test_secrets_are_in_no_frame_of_an_error(self):
        def fails():
            raise RuntimeError("no log")

        key, good = {"A_KEY": self.KEY}, {"project": "bigbuck"}
        wrong = (
            {"event": {"id": 1}}, {"project": ""}, dict(good, options="--clean"), dict(good, options=["--explain"]), dict(good, timeout=-1),
            dict(good, env={"A_KEY": self.KEY.encode()}), dict(good, env=[("A_KEY", self.KEY)]), dict(good, env=self.KEY),
            dict(good, env={"A_KEY": self.KEY + "\0"}), dict(good, env={"A_KEY": self.KEY + "\ud800"}), dict(good, env={"A": 1, "A_KEY": self.KEY}),
            dict(good, cwd=self.path("nowhere")), dict(good, secrets=5), dict(good, nothing=5), {"project": "nobody"}, dict(good, timeout=0),
            dict(good, logger=lambda level, line: fails()), dict(good, event={"id": {1}}),
        )
        program = "import os; print(os.environ['A_KEY']); 1/0"
        calls = [(function, "-c", dict({"env": key}, **options)) for options in wrong for function in (sgtk_python.run, sgtk_python.start)]
        calls += [(sgtk_python.save, "x.py", dict(good, env=env, **more)) for env in (key, [("A_KEY", self.KEY)], {"A_KEY": self.KEY.encode()}, {"A_KEY": self.KEY, "A": 1})
                  for more in ({}, {"event": {"id": {1}}}, {"secrets": 5}, {"pipeline": {1}})]
        calls += [(sgtk_python.save, object(), {"env": key}), (sgtk_python.run, object(), dict(good, env=key))]
        for function, script, options in calls:
            with self.subTest(function=function.__name__, options=sorted(options)):
                words = [self.path("no", "folder", "x"), script] if function is sgtk_python.save else [script, program]
                try:
                    done = function(*words, **options)
                    if function is sgtk_python.start:
                        done.wait().check()
                except Exception as error:
                    self.assert_hidden(error)
                else:
                    self.fail("no error")
        self.set(SGTK_PYTHON_BIN=self.path("nowhere"))
        with self.assertRaises(sgtk_python.LauncherNotFound) as caught:
            sgtk_python.run("-c", "1", env=key, **good)
        self.assert_hidden(caught.exception)

    def assert_hidden(self, error):
        while error is not None:
            self.assertNotIn(self.KEY, repr(error) + str(error))
            # The first frames are the test's.
            for frame, _ in traceback.walk_tb(error.__traceback__):
                if frame.f_code.co_filename != __file__:
                    for name, value in frame.f_locals.items():
                        self.assertNotIn(self.KEY, repr(value), "%s of %s" % (name, frame.f_code.co_name))
            error = error.__context__

    def test_secrets_in_pieces_are_masked(self):
        script = self.script(
            "import os, sys\nkey = os.environ['MY_KEY']\nsys.stdout.write('x' * (%d - 5) + key + 'y\\n'); sys.stdout.flush()\n"
            "for c in key: sys.stdout.write(c); sys.stdout.flush()\nsys.stdout.write('z' * 15 + '\\n' + key[:9])" % sgtk_python.LONGEST_LINE
        )
        lines = []
        done = sgtk_python.run(script, project="bigbuck", env={"MY_KEY": self.KEY}, keep=30, logger=lambda _, line: lines.append(line))
        self.assertEqual("".join(lines), "x" * (sgtk_python.LONGEST_LINE - 5) + "***y***" + "z" * 15 + self.KEY[:9])
        # The cut is inside the key.
        self.assertEqual(done.stdout, "y\n***" + "z" * 15 + "\n" + self.KEY[:9])

    def test_masking_does_not_depend_on_pieces(self):
        masked = sgtk_python.masking.Secrets({"A_KEY": "abcabcd", "B_KEY": "abcabcdxyz", "C_KEY": "one line\nand more"})
        text = b"ababcabcabcdxyabcabcdxyzabcabc one line\nand more one line abcabcd"
        for size in range(1, len(text) + 1):
            stream = sgtk_python.masking.Masked(masked)
            shown = b"".join(stream.take(text[at:at + size]) for at in range(0, len(text), size)) + stream.take(b"", True)
            self.assertEqual(shown, b"ababc***xy***abcabc *** *** ***", size)

    def test_password_in_an_address_is_masked(self):
        address = "http://me:%s@proxy:80/x" % self.KEY
        script = self.script("import os, urllib.parse as u\nproxy = os.environ['http_proxy']; print(proxy, u.urlsplit(proxy).password)")
        done = sgtk_python.run(script, project="bigbuck", env={"http_proxy": address})
        self.assertEqual(done.stdout, "http://me:***@proxy:80/x ***\n")
        sgtk_python.save(self.path("saved.json"), "x.py", event=EVENT, env={"http_proxy": address})
        self.assertNotIn(self.KEY, read(self.path("saved.json")))
        for value, passwords in (
            ("http://u:pa/ss@h", ["pa/ss"]), ("http://u:p@q@h http://v:w@h", ["p@q", "w"]),
            ("http://h:80/a@b http://u@h:80 x:y@z http://[::1]:80/a@b", []),
        ):
            self.assertEqual(sgtk_python.masking._passwords("X", value), passwords)
        self.assertEqual(sgtk_python.masking._passwords("HTTPS_PROXY", "u:p@h:80"), ["p"])

    def test_hidden_characters_are_escaped(self):
        odd = "a\x1b\x7f\x85\x9b\u2028\u2029\u202a\u202e\u2066\u2069\u200e\u061c\u200b\u200d\ufeff\u3164\U000e0041\tb"
        shown = "a\\x1b\\x7f\\x85\\x9b\\u2028\\u2029\\u202a\\u202e\\u2066\\u2069\\u200e\\u061c\\u200b\\u200d\\ufeff\\u3164\\U000e0041\tb"
        self.assertEqual(sgtk_python.one_line(odd), shown)
        with self.assertRaises(sgtk_python.NoProject) as caught:
            sgtk_python.run("-c", "1", project=odd)
        self.assertEqual(len(str(caught.exception).splitlines()), 1)
        lines = []
        done = sgtk_python.run(
            "-c", "import sys; sys.exit(%s)" % ascii(odd), project="bigbuck", check=False,
            env={"PYTHONIOENCODING": "utf-8"}, logger=lambda _, line: lines.append(line))
        self.assertEqual((lines, done.error.tail), ([shown], shown))
        job = sgtk_python.start("-c", "1", project="bigbuck", cwd="/")
        self.assertEqual(job.project, "project 'bigbuck'")
        job.wait()

    def test_named_variables_and_equal_values_are_masked(self):
        script = self.script("import os; print(os.environ['PLAIN'], os.environ['SAME'])")
        self.set(PLAIN=self.KEY, SAME=self.KEY, OTHER_KEY=None)
        done = sgtk_python.run(script, project="bigbuck", secrets=["PLAIN"])
        self.assertEqual(done.stdout, "*** ***\n")
        for options in ({"secrets": ["PLAIN"]}, {"env": {"A_TOKEN": self.KEY}}):
            sgtk_python.save(self.path("saved.json"), "x.py", event=EVENT, **options)
            self.assertNotIn(self.KEY, read(self.path("saved.json")))
            self.assertIn("SAME", json.loads(read(self.path("saved.json")))["secrets"])

    def test_saved_event_has_no_secret(self):
        self.set(OTHER_KEY=self.KEY, HTTP_PROXY="http://me:%s@proxy" % self.KEY)
        sgtk_python.save(self.path("saved.json"), "x.py", event=EVENT, env={"A_TOKEN": self.KEY})
        text = read(self.path("saved.json"))
        self.assertNotIn(self.KEY, text)
        for name in ("OTHER_KEY", "A_TOKEN", "HTTP_PROXY"):
            self.assertIn('"%s"' % name, text)
        self.assertEqual(os.stat(self.path("saved.json")).st_mode & 0o777, 0o600)


class Replaying(StudioTest):
    def replay(self, *words, **variables):
        environment = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
        environment.update(variables)
        return subprocess.run(
            [PYTHON, "-m", "sgtk_python"] + list(words), cwd=SHIMS, env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, encoding="utf-8", errors="surrogateescape",
        )

    def test_replay_uses_the_saved_environment(self):
        script = self.script(
            "import os, sgtk, sgtk_python, sys\n"
            "print([sgtk.origin, os.getcwd(), sys.argv[1:]] + [os.environ.get(name) for name in ('MODE', 'NEW', 'THE_KEY')])\n"
            "print(repr(sgtk_python.event()))\nsys.exit(3)"
        )
        self.set(MODE="\udcff events", THE_KEY="hidden")
        before, file = os.getcwd(), self.path("saved.json")
        os.chdir("/")
        self.addCleanup(os.chdir, before)
        sgtk_python.save(file, script, "--fast", 7, event=EVENT, timeout=1e-9, env={"NEW": "1"}, warm=False)
        done = self.replay("replay", file, THE_KEY="mine", MODE="other")
        self.assertEqual(done.returncode, 3, done.stderr)
        first, event = done.stdout.splitlines()
        expected = [self.path("configs/bigbuck"), "/", ["--fast", "7"], "\udcff events", "1", "mine"]
        self.assertEqual(eval(first), expected)
        self.assertEqual(eval(event), EVENT)
        self.assertIn("THE_KEY", self.replay("replay", file).stderr)

    def test_replay_as_another_user_is_refused(self):
        file = self.path("saved.json")
        self.set(MY_KEY="hidden")
        sgtk_python.save(
            file, "-c", "import os; print(os.environ['THE_KEY'])", project="bigbuck", env={"THE_KEY": "hidden"},
            sources={"THE_KEY": "MY_KEY"},
        )
        done = self.replay("replay", file, THE_KEY="another")
        self.assertEqual(done.returncode, 125)
        self.assertIn("acts by MY_KEY, which is not set", done.stderr)
        done = self.replay("replay", file, MY_KEY="mine")
        self.assertEqual((done.returncode, done.stdout), (0, "mine\n"), done.stderr)
        self.assertNotIn("THE_KEY", done.stderr)

    def test_replay_changes_no_other_variables(self):
        sgtk_python.save(self.path("saved.json"), "-c", "1", project="bigbuck", cwd=b"/")
        self.assertNotIn("cwd", json.loads(read(self.path("saved.json")))["options"])
        before = sgtk_python.job.spawned
        self.addCleanup(setattr, sgtk_python.job, "spawned", before)
        sgtk_python.job.spawned = lambda *args: self.assertEqual(os.environ.get("NEW_HERE"), "1") or before(*args)
        self.set(NEW_HERE="1")
        self.assertEqual(sgtk_python.replay(self.path("saved.json")).code, 0)

    def test_saved_number_is_no_launcher(self):
        file = self.path("saved.json")
        sgtk_python.save(file, "-c", "1", project="bigbuck")
        saved = json.loads(read(file))
        for number in (0, 10 ** 20):
            write(file, json.dumps(dict(saved, launcher=number)))
            self.assertEqual(sgtk_python.replay(file).code, 0)

    def test_wrong_use_is_one_line(self):
        self.assertEqual(self.replay().returncode, 125)
        self.assertEqual(self.replay("replay", self.path("nothing")).returncode, 125)
        for text in ("[" * 100000, "[]", "{}", "x", '{"sgtk_python": 1}', '{"sgtk_python": 1, "event": [1]}', '{"sgtk_python": 1, "eve', "\u20ac"):
            done = self.replay("replay", write(self.path("odd.json"), text))
            self.assertEqual(done.returncode, 125)
            self.assertIn(self.path("odd.json"), done.stderr)
            self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
