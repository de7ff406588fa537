"""Reading the quarantine: lists, one record, and the bytes of any record of the topic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from spaf.errors import TopicError
from spaf.quarantine.explain import entry
from spaf.quarantine.worker import QuarantineSource
from spaf.sale import Record, Sale, decode
from spaf.store.access import Role
from spaf.topic import admin
from spaf.topic.range_reader import read

SELECT = (
    'SELECT q.kafka_partition AS partition, q.kafka_offset AS "offset", q.append_time, q.reason, '
    "q.payload, q.payload_bytes, q.category, q.currency, q.amount, q.lateness_ms, "
    "(SELECT count(*) FROM quarantine_replay AS r WHERE r.kafka_partition = q.kafka_partition "
    "AND r.kafka_offset = q.kafka_offset) AS replays FROM quarantine AS q "
)
FILTER = (
    "WHERE (%s::text IS NULL OR reason = %s) "
    "AND append_time >= coalesce(%s::timestamptz, '-infinity') "
)
# Rows that an export holds in memory, at most 64 KiB each.
EXPORT_ROWS = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class QuarantinedRecord:
    """A record that was not accepted."""

    partition: int
    offset: int
    append_time: datetime
    reason: str
    payload: bytes | None
    payload_bytes: int
    category: str | None = None
    currency: str | None = None
    amount: Decimal | None = None
    lateness_ms: int | None = None
    replays: int = 0

    @property
    def cut(self) -> bool:
        """Whether the record was longer than what is kept."""
        return len(self.payload or b"") < self.payload_bytes


class RowCursor(NamedTuple):
    """Where a row lies in the order of arrival."""

    append_time: datetime
    partition: int
    offset: int


@dataclass(frozen=True)
class RowFilter:
    """Which rows: all of them without a word."""

    reason: str | None = None
    since: datetime | None = None

    @property
    def values(self) -> list[object]:
        """Return the values of the filter."""
        return [self.reason, self.reason, self.since]


def newest(
    connection: psycopg.Connection, wanted: RowFilter, limit: int
) -> list[QuarantinedRecord]:
    """Return the newest rows, newest first."""
    query = (
        f"{SELECT}{FILTER}ORDER BY append_time DESC, kafka_partition, kafka_offset DESC LIMIT %s"
    )
    with connection.cursor(row_factory=class_row(QuarantinedRecord)) as cursor:
        return cursor.execute(query.encode(), [*wanted.values, limit]).fetchall()


def page(
    connection: psycopg.Connection, reason: str | None, before: RowCursor | None, limit: int
) -> list[QuarantinedRecord]:
    """Return the newest rows of a reason that come before a place, newest first."""
    wheres: list[str] = []
    values: list[object] = []
    if reason is not None:
        wheres.append("q.reason = %s")
        values.append(reason)
    if before is not None:
        wheres.append("(q.append_time, q.kafka_partition, q.kafka_offset) < (%s, %s, %s)")
        values += before
    where = f"WHERE {' AND '.join(wheres)} " if wheres else ""
    order = "ORDER BY q.append_time DESC, q.kafka_partition DESC, q.kafka_offset DESC LIMIT %s"
    with connection.cursor(row_factory=class_row(QuarantinedRecord)) as cursor:
        return cursor.execute(f"{SELECT}{where}{order}".encode(), [*values, limit]).fetchall()


def every(connection: psycopg.Connection, wanted: RowFilter) -> Iterator[QuarantinedRecord]:
    """Yield all rows, oldest first, a few at a time."""
    query = f"{SELECT}{FILTER}ORDER BY append_time, kafka_partition, kafka_offset"
    with connection.cursor("export", row_factory=class_row(QuarantinedRecord)) as cursor:
        cursor.itersize = EXPORT_ROWS
        yield from cursor.execute(query.encode(), wanted.values)


def find(source: QuarantineSource, partition: int, offset: int) -> QuarantinedRecord:
    """Return one record that was not accepted, its bytes whole.

    What is not kept, or only in part, is read from the topic again.

    Raises:
        TopicError: the topic does not hold this offset, or what it holds was accepted.

    """
    with source.access.session(Role.READ) as connection:
        query = f"{SELECT}WHERE q.kafka_partition = %s AND q.kafka_offset = %s"
        cursor = connection.cursor(row_factory=class_row(QuarantinedRecord))
        found = cursor.execute(query.encode(), [partition, offset]).fetchone()
    if found is None or found.cut:
        kept = _explained(source, _record(source, partition, offset))
        kept.replays = 0 if found is None else found.replays
        return kept
    return found


def _record(source: QuarantineSource, partition: int, offset: int) -> Record:
    """Return a record of the topic.

    Raises:
        TopicError: the topic does not hold it.

    """
    ends = admin.end_offsets(source.kafka, source.topic)
    begin = admin.begin_offsets(source.kafka, source.topic)
    if not begin.get(partition, 0) <= offset < ends.get(partition, 0):
        raise TopicError(
            f"Topic {source.topic} holds no offset {offset} in partition {partition}.",
            todo=f"It holds {_ranges(begin, ends)}. `spaf quarantine list` shows what there is.",
        )
    records: Sequence[Record] = list(
        read(source.kafka, source.topic, {partition: offset}, {partition: offset + 1})
    )
    if not records:
        raise TopicError(f"Offset {offset} of partition {partition} holds no record.")
    return records[0]


def _ranges(begin: dict[int, int], ends: dict[int, int]) -> str:
    return ", ".join(f"{p}:{begin[p]} to {p}:{end - 1}" for p, end in sorted(ends.items()) if end)


def _explained(source: QuarantineSource, record: Record) -> QuarantinedRecord:
    outcomes = decode(record.value, record.append_ms, source.rules)
    bad = next((outcome for outcome in outcomes if not isinstance(outcome, Sale)), None)
    if bad is None:
        raise TopicError(
            f"The record at {record.partition}:{record.offset} was accepted.",
            todo="`spaf quarantine list` shows those that were not.",
        )
    row = entry(record, bad)
    return QuarantinedRecord(
        *(
            row.partition,
            row.offset,
            EPOCH + timedelta(milliseconds=row.append_ms),
            row.reason,
            record.value,
        ),
        *(row.payload_bytes, row.category, row.currency, row.amount, row.lateness_ms),
    )
