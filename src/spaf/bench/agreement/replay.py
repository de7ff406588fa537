"""Determinism: one log, replayed by differently built jobs, must give the same tables to the byte.

The log is written once, with stated append times, and holds what could tell two replays apart: late
sales, hostile records, outlying amounts, several of them in one record, seconds of surge and of
silence, and partitions of very different length, which are read at different speeds.
"""

from __future__ import annotations

import hashlib
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import psutil
from psycopg import sql

from spaf import clock
from spaf.bench.agreement.differential import unsettled
from spaf.bench.agreement.fuzz import Fuzzer
from spaf.bench.run.job_run import LOOK_SECONDS, own_job, wait_until_through
from spaf.bench.run.verdict import verify
from spaf.errors import JobError
from spaf.generate.shop import catalogue
from spaf.generate.shop.stream import SaleStream
from spaf.job.flink_client import FlinkClient
from spaf.settings import FlinkSettings, JobSettings, KafkaSettings, Settings
from spaf.stack.flink import TASKMANAGER
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic.admin import create_stamped_topic
from spaf.topic.producer import open_producer

TABLES = ("sales_summary", "ledger_second", "sale_anomaly", "window_anomaly")
# Wall-clock columns: when a row was written, not what it says.
WALL_CLOCK = ("created_at", "updated_at", "detected_at")
SLOTS = 4
TASK_HEAP_MIB = 512
# Often, so that a job that is killed has a checkpoint to come back to, ms.
CHECKPOINT_MS = 300
MINI_BATCH_MS = 50
# The log begins on 2024-01-01 and lasts so long: seconds enough for the traffic to be judged.
BEGIN_MS = 1_704_067_200_000
LOG_SECONDS = 300
# The first partition gets ten times the records of each other one.
SKEW = (10, 1, 1, 1)
LATE_SHARE = 0.01
HOSTILE_SHARE = 0.01
# Records that are an array of so many sales, each of a hundredfold price.
ARRAY_SHARE, ARRAY_SALES, ARRAY_FACTOR = 0.002, 6, 100
# Seconds with so many times the usual traffic: surges, droughts, and silence.
UNUSUAL = {150: 6.0, 151: 6.0, 180: 0.05, 181: 0.05, 182: 0.05, 220: 0.0, 221: 0.0, 260: 8.0}
# An event that is late by an hour, ms.
LATE_MS = 3_600_000
ANOMALY_RATE = 0.01
# A TaskManager that is killed must be seen to work again within this, seconds.
BACK_SECONDS = 60.0
# Records whose reports the producer is asked for at a time.
POLL_EVERY = 5_000
DELIVERY_SECONDS = 120.0
# Rows of each side that a report shows of a difference.
SHOWN = 5

Tell = Callable[[str], None]


class Variant(NamedTuple):
    """One way to run the job over a log."""

    partitions: int
    parallelism: int
    mini_batch_ms: int = 0
    killed: bool = False

    @property
    def name(self) -> str:
        """Return it in words."""
        batch = f", mini-batch {self.mini_batch_ms} ms" if self.mini_batch_ms else ""
        killed = ", TaskManager killed" if self.killed else ""
        return f"{self.partitions} partition(s), parallelism {self.parallelism}{batch}{killed}"


# The killed one is first: its log is still growing when it dies.
VARIANTS = (
    Variant(4, 2, killed=True),
    Variant(4, 1),
    Variant(4, 2),
    Variant(4, 4),
    Variant(4, 1, MINI_BATCH_MS),
    Variant(4, 4, MINI_BATCH_MS),
    Variant(1, 1),
    Variant(1, 1, MINI_BATCH_MS),
)


class LogRecord(NamedTuple):
    """One record of a log."""

    partition: int
    append_ms: int
    value: bytes


@dataclass(frozen=True)
class Replay:
    """What one variant left in the tables."""

    variant: Variant
    rows: dict[str, int]
    dump: dict[str, bytes]
    seconds: float
    exact: bool
    restored: int = 0
    """How often the job came back from a checkpoint."""

    @property
    def sha256(self) -> str:
        """Return the digest of all tables."""
        digest = hashlib.sha256()
        for table in TABLES:
            digest.update(self.dump[table])
        return digest.hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return it for --json."""
        return {
            **self.variant._asdict(),
            "sha256": self.sha256,
            "rows": self.rows,
            "exact": self.exact,
            "restored": self.restored,
            "seconds": round(self.seconds, 2),
        }


def scenario(settings: Settings) -> Settings:
    """Return the settings of a stack of its own; contract and detection stay the user's."""
    return settings.model_copy(
        update={
            "home": settings.home / "replay",
            "kafka": KafkaSettings(topic="replay"),
            "flink": FlinkSettings(slots=SLOTS, task_heap_mib=TASK_HEAP_MIB),
        }
    )


