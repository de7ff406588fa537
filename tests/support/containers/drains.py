"""Drains of one topic by jobs of one task and of three, in turn, in the run that is up.

It runs beside the live page, as `drill.py` does. The tests read the processor time of the
containers when a drain begins and when it ends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psycopg

from spaf import clock, settings
from spaf.bench.progress import no_progress
from spaf.bench.run.job_run import own_job, wait_until_through
from spaf.bench.run.verdict import verify
from spaf.bench.throughput import drain as drains
from spaf.errors import JobError
from spaf.settings import Settings
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic.admin import ensure_topic

TOPIC = "drain"
PARTITIONS = 3


class DrainsPlan(msgspec.Struct, frozen=True):
    """What to do: the only argument. The last drain of each number of tasks is verified."""

    events: int
    tasks: tuple[int, ...]


class Began(msgspec.Struct, frozen=True, tag=True):
    """A drain begins: every task runs, nothing is read yet."""


class Ended(msgspec.Struct, frozen=True, tag=True):
    """Every event is in the tables."""

    tasks: int
    seconds: float


class Verified(msgspec.Struct, frozen=True, tag=True):
    """The tables of a drain were compared with their recomputation."""

    tasks: int
    exact: bool
    records: int


def say(message: object) -> None:
    """Write a message in a line of its own."""
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def fill(run: Run, events: int) -> None:
    """Fill the topic, and close each partition a little later, as `spaf bench drain` does."""
    ensure_topic(run.kafka, run.topic, PARTITIONS)
    stream = drains.configured_stream(run, "drain")
    drains.send_sales(run, stream, events, PARTITIONS, no_progress)
    clock.sleep(drains.CLOSING_S)
    drains.send_sales(run, stream, PARTITIONS, PARTITIONS, no_progress)


def settings_of(run: Run, tasks: int) -> Settings:
    """Return the settings of a job that is to be fast, with so many tasks."""
    job = run.settings.job.model_copy(
        update={
            "parallelism": tasks,
            "mini_batch_ms": drains.MINI_BATCH_MS,
            "flush_ms": drains.FLUSH_MS,
        }
    )
    return run.settings.model_copy(update={"job": job})


def drain(run: Run, plan: DrainsPlan, number: int) -> None:
    """Run the job over the whole topic into new tables."""
    tasks = plan.tasks[number]
    tables = run.with_tables(run.topic, f"drain_{number}")
    group = f"drain-{number}"
    with own_job(tables, settings_of(run, tasks), group) as (target, job):
        drains.wait_until_running(target, job)
        say(Began())
        began = clock.monotonic()
        with counting(tables) as connection:
            deadline = began + 60 + plan.events * drains.MAX_EVENT_S
            while queries.readable_records(connection) < plan.events:
                if clock.monotonic() > deadline:
                    raise JobError("The drain has stopped.")
                clock.sleep(drains.POLL_INTERVAL_S)
        say(Ended(tasks, clock.monotonic() - began))
        if tasks not in plan.tasks[number + 1 :]:
            wait_until_through(tables, target, job)
            verdict = verify(tables)
            say(Verified(tasks, verdict.exact, verdict.records))


@contextmanager
def counting(run: Run) -> Iterator[psycopg.Connection]:
    """Yield a connection that counts."""
    with run.access.session(Role.READ, autocommit=True) as connection:
        yield connection


def main() -> None:
    """Fill the topic and drain it."""
    plan = msgspec.json.decode(sys.argv[1], type=DrainsPlan)
    run = Run.attach(settings.load()).with_tables(TOPIC, "drain")
    fill(run, plan.events)
    for number in range(len(plan.tasks)):
        drain(run, plan, number)


if __name__ == "__main__":
    main()
