"""Slurm on this machine: one node, its controller and munge, as root, without cgroups.

Every five seconds a unit at work is killed, in turn by KILL (its batch script then has the job started again) and by
Slurm itself (``scontrol requeue``).
"""
import itertools
import os
import random
import socket
import subprocess
import sys
import time

import support
from record import Verdict, ended
from studio import SHIMS, Plugin, Studio
from trial import Row

CONFIG = """ClusterName=trial
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
SlurmctldPort=17817
SlurmdPort=17818
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=100000,default_queue_depth=2000
SlurmdParameters=config_overrides
MpiDefault=none
SwitchType=switch/none
MaxJobCount=20000
KillWait=5
NodeName={host} CPUs=4 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
"""

#: The batch script, as docs/farm.md has it.
SCRIPT = """#!/bin/sh
{variables}
"{python}" "{shims}/sgtk_python" unit "$1"
code=$?
if [ ! -e "${{1%/*}}/done.json" ] && [ $code -ne 125 ]; then
  scontrol requeue "$SLURM_JOB_ID" && sleep 60
fi
exit $code
"""


def run(folder, events):
    studio = Studio(folder, 10)
    os.environ.update(studio.variables)
    script = studio.write("run-unit", SCRIPT.format(
        python="/usr/bin/python3", shims=SHIMS,
        variables="\n".join("export %s='%s'" % item for item in studio.variables.items() if "SGDAEMON" not in item[0])), 0o755)
    support.log_to(studio.path("log"))
    os.mkdir(studio.path("units"))
    slurm = Slurm(studio)
    try:
        plugin = Plugin(studio.write_routes("routes.json", {"units": studio.path("units")}, submit=[
            # Slurm stores the variables of sbatch, and with --export=NONE it starts a login shell for each job.
            "env", "-i", "PATH=/usr/bin:/bin", "SLURM_CONF=" + os.environ["SLURM_CONF"],
            "sbatch", "--parsable", "--job-name={key}", "--dependency=singleton", "--requeue", "--open-mode=append",
            "--output=" + studio.path("units.log"), script, "{unit}"]))
        started = time.monotonic()
        with support.Killer(slurm.kill_one) as killer:
            for number in range(1, events + 1):
                plugin.handle(studio.event(number))
            submitted = time.monotonic() - started
            # The last ones would be killed each time they start.
            slurm.wait_until_left(10, studio)
        slurm.wait_until_left(0, studio)
        seconds = time.monotonic() - started
    finally:
        slurm.stop()
    return [Row("Slurm", Verdict(studio.records, range(1, events + 1)), seconds, killer.kills,
                note="%.0f ms to submit one" % (submitted / events * 1000))]


class Slurm:
    """The three daemons, with a configuration of their own."""

    def __init__(self, studio):
        self._pid_files = [studio.path(name) for name in ("slurmd.pid", "slurmctld.pid", "munge/pid")]
        os.environ["SLURM_CONF"] = studio.write("slurm.conf", CONFIG.format(
            host=socket.gethostname().split(".")[0], folder=studio.folder))
        for name in ("munge", "state", "spool"):
            os.mkdir(studio.path(name), 0o755)
        with open(studio.path("munge/key"), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(os.urandom(1024))
        munge = ["--%s-file=%s" % (name, studio.path("munge", name)) for name in ("key", "pid", "log", "seed")]
        for words in (
            ["munged", "--force", "--socket=" + studio.path("munge/socket"), *munge], ["slurmctld", "-c"], ["slurmd"],
        ):
            done = support.output_of(words)
            if done.returncode != 0:
                self.stop()
                sys.exit("%s: %s" % (words[0], done.stdout))
        support.wait_until(lambda: support.output_of(["sinfo", "-h", "-o", "%t"]).stdout == "idle\n", 30, "slurmd")
        self._units = studio.path("units")
        self._turns = itertools.cycle((self._kill_unit, self._requeue))
        self._turn = next(self._turns)

    def wait_until_left(self, most, studio):
        """Waits until so many jobs are left."""
        support.wait_until(lambda: self._left() <= most or (self._left(), ended(studio.records)), 120, "Slurm")

    @staticmethod
    def _left():
        return len(support.output_of(["squeue", "-h", "-o", "%i"]).stdout.split())

    def kill_one(self):
        has_killed = self._turn()
        if has_killed:
            self._turn = next(self._turns)
        return has_killed

    def _kill_unit(self):
        units = support.units_at_work(self._units)
        return bool(units) and support.kill(random.choice(units))

    @staticmethod
    def _requeue():
        jobs = support.output_of(["squeue", "-h", "-t", "R", "-o", "%i"]).stdout.split()
        return bool(jobs) and support.output_of(["scontrol", "requeue", random.choice(jobs)]).returncode == 0

    def stop(self):
        for path in self._pid_files:
            if os.path.exists(path):
                with open(path) as file:
                    subprocess.run(["kill", file.read().strip()])
