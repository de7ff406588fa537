"""What the page asks of PostgreSQL: everything at the start, a part of it where memory ends."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from spaf.serve.news import Anomaly, anomaly
from spaf.serve.rollup import Row
from spaf.store.queries import NEWEST

_ROWS = (
    "SELECT extract(epoch FROM window_start)::bigint, category, currency, sales_count, "
    "units_sold, round(total_sales * 100)::text, "
    "floor(extract(epoch FROM updated_at) * 1000)::bigint "
    "FROM sales_summary WHERE window_start >= to_timestamp(%(first)s)"
)
_GROUPED = (
    "SELECT extract(epoch FROM bucket)::bigint, category, currency, "
    "sales::bigint, units::bigint, round(money * 100)::text, "
    "floor(extract(epoch FROM updated) * 1000)::bigint FROM (SELECT "
    "date_bin(make_interval(secs => %(step)s), window_start, to_timestamp(%(first)s)) AS bucket, "
    "category, currency, sum(sales_count) AS sales, sum(units_sold) AS units, "
    "sum(total_sales) AS money, max(updated_at) AS updated FROM sales_summary "
    "WHERE window_start >= to_timestamp(%(first)s) AND window_start < to_timestamp(%(last)s) "
    "GROUP BY bucket, category, currency) AS summed"
)
_SALES = (
    "SELECT kind, category, round(amount * 100)::text, round(expected * 100)::text, score, "
    "floor(extract(epoch FROM detected_at) * 1000)::bigint, kafka_partition, kafka_offset, "
    "transaction_id FROM sale_anomaly WHERE detected_at < to_timestamp(%(before)s) "
    "ORDER BY detected_at DESC LIMIT %(limit)s"
)
_SECONDS = (
    "SELECT kind, category, observed, expected, score, "
    "floor(extract(epoch FROM detected_at) * 1000)::bigint, "
    "extract(epoch FROM window_start)::bigint "
    "FROM window_anomaly WHERE detected_at < to_timestamp(%(before)s) "
    "ORDER BY detected_at DESC LIMIT %(limit)s"
)
# Past every moment that a row can hold.
FOR_EVER_S = 4_102_444_800

Connection = psycopg.AsyncConnection[Any]


async def rows_since(connection: Connection, first: int) -> list[Row]:
    """Return every row from a second on."""
    return await _rows(connection, _ROWS, {"first": first})


async def sums(connection: Connection, first: int, last: int, step: int) -> list[Row]:
    """Return the sums of each `step` seconds from `first` up to, and without, `last`."""
    return await _rows(connection, _GROUPED, {"first": first, "last": last, "step": step})


async def anomalies(connection: Connection, before_ms: int, limit: int) -> list[Anomaly]:
    """Return the newest anomalies of both kinds that were found before a moment, newest first."""
    values = {"before": before_ms / 1_000, "limit": limit}
    found: list[Anomaly] = []
    for query in (_SALES, _SECONDS):
        cursor = await connection.execute(query.encode(), values)
        found += [anomaly(list(row)) for row in await cursor.fetchall()]
    found.sort(key=lambda one: one.detected_ms, reverse=True)
    return found[:limit]


async def newest(connection: Connection, limit: int) -> list[dict[str, object]]:
    """Return the newest rows of sales_summary as the brief's query gives them, newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(NEWEST.encode(), [limit])
        return await cursor.fetchall()


async def _rows(connection: Connection, query: str, values: dict[str, int]) -> list[Row]:
    cursor = await connection.execute(query.encode(), values)
    return [
        Row(second, category, currency, sales, units, int(cents), updated_ms)
        for second, category, currency, sales, units, cents, updated_ms in await cursor.fetchall()
    ]
