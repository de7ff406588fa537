"""The process's work: follow the ledger, read what it shows missing, write down why."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import NoReturn

import psycopg

from spaf import clock
from spaf.errors import SpafError
from spaf.quarantine import repository
from spaf.quarantine.explain import QuarantineRow, ReasonCounts
from spaf.quarantine.offset_ranges import PartitionProgress, RangeBatch, spans, stretches
from spaf.quarantine.retention import Retention
from spaf.sale import Rules
from spaf.settings import QuarantineSettings
from spaf.store.access import Access, Role
from spaf.topic import admin
from spaf.topic.range_reader import read

log = logging.getLogger(__name__)

# Between two looks while nothing is new, seconds: the ledger itself is confirmed every 5 s.
LOOK_SECONDS = 1.0
# Before the next attempt when a server is away, seconds.
AWAY_SECONDS = 2.0
# Where all is full and more than this many wait, only a sample is read. That is 1,000 bad records a
# second at the default checkpoints; reading and replacing these takes about a second of its share.
FEW_WAITING = 5_000
# Offsets that are read of each span then: enough for each reason to show, a twentieth of the work.
SAMPLE_OFFSETS = 500
# What the process holds of one range, bytes: a flood of huge records loses the first of them.
BYTES_AT_ONCE = 16 * 2**20
# Some 20 ms of work.
RECORDS_BETWEEN_RESTS = 500
# What the Kafka client may fetch ahead, KiB; a span has some 100 to 10,000 records.
QUEUE_KIB = 4 * 1024


@dataclass(frozen=True)
class QuarantineSource:
    """What is explained, and where: the topic and the tables of one job."""

    kafka: str
    topic: str
    access: Access
    rules: Rules


@dataclass
class WorkThrottle:
    """Rests after work, so that work takes no more than its share of the time."""

    percent: int
    _since: float = field(default_factory=clock.monotonic)

    def begin(self) -> None:
        """Begin to work."""
        self._since = clock.monotonic()

    def rest(self) -> None:
        """Sleep as long as the work since the last rest has earned."""
        clock.sleep((clock.monotonic() - self._since) * (100 / self.percent - 1))
        self.begin()


class QuarantineWorker:
    """Explains what is not accepted, span by span; all that it must remember is in the tables."""

    def __init__(self, source: QuarantineSource, settings: QuarantineSettings) -> None:
        """Keep where everything is; nothing is connected yet."""
        self._source = source
        self._settings = settings
        self._pace = WorkThrottle(settings.cpu_percent)
        self._room = Retention(settings.max_records, settings.max_mib * 2**20)

    def run(self, ready: Callable[[], None]) -> NoReturn:
        """Watch for ever; a server that is away is waited for."""
        said = ""
        while True:
            try:
                with self._source.access.session(Role.SINK, autocommit=True) as connection:
                    self._begin(connection)
                    ready()
                    said = ""
                    while True:
                        if not self.explain_some(connection):
                            clock.sleep(LOOK_SECONDS)
            except SpafError as error:
                if str(error) != said:
                    log.warning("waiting: %s", error)
                    said = str(error)
                clock.sleep(AWAY_SECONDS)

    def catch_up(self) -> None:
        """Explain everything that is certain by now.

        Raises:
            StoreError: PostgreSQL does not answer.
            TopicError: the topic cannot be read.

        """
        with self._source.access.session(Role.SINK, autocommit=True) as connection:
            self._begin(connection)
            while self.explain_some(connection):
                pass

    def explain_some(self, connection: psycopg.Connection) -> bool:
        """Explain what waits, or a good part of it; say whether there was anything.

        Raises:
            TopicError: the topic cannot be read.

        """
        todo: list[tuple[int, PartitionProgress, RangeBatch]] = []
        for partition, place, done, seconds, all_known in repository.poll(connection):
            before = place
            for span in spans(stretches(place, seconds, done, all_known=all_known)):
                todo.append((partition, before, span))
                before = span.after
        if not todo:
            return False
        self._explain_all(connection, todo)
        return True

    def _begin(self, connection: psycopg.Connection) -> None:
        if repository.reset_if_rules_changed(connection, self._source.rules):
            log.info("the rules have changed: everything is explained anew")
        self._room = Retention.of(self._settings, connection)

    def _explain_all(
        self, connection: psycopg.Connection, todo: list[tuple[int, PartitionProgress, RangeBatch]]
    ) -> None:
        self._pace.begin()
        source = self._source
        wait = sum(span.bad for _, _, span in todo)
        begin: Mapping[int, int] = {}
        if any(span.dirty for _, _, span in todo):
            begin = admin.begin_offsets(source.kafka, source.topic)
        try:
            for partition, before, span in todo:
                sampled = wait > FEW_WAITING and not self._room.has_room(span.bad)
                self._explain(connection, (partition, before, span), begin, sampled=sampled)
                wait -= span.bad
                self._pace.rest()
        except repository.ConcurrentUpdateError:
            log.warning("another process is explaining the same topic")
            clock.sleep(LOOK_SECONDS)

    def _explain(
        self,
        connection: psycopg.Connection,
        what: tuple[int, PartitionProgress, RangeBatch],
        begin: Mapping[int, int],
        *,
        sampled: bool,
    ) -> None:
        partition, before, span = what
        # What retention has deleted can be counted, no more.
        first = min(max(span.first, begin.get(partition, 0)), span.end)
        end = min(first + SAMPLE_OFFSETS, span.end) if sampled else span.end
        whole = (first, end) == (span.first, span.end)
        tally = ReasonCounts()
        entries = self._read(partition, first, end, tally)
        with repository.step(connection, partition, before, span.after, self._source.rules):
            if not span.dirty:
                return
            repository.insert_rows(connection, entries)
            for entry in entries:
                self._room.add(entry.reason, len(entry.payload or b""))
            self._room.enforce(connection)
            tally.settle(span.late, span.rejected, end - first, whole=whole)
            repository.add_counts(connection, partition, tally)
        if whole and tally.disagrees(span.late, span.rejected):
            log.error(
                "partition %d, offsets %d to %d: the ledger has %d late and %d rejected, the "
                "contract says %d and %d",
                *(partition, span.first, span.end - 1),
                *(span.late, span.rejected, tally.late, tally.rejected),
            )

    def _read(
        self, partition: int, first: int, end: int, tally: ReasonCounts
    ) -> deque[QuarantineRow]:
        """Count every record of a range and return the rows of those that were not accepted.

        All rests are here, before the transaction: one that stays open keeps PostgreSQL from
        clearing away old versions of rows, those of sales_summary too.
        """
        source = self._source
        entries: deque[QuarantineRow] = deque()
        size = 0
        where = {partition: first}, {partition: end}
        with closing(read(source.kafka, source.topic, *where, queue_kib=QUEUE_KIB)) as records:
            for record in records:
                entry = tally.take(record, source.rules)
                if entry is not None:
                    entries.append(entry)
                    size += len(entry.payload or b"")
                while size > BYTES_AT_ONCE:
                    size -= len(entries.popleft().payload or b"")
                if tally.read % RECORDS_BETWEEN_RESTS == 0:
                    self._pace.rest()
        return entries
