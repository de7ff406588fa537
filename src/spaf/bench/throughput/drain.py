"""One drain: how fast the job processes a topic that was filled before, without the generator.

The scenario runs its own stack in its own run folder: two partitions, two slots, a TaskManager with
a larger heap, and mini-batches of some milliseconds, because it measures throughput, not latency.
The events are those of the generator. A JVM is slow until its code is compiled, so the drain is
repeated on the same TaskManager, and each drain is reported.

A mini-batch is flushed when the time of the log moves on. At the end of the log it stands still:
the last mini-batch would wait for the next checkpoint. So each partition ends with a closing sale,
appended a little later than the others. The clock stops when the other sales are written; the
verification counts the closing sales too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing, nullcontext
from typing import Annotated, ClassVar, NamedTuple, Self

import msgspec
import psycopg

from spaf import clock
from spaf.bench.progress import Progress, no_progress
from spaf.bench.results import recording
from spaf.bench.run.job_run import own_job, wait_until_through
from spaf.bench.run.verdict import verify
from spaf.bench.scenario import Scenario, option
from spaf.bench.throughput.profile import Profiler
from spaf.errors import JobError
from spaf.generate.shop import catalogue
from spaf.generate.shop.assortment import ShopSize
from spaf.generate.shop.stream import SaleStream
from spaf.job.build import SINKS
from spaf.job.flink_client import FlinkClient
from spaf.settings import FlinkSettings, JobSettings, KafkaSettings, Settings
from spaf.stack import process
from spaf.stack.doctor.folder import MIN_FREE_MIB, require_space
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run
from spaf.stack.service_names import TASKMANAGER
from spaf.stack.state import RunFolder
from spaf.stack.submission import JobTarget
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic.admin import ensure_topic
from spaf.topic.producer import open_producer

TOPIC = "drain"
PARTITIONS = 2
SLOTS = 2
TASK_HEAP_MIB = 896
BROKER_HEAP_MIB = 512
# Updates of a row within this time become one; a drain updates few rows very often.
MINI_BATCH_MS = 50
FLUSH_MS = 20
# Delay of the closing sales: two mini-batches, and the resolution of the broker's clock.
CLOSING_S = 2.5 * MINI_BATCH_MS / 1_000
# A checkpoint writes the closing sales well within this time.
CLOSE_TIMEOUT_S = 30.0
# Disk space of an event in the topic, upper bound.
EVENT_BYTES = 400
# Sales between two polls for the producer's delivery reports.
POLL_EVERY = 10_000
# Between two queries of the ledger: the resolution of the time of a drain.
POLL_INTERVAL_S = 0.05
# A drain that needs more time for an event has stopped (a thousandth of the usual rate).
MAX_EVENT_S = 0.003

# The table that counts every record that was read, accepted or not.
LEDGER = "ledger_second"

Count = Callable[[psycopg.Connection], int]


class Drain(msgspec.Struct, frozen=True):
    """One drain of the whole topic; processor time is that of the TaskManager."""

    events: int
    seconds: float
    cpu_seconds: float
    exact: bool
    events_per_second: int
    cpu_us_per_event: float

    @classmethod
    def of(cls, *, events: int, seconds: float, cpu_seconds: float, exact: bool) -> Self:
        """Return a drain with the figures that follow from the raw ones."""
        cpu_us = round(cpu_seconds / events * 1e6, 3)
        return cls(events, seconds, cpu_seconds, exact, round(events / seconds), cpu_us)


class FullTopicScenario(Scenario, frozen=True):
    """A scenario on its own stack, whose topic is filled before."""

    bare: ClassVar[bool] = True
    folder: ClassVar[str] = "drain"
    event_bytes: ClassVar[int] = EVENT_BYTES

    events: Annotated[int, option("Events in the topic.", ge=1_000)] = 1_000_000

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of the stack; contract and detection stay those of the user."""
        job = {
            **settings.job.model_dump(),
            "parallelism": SLOTS,
            "mini_batch_ms": MINI_BATCH_MS,
            "flush_ms": FLUSH_MS,
        }
        return settings.model_copy(
            update={
                "home": settings.home / self.folder,
                "kafka": KafkaSettings(
                    topic=TOPIC, partitions=PARTITIONS, heap_mib=BROKER_HEAP_MIB
                ),
                # Compiled code as soon as Java has it: a drain is read at full speed.
                "flink": FlinkSettings(
                    slots=SLOTS, task_heap_mib=TASK_HEAP_MIB, second_compiler_delay=1
                ),
                "job": JobSettings(**job),
            }
        )

    def prepare(self, settings: Settings) -> Iterable[str]:
        """Check that the disk has room for the events.

        Raises:
            StackError: it has not.

        """
        home = RunFolder(self.settings(settings).home)
        require_space(home, MIN_FREE_MIB + self.events * self.event_bytes // 2**20)
        return ()


def fill(run: Run, events: int, progress: Progress, partitions: int = PARTITIONS) -> None:
    """Fill the topic with the generator's sales, as fast as one process can, and the closing ones.

    Raises:
        TopicError: Kafka does not answer.

    """
    ensure_topic(run.kafka, run.topic, partitions)
    missing = events - drained(run)
    if missing <= 0:
        return
    stream = configured_stream(run, "drain")
    send_sales(run, stream, missing, partitions, progress)
    append_closing(run, stream, partitions)


def append_closing(run: Run, stream: SaleStream, partitions: int = PARTITIONS) -> None:
    """Append the closing sales, which no drain waits for."""
    clock.sleep(CLOSING_S)
    send_sales(run, stream, PARTITIONS, partitions, no_progress)


def configured_stream(run: Run, run_id: str) -> SaleStream:
    """Return the sales of the run's settings, with anomalies and without episodes."""
    generate = run.settings.generate
    return SaleStream(
        catalogue.build(generate.seed, ShopSize.of(generate)),
        seed=generate.seed,
        run_id=run_id,
        currencies=generate.currencies,
        anomaly_rate=generate.anomaly_rate,
    )


def drained(run: Run) -> int:
    """Return how many events a drain of the topic counts: all but the closing ones."""
    return max(0, sum(run.end_offsets().values()) - PARTITIONS)


def send_sales(
    run: Run, stream: SaleStream, sales: int, partitions: int, progress: Progress
) -> None:
    """Append sales to the partitions in turn, as fast as one process can; wait for the broker."""
    producer = open_producer(run.kafka, "spaf-fill")
    for number in range(sales):
        now = clock.now_us()
        sale, _ = stream.next_sale(now, now)
        producer.produce(run.topic, sale, partition=number % partitions)
        if number % POLL_EVERY == 0:
            producer.poll(0)
            progress("filling the topic", number, sales)
    producer.flush()


def drain(
    run: Run,
    number: int,
    progress: Progress,
    sinks: tuple[str, ...] = SINKS,
    profiler: Profiler | None = None,
) -> Drain:
    """Run the job over the whole topic into new tables.

    Args:
        run: the services of the scenario, its topic filled.
        number: of this drain, for the progress.
        progress: is called while the job works.
        sinks: tables that the job writes, sales_summary among them; with less than all of them
            `exact` says only that every event is counted.
        profiler: records the drain, if one is asked for.

    Raises:
        JobError: the job was refused or stopped.

    """
    target_run = run.with_tables(run.topic, f"drain_{clock.now_ms()}")
    group = f"drain-{number}-{clock.now_ms()}"
    # The contract of the user may call some sales late. The ledger counts all that was read.
    count = queries.readable_records if LEDGER in sinks else queries.counted_sales
    progress(f"drain {number}: planning the job")
    with own_job(target_run, run.settings, group, sinks) as (target, job):
        wait_until_running(target, job)
        with profiler.drain(target) if profiler else nullcontext():
            seconds, cpu_seconds, _ = until_counted(
                target_run,
                count,
                lambda done, total: progress(f"drain {number}", done, total),
            )
        progress(f"drain {number}: verifying")
        if sinks == SINKS:
            wait_until_through(target_run, target, job)
            exact = verify(target_run).exact
        else:
            exact = all_counted(target_run, count)
    return Drain.of(events=drained(run), seconds=seconds, cpu_seconds=cpu_seconds, exact=exact)


def wait_until_running(target: JobTarget, job: str) -> None:
    """Wait until every task of a job runs.

    Raises:
        JobError: the job failed.

    """
    with closing(FlinkClient(target.flink)) as client:
        while not _running(client, job):
            clock.sleep(POLL_INTERVAL_S / 10)


class Counted(NamedTuple):
    """Time and processor time until every event was in the tables, and what disturbed them."""

    seconds: float
    cpu_seconds: float
    reasons: list[str]


def until_counted(
    run: Run, count: Count, progress: Callable[[int, int], None], name: str = "drain"
) -> Counted:
    """Return time and processor time from now to the last event in the tables.

    Only what disturbs this part of a run, `name` in its record, makes its figures invalid.

    Raises:
        JobError: the job counts no further.

    """
    events = drained(run)
    measured = recording.interval(name)
    start_s, start_cpu_s = clock.monotonic(), _cpu_seconds(run)
    deadline = start_s + 30 + events * MAX_EVENT_S
    with run.access.session(Role.READ, autocommit=True) as connection:
        while (done := count(connection)) < events:
            progress(done, events)
            if clock.monotonic() > deadline:
                raise JobError(f"The drain has stopped at {done:,} of {events:,} events.")
            clock.sleep(POLL_INTERVAL_S)
    seconds, cpu_seconds = clock.monotonic() - start_s, _cpu_seconds(run) - start_cpu_s
    return Counted(seconds, cpu_seconds, measured.reasons)


def _running(client: FlinkClient, job: str) -> bool:
    status = client.status(job)
    if status is not None and status.state in ("FAILED", "RESTARTING"):
        raise JobError(f"The job failed: {client.failure(job)}")
    return status is not None and status.running


def all_counted(run: Run, count: Count) -> bool:
    """Wait for the closing sales, and return whether every record is counted once."""
    records = sum(run.end_offsets().values())
    with run.access.session(Role.READ, autocommit=True) as connection:
        process.wait_until(lambda: count(connection) >= records, CLOSE_TIMEOUT_S)
        return count(connection) == records


def _cpu_seconds(run: Run) -> float:
    """Return the processor time of all TaskManagers so far."""
    services = run.state().services
    return sum(
        resources(service)[1] for name, service in services.items() if name.startswith(TASKMANAGER)
    )
