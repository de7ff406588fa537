"""The page's queries of PostgreSQL: all at the start, later ranges that memory does not hold."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from spaf.serve.sales.notifications import Anomaly, anomaly
from spaf.serve.sales.rollup import MAX_SERIES, SecondRow
from spaf.store.statement import statement

# Later than every time of a row: 2100.
MAX_TIME_S = 4_102_444_800

Connection = psycopg.AsyncConnection[Any]


async def rows_since(connection: Connection, first: int) -> list[SecondRow]:
    """Return every row from a second on."""
    return await _rows(connection, "rows_since", {"first": first})


async def latest_rows(connection: Connection, limit: int) -> list[SecondRow]:
    """Return the rows that were created last, in the order of their creation."""
    return (await _rows(connection, "latest_rows", {"limit": limit}))[::-1]


async def first_second(connection: Connection, first: int, most: int) -> int:
    """Return the first second, `first` or later, from which on there are at most `most` rows."""
    values = {"first": first, "max_rows": most}
    cursor = await connection.execute(_sql("first_second"), values)
    row = await cursor.fetchone()
    return first if row is None else int(row[0])


async def sums(
    connection: Connection, first: int, last: int, step: int, most: int = MAX_SERIES
) -> list[SecondRow]:
    """Return the sums of each `step` seconds from `first` up to, and without, `last`.

    Of more than `most` pairs of category and currency the smallest are summed up without a name.
    """
    values = {"first": first, "last": last, "step": step, "series": most}
    return await _rows(connection, "sums", values)


async def anomalies(connection: Connection, before_ms: int, limit: int) -> list[Anomaly]:
    """Return the newest anomalies of both kinds that were found before a moment, newest first."""
    values = {"before": before_ms / 1_000, "limit": limit}
    newest_first: list[Anomaly] = []
    for name in ("sale_anomalies", "traffic_anomalies"):
        cursor = await connection.execute(_sql(name), values)
        newest_first += [anomaly(list(row)) for row in await cursor.fetchall()]
    newest_first.sort(key=lambda item: item.detected_ms, reverse=True)
    return newest_first[:limit]


async def newest(connection: Connection, limit: int) -> list[dict[str, object]]:
    """Return the newest rows of sales_summary as the brief's query gives them, newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement("spaf.store", "queries/newest_sales"), {"limit": limit})
        return await cursor.fetchall()


def _sql(name: str) -> bytes:
    return statement("spaf.serve", name)


async def _rows(connection: Connection, name: str, values: dict[str, int]) -> list[SecondRow]:
    cursor = await connection.execute(_sql(name), values)
    return [
        SecondRow(second, category, currency, sales, units, int(cents), updated_ms)
        for second, category, currency, sales, units, cents, updated_ms in await cursor.fetchall()
    ]
