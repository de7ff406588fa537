"""What a page requests once: charts, today's totals, newest rows, older anomalies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from spaf import clock
from spaf.serve.push.hub import Hub
from spaf.serve.push.row_batcher import sums
from spaf.serve.sales import charts
from spaf.serve.sales.anomaly_feed import AnomalyFeed
from spaf.serve.sales.charts import MAX_RANGE_S, ChartRange
from spaf.serve.sales.query_connection import QueryConnection
from spaf.serve.sales.rollup import Rollup
from spaf.serve.web.cache import Cache
from spaf.serve.web.responses import JSON, invalid

SPANS = {"1m": 60, "15m": 900, "1h": 3_600, "24h": 86_400}
# Event times may be ahead of their arrival (`sale.max_ahead_s`, a day at most), and clocks differ.
MAX_AHEAD_S = 86_400
# Times that a PostgreSQL timestamp and a browser's date both hold: 1970 to 2100.
MAX_TIME_S = 4_102_444_800

Second = Annotated[int, Field(ge=0, le=MAX_TIME_S)]


class _StrictQuery(BaseModel):
    """An unknown parameter is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class HistoryQuery(_StrictQuery):
    """Either a range up to now, or `from` and `to`."""

    span: Annotated[Literal["1m", "15m", "1h", "24h"] | None, Field(alias="range")] = None
    begin: Annotated[Second | None, Field(alias="from")] = None
    to: Second | None = None
    currency: Annotated[str | None, Field(pattern=r"^[A-Z]{3}$")] = None


class TodayQuery(_StrictQuery):
    """The viewer's midnight, epoch seconds."""

    since: Second


class RowsQuery(_StrictQuery):
    """How many rows."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50


class AnomaliesQuery(_StrictQuery):
    """Anomalies that were detected before a time."""

    before_ms: Annotated[int, Field(ge=0, le=MAX_TIME_S * 1_000)] = MAX_TIME_S * 1_000
    # Each is looked up in Kafka, for its delay.
    limit: Annotated[int, Field(ge=1, le=100)] = 100


class HistoryRoutes:
    """The routes; each response is computed once a second at most, for any number of viewers."""

    def __init__(
        self, base: str, rollup: Rollup, feed: AnomalyFeed, queries: QueryConnection, hub: Hub
    ) -> None:
        """Keep the data; `base` is the currency of charts that name none."""
        self._base = base
        self._rollup = rollup
        self._feed = feed
        self._queries = queries
        self._hub = hub
        self._cache = Cache()

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/api")

        @router.get("/history")
        async def history(query: Annotated[HistoryQuery, Query()]) -> Response:
            buckets, currency = _range(query), query.currency or self._base
            return await self._cached((buckets, currency), lambda: self._chart(buckets, currency))

        @router.get("/today")
        async def today(query: Annotated[TodayQuery, Query()]) -> Response:
            since = query.since - query.since % 60
            return await self._cached(("today", since), lambda: self._today(since))

        @router.get("/rows")
        async def rows(query: Annotated[RowsQuery, Query()]) -> Response:
            return await self._cached(("rows", query.limit), lambda: self._rows(query.limit))

        @router.get("/anomalies")
        async def anomalies(query: Annotated[AnomaliesQuery, Query()]) -> Response:
            key = ("anomalies", query.before_ms, query.limit)
            return await self._cached(key, lambda: self._anomalies(*key[1:]))

        return router

    async def _cached(self, key: object, make: Callable[[], Awaitable[object]]) -> Response:
        return Response(await self._cache.get(key, make), media_type=JSON)

    async def _chart(self, buckets: ChartRange, currency: str) -> object:
        as_of = self._hub.as_of_id
        if charts.in_memory(self._rollup, buckets):
            series = charts.from_memory(self._rollup, buckets, currency)
        else:
            rows = await self._queries.sums(buckets.begin, buckets.end, buckets.step)
            series = charts.from_rows(rows, buckets, currency)
        return {**series.wire(), "as_of_id": as_of}

    async def _today(self, since: int) -> object:
        now_s = clock.now_ms() // 1_000
        if not now_s - MAX_RANGE_S <= since <= now_s + MAX_AHEAD_S:
            raise invalid("since: a midnight of the last 25 hours, in epoch seconds.")
        totals = {name: total.wire() for name, total in self._rollup.totals(since).items()}
        return {"since": since, "totals": totals, "sums": sums(self._rollup)}

    async def _rows(self, limit: int) -> object:
        return {"rows": await self._queries.newest(limit)}

    async def _anomalies(self, before_ms: int, limit: int) -> object:
        anomalies = await self._queries.anomalies(before_ms, limit)
        return {"anomalies": await self._feed.with_delays(anomalies)}


def _range(query: HistoryQuery) -> ChartRange:
    """Return the buckets of a request.

    Raises:
        RequestRefusedError: the parameters name no range, or one that is too long.

    """
    if query.span is not None:
        if query.begin is not None or query.to is not None:
            raise invalid("range: name it alone, or from and to without it.")
        now_s = clock.now_ms() // 1_000 + 1
        return ChartRange.over(now_s - SPANS[query.span], now_s)
    if query.begin is None or query.to is None:
        raise invalid(f"range: one of {', '.join(SPANS)}, or else from and to.")
    if not 0 < query.to - query.begin <= MAX_RANGE_S:
        raise invalid("to: after from, by 25 hours at most, in epoch seconds.")
    return ChartRange.over(query.begin, query.to)
