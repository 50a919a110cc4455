"""Jobs end with their callers, and what they leave is found and ended."""
import json
import os
import random
import signal
import subprocess
import sys
import time
import unittest

from studio import LAUNCHER, PYTHON, StudioTest, is_running, read, wait_until, write

import sgtk_python
from sgtk_python import left_over

#: Runs a job that notes its process, a program that it has started in a session of its own, and a fork of its own.
CALLER = """import os, sys, sgtk_python
job = '''import os, subprocess, sys, time
program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
fork = os.fork()
if fork:
    with open(os.environ["NOTE"] + ".new", "w") as file: file.write("%d %d %d" % (os.getpid(), program.pid, fork))
    os.rename(os.environ["NOTE"] + ".new", os.environ["NOTE"])
time.sleep(600)
'''
sgtk_python.run("-c", job, project="bigbuck", warm=sys.argv[1] == "warm", mark=sys.argv[2])
"""


@unittest.skipUnless(sys.platform == "linux", "the system says too little of other processes")
class LeftOver(StudioTest):
    def setUp(self):
        super().setUp()
        self.set(NOTE=self.path("note"))
        self.mark = left_over.new_mark()
        self.addCleanup(left_over.end_left_over, self.mark)

    def call(self, how):
        """Starts a process that runs a job."""
        caller = subprocess.Popen([PYTHON, "-c", CALLER, how, self.mark])
        self.addCleanup(caller.wait)
        self.addCleanup(caller.kill)
        return caller

    def noted(self):
        """Returns the processes that the job has noted: its own, its program's, its fork's."""
        return [int(pid) for pid in read(self.path("note")).split()] if os.path.exists(self.path("note")) else []

    def marked(self):
        """Returns the processes that show the mark."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/environ" % pid, "rb") as variables, open("/proc/%s/comm" % pid, "rb") as name:
                    shown = variables.read() + name.read()
            except OSError:
                continue
            if self.mark[:11].encode() in shown and is_running(int(pid)):
                found.append(int(pid))
        return found

    def killed_caller_takes_its_job_along(self, how):
        caller = self.call(how)
        wait_until(self.noted)
        job, program, fork = self.noted()
        self.assertTrue(set(self.marked()) >= {job, program, fork})
        caller.kill()
        wait_until(lambda: not is_running(job))
        self.assertTrue(is_running(program))
        self.assertTrue(sgtk_python.end_left_over(self.mark))
        self.assertEqual([pid for pid in (program, fork) if is_running(pid)], [])
        self.assertEqual(self.marked(), [])

    def test_killed_caller_takes_its_job_along(self):
        self.killed_caller_takes_its_job_along("plain")

    def test_killed_caller_takes_its_warm_job_along(self):
        self.start_worker()
        self.killed_caller_takes_its_job_along("warm")

    def kills_at_any_point_leave_nothing(self, how):
        random.seed(how)
        for kill in range(10):
            self.mark = left_over.new_mark()
            caller = self.call(how)
            # The last ones are killed when all of the job runs.
            if kill < 8:
                time.sleep(random.uniform(0, 0.3))
            else:
                wait_until(self.noted)
            caller.kill()
            self.assertTrue(sgtk_python.end_left_over(self.mark))
            self.assertEqual(self.marked(), [])
            self.assertEqual([pid for pid in self.noted() if is_running(pid)], [])
            if os.path.exists(self.path("note")):
                os.unlink(self.path("note"))

    def test_kills_at_any_point_leave_nothing(self):
        self.kills_at_any_point_leave_nothing("plain")

    def test_kills_at_any_point_leave_nothing_warm(self):
        self.start_worker()
        self.kills_at_any_point_leave_nothing("warm")
        worker, = self.workers()
        self.assertEqual(worker["state"], "ready")

    def workers(self):
        return json.loads(subprocess.check_output([LAUNCHER, "--workers=json"]).decode())["workers"]

    def test_waiting_job_of_a_killed_caller_never_runs(self):
        write(self.path("settings.toml"), "max_jobs = 1\n")
        self.start_worker()
        first = sgtk_python.start("-c", "import time; time.sleep(600)", project="bigbuck", warm=True)
        self.addCleanup(first.kill)
        wait_until(lambda: self.workers()[0]["running"])
        caller = self.call("warm")
        wait_until(lambda: self.workers()[0]["waiting"])
        caller.kill()
        wait_until(lambda: not self.marked())
        first.kill()
        wait_until(lambda: self.workers()[0]["running"] == 0)
        self.assertEqual(self.noted(), [])

    def test_started_job_outlives_its_caller_unless_asked(self):
        for ends, option in ((False, ""), (True, ", ends_with_caller=True")):
            caller = "import sgtk_python; print(sgtk_python.start('-c', 'import time; time.sleep(600)', project='bigbuck', mark=%r%s).pid, flush=True); input()"
            caller = subprocess.Popen([PYTHON, "-c", caller % (self.mark, option)], stdin=-1, stdout=-1)
            self.addCleanup(caller.communicate)
            pid = int(caller.stdout.readline())
            caller.kill()
            caller.wait()
            if ends:
                wait_until(lambda: not is_running(pid))
            self.assertEqual(is_running(pid), not ends)
            self.assertTrue(sgtk_python.end_left_over(self.mark))
            self.assertFalse(is_running(pid))

    def test_wrapper_of_the_launcher_changes_nothing(self):
        wrapper = write(self.path("wrapper"), "#!/bin/sh\n%s \"$@\"\nexit $?\n" % LAUNCHER)
        os.chmod(wrapper, 0o755)
        self.set(SGTK_PYTHON_BIN=wrapper)
        self.assertEqual(sgtk_python.run("-c", "print(1)", project="bigbuck").stdout, "1\n")

    def test_process_that_ignores_term_is_killed(self):
        self.addCleanup(setattr, left_over, "GRACE", left_over.GRACE)
        left_over.GRACE = 0.2
        job = sgtk_python.start(
            "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1); signal.pause()",
            project="bigbuck", mark=self.mark)
        wait_until(job._pipes[0].text)
        self.assertTrue(sgtk_python.end_left_over(self.mark))
        self.assertEqual(job.wait().code, -signal.SIGKILL)

    def test_listed_process_ends_only_if_it_is_the_same(self):
        sleeper = subprocess.Popen(["sleep", "600"])
        self.addCleanup(sleeper.wait)
        self.addCleanup(sleeper.kill)
        identity = left_over.identity_of(sleeper.pid)
        self.assertTrue(sgtk_python.end_left_over(self.mark, [(sleeper.pid, identity + "0")]))
        self.assertIsNone(sleeper.poll())
        self.assertTrue(sgtk_python.end_left_over(self.mark, [(sleeper.pid, identity)]))
        self.assertEqual(sleeper.wait(), -signal.SIGTERM)

    def test_job_lists_its_processes(self):
        self.start_worker()
        job = sgtk_python.start("-c", "import os, time; print(os.getpid()); time.sleep(600)", project="bigbuck", warm=True)
        wait_until(lambda: len(job.processes()) == 2 and job._pipes[0].text())
        self.assertEqual([pid for pid, _ in job.processes()], [job.pid, int(job._pipes[0].text())])
        self.assertTrue(sgtk_python.end_left_over(left_over.new_mark(), job.processes()))
        job.wait()
        self.assertEqual(job.processes(), [])

    def test_run_within_a_run_has_both_marks(self):
        script = self.script("import os, sgtk_python; print(sgtk_python.run('-c', 'import os; print(os.environ[\"SGTK_PYTHON_RUN\"])', project='sintel').stdout)")
        outer, inner = sgtk_python.run(script, project="bigbuck", mark=self.mark).stdout.split()
        self.assertEqual(outer, self.mark)
        self.assertNotEqual(inner, self.mark)

    def test_marks_that_another_run_may_have_are_refused(self):
        for wrong in ("", "17", "x" * 16, None, b"0" * 16):
            with self.assertRaises(ValueError):
                sgtk_python.end_left_over(wrong)
        with self.assertRaises(ValueError):
            sgtk_python.run("-c", "1", project="bigbuck", mark="publish")
