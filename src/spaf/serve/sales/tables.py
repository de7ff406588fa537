"""What the page asks of PostgreSQL: everything at the start, a part of it where memory ends."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from spaf.serve.sales.notifications import Anomaly, anomaly
from spaf.serve.sales.rollup import MOST_SERIES, SecondRow
from spaf.store.statement import statement

_ROWS = (
    "SELECT extract(epoch FROM window_start)::bigint, category, currency, sales_count, "
    "units_sold, round(total_sales * 100)::text, "
    "floor(extract(epoch FROM updated_at) * 1000)::bigint "
    "FROM sales_summary WHERE window_start >= to_timestamp(%(first)s)"
)
# The largest pairs of category and currency; names come from outside, so the rest is summed up, by
# currency where one of the largest has the same, else as one whose money means nothing.
_GROUPED = (
    "WITH grouped AS MATERIALIZED (SELECT "
    "date_bin(make_interval(secs => %(step)s), window_start, to_timestamp(%(first)s)) AS bucket, "
    "category, currency, sum(sales_count) AS sales, sum(units_sold) AS units, "
    "sum(total_sales) AS money FROM sales_summary "
    "WHERE window_start >= to_timestamp(%(first)s) AND window_start < to_timestamp(%(last)s) "
    "GROUP BY 1, 2, 3), "
    "largest AS MATERIALIZED (SELECT category, currency FROM grouped GROUP BY 1, 2 "
    "ORDER BY sum(sales) DESC, 1, 2 LIMIT %(most)s), "
    "named AS (SELECT bucket, coalesce(l.category, '') AS category, CASE WHEN l.category IS NULL "
    "AND g.currency NOT IN (SELECT currency FROM largest) THEN '' ELSE g.currency END AS currency, "
    "sales, units, money FROM grouped AS g LEFT JOIN largest AS l "
    "ON l.category = g.category AND l.currency = g.currency) "
    "SELECT extract(epoch FROM bucket)::bigint, category, currency, sum(sales)::bigint, "
    "sum(units)::bigint, CASE currency WHEN '' THEN '0' ELSE round(sum(money) * 100)::text END, "
    "0::bigint FROM named GROUP BY bucket, category, currency"
)
# From this second on there are no more rows than these.
_FULL = (
    "SELECT extract(epoch FROM window_start)::bigint + 1 FROM sales_summary "
    "WHERE window_start >= to_timestamp(%(first)s) "
    "ORDER BY window_start DESC OFFSET %(most)s LIMIT 1"
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


async def rows_since(connection: Connection, first: int) -> list[SecondRow]:
    """Return every row from a second on."""
    return await _rows(connection, _ROWS, {"first": first})


async def first_second(connection: Connection, first: int, most: int) -> int:
    """Return the first second, `first` or later, from which on there are at most so many rows."""
    cursor = await connection.execute(_FULL.encode(), {"first": first, "most": most})
    found = await cursor.fetchone()
    return first if found is None else int(found[0])


async def sums(
    connection: Connection, first: int, last: int, step: int, most: int = MOST_SERIES
) -> list[SecondRow]:
    """Return the sums of each `step` seconds from `first` up to, and without, `last`.

    Of more than `most` pairs of category and currency the smallest are summed up without a name.
    """
    values = {"first": first, "last": last, "step": step, "most": most}
    return await _rows(connection, _GROUPED, values)


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
        await cursor.execute(statement("spaf.store", "queries/newest_sales"), {"limit": limit})
        return await cursor.fetchall()


async def _rows(connection: Connection, query: str, values: dict[str, int]) -> list[SecondRow]:
    cursor = await connection.execute(query.encode(), values)
    return [
        SecondRow(second, category, currency, sales, units, int(cents), updated_ms)
        for second, category, currency, sales, units, cents, updated_ms in await cursor.fetchall()
    ]