def log_of(events: int, partitions: int, seed: int) -> Iterator[LogRecord]:
    """Yield the records of a log: the same ones for the same numbers, in order of time."""
    luck = random.Random(seed)  # noqa: S311 - not a secret
    fuzzer = Fuzzer(seed)
    stream = SaleStream(
        catalogue.build(seed),
        seed=seed,
        run_id="replay",
        currencies=("BRL", "USD"),
        anomaly_rate=ANOMALY_RATE,
    )
    for append_ms in moments(events):
        lot = luck.random()
        event_ms = append_ms - (LATE_MS if lot < LATE_SHARE else luck.randrange(3_000))
        value, _ = stream.next_sale(event_ms * 1_000, append_ms * 1_000)
        if LATE_SHARE < lot < LATE_SHARE + ARRAY_SHARE:
            value = _array(stream, event_ms, append_ms)
        if lot > 1 - HOSTILE_SHARE:
            # But for the one form of which the decoder itself does not say the same every time.
            value = fuzzer.record(append_ms)
            if unsettled(value):
                value = b"\xff"
        (partition,) = luck.choices(range(partitions), SKEW[:partitions])
        yield LogRecord(partition, append_ms, value)


def _array(stream: SaleStream, event_ms: int, append_ms: int) -> bytes:
    """Return a record of several sales that are judged side by side, all unusual in one way."""
    sales = []
    for _ in range(ARRAY_SALES):
        value, _ = stream.next_sale(event_ms * 1_000, append_ms * 1_000)
        sale = msgspec.json.decode(value)
        sale["productPrice"] = round(sale["productPrice"] * ARRAY_FACTOR, 2)
        sales.append(sale)
    return msgspec.json.encode(sales)


def moments(events: int) -> Iterator[int]:
    """Yield the append times of so many events, with the unusual seconds among them."""
    weights = [UNUSUAL.get(second, 1.0) for second in range(LOG_SECONDS)]
    scale, owed = events / sum(weights), 0.0
    for second, weight in enumerate(weights):
        owed += weight * scale
        count = int(owed + 0.5)
        owed -= count
        for number in range(count):
            yield BEGIN_MS + second * 1_000 + number * 1_000 // count


class ReplayLog:
    """A log on a topic of its own."""

    def __init__(self, session: Run, size: Size, partitions: int) -> None:
        """Create the topic, empty.

        Raises:
            TopicError: Kafka does not answer.

        """
        self.topic = f"replay_{partitions}_{clock.now_us()}"
        self.size = size
        self._session = session.beside(self.topic, self.topic)
        self._lines = log_of(size.events, partitions, size.seed)
        create_stamped_topic(session.kafka, self.topic, partitions)
        self._producer = open_producer(session.kafka, "spaf-replay", largest=1024 * 1024)

    def write(self, number: int | None = None) -> int:
        """Append the next records, or all that are left, and return how many the log holds."""
        for place, line in enumerate(islice(self._lines, number)):
            self._producer.produce(
                self.topic, line.value, partition=line.partition, timestamp=line.append_ms
            )
            if place % POLL_EVERY == 0:
                self._producer.poll(0)
        if self._producer.flush(DELIVERY_SECONDS):
            raise JobError("Kafka did not take the whole log.", todo="See `spaf logs kafka`.")
        return sum(self._session.end_offsets().values())


@dataclass(frozen=True)
class Size:
    """How much is replayed: records of each log, and the seed of all."""

    events: int
    seed: int


def replays(
    session: Run, settings: Settings, variants: tuple[Variant, ...], size: Size, tell: Tell
) -> Iterator[Replay]:
    """Yield what each variant makes of the log of its number of partitions.

    Raises:
        TopicError: a log could not be written.
        JobError: a job does not come to the end of its log.

    """
    logs: dict[int, ReplayLog] = {}
    for number, variant in enumerate(variants):
        tell(f"{number + 1} of {len(variants)}: {variant.name}")
        log = logs.get(variant.partitions)
        if log is None:
            log = logs[variant.partitions] = ReplayLog(session, size, variant.partitions)
        if not variant.killed:
            log.write()
        yield replay(session, settings, variant, log)


