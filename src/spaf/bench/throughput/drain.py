"""How fast the job empties a topic that was filled before: throughput without the generator.

The scenario has a stack of its own in a run folder of its own: two partitions, two slots, a
TaskManager with a larger heap, and events gathered for some milliseconds, because here throughput
is asked, not latency. The events are those of the generator. A JVM runs slowly until its code is
compiled, so the drain is repeated on the same TaskManager, and each time is reported.

What is gathered is written when the log's time passes on, and at the end of a log it stands still:
the last batch would wait for the next checkpoint, whenever that comes. So each partition ends with
a closing sale, appended a little later than the others. The clock stops when the others are
written; the verification counts the closing ones too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import psycopg

from spaf import clock
from spaf.bench.run.job_run import own_job, wait_until_through
from spaf.bench.run.verdict import verify
from spaf.errors import JobError
from spaf.generate.shop import catalogue
from spaf.generate.shop.stream import SaleStream
from spaf.job.build import ANSWERS
from spaf.job.flink_client import FlinkClient
from spaf.settings import FlinkSettings, JobSettings, KafkaSettings, Settings
from spaf.stack import process
from spaf.stack.flink import TASKMANAGER
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run
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
# The closing sales come this much later: two batches, and the step of the broker's clock.
CLOSING_SECONDS = 2.5 * MINI_BATCH_MS / 1_000
# A checkpoint writes the closing sales well within this, seconds.
CLOSED_SECONDS = 30.0
# Room that an event takes in the topic at most, bytes.
EVENT_BYTES = 400
# Sales between two looks at the producer's reports.
POLL_EVERY = 10_000
# Between two looks at the ledger: the resolution of the time of a drain, seconds.
LOOK_SECONDS = 0.05
# A drain that takes longer than this an event has stopped (a thousandth of the usual rate).
SLOWEST_EVENT_S = 0.003

# The table that counts whatever was read.
LEDGER = "ledger_second"

Tell = Callable[[str], None]
Count = Callable[[psycopg.Connection], int]


@dataclass(frozen=True)
class Drain:
    """One drain of the whole topic."""

    events: int
    seconds: float
    cpu_seconds: float
    exact: bool

    @property
    def events_per_second(self) -> float:
        """Return the throughput."""
        return self.events / self.seconds

    @property
    def cpu_us_per_event(self) -> float:
        """Return the processor time of the TaskManager for an event, microseconds."""
        return self.cpu_seconds / self.events * 1e6

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json."""
        return {
            **asdict(self),
            "events_per_second": round(self.events_per_second),
            "cpu_us_per_event": round(self.cpu_us_per_event, 3),
        }


def scenario(settings: Settings) -> Settings:
    """Return the settings of the scenario; contract and detection stay the user's."""
    return settings.model_copy(
        update={
            "home": settings.home / "drain",
            "kafka": KafkaSettings(topic=TOPIC, partitions=PARTITIONS, heap_mib=BROKER_HEAP_MIB),
            "flink": FlinkSettings(slots=SLOTS, task_heap_mib=TASK_HEAP_MIB),
            "job": JobSettings(
                **{
                    **settings.job.model_dump(),
                    "parallelism": SLOTS,
                    "mini_batch_ms": MINI_BATCH_MS,
                    "flush_ms": FLUSH_MS,
                }
            ),
        }
    )


def fill(session: Run, events: int, tell: Tell) -> None:
    """Fill the topic with the generator's sales, as fast as one process can, and the closing ones.

    Raises:
        TopicError: Kafka does not answer.

    """
    ensure_topic(session.kafka, session.topic, PARTITIONS)
    missing = events - drained(session)
    if missing <= 0:
        return
    generate = session.settings.generate
    stream = SaleStream(
        catalogue.build(generate.seed),
        seed=generate.seed,
        run_id="drain",
        currencies=generate.currencies,
        anomaly_rate=generate.anomaly_rate,
    )
    _send(session, stream, missing, tell)
    clock.sleep(CLOSING_SECONDS)
    _send(session, stream, PARTITIONS, tell)


def drained(session: Run) -> int:
    """Return how many events a drain of the topic counts: all but the closing ones."""
    return max(0, sum(session.end_offsets().values()) - PARTITIONS)


def _send(session: Run, stream: SaleStream, sales: int, tell: Tell) -> None:
    """Append sales to the partitions in turn, and wait for the broker."""
    producer = open_producer(session.kafka, "spaf-fill")
    for number in range(sales):
        now = clock.now_us()
        sale, _ = stream.next_sale(now, now)
        producer.produce(session.topic, sale, partition=number % PARTITIONS)
        if number % POLL_EVERY == 0:
            producer.poll(0)
            tell(f"filling the topic: {number:,} of {sales:,}")
    producer.flush()


def drain(session: Run, number: int, tell: Tell, answers: tuple[str, ...] = ANSWERS) -> Drain:
    """Run the job over the whole topic into fresh tables.

    Args:
        session: the bare stack of the scenario, its topic filled.
        number: of this drain, for the progress.
        tell: takes a line of progress now and then.
        answers: tables that the job writes, sales_summary among them; with less than all of them
            `exact` says only that it counts every event.

    Raises:
        JobError: the job was refused or stopped.

    """
    one = session.beside(session.topic, f"drain_{clock.now_ms()}")
    group = f"drain-{number}-{clock.now_ms()}"
    # A user's contract may call some of the sales late, so all that was read counts: the ledger.
    count = queries.readable if LEDGER in answers else queries.accepted
    tell(f"drain {number}: planning the job")
    with own_job(one, session.settings, group, answers) as (place, job):
        with closing(FlinkClient(place.flink)) as client:
            seconds, cpu = _until_empty(
                one, client, job, count, lambda done: tell(f"drain {number}: {done:,}")
            )
        tell(f"drain {number}: verifying")
        if answers == ANSWERS:
            wait_until_through(one, place, job, lambda _: None)
            exact = verify(one).exact
        else:
            exact = _all_counted(one, count)
    return Drain(drained(session), seconds, cpu, exact)


def _until_empty(
    session: Run, rest: FlinkClient, job: str, count: Count, tell: Callable[[int], None]
) -> tuple[float, float]:
    """Return time and processor time from the running job to the last event in the tables."""
    events = drained(session)
    while not _running(rest, job):
        clock.sleep(LOOK_SECONDS / 10)
    began, cpu_before = clock.monotonic(), _cpu(session)
    deadline = began + 30 + events * SLOWEST_EVENT_S
    with session.access.session(Role.READ, autocommit=True) as connection:
        while (done := count(connection)) < events:
            tell(done)
            if clock.monotonic() > deadline:
                raise JobError(f"The drain has stopped at {done:,} of {events:,} events.")
            clock.sleep(LOOK_SECONDS)
    return clock.monotonic() - began, _cpu(session) - cpu_before


def _running(rest: FlinkClient, job: str) -> bool:
    status = rest.status(job)
    if status is not None and status.state in ("FAILED", "RESTARTING"):
        raise JobError(f"The job failed: {rest.failure(job)}")
    return status is not None and status.running


def _all_counted(session: Run, count: Count) -> bool:
    """Wait for the closing sales too, and tell whether there is one count for each record."""
    records = sum(session.end_offsets().values())
    with session.access.session(Role.READ, autocommit=True) as connection:
        process.wait_until(lambda: count(connection) >= records, CLOSED_SECONDS)
        return count(connection) == records


def _cpu(session: Run) -> float:
    services = session.state().services
    return sum(
        resources(service)[1] for name, service in services.items() if name.startswith(TASKMANAGER)
    )
