"""What is asked of the tables, one function a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

# The query of the brief.
NEWEST = "SELECT * FROM sales_summary ORDER BY created_at DESC LIMIT %s"

Row = dict[str, Any]


def newest(connection: psycopg.Connection, limit: int) -> list[Row]:
    """Return the newest rows of sales_summary, newest first."""
    return _rows(connection, NEWEST, [limit])


def by_category(connection: psycopg.Connection, seconds: int) -> list[Row]:
    """Return sales and money of each category and currency in the last seconds."""
    return _rows(
        connection,
        "SELECT category, currency, sum(sales_count)::bigint AS sales_count, "
        "sum(units_sold)::bigint AS units_sold, sum(total_sales) AS total_sales "
        "FROM sales_summary WHERE window_start >= now() - make_interval(secs => %s) "
        "GROUP BY category, currency ORDER BY total_sales DESC",
        [seconds],
    )


def newest_anomalies(connection: psycopg.Connection, limit: int) -> list[Row]:
    """Return the newest anomalies of both kinds, newest first."""
    return _rows(
        connection,
        "SELECT detected_at, kind, category, amount, expected, score FROM sale_anomaly "
        "UNION ALL SELECT detected_at, kind, category, observed, expected::numeric, score "
        "FROM window_anomaly ORDER BY detected_at DESC LIMIT %s",
        [limit],
    )


def sale_detections(connection: psycopg.Connection) -> list[tuple[str, int]]:
    """Return the id of each unusual sale, and when its row was written, epoch microseconds."""
    return connection.execute(
        "SELECT transaction_id, (extract(epoch FROM detected_at) * 1000000)::bigint "
        "FROM sale_anomaly WHERE transaction_id IS NOT NULL"
    ).fetchall()


def second_detections(connection: psycopg.Connection) -> list[tuple[int, str, str, int]]:
    """Return second, category and kind of each unusual second, and when its row was written."""
    return connection.execute(
        "SELECT extract(epoch FROM window_start)::bigint, category, kind, "
        "(extract(epoch FROM detected_at) * 1000000)::bigint FROM window_anomaly"
    ).fetchall()


def account(connection: psycopg.Connection) -> list[Row]:
    """Return offsets and outcomes of each partition."""
    return _rows(connection, "SELECT * FROM ingest_account ORDER BY kafka_partition", [])


def total(connection: psycopg.Connection) -> Row:
    """Return what became of all records: accepted, duplicates, late and rejected are all."""
    (row,) = _rows(connection, "SELECT * FROM ingest_total", [])
    return row


def done(connection: psycopg.Connection) -> dict[int, int]:
    """Return, by partition, the offset before which everything is in the tables for certain."""
    rows = connection.execute("SELECT kafka_partition, done_offset FROM topic_position")
    return dict(rows.fetchall())


def readable(connection: psycopg.Connection) -> int:
    """Return how many records the job has read, whatever became of them."""
    found = connection.execute(
        "SELECT coalesce(sum(accepted + late + refused), 0)::bigint FROM ledger_second"
    )
    return int(_only(found))


def accepted(connection: psycopg.Connection) -> int:
    """Return how many sales all rows of sales_summary hold."""
    found = connection.execute("SELECT coalesce(sum(sales_count), 0)::bigint FROM sales_summary")
    return int(_only(found))


def summary(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Return sales_summary as (second, category, currency, count, units, total)."""
    return connection.execute(
        "SELECT extract(epoch FROM window_start)::bigint, category, currency, sales_count, "
        "units_sold, total_sales FROM sales_summary"
    ).fetchall()


