"""The limits of a drain: what the same TaskManager reaches over the same topic when it does less.

A scan counts the records without decoding them; a decoding decodes the columns of the job and
counts. Options, clock and end are those of the drains.
"""

from __future__ import annotations

from functools import partial

import psycopg

from spaf import clock
from spaf.bench.progress import Progress
from spaf.bench.run.job_run import own_job
from spaf.bench.throughput.drain import (
    Drain,
    all_counted,
    drained,
    until_counted,
    wait_until_running,
)
from spaf.job.limits import LIMITS, limit_statements
from spaf.stack.run import Run
from spaf.store.access import Role
from spaf.store.migrate import migrate
from spaf.store.statement import statement


def drain_limits(run: Run, drains: int, progress: Progress) -> dict[str, list[Drain]]:
    """Run each limit over the whole topic, in turns; return its drains.

    Raises:
        JobError: a job was refused or stopped.

    """
    drains_of: dict[str, list[Drain]] = {limit: [] for limit in LIMITS}
    for number in range(1, drains + 1):
        for limit in LIMITS:
            drains_of[limit].append(_drain_limit(run, limit, number, progress))
    return drains_of


def _drain_limit(run: Run, limit: str, number: int, progress: Progress) -> Drain:
    now_ms = clock.now_ms()
    target_run = run.with_tables(run.topic, f"{limit}_{now_ms}")
    _create_table(target_run)
    doing = f"{limit} {number}"
    progress(f"{doing}: planning the job")
    statements = partial(limit_statements, limit=limit)
    with own_job(target_run, run.settings, f"{limit}-{now_ms}", statements=statements) as (
        target,
        job,
    ):
        wait_until_running(target, job)
        seconds, cpu_seconds, _ = until_counted(
            target_run, _count, lambda done, total: progress(doing, done, total)
        )
        exact = all_counted(target_run, _count)
    return Drain.of(events=drained(run), seconds=seconds, cpu_seconds=cpu_seconds, exact=exact)


def _create_table(run: Run) -> None:
    migrate(run.access)
    with run.access.session(Role.OWNER) as connection:
        for name in ("create_record_count", "grant_record_count"):
            connection.execute(statement("spaf.bench", name))


def _count(connection: psycopg.Connection) -> int:
    row = connection.execute(statement("spaf.bench", "counted_records")).fetchone()
    return int(row[0]) if row else 0
