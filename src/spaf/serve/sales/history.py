"""What a page asks once rather than is told: charts, today's totals, newest rows, old anomalies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from spaf import clock
from spaf.serve.push.hub import Hub
from spaf.serve.push.row_batcher import sums
from spaf.serve.sales import charts
from spaf.serve.sales.anomaly_feed import AnomalyFeed
from spaf.serve.sales.charts import LONGEST_S, ChartRange
from spaf.serve.sales.query_connection import QueryConnection
from spaf.serve.sales.rollup import Rollup
from spaf.serve.web.cache import Cache
from spaf.serve.web.responses import RequestRefusedError

SPANS = {"1m": 60, "15m": 900, "1h": 3_600, "24h": 86_400}
# Events may be ahead of their arrival (`sale.max_ahead_s`, a day at most), and clocks differ.
AHEAD_S = 86_400
# Moments that a PostgreSQL timestamp and a browser's date both hold: 1970 to 2100, seconds.
LAST_S = 4_102_444_800

Second = Annotated[int, Field(ge=0, le=LAST_S)]


class _StrictQuery(BaseModel):
    """A parameter that is not known is a mistake to be told, not to be passed over."""

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
    """Anomalies that were found before a moment."""

    before_ms: Annotated[int, Field(ge=0, le=LAST_S * 1_000)] = LAST_S * 1_000
    # Each is looked up in Kafka, for its delay.
    limit: Annotated[int, Field(ge=1, le=100)] = 100


class HistoryRoutes:
    """Answers the questions, each at most once a second for any number of viewers."""

    def __init__(
        self, base: str, rollup: Rollup, feed: AnomalyFeed, asker: QueryConnection, hub: Hub
    ) -> None:
        """Keep what is asked; `base` is the currency of charts that name none."""
        self._base = base
        self._rollup = rollup
        self._feed = feed
        self._asker = asker
        self._hub = hub
        self._cache = Cache()

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/api")

        @router.get("/history")
        async def history(request: Request, asked: Annotated[HistoryQuery, Query()]) -> Response:
            span, currency = _range(asked), asked.currency or self._base
            return await self._told(request, (span, currency), lambda: self._chart(span, currency))

        @router.get("/today")
        async def today(request: Request, asked: Annotated[TodayQuery, Query()]) -> Response:
            since = asked.since - asked.since % 60
            return await self._told(request, ("today", since), lambda: self._today(since))

        @router.get("/rows")
        async def rows(request: Request, asked: Annotated[RowsQuery, Query()]) -> Response:
            return await self._told(request, ("rows", asked.limit), lambda: self._rows(asked.limit))

        @router.get("/anomalies")
        async def anomalies(
            request: Request, asked: Annotated[AnomaliesQuery, Query()]
        ) -> Response:
            key = ("anomalies", asked.before_ms, asked.limit)
            return await self._told(request, key, lambda: self._anomalies(*key[1:]))

        return router

    async def _told(
        self, request: Request, key: object, make: Callable[[], Awaitable[object]]
    ) -> Response:
        packed = "gzip" in request.headers.get("accept-encoding", "")
        return (await self._cache.get(key, make)).response(packed=packed)

    async def _chart(self, asked: ChartRange, currency: str) -> object:
        as_of = self._hub.as_of_id
        if charts.known(self._rollup, asked):
            series = charts.from_memory(self._rollup, asked, currency)
        else:
            rows = await self._asker.sums(asked.begin, asked.end, asked.step)
            series = charts.from_rows(rows, asked, currency)
        return {**series.sent(), "as_of_id": as_of}

    async def _today(self, since: int) -> object:
        now_s = clock.now_ms() // 1_000
        if not now_s - LONGEST_S <= since <= now_s + AHEAD_S:
            raise RequestRefusedError(
                400, "since: a midnight of the last 25 hours, in epoch seconds."
            )
        totals = {name: found.sent() for name, found in self._rollup.totals(since).items()}
        return {"since": since, "totals": totals, "sums": sums(self._rollup)}

    async def _rows(self, limit: int) -> object:
        return {"rows": await self._asker.newest(limit)}

    async def _anomalies(self, before_ms: int, limit: int) -> object:
        found = await self._asker.anomalies(before_ms, limit)
        return {"anomalies": await self._feed.known(found)}


def _range(asked: HistoryQuery) -> ChartRange:
    """Return the buckets that are asked for.

    Raises:
        RefusedError: the parameters do not name a range, or too long a one.

    """
    if asked.span is not None:
        if asked.begin is not None or asked.to is not None:
            raise RequestRefusedError(400, "range: name it alone, or from and to without it.")
        now_s = clock.now_ms() // 1_000 + 1
        return ChartRange.over(now_s - SPANS[asked.span], now_s)
    if asked.begin is None or asked.to is None:
        raise RequestRefusedError(400, f"range: one of {', '.join(SPANS)}, or else from and to.")
    if not 0 < asked.to - asked.begin <= LONGEST_S:
        raise RequestRefusedError(400, "to: after from, by 25 hours at most, in epoch seconds.")
    return ChartRange.over(asked.begin, asked.to)
