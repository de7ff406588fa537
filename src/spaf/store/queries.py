"""Queries of the tables, one function each; their SQL is in `sql/queries`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from spaf.errors import StoreError
from spaf.store.statement import statement

Row = dict[str, Any]
# Lets a deletion pass in this transaction; the sink's own are none, see `0011_no_row_disappears`.
DELETES = "SET LOCAL spaf.deletes = 'on'"


class WaitingStatement(NamedTuple):
    """A statement that writes sales, and the session whose lock it waits for, if it does."""

    pid: int
    since: datetime
    wait: str
    blocker: int | None
    """0 for a prepared transaction, which has no session."""
    user: str
    application: str
    blocking_since: datetime
    query: str


class DatabaseCounters(NamedTuple):
    """Of one database, since its statistics were reset, and of its whole server."""

    commits: int
    wal_bytes: int


def database_counters(connection: psycopg.Connection) -> DatabaseCounters:
    """Return what was committed and written ahead so far; each second at most once anew."""
    rows = connection.execute(statement("spaf.store", "queries/database_counters")).fetchall()
    return DatabaseCounters(*rows[0])


def newest_sales(connection: psycopg.Connection, limit: int) -> list[Row]:
    """Return the newest rows of sales_summary, newest first."""
    return _rows(connection, "newest_sales", limit=limit)


def rows_of(connection: psycopg.Connection, sql: str, limit: int) -> tuple[list[Row], bool]:
    """Return the first rows of a query that a user wrote, and whether it has more.

    Raises:
        StoreError: the server refuses the query.

    """
    try:
        # A cursor of the server: not more rows than wanted, and nothing but a query.
        with connection.cursor(name="query", row_factory=dict_row) as cursor:
            cursor.execute(sql.rstrip().rstrip(";").encode())
            rows = cursor.fetchmany(limit + 1)
    except (psycopg.ProgrammingError, psycopg.DataError) as error:
        reason = str(error).partition("\n")[0]
        raise StoreError(
            f"PostgreSQL refuses the query: {reason}.",
            todo="The tables and their columns: docs/reference/tables.md",
        ) from error
    return rows[:limit], len(rows) > limit


def sales_by_category(connection: psycopg.Connection, seconds: int) -> list[Row]:
    """Return sales and money of each category and currency in the last seconds."""
    return _rows(connection, "sales_by_category", seconds=seconds)


def newest_anomalies(connection: psycopg.Connection, limit: int) -> list[Row]:
    """Return the newest anomalies of sales and of traffic, newest first."""
    return _rows(connection, "newest_anomalies", limit=limit)


def sale_detections(connection: psycopg.Connection) -> list[tuple[str, int]]:
    """Return the id of each sale anomaly, and when its row was written, epoch microseconds."""
    return _tuples(connection, "sale_detections")


def traffic_detections(connection: psycopg.Connection) -> list[tuple[int, str, str, int]]:
    """Return second, category and kind of each traffic anomaly, and when its row was written."""
    return _tuples(connection, "traffic_detections")


def ingest_account(connection: psycopg.Connection) -> list[Row]:
    """Return offsets and outcomes of each partition."""
    return _rows(connection, "ingest_account")


def ingest_total(connection: psycopg.Connection) -> Row:
    """Return all records by outcome: accepted, duplicates, late and rejected add up to them."""
    (row,) = _rows(connection, "ingest_total")
    return row


def done_offsets(connection: psycopg.Connection) -> dict[int, int]:
    """Return, by partition, the offset below which every record is in the tables."""
    return dict(_tuples(connection, "done_offsets"))


def start_offsets(connection: psycopg.Connection) -> dict[int, int]:
    """Return, by partition, the offset from which the tables were counted."""
    return dict(_tuples(connection, "start_offsets"))


def counted_offsets(connection: psycopg.Connection) -> dict[int, tuple[int, int]]:
    """Return, by partition, the offset that a checkpoint has passed, and that of the ledger."""
    rows = _tuples(connection, "counted_offsets")
    return {partition: (done, counted) for partition, done, counted in rows}


def waiting_statements(connection: psycopg.Connection) -> list[WaitingStatement]:
    """Return the statements of the job that have been running for long, and who blocks them."""
    return [WaitingStatement(*row) for row in _tuples(connection, "waiting_statements")]


def readable_records(connection: psycopg.Connection) -> int:
    """Return how many records the job could read, whatever their outcome."""
    return _number(connection, "readable_records")


def counted_sales(connection: psycopg.Connection) -> int:
    """Return how many sales all rows of sales_summary hold."""
    return _number(connection, "counted_sales")


def summary(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Return sales_summary as (second, category, currency, count, units, total)."""
    return _tuples(connection, "summary")


