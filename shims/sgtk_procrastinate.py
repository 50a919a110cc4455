"""Units of work in a database queue: Procrastinate 3 on PostgreSQL, for a route of ``sgtk_events.py``::

    submit = "sgtk_procrastinate:defer"

The folder of this file is on ``PYTHONPATH`` of the event daemon and of the workers, but is none of the daemon's
folders of plugins. Both find the database by the variables of libpq (``PGHOST``, ``PGDATABASE``, …). Set up and work::

    procrastinate --app=sgtk_procrastinate.app schema --apply
    procrastinate --app=sgtk_procrastinate.app worker --concurrency=4
"""
from __future__ import annotations

from typing import Any

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from sgtk_python.errors import Busy
from sgtk_python.unit import run_unit

#: Seconds without a sign of life after which a worker counts as dead; workers give one every 10 seconds.
STALLED = 60
#: Seconds until a unit that another process works on is looked at again.
BUSY = 15
#: Seconds that the database gets to answer.
PATIENCE = 30

app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(
        min_size=1, timeout=PATIENCE, kwargs={"connect_timeout": PATIENCE, "tcp_user_timeout": PATIENCE * 1000}))


def defer(unit: str, key: str, **_: Any) -> str:
    """Puts a unit into the queue. The units of one key run one after another, in this order."""
    app.open()
    try:
        return "job %d" % work.configure(lock=key, queueing_lock=unit).defer(unit=unit)
    except AlreadyEnqueued:
        return "it is in the queue already"


@app.task(retry=procrastinate.RetryStrategy(wait=BUSY, retry_exceptions=[Busy]), pass_context=True)
def work(context: procrastinate.JobContext, unit: str) -> str:
    return run_unit(unit, "procrastinate-%s" % context.job.id, context.job.attempts).state


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="sgtk_procrastinate.retry_stalled")
async def retry_stalled(timestamp: int, seconds: float = STALLED) -> None:
    """Starts the units of dead workers again; until then the later ones of their keys wait."""
    for job in await app.job_manager.get_stalled_jobs(task_name=work.name, seconds_since_heartbeat=seconds):
        await app.job_manager.retry_job(job)
