"""Rows, counts and position of the quarantine; one step writes them in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice

import psycopg

from spaf.quarantine.explain import QuarantineRow, ReasonCounts
from spaf.quarantine.offset_ranges import LedgerSecond, PartitionProgress
from spaf.sale import Rules, contract
from spaf.store.statement import statement

# Seconds of the ledger that one query returns: a quarter of an hour of each partition.
MAX_LEDGER_ROWS = 1_000
# Rows of one executemany; psycopg holds them all until the server has answered.
BATCH_ROWS = 500


class ConcurrentUpdateError(Exception):
    """Another process has explained these offsets; nothing was written."""


def rules_text(rules: Rules) -> str:
    """Return the rules as a position stores them, with the version of the contract itself."""
    settings = f"{rules.default_currency} {rules.max_lateness_ms} {rules.max_ahead_ms}"
    return f"v{contract.VERSION} {settings}"


def reset_if_rules_changed(connection: psycopg.Connection, rules: Rules) -> bool:
    """Delete rows, counts and positions of other rules, and return whether there were any.

    The job, too, reads the whole log again when its rules change. The replays are kept.
    """
    with connection.transaction():
        values = {"rules": rules_text(rules)}
        if connection.execute(_sql("other_rules"), values).fetchone() != (True,):
            return False
        connection.execute(_sql("delete_rows"))
        connection.execute(_sql("delete_counts"))
        connection.execute(_sql("delete_gaps"))
        connection.execute(_sql("delete_positions"))
        connection.execute(_sql("insert_dropped_counts"))
    return True


def waiting(connection: psycopg.Connection) -> list[tuple[int, PartitionProgress, int]]:
    """Return each partition with new records: its progress, and the end of what is complete."""
    rows = connection.execute(_sql("waiting_partitions")).fetchall()
    return [(partition, PartitionProgress(*progress), done) for partition, done, *progress in rows]


def seconds(
    connection: psycopg.Connection, partition: int, progress: PartitionProgress
) -> tuple[list[LedgerSecond], bool]:
    """Return the seconds of the ledger from the progress on, and whether these are all."""
    values = {"partition": partition, "since": progress.second, "limit": MAX_LEDGER_ROWS}
    rows = connection.execute(_sql("ledger_seconds"), values).fetchall()
    return [LedgerSecond(*row) for row in rows], len(rows) < MAX_LEDGER_ROWS


def poll(
    connection: psycopg.Connection,
) -> list[tuple[int, PartitionProgress, int, list[LedgerSecond], bool]]:
    """Return each waiting partition with its seconds of the ledger, in one snapshot."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return [
            (partition, progress, done, *seconds(connection, partition, progress))
            for partition, progress, done in waiting(connection)
        ]


@contextmanager
def step(
    connection: psycopg.Connection,
    partition: int,
    before: PartitionProgress,
    after: PartitionProgress,
    rules: Rules,
) -> Iterator[None]:
    """Advance the position of a partition and write what the block writes, in one transaction.

    Raises:
        ConcurrentUpdateError: the position is not `before` any more.

    """
    values = {
        "partition": partition,
        "next_offset": after.offset,
        "append_second": after.second,
        "accepted": after.accepted,
        "late": after.late,
        "refused": after.refused,
        "rules": rules_text(rules),
        "expected_offset": before.offset,
    }
    with connection.transaction():
        if connection.execute(_sql("advance_position"), values).rowcount != 1:
            raise ConcurrentUpdateError
        yield


def insert_rows(connection: psycopg.Connection, rows: Iterable[QuarantineRow]) -> None:
    """Insert rows; one that exists already stays as it is."""
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH_ROWS)):
        connection.cursor().executemany(_sql("insert_row"), [row._asdict() for row in batch])


def add_gaps(connection: psycopg.Connection, partition: int, gaps: Mapping[int, int]) -> None:
    """Add the offsets without a record of one step, by the first offset of their range."""
    if not gaps:
        return
    total = {"partition": partition, "offsets": sum(gaps.values())}
    connection.execute(_sql("add_without_record"), total)
    connection.cursor().executemany(
        _sql("insert_gap"),
        [
            {"partition": partition, "first_offset": first, "offsets": offsets}
            for first, offsets in gaps.items()
        ],
    )


def add_counts(connection: psycopg.Connection, partition: int, counts: ReasonCounts) -> None:
    """Add the counts of one step."""
    connection.cursor().executemany(
        _sql("add_count"),
        [
            {
                "partition": partition,
                "reason": reason,
                "currency": currency,
                "records": records,
                "amount": Decimal(counts.cents[reason, currency]).scaleb(-2),
            }
            for (reason, currency), records in counts.records.items()
        ],
    )


def _sql(name: str) -> bytes:
    return statement("spaf.quarantine", name)
