"""Reading the quarantine: lists of rows, and one record with all its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from spaf.errors import TopicError
from spaf.quarantine.explain import row_of
from spaf.quarantine.worker import QuarantineSource
from spaf.sale import Record, Sale, decode
from spaf.store.access import Role
from spaf.store.statement import statement
from spaf.topic import admin
from spaf.topic.range_reader import read
from spaf.topic.record_reader import record_at

# Rows that an export fetches at a time, at most 64 KiB each.
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


class RecordEnvelope(NamedTuple):
    """What a record carries next to its value; the contract reads none of it."""

    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class RowCursor(NamedTuple):
    """The position of a row in the order of arrival."""

    append_time: datetime
    partition: int
    offset: int


@dataclass(frozen=True)
class RowFilter:
    """Which rows to return; by default all."""

    reason: str | None = None
    since: datetime | None = None
    before: RowCursor | None = None

    @property
    def values(self) -> dict[str, object]:
        """Return the parameters of the queries."""
        time, partition, offset = self.before or (None, None, None)
        return {
            "reason": self.reason,
            "since": self.since,
            "before_time": time,
            "before_partition": partition,
            "before_offset": offset,
        }


def newest(
    connection: psycopg.Connection, wanted: RowFilter, limit: int
) -> list[QuarantinedRecord]:
    """Return the newest rows, newest first."""
    with connection.cursor(row_factory=class_row(QuarantinedRecord)) as cursor:
        return cursor.execute(_sql("newest_rows"), wanted.values | {"limit": limit}).fetchall()


def every(connection: psycopg.Connection, wanted: RowFilter) -> Iterator[QuarantinedRecord]:
    """Yield all rows, oldest first; `wanted.before` is ignored."""
    with connection.cursor("export", row_factory=class_row(QuarantinedRecord)) as cursor:
        cursor.itersize = EXPORT_ROWS
        yield from cursor.execute(_sql("rows_by_time"), wanted.values)


def find(source: QuarantineSource, partition: int, offset: int) -> QuarantinedRecord:
    """Return one record that was not accepted, with all its bytes.

    A record that is not kept, or only in part, is read from the topic.

    Raises:
        TopicError: the topic does not hold this offset, or its record was accepted.

    """
    with source.access.session(Role.READ) as connection:
        cursor = connection.cursor(row_factory=class_row(QuarantinedRecord))
        record = {"partition": partition, "offset": offset}
        row = cursor.execute(_sql("row"), record).fetchone()
    if row is None or row.cut:
        whole = _explained(source, _record(source, partition, offset))
        whole.replays = 0 if row is None else row.replays
        return whole
    return row


def envelope(source: QuarantineSource, partition: int, offset: int) -> RecordEnvelope | None:
    """Return key and headers of a record from the topic; None if it cannot be read there."""
    try:
        record = record_at(source.kafka, source.topic, partition, offset)
    except TopicError:
        return None
    return RecordEnvelope(record.key, record.headers)


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
    row = row_of(record, bad)
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


def _sql(name: str) -> bytes:
    return statement("spaf.quarantine", name)
