"""Determinism: one log, replayed by differently built jobs, must give the same tables to the byte.

The log is written once, with given append times, and holds what could make two replays differ: late
sales, hostile records, outlying amounts, several of them in one record, seconds of surge and of
silence, and partitions of very different length, which are read at different speeds.
"""

from __future__ import annotations

import hashlib
import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Annotated, ClassVar, NamedTuple, Self

import msgspec
import psutil
from psycopg import sql

from spaf import clock
from spaf.bench.agreement.differential import unsettled
from spaf.bench.agreement.fuzz import Fuzzer
from spaf.bench.progress import Progress
from spaf.bench.run.job_run import POLL_INTERVAL_S, own_job, wait_until_through
from spaf.bench.run.verdict import verify
from spaf.bench.scenario import Result, Scenario, Table, option
from spaf.errors import JobError
from spaf.generate.shop import catalogue
from spaf.generate.shop.stream import SaleStream
from spaf.job.flink_client import FlinkClient
from spaf.settings import FlinkSettings, JobSettings, KafkaSettings, Settings
from spaf.stack.run import Run
from spaf.stack.service_names import TASKMANAGER
from spaf.store import queries
from spaf.store.access import Role
from spaf.store.statement import composed
from spaf.topic.admin import create_stamped_topic
from spaf.topic.producer import open_producer

TABLES = ("sales_summary", "ledger_second", "sale_anomaly", "window_anomaly")
# Wall-clock columns: the time of writing differs between two replays.
WALL_CLOCK = ("created_at", "updated_at", "detected_at")
SLOTS = 4
TASK_HEAP_MIB = 512
# A checkpoint of all tasks costs 0.07 s of processor time. That from which a killed job is restored
# is requested.
CHECKPOINT_MS = 1_000
MINI_BATCH_MS = 50
# The log begins on 2024-01-01 and lasts long enough for the traffic rules to have a baseline.
BEGIN_MS = 1_704_067_200_000
LOG_S = 300
# Before it the shop sells little, long enough for the rule for minutes to have a history. With the
# busy seconds that follow, every category has unusual minutes. Share of the events.
QUIET_MINUTES, QUIET_SHARE = 70, 0.1
MINUTE_MS = 60_000
# The first partition gets ten times the records of each other one.
SKEW = (10, 1, 1, 1)
LATE_SHARE = 0.01
HOSTILE_SHARE = 0.01
# Share of records that are an array, sales of such an array, and the factor of their prices.
ARRAY_SHARE, ARRAY_SALES, ARRAY_FACTOR = 0.002, 6, 100
# Second → factor of the usual traffic: surges, droughts, and silence.
UNUSUAL = {150: 6.0, 151: 6.0, 180: 0.05, 181: 0.05, 182: 0.05, 220: 0.0, 221: 0.0, 260: 8.0}
# Age of a late event.
LATE_MS = 3_600_000
ANOMALY_RATE = 0.01
# The supervisor restarts a killed TaskManager, and its job is restored, within this time.
RESTART_TIMEOUT_S = 60.0
# Records between two polls for the producer's delivery reports.
POLL_EVERY = 5_000
DELIVERY_S = 120.0
# Rows of each side of a difference that a result holds.
MAX_SHOWN = 5
MAX_RECORD_BYTES = 1024 * 1024

# Table → variant → rows that the other variant does not have.
Differences = dict[str, dict[str, list[str]]]


class Variant(msgspec.Struct, frozen=True):
    """One way to run the job over a log."""

    partitions: int
    parallelism: int
    mini_batch_ms: int = 0
    killed: bool = False

    @property
    def name(self) -> str:
        """Return the variant in words."""
        batch = f", mini-batch {self.mini_batch_ms} ms" if self.mini_batch_ms else ""
        killed = ", TaskManager killed" if self.killed else ""
        return f"{self.partitions} partition(s), parallelism {self.parallelism}{batch}{killed}"


# The killed variant is first: its log still grows when the TaskManager is killed.
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