def ledger(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Return the ledger.

    Its columns: partition, second, accepted, late, rejected, min and max offset, without_record.
    """
    return _tuples(connection, "ledger")


def explained_offsets(connection: psycopg.Connection) -> dict[int, int]:
    """Return, by partition, the offset below which the quarantine has read every gap."""
    return dict(_tuples(connection, "explained_offsets"))


@dataclass(frozen=True)
class QuarantineTotals:
    """The quarantine in four numbers."""

    explained: int
    """Records that were not accepted, counted by reason."""
    kept: int
    """Records whose bytes are kept."""
    waiting: int
    """Records that the ledger has not accepted and that are not explained yet."""
    not_read: int
    """Explained records that the quarantine did not read, because too many came at once."""

    @property
    def sampled(self) -> bool:
        """Whether only some were read, because too many came at once."""
        return self.not_read > 0


def quarantine_totals(connection: psycopg.Connection) -> QuarantineTotals:
    """Return how many records were not accepted, and how many of them are explained or kept."""
    (row,) = _rows(connection, "quarantine_totals")
    return QuarantineTotals(**row)


def quarantine_summary(connection: psycopg.Connection) -> list[Row]:
    """Return records counted and kept of each reason, the most frequent first."""
    return _rows(connection, "quarantine_summary")


def quarantine_late(connection: psycopg.Connection) -> list[Row]:
    """Return late sales and their money, by currency; those that were not read have neither."""
    return _rows(connection, "quarantine_late")


def sale_anomalies(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Return sale_anomaly as (partition, offset, kind, id, category, amount, expected, score)."""
    return _tuples(connection, "sale_anomalies")


def traffic_anomalies(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Return window_anomaly as (second, category, kind, observed, expected, score)."""
    return _tuples(connection, "traffic_anomalies")


def duplicate_blocks(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Return duplicate_block as (start, end, duplicates, conflicting)."""
    return _tuples(connection, "duplicate_blocks")


def upsert_position(
    connection: psycopg.Connection, start: Mapping[int, int], done: Mapping[int, int]
) -> None:
    """Store, by partition, where the job started and up to where its results are complete."""
    connection.cursor().executemany(
        _sql("upsert_position"),
        [
            {"partition": partition, "start_offset": start[partition], "done_offset": offset}
            for partition, offset in done.items()
        ],
    )


def delete_counts(connection: psycopg.Connection) -> None:
    """Delete the rows of another job, whose counts may be larger than those of the next one."""
    connection.execute(DELETES)
    for name in ("delete_summary", "delete_ledger"):
        connection.execute(_sql(name))


def delete_detections(connection: psycopg.Connection, start: Mapping[int, int]) -> None:
    """Delete the anomalies and duplicates of the records that the job is about to read again.

    The job overwrites its sums row by row. An anomaly that is none under other thresholds would
    stay, and so would a block of another length.
    """
    for partition, offset in start.items():
        for name in (
            "delete_duplicate_blocks",
            "delete_traffic_anomalies",
            "delete_sale_anomalies",
        ):
            connection.execute(_sql(name), {"partition": partition, "offset": offset})


def _sql(name: str) -> bytes:
    return statement("spaf.store", f"queries/{name}")


def _rows(connection: psycopg.Connection, name: str, **values: Any) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_sql(name), values).fetchall()


def _tuples(connection: psycopg.Connection, name: str) -> list[tuple[Any, ...]]:
    return connection.execute(_sql(name)).fetchall()


def _number(connection: psycopg.Connection, name: str) -> int:
    ((number,),) = _tuples(connection, name)
    return int(number)