def replay(session: Run, settings: Settings, variant: Variant, log: ReplayLog) -> Replay:
    """Run one variant over its log into fresh tables, and dump them."""
    own = session.beside(log.topic, f"replay_{clock.now_us()}")
    job_settings = {
        **settings.job.model_dump(),
        "parallelism": variant.parallelism,
        "mini_batch_ms": variant.mini_batch_ms,
        "checkpoint_ms": CHECKPOINT_MS,
    }
    chosen = settings.model_copy(update={"job": JobSettings(**job_settings)})
    if variant.killed:
        log.write(log.size.events // 3)
    began = clock.monotonic()
    with own_job(own, chosen, own.access.schema) as (place, job):
        if variant.killed:
            wait_until_through(own, place, job, lambda _: None)
            _kill_at_work(own, log)
        wait_until_through(own, place, job, lambda _: None)
        with closing(FlinkClient(place.flink)) as client:
            _wait_for_checkpoints(client, job, 2)
            restored = _checkpoints(client, job, "restored")
        exact = verify(own).exact
        dump = {table: dumped(own, table) for table in TABLES}
    rows = {table: text.count(b"\n") for table, text in dump.items()}
    if variant.killed and not restored:
        raise JobError("The killed job did not come back from a checkpoint.", todo="Try again.")
    return Replay(variant, rows, dump, clock.monotonic() - began, exact, restored)


def _kill_at_work(session: Run, log: ReplayLog) -> None:
    """Let the log grow, and kill the TaskManager when its job has written more than is certain."""
    before = _readable(session)
    known = session.state().services[TASKMANAGER]
    log.write()
    deadline = clock.monotonic() + BACK_SECONDS
    while _readable(session) == before and clock.monotonic() < deadline:
        clock.sleep(LOOK_SECONDS / 20)
    psutil.Process(known.pid).send_signal(signal.SIGKILL)
    while session.state().services[TASKMANAGER].pid == known.pid:
        if clock.monotonic() > deadline:
            raise JobError("The killed TaskManager was not started again.")
        clock.sleep(LOOK_SECONDS)


def _readable(session: Run) -> int:
    with session.access.session(Role.READ) as connection:
        return queries.readable(connection)


def _wait_for_checkpoints(rest: FlinkClient, job: str, number: int) -> None:
    """Wait for so many more checkpoints: the last seconds close by a timer, after the records."""
    wanted = _checkpoints(rest, job, "completed") + number
    deadline = clock.monotonic() + BACK_SECONDS
    while _checkpoints(rest, job, "completed") < wanted:
        if clock.monotonic() > deadline:
            raise JobError(f"The job takes no checkpoints. {rest.failure(job)}".strip())
        clock.sleep(LOOK_SECONDS)


def _checkpoints(rest: FlinkClient, job: str, kind: str) -> int:
    """Return how many checkpoints were `completed`, or `restored` from."""
    return int(rest.get(f"/jobs/{job}/checkpoints")["counts"][kind])


def dumped(session: Run, table: str) -> bytes:
    """Return a table as text, in the order of its columns, without those of the wall clock."""
    with session.access.session(Role.READ) as connection:
        head = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(sql.Identifier(table)))
        names = [c.name for c in head.description or () if c.name not in WALL_CLOCK]
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        query = sql.SQL("COPY (SELECT {0} FROM {1} ORDER BY {0}) TO STDOUT")
        with connection.cursor().copy(query.format(columns, sql.Identifier(table))) as copy:
            return b"".join(map(bytes, copy))


def differences(one: Replay, other: Replay) -> dict[str, dict[str, list[str]]]:
    """Return the first rows that only one of two replays has, by table."""
    found = {}
    for table in TABLES:
        left, right = one.dump[table].splitlines(), other.dump[table].splitlines()
        if left != right:
            found[table] = {
                one.variant.name: _only(left, right),
                other.variant.name: _only(right, left),
            }
    return found


def _only(rows: list[bytes], others: list[bytes]) -> list[str]:
    there = set(others)
    return [row.decode(errors="replace") for row in rows if row not in there][:SHOWN]