class Size(NamedTuple):
    """How much is replayed: records of each log, and the seed of all."""

    events: int
    seed: int


class LogRecord(NamedTuple):
    """One record of a log."""

    partition: int
    append_ms: int
    value: bytes


class ReplayRun(Variant, frozen=True, kw_only=True):
    """One variant that was run: digest and row counts of its tables."""

    sha256: str
    rows: dict[str, int]
    exact: bool
    restored: int
    """How often the job was restored from a checkpoint."""
    seconds: float


# Each table as text, ordered by its columns.
TableDump = dict[str, bytes]
Replayed = tuple[ReplayRun, TableDump]


class ReplayResult(Result, frozen=True):
    """The result of a replay test."""

    events: int
    seed: int
    identical: bool
    runs: int
    replays: list[ReplayRun]
    differences: list[Differences]

    @classmethod
    def of(cls, size: Size, replayed: Sequence[Replayed]) -> Self:
        """Compare each replay with the first one over the log of as many partitions."""
        firsts = {run.partitions: (run, dump) for run, dump in reversed(replayed)}
        pairs = [(firsts[run.partitions], (run, dump)) for run, dump in replayed]
        unequal = [differences(first, other) for first, other in pairs if first[1] != other[1]]
        runs = [run for run, _ in replayed]
        identical = not unequal and all(run.exact for run in runs)
        return cls(size.events, size.seed, identical, len(runs), runs, unequal)

    @property
    def reasons(self) -> list[str]:
        """What is not proven."""
        return [] if self.identical else ["the tables of the replays are not identical and exact"]

    def tables(self) -> Iterator[Table]:
        """Yield a row a variant, then the rows that only one of two variants has."""
        rows = [
            (run.name, run.sha256[:16], *run.rows.values(), run.exact, run.seconds)
            for run in self.replays
        ]
        yield Table("", ("job", "sha256", *TABLES, "exact", "seconds"), rows)
        for unequal in self.differences:
            for table, sides in unequal.items():
                lines = [(side, row) for side, only in sides.items() for row in only]
                yield Table(f"{table}: rows that only one has", ("job", "row"), lines)


