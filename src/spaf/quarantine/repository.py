"""What the process writes: rows, counts and position of a span, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice

import psycopg

from spaf.quarantine.explain import QuarantineRow, ReasonCounts
from spaf.quarantine.offset_ranges import LedgerSecond, PartitionProgress
from spaf.sale import Rules

# Rows of the ledger that are looked at together: a quarter of an hour of each partition.
SECONDS_AT_ONCE = 1_000
# Rows that psycopg sends before it looks at an answer; it holds them all until then.
ROWS_AT_ONCE = 500

WAITING = (
    "SELECT t.kafka_partition, t.done_offset, "
    "coalesce(p.next_offset, t.start_offset), p.append_second, "
    "coalesce(p.accepted, 0), coalesce(p.late, 0), coalesce(p.refused, 0) "
    "FROM topic_position AS t LEFT JOIN quarantine_position AS p USING (kafka_partition) "
    "WHERE t.done_offset > coalesce(p.next_offset, t.start_offset) ORDER BY t.kafka_partition"
)
SECONDS = (
    "SELECT append_second, accepted, late, refused, min_offset, max_offset FROM ledger_second "
    "WHERE kafka_partition = %s AND append_second >= coalesce(%s::timestamptz, '-infinity') "
    "ORDER BY append_second LIMIT %s"
)
INSERT = (
    "INSERT INTO quarantine (kafka_partition, kafka_offset, append_time, reason, payload, "
    "payload_bytes, category, currency, amount, lateness_ms) "
    "VALUES (%s, %s, to_timestamp(%s / 1000.0), %s, %s, %s, %s, %s, %s, %s) "
    "ON CONFLICT (kafka_partition, kafka_offset) DO NOTHING"
)
COUNT = (
    "INSERT INTO quarantine_count AS c (kafka_partition, reason, currency, records, amount) "
    "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (kafka_partition, reason, currency) DO UPDATE "
    "SET records = c.records + excluded.records, amount = c.amount + excluded.amount"
)
MOVE = (
    "INSERT INTO quarantine_position AS p (kafka_partition, next_offset, append_second, accepted, "
    "late, refused, rules) VALUES (%s, %s, %s, %s, %s, %s, %s) "
    "ON CONFLICT (kafka_partition) DO UPDATE SET next_offset = excluded.next_offset, "
    "append_second = excluded.append_second, accepted = excluded.accepted, late = excluded.late, "
    "refused = excluded.refused, updated_at = clock_timestamp() "
    "WHERE p.next_offset = %s AND p.rules = excluded.rules"
)


class ConcurrentUpdateError(Exception):
    """Another process has explained these offsets meanwhile; nothing was written."""


def rules_text(rules: Rules) -> str:
    """Return the rules as they are noted beside a position."""
    return f"{rules.default_currency} {rules.max_lateness_ms} {rules.max_ahead_ms}"


def begin_anew_under(connection: psycopg.Connection, rules: Rules) -> bool:
    """Forget what was explained under other rules; say whether there was any.

    The job, too, judges the whole log again when its rules change. What was replayed stays known.
    """
    with connection.transaction():
        known = connection.execute(
            "SELECT FROM quarantine_position WHERE rules <> %s LIMIT 1", [rules_text(rules)]
        ).fetchone()
        if known is None:
            return False
        for table in ("quarantine", "quarantine_count", "quarantine_position"):
            connection.execute(f"DELETE FROM {table}".encode())  # noqa: S608 - names of ours
    return True


def waiting(connection: psycopg.Connection) -> list[tuple[int, PartitionProgress, int]]:
    """Return each partition with something new: its place, and up to where all is certain."""
    rows = connection.execute(WAITING).fetchall()
    return [(partition, PartitionProgress(*place), done) for partition, done, *place in rows]


def seconds(
    connection: psycopg.Connection, partition: int, place: PartitionProgress
) -> tuple[list[LedgerSecond], bool]:
    """Return the ledger from a place on, and whether that is all of it."""
    values = [partition, place.second, SECONDS_AT_ONCE]
    rows = connection.execute(SECONDS, values).fetchall()
    return [LedgerSecond(*row) for row in rows], len(rows) < SECONDS_AT_ONCE


def look(
    connection: psycopg.Connection,
) -> list[tuple[int, PartitionProgress, int, list[LedgerSecond], bool]]:
    """Return all that is waiting with its part of the ledger, as of one moment."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return [
            (partition, place, done, *seconds(connection, partition, place))
            for partition, place, done in waiting(connection)
        ]


@contextmanager
def step(
    connection: psycopg.Connection,
    partition: int,
    before: PartitionProgress,
    after: PartitionProgress,
    rules: Rules,
) -> Iterator[None]:
    """Move a partition's position with whatever the block writes, or neither.

    Raises:
        Overtaken: the position is no longer where the step begins.

    """
    with connection.transaction():
        moved = connection.execute(
            MOVE,
            [
                *(partition, after.offset, after.second, after.accepted, after.late),
                *(after.refused, rules_text(rules), before.offset),
            ],
        )
        if moved.rowcount != 1:
            raise ConcurrentUpdateError
        yield


def keep(connection: psycopg.Connection, entries: Iterable[QuarantineRow]) -> None:
    """Write rows; one that is there already stays."""
    left = iter(entries)
    while rows := list(islice(left, ROWS_AT_ONCE)):
        connection.cursor().executemany(INSERT, rows)


def count(connection: psycopg.Connection, partition: int, tally: ReasonCounts) -> None:
    """Add what was counted."""
    connection.cursor().executemany(
        COUNT,
        [
            (
                partition,
                reason,
                currency,
                records,
                Decimal(tally.cents[reason, currency]).scaleb(-2),
            )
            for (reason, currency), records in tally.records.items()
        ],
    )
