"""Counts every record in the tables, each second and for days, at a constant cost.

`ledger_second` gets one row a second and partition. A second that is a minute older than the newest
of its partition no longer changes, so the sums of those are kept here, and each poll adds up the
rest. Every ten minutes all of it is summed again, because a job that starts from the beginning
writes every row again, and when retention has dropped seconds, whose sums are then in a table of
their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import psycopg

from spaf import clock
from spaf.errors import StoreError
from spaf.quarantine.explain import LATE
from spaf.store.access import Access
from spaf.store.reader_connection import ReaderConnection
from spaf.store.statement import statement

# A second is closed this long after the newest of its partition: the sinks write within 0.1 s.
OPEN_FOR = timedelta(seconds=60)
# The closed part advances when it would gain this much.
CLOSE_EVERY = timedelta(seconds=30)
# 7 days of one partition, 604,800 rows, take 0.1 s.
REREAD_EVERY_S = 600.0
# Counting the rows of the quarantine scans it (100,000 rows: some 15 ms).
KEPT_EVERY_S = 5.0
# Enough for a sum over months.
STATEMENT_TIMEOUT_MS = 30_000


class PartitionAccount(NamedTuple):
    """One partition, as ingest_account has it: everything from `start` up to `end` is counted."""

    start: int
    end: int
    accepted: int
    late: int
    without_record: int = 0

    @property
    def rejected(self) -> int:
        """Neither accepted nor late: refused, or in a gap, unless it is known to be no record."""
        return self.end - self.start - self.accepted - self.late - self.without_record


class ReasonCount(NamedTuple):
    """Records that were not accepted, of one reason and currency; money in cents."""

    reason: str
    currency: str
    records: int
    cents: int


@dataclass(frozen=True)
class TableCounts:
    """The counts of one database snapshot."""

    parts: dict[int, PartitionAccount]
    duplicates: int = 0
    counts: list[ReasonCount] = field(default_factory=list)
    kept: dict[str, int] = field(default_factory=dict)


@dataclass
class _Closed:
    """The sums of a partition's seconds before `since`, and at first of those that were dropped."""

    since: datetime | None = None
    accepted: int = 0
    late: int = 0


class LedgerReader:
    """Reads the tables over one connection, which it opens again when it was lost."""

    def __init__(self, access: Access, *, once: bool) -> None:
        """Keep the access, and whether duplicates are not counted; nothing is read yet."""
        self._once = once
        # One snapshot for all that is read together.
        self._reader = ReaderConnection(
            access, STATEMENT_TIMEOUT_MS, isolation=psycopg.IsolationLevel.REPEATABLE_READ
        )
        self._closed: dict[int, _Closed] = {}
        # Accepted and late records of the dropped seconds, by partition.
        self._dropped: dict[int, tuple[int, int]] = {}
        self._summed_at = clock.monotonic()
        self._kept: dict[str, int] = {}
        self._kept_at = -KEPT_EVERY_S
        self._kept_of = -1
        # Set by the owner: the next poll sums everything again.
        self.reread = False

    def poll(self) -> TableCounts:
        """Return the present counts.

        Raises:
            StoreError: PostgreSQL cannot be reached.

        """
        if self.reread or clock.monotonic() - self._summed_at > REREAD_EVERY_S:
            self.reread, self._closed, self._summed_at = False, {}, clock.monotonic()
        try:
            connection = self._reader.get()
            with connection.transaction():
                return self._read(connection)
        except psycopg.Error as error:
            self.close()
            raise StoreError(f"PostgreSQL: {str(error).strip().splitlines()[0]}") from error

    def close(self) -> None:
        """Close the connection; the next poll opens another."""
        self._reader.close()

    def _read(self, connection: psycopg.Connection) -> TableCounts:
        bounds = {
            part: closed.since for part, closed in self._closed.items() if closed.since is not None
        }
        values = {"partitions": list(bounds), "since": list(bounds.values())}
        rows = connection.execute(_sql("partition_sums"), values).fetchall()
        parts: dict[int, PartitionAccount] = {}
        dropped = {row[0]: (row[8], row[9]) for row in rows}
        if dropped != self._dropped:
            # Retention has moved seconds from the rows to the sums of what was dropped.
            self._dropped = dropped
            self._closed = {part: _Closed(None, *sums) for part, sums in dropped.items()}
            return self._read(connection)
        for part, start, done, accepted, late, max_offset, newest, without_record, *_ in rows:
            closed = self._closed.setdefault(part, _Closed(None, *dropped[part]))
            end = max(done, start, 0 if max_offset is None else max_offset + 1)
            parts[part] = PartitionAccount(
                start,
                end,
                closed.accepted + (accepted or 0),
                closed.late + (late or 0),
                without_record,
            )
            if newest is not None:
                self._advance(connection, part, closed, newest - OPEN_FOR)
        duplicates = 0
        if self._once:
            (duplicates,) = connection.execute(_sql("duplicates")).fetchone() or (0,)
        counts = [
            ReasonCount(reason, currency, records, int(Decimal(amount).scaleb(2)))
            for reason, currency, records, amount in connection.execute(_sql("quarantine_counts"))
        ]
        self._count_kept(connection, counts)
        return TableCounts(parts, duplicates, counts, self._kept)

    def _advance(
        self, connection: psycopg.Connection, part: int, closed: _Closed, until: datetime
    ) -> None:
        """Add the seconds before `until` to the closed sums, if they are enough."""
        since = closed.since
        if since is not None and until - since < CLOSE_EVERY:
            return
        begin = since or datetime.min.replace(tzinfo=until.tzinfo)
        values = {"partition": part, "since": begin, "until": until}
        accepted, late = connection.execute(_sql("closed_sums"), values).fetchone() or (0, 0)
        closed.since = until
        closed.accepted += accepted or 0
        closed.late += late or 0

    def _count_kept(self, connection: psycopg.Connection, counts: list[ReasonCount]) -> None:
        """Count the rows of the quarantine, if records were explained since, and not too often."""
        explained = sum(count.records for count in counts)
        now = clock.monotonic()
        if explained == self._kept_of or now - self._kept_at < KEPT_EVERY_S:
            return
        self._kept = dict(connection.execute(_sql("quarantine_kept")).fetchall())
        self._kept_at, self._kept_of = now, explained


def _sql(name: str) -> bytes:
    return statement("spaf.serve", name)


def late_cents(counts: list[ReasonCount]) -> dict[str, int]:
    """Return the money of the late sales that were read, by currency."""
    return {
        count.currency: count.cents for count in counts if count.reason == LATE and count.currency
    }