def ledger(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Return the ledger as (partition, second, accepted, late, rejected, min, max offset)."""
    return connection.execute(
        "SELECT kafka_partition, extract(epoch FROM append_second)::bigint, accepted, late, "
        "rejected, min_offset, max_offset FROM ingest_ledger"
    ).fetchall()


@dataclass(frozen=True)
class QuarantineTotals:
    """What the quarantine holds, in four numbers."""

    explained: int
    """Records that were not accepted, counted by reason."""
    kept: int
    """Records whose bytes are kept."""
    waiting: int
    """Records that the ledger has not accepted and that are not explained yet."""
    not_read: int
    """Of the explained those that the ledger has counted and nobody has read."""

    @property
    def sampled(self) -> bool:
        """Whether only some were read, because too many came at once."""
        return self.not_read > 0


def quarantine(connection: psycopg.Connection) -> QuarantineTotals:
    """Return how many records were not accepted, and what became of them."""
    explained, not_read, waiting, kept = connection.execute(
        "SELECT coalesce(sum(records), 0)::bigint, coalesce(sum(records) FILTER "
        "(WHERE reason = 'not_read' OR (reason = 'late' AND currency = '')), 0)::bigint, "
        "(SELECT coalesce(sum(not_accepted - explained), 0)::bigint FROM quarantine_account), "
        "(SELECT count(*) FROM quarantine) FROM quarantine_count"
    ).fetchall()[0]
    return QuarantineTotals(explained, kept, waiting, not_read)


def quarantine_summary(connection: psycopg.Connection) -> list[Row]:
    """Return records counted and kept of each reason, the most frequent first."""
    return _rows(connection, "SELECT * FROM quarantine_summary ORDER BY records DESC, reason", [])


def quarantine_late(connection: psycopg.Connection) -> list[Row]:
    """Return late sales and their money, by currency; those that were not read have neither."""
    return _rows(connection, "SELECT * FROM quarantine_late ORDER BY currency NULLS LAST", [])


def outliers(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Return sale_anomaly as (partition, offset, kind, id, category, amount, expected, score)."""
    return connection.execute(
        "SELECT kafka_partition, kafka_offset, kind, transaction_id, category, amount, expected, "
        "score FROM sale_anomaly"
    ).fetchall()


def swings(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Return window_anomaly as (second, category, kind, observed, expected, score)."""
    return connection.execute(
        "SELECT extract(epoch FROM window_start)::bigint, category, kind, observed, expected, "
        "score FROM window_anomaly"
    ).fetchall()


def repeats(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Return duplicate_block as (start, end, duplicates, conflicting)."""
    return connection.execute(
        "SELECT extract(epoch FROM block_start)::bigint, extract(epoch FROM block_end)::bigint, "
        "duplicates, conflicting FROM duplicate_block"
    ).fetchall()


def record_position(
    connection: psycopg.Connection, start: Mapping[int, int], done: Mapping[int, int]
) -> None:
    """Write down where the job started and up to where its results are complete, by partition."""
    connection.cursor().executemany(
        "INSERT INTO topic_position (kafka_partition, start_offset, done_offset) "
        "VALUES (%s, %s, %s) ON CONFLICT (kafka_partition) DO UPDATE "
        "SET done_offset = excluded.done_offset, updated_at = clock_timestamp() "
        "WHERE topic_position.done_offset <> excluded.done_offset",
        [(partition, start[partition], offset) for partition, offset in done.items()],
    )


def forget_detections(connection: psycopg.Connection, start: Mapping[int, int]) -> None:
    """Delete the anomalies and duplicates of the records that the job is about to judge again.

    Sums are overwritten row by row, but an anomaly that is none under other thresholds would stay,
    and so would a block that is none under another length.
    """
    for partition, offset in start.items():
        connection.execute(
            "DELETE FROM duplicate_block WHERE block_end > (SELECT min(append_second) "
            "FROM ledger_second WHERE kafka_partition = %s AND max_offset >= %s)",
            [partition, offset],
        )
        connection.execute(
            "DELETE FROM window_anomaly WHERE window_start >= (SELECT min(append_second) "
            "FROM ledger_second WHERE kafka_partition = %s AND max_offset >= %s)",
            [partition, offset],
        )
        connection.execute(
            "DELETE FROM sale_anomaly WHERE kafka_partition = %s AND kafka_offset >= %s",
            [partition, offset],
        )


def _only(found: psycopg.Cursor) -> Any:
    row = found.fetchone()
    return row[0] if row else None


def _rows(connection: psycopg.Connection, query: str, values: Sequence[Any]) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), values).fetchall()