class ReplayScenario(Scenario, frozen=True):
    """Replay one log with other parallelism, mini-batches and a killed TaskManager; compare.

    The log holds late, hostile and anomalous records in partitions of very different length. The
    dumps of all tables, without their wall-clock columns, must be identical to the byte. Exit code
    1 if they are not.
    """

    bare: ClassVar[bool] = True

    events: Annotated[int, option("Records of each log.", ge=3_000, le=5_000_000)] = 300_000
    seed: Annotated[int, option("Seed of the logs.", ge=0)] = 1

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of the test's own stack; contract and detection stay the user's."""
        return settings.model_copy(
            update={
                "home": settings.home / "replay",
                "kafka": KafkaSettings(topic="replay"),
                "flink": FlinkSettings(slots=SLOTS, task_heap_mib=TASK_HEAP_MIB),
            }
        )

    def measure_run(self, run: Run, progress: Progress) -> ReplayResult:
        """Replay the log by every variant."""
        size = Size(self.events, self.seed)
        return ReplayResult.of(size, list(replays(run, run.settings, VARIANTS, size, progress)))


def log_of(events: int, partitions: int, seed: int) -> Iterator[LogRecord]:
    """Yield the records of a log in order of time; the same arguments give the same records."""
    rng = random.Random(seed)  # noqa: S311 - not a secret
    fuzzer = Fuzzer(seed)
    stream = SaleStream(
        catalogue.build(seed),
        seed=seed,
        run_id="replay",
        currencies=("BRL", "USD"),
        anomaly_rate=ANOMALY_RATE,
    )
    for append_ms in moments(events):
        chance = rng.random()
        event_ms = append_ms - (LATE_MS if chance < LATE_SHARE else rng.randrange(3_000))
        value, _ = stream.next_sale(event_ms * 1_000, append_ms * 1_000)
        if LATE_SHARE < chance < LATE_SHARE + ARRAY_SHARE:
            value = _array(stream, event_ms, append_ms)
        if chance > 1 - HOSTILE_SHARE:
            # Except the one form that the decoder does not decide the same way every time.
            value = fuzzer.record(append_ms)
            if unsettled(value):
                value = b"\xff"
        (partition,) = rng.choices(range(partitions), SKEW[:partitions])
        yield LogRecord(partition, append_ms, value)


def _array(stream: SaleStream, event_ms: int, append_ms: int) -> bytes:
    """Return a record of several sales with outlying prices, which are classified together."""
    sales = []
    for _ in range(ARRAY_SALES):
        value, _ = stream.next_sale(event_ms * 1_000, append_ms * 1_000)
        sale = msgspec.json.decode(value)
        sale["productPrice"] = round(sale["productPrice"] * ARRAY_FACTOR, 2)
        sales.append(sale)
    return msgspec.json.encode(sales)


def moments(events: int) -> Iterator[int]:
    """Yield the append times of the events, the unusual seconds among them."""
    quiet = int(events * QUIET_SHARE)
    for number in range(quiet):
        yield BEGIN_MS - QUIET_MINUTES * MINUTE_MS * (quiet - number) // quiet
    weights = [UNUSUAL.get(second, 1.0) for second in range(LOG_S)]
    scale, remainder = (events - quiet) / sum(weights), 0.0
    for second, weight in enumerate(weights):
        remainder += weight * scale
        count = int(remainder + 0.5)
        remainder -= count
        for number in range(count):
            yield BEGIN_MS + second * 1_000 + number * 1_000 // count


class ReplayLog:
    """A log on its own topic."""

    def __init__(self, run: Run, size: Size, partitions: int) -> None:
        """Create the topic, empty.

        Raises:
            TopicError: Kafka does not answer.

        """
        self.topic = f"replay_{partitions}_{clock.now_us()}"
        self.size = size
        self._run = run.with_tables(self.topic, self.topic)
        self._records = log_of(size.events, partitions, size.seed)
        create_stamped_topic(run.kafka, self.topic, partitions)
        self._producer = open_producer(run.kafka, "spaf-replay", max_bytes=MAX_RECORD_BYTES)

    def write(self, number: int | None = None) -> int:
        """Append the next records, or all that are left, and return how many the log holds.

        Raises:
            JobError: Kafka refused a record.

        """
        for written, record in enumerate(islice(self._records, number)):
            self._producer.produce(
                self.topic, record.value, partition=record.partition, timestamp=record.append_ms
            )
            if written % POLL_EVERY == 0:
                self._producer.poll(0)
        if self._producer.flush(DELIVERY_S):
            raise JobError("Kafka did not take the whole log.", todo="See `spaf logs kafka`.")
        return sum(self._run.end_offsets().values())


def replays(
    run: Run,
    settings: Settings,
    variants: Sequence[Variant],
    size: Size,
    progress: Progress,
) -> Iterator[Replayed]:
    """Yield the tables of each variant over the log of its number of partitions.

    Raises:
        TopicError: a log could not be written.
        JobError: a job does not come to the end of its log.

    """
    logs: dict[int, ReplayLog] = {}
    for number, variant in enumerate(variants, start=1):
        progress(f"{number} of {len(variants)}: {variant.name}")
        log = logs.get(variant.partitions)
        if log is None:
            log = logs[variant.partitions] = ReplayLog(run, size, variant.partitions)
        if not variant.killed:
            log.write()
        yield replay(run, settings, variant, log)


def replay(run: Run, settings: Settings, variant: Variant, log: ReplayLog) -> Replayed:
    """Run one variant over its log into new tables, and dump them.

    Raises:
        JobError: the job does not come to the end of its log.

    """
    target_run = run.with_tables(log.topic, f"replay_{clock.now_us()}")
    job_settings = {
        **settings.job.model_dump(),
        "parallelism": variant.parallelism,
        "mini_batch_ms": variant.mini_batch_ms,
        "checkpoint_ms": CHECKPOINT_MS,
    }
    chosen = settings.model_copy(update={"job": JobSettings(**job_settings)})
    if variant.killed:
        log.write(log.size.events // 3)
    start_s = clock.monotonic()
    with own_job(target_run, chosen, target_run.access.schema) as (target, job):
        if variant.killed:
            wait_until_through(target_run, target, job)
            _kill_at_work(target_run, log)
        wait_until_through(target_run, target, job)
        with closing(FlinkClient(target.flink)) as client:
            _wait_for_checkpoints(client, job, 2)
            restored = _checkpoints(client, job, "restored")
        exact = verify(target_run).exact
        dump = {table: dumped(target_run, table) for table in TABLES}
    rows = {table: text.count(b"\n") for table, text in dump.items()}
    if variant.killed and not restored:
        raise JobError("The killed job was not restored from a checkpoint.", todo="Try again.")
    replayed = ReplayRun(
        **msgspec.structs.asdict(variant),
        sha256=hashlib.sha256(b"".join(dump[table] for table in TABLES)).hexdigest(),
        rows=rows,
        exact=exact,
        restored=restored,
        seconds=round(clock.monotonic() - start_s, 2),
    )
    return replayed, dump


def _kill_at_work(run: Run, log: ReplayLog) -> None:
    """Extend the log, and kill the TaskManager once its job has written past its checkpoint."""
    records = _readable(run)
    task_manager = run.state().services[TASKMANAGER]
    log.write()
    deadline = clock.monotonic() + RESTART_TIMEOUT_S
    while _readable(run) == records and clock.monotonic() < deadline:
        clock.sleep(POLL_INTERVAL_S / 20)
    psutil.Process(task_manager.pid).send_signal(signal.SIGKILL)
    while run.state().services[TASKMANAGER].pid == task_manager.pid:
        if clock.monotonic() > deadline:
            raise JobError("The killed TaskManager was not started again.")
        clock.sleep(POLL_INTERVAL_S)


def _readable(run: Run) -> int:
    with run.access.session(Role.READ) as connection:
        return queries.readable_records(connection)


def _wait_for_checkpoints(client: FlinkClient, job: str, number: int) -> None:
    """Wait for more checkpoints: a timer closes the last seconds, after the last record."""
    wanted = _checkpoints(client, job, "completed") + number
    deadline = clock.monotonic() + RESTART_TIMEOUT_S
    while _checkpoints(client, job, "completed") < wanted:
        if clock.monotonic() > deadline:
            raise JobError(f"The job takes no checkpoints. {client.failure(job)}".strip())
        clock.sleep(POLL_INTERVAL_S)


def _checkpoints(client: FlinkClient, job: str, kind: str) -> int:
    """Return how many checkpoints were `completed`, or `restored` from."""
    return int(client.get(f"/jobs/{job}/checkpoints")["counts"][kind])


def dumped(run: Run, table: str) -> bytes:
    """Return a table as text, ordered by its columns, without the wall-clock columns."""
    with run.access.session(Role.READ) as connection:
        name = sql.Identifier(table)
        head = connection.execute(composed("spaf.bench", "table_columns", table=name))
        names = [c.name for c in head.description or () if c.name not in WALL_CLOCK]
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        query = composed("spaf.bench", "copy_table", table=name, columns=columns)
        with connection.cursor().copy(query) as copy:
            return b"".join(map(bytes, copy))


def differences(first: Replayed, other: Replayed) -> Differences:
    """Return the first rows that only one of two replays has, by table."""
    unequal = {}
    for table in TABLES:
        left, right = first[1][table].splitlines(), other[1][table].splitlines()
        if left != right:
            unequal[table] = {first[0].name: _only(left, right), other[0].name: _only(right, left)}
    return unequal


def _only(rows: list[bytes], others: list[bytes]) -> list[str]:
    other_rows = set(others)
    return [row.decode(errors="replace") for row in rows if row not in other_rows][:MAX_SHOWN]
