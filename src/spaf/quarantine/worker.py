"""The work of the quarantine's process: follow the ledger, and explain what was not accepted."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

import psycopg

from spaf import clock
from spaf.errors import SpafError
from spaf.quarantine import repository
from spaf.quarantine.explain import QuarantineRow, ReasonCounts
from spaf.quarantine.offset_ranges import PartitionProgress, RangeBatch, batches, ledger_ranges
from spaf.quarantine.retention import Retention
from spaf.sale import Rules
from spaf.settings import QuarantineSettings
from spaf.store.access import Access, Role
from spaf.topic import admin
from spaf.topic.range_reader import read

log = logging.getLogger(__name__)

# Interval of the polls while nothing is new: the ledger itself is confirmed every 5 s.
POLL_INTERVAL_S = 1.0
# Rows are kept for days: a minute more is nothing.
EXPIRE_EVERY_S = 60.0
# Before the next attempt when a server is unreachable.
RETRY_S = 2.0
# If the quarantine is full and more records than this wait, only a sample is read. That is 1,000
# records a second at the default checkpoints; reading them takes about a second of the CPU share.
MAX_WAITING = 5_000
# Offsets of each batch in such a sample: enough for each reason to occur, a twentieth of the work.
SAMPLE_OFFSETS = 500
# Payloads of one batch in memory; of more, the first are dropped.
MAX_BATCH_BYTES = 16 * 2**20
# About 20 ms of work.
RECORDS_BETWEEN_PAUSES = 500
# Bytes that the Kafka client fetches ahead; a batch has about 100 to 10,000 records.
QUEUE_KIB = 4 * 1024


@dataclass(frozen=True)
class QuarantineSource:
    """The topic and the tables of one job, and the rules of the contract."""

    kafka: str
    topic: str
    access: Access
    rules: Rules


@dataclass
class WorkThrottle:
    """Pauses after work, so that work takes no more than its share of the time."""

    percent: int
    _since: float = field(default_factory=clock.monotonic)

    def start(self) -> None:
        """Start the time of the work."""
        self._since = clock.monotonic()

    def pause(self) -> None:
        """Sleep in proportion to the work since the last pause."""
        clock.sleep((clock.monotonic() - self._since) * (100 / self.percent - 1))
        self.start()


class QuarantineWorker:
    """Explains the records that were not accepted, batch by batch; its state is in the tables."""

    def __init__(
        self, source: QuarantineSource, settings: QuarantineSettings, keep_s: int | None = None
    ) -> None:
        """Keep source and settings; nothing is connected yet.

        Args:
            source: topic, tables and rules.
            settings: the limits.
            keep_s: how long rows are kept, seconds; None: as long as the limits allow.

        """
        self._source = source
        self._keep_s = keep_s
        self._expired_at = -EXPIRE_EVERY_S
        self._settings = settings
        self._throttle = WorkThrottle(settings.cpu_percent)
        self._retention = Retention(settings.max_records, settings.max_mib * 2**20)

    def run(self, ready: Callable[[], None]) -> NoReturn:
        """Poll for ever; wait for a server that is unreachable."""
        said = ""
        while True:
            try:
                with self._source.access.session(Role.SINK, autocommit=True) as connection:
                    self._begin(connection)
                    ready()
                    said = ""
                    while True:
                        self._expire(connection)
                        if not self.explain_some(connection):
                            clock.sleep(POLL_INTERVAL_S)
            except SpafError as error:
                if str(error) != said:
                    log.warning("waiting: %s", error)
                    said = str(error)
                clock.sleep(RETRY_S)

    def catch_up(self) -> None:
        """Explain everything up to the newest complete checkpoint.

        Raises:
            StoreError: PostgreSQL does not answer.
            TopicError: the topic cannot be read.

        """
        with self._source.access.session(Role.SINK, autocommit=True) as connection:
            self._begin(connection)
            while self.explain_some(connection):
                pass

    def explain_some(self, connection: psycopg.Connection) -> bool:
        """Explain the waiting records, or a part of them, and return whether there were any.

        Raises:
            TopicError: the topic cannot be read.

        """
        todo: list[tuple[int, PartitionProgress, RangeBatch]] = []
        for partition, progress, done, seconds, complete in repository.poll(connection):
            before = progress
            for batch in batches(ledger_ranges(progress, seconds, done, complete=complete)):
                todo.append((partition, before, batch))
                before = batch.after
        if not todo:
            return False
        self._explain_all(connection, todo)
        return True

    def _expire(self, connection: psycopg.Connection) -> None:
        """Delete rows that are too old, once a minute."""
        now = clock.monotonic()
        if self._keep_s is None or now - self._expired_at < EXPIRE_EVERY_S:
            return
        self._expired_at = now
        before_s = clock.now_us() / 1e6 - self._keep_s
        self._retention.expire(connection, datetime.fromtimestamp(before_s, UTC))

    def _begin(self, connection: psycopg.Connection) -> None:
        if repository.reset_if_rules_changed(connection, self._source.rules):
            log.info("the rules have changed: everything is explained anew")
        self._retention = Retention.of(self._settings, connection)

    def _explain_all(
        self, connection: psycopg.Connection, todo: list[tuple[int, PartitionProgress, RangeBatch]]
    ) -> None:
        self._throttle.start()
        source = self._source
        wait = sum(batch.not_accepted for _, _, batch in todo)
        begin: Mapping[int, int] = {}
        if any(batch.dirty for _, _, batch in todo):
            begin = admin.begin_offsets(source.kafka, source.topic)
        try:
            for partition, before, batch in todo:
                sampled = wait > MAX_WAITING and not self._retention.has_room(batch.not_accepted)
                self._explain(connection, (partition, before, batch), begin, sampled=sampled)
                wait -= batch.not_accepted
                self._throttle.pause()
        except repository.ConcurrentUpdateError:
            log.warning("another process is explaining the same topic")
            clock.sleep(POLL_INTERVAL_S)

    def _explain(
        self,
        connection: psycopg.Connection,
        what: tuple[int, PartitionProgress, RangeBatch],
        begin: Mapping[int, int],
        *,
        sampled: bool,
    ) -> None:
        partition, before, batch = what
        # What retention has deleted can be counted, no more.
        first = min(max(batch.first, begin.get(partition, 0)), batch.end)
        end = min(first + SAMPLE_OFFSETS, batch.end) if sampled else batch.end
        whole = (first, end) == (batch.first, batch.end)
        counts = ReasonCounts()
        rows = self._read(partition, first, end, counts, batch.starts)
        with repository.step(connection, partition, before, batch.after, self._source.rules):
            if not batch.dirty:
                return
            repository.insert_rows(connection, rows)
            repository.add_gaps(connection, partition, counts.gaps)
            for row in rows:
                self._retention.add(row.reason, len(row.payload or b""))
            self._retention.enforce(connection)
            counts.reconcile(batch.late, batch.rejected, whole=whole)
            repository.add_counts(connection, partition, counts)
        if whole and counts.disagrees(batch.late, batch.rejected):
            log.error(
                "partition %d, offsets %d to %d: the ledger has %d late and %d rejected, the "
                "contract says %d and %d",
                *(partition, batch.first, batch.end - 1),
                *(batch.late, batch.rejected - counts.without_record, counts.late, counts.rejected),
            )

    def _read(
        self, partition: int, first: int, end: int, counts: ReasonCounts, starts: tuple[int, ...]
    ) -> deque[QuarantineRow]:
        """Count every offset of a range and return the rows of records that were not accepted.

        All rests are here, before the transaction: one that stays open keeps PostgreSQL from
        clearing away old versions of rows, those of sales_summary too.
        """
        source = self._source
        rows: deque[QuarantineRow] = deque()
        size = 0
        where = {partition: first}, {partition: end}
        expected = first
        with closing(read(source.kafka, source.topic, *where, queue_kib=QUEUE_KIB)) as records:
            for record in records:
                _count_gap(counts, starts, expected, record.offset)
                expected = record.offset + 1
                row = counts.add(record, source.rules)
                if row is not None:
                    rows.append(row)
                    size += len(row.payload or b"")
                while size > MAX_BATCH_BYTES:
                    size -= len(rows.popleft().payload or b"")
                if counts.read % RECORDS_BETWEEN_PAUSES == 0:
                    self._throttle.pause()
        _count_gap(counts, starts, expected, end)
        return rows


def _count_gap(counts: ReasonCounts, starts: tuple[int, ...], first: int, end: int) -> None:
    """Count offsets without a record for the range of the ledger that they begin in."""
    if first < end:
        counts.gaps[starts[bisect_right(starts, first) - 1]] += end - first
