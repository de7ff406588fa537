"""The one reader of PostgreSQL for any number of viewers.

It listens, reads everything once, and keeps that up to date from the notifications. When the
connection is lost it publishes that, and when the database answers again it reads everything again,
so that no change in between is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

import msgspec
import psycopg

from spaf import clock
from spaf.errors import StoreError
from spaf.serve.push.hub import Hub
from spaf.serve.push.row_batcher import RowBatcher
from spaf.serve.sales import notifications, tables
from spaf.serve.sales.anomaly_feed import NEWEST, AnomalyFeed
from spaf.serve.sales.listener import ALIVE_S, Listener
from spaf.serve.sales.query_connection import QueryConnection
from spaf.serve.sales.rollup import (
    LATEST_ROWS,
    MAX_ROWS,
    MINUTE_S,
    MINUTES_KEPT_S,
    SECONDS_KEPT_S,
    Rollup,
    SecondRow,
)
from spaf.serve.web.responses import RequestRefusedError
from spaf.store.rebuild import REPLACED

log = logging.getLogger(__name__)

TICK_S = 1.0
# Between two attempts to connect.
RECONNECT_S = 0.25
# Minutes that are read again in one tick; a replay of a whole day must not load the database.
MAX_MINUTES_PER_TICK = 5


class SalesReader:
    """Keeps the rollup and the feed up to date, and pushes changes."""

    def __init__(
        self,
        queries: QueryConnection,
        rollup: Rollup,
        feed: AnomalyFeed,
        hub: Hub,
    ) -> None:
        """Keep what is updated; `follow` connects."""
        self.newest_ms: int | None = None
        """When the newest row arrived; of a row that was read at the start, when it was written."""
        self.loaded = asyncio.Event()
        self._queries = queries
        self._rollup = rollup
        self._feed = feed
        self._hub = hub
        self._batcher = RowBatcher(hub, rollup)
        self._listener: Listener | None = None
        self._early: list[SecondRow] | None = None
        # Whether other tables have taken the place of those that were read.
        self._stale = False
        self._sales = f"{notifications.SALES}{queries.access.schema}".encode()

    @property
    def database(self) -> str:
        """Whether the database answers: `up` or `down`."""
        if self._stale:
            return "up"
        listener = self._listener
        return "up" if listener is not None and listener.silent_s < ALIVE_S else "down"

    async def follow(self) -> None:
        """Listen and reconnect, for ever; tables that were replaced are read at once."""
        logged = ""
        while True:
            try:
                await self._listen_once()
                if self._stale:
                    continue
                logged = "PostgreSQL has closed the connection"
                log.warning(logged)
            except (StoreError, psycopg.Error, OSError) as error:
                self._stale = False
                if str(error) != logged:
                    logged = str(error)
                    log.warning(logged)
            self._publish_tick()
            await asyncio.sleep(RECONNECT_S)

    async def tick(self) -> None:
        """Publish a `tick` each second with the time of the newest row; drop old rows."""
        while True:
            if self._listener is not None:
                self._listener.ping()
            self._rollup.trim(clock.now_ms() // 1_000)
            self._publish_tick()
            await asyncio.sleep(TICK_S)

    def _publish_tick(self) -> None:
        tick = {
            "now_ms": clock.now_ms(),
            "newest_ms": self.newest_ms,
            "database": self.database,
        }
        self._hub.publish("tick", tick)

    async def _listen_once(self) -> None:
        """Connect, read everything, and handle notifications until the connection ends.

        Raises:
            StoreError: the server does not answer or refuses the role.
            psycopg.Error: the connection was lost.

        """
        access = self._queries.access
        channels = (
            f"{notifications.SALES}{access.schema}",
            f"{notifications.ANOMALIES}{access.schema}",
        )
        listener = await Listener.open(access, channels, self._on_notification)
        try:
            self._stale = True
            while self._stale:
                self._stale, self._early = False, []
                await self._load(listener.connection)
            self._listener = listener
            self._publish_tick()
            await listener.listen(self._batcher.flush)
        finally:
            self._listener = None
            await listener.close()

    async def _load(self, connection: tables.Connection) -> None:
        """Read everything; notifications that arrive meanwhile are applied afterwards."""
        now_s = clock.now_ms() // 1_000
        seconds_from = (now_s - SECONDS_KEPT_S) // MINUTE_S * MINUTE_S
        oldest = (now_s - MINUTES_KEPT_S) // MINUTE_S * MINUTE_S
        async with connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            seconds_from = await tables.first_second(connection, seconds_from, MAX_ROWS)
            rows = await tables.rows_since(connection, seconds_from)
            minutes = await tables.sums(connection, oldest, seconds_from, MINUTE_S)
            anomalies = await tables.anomalies(connection, tables.MAX_TIME_S * 1_000, NEWEST)
            latest = await tables.latest_rows(connection, LATEST_ROWS)
        first = not self.loaded.is_set()
        self._rollup.load(rows, minutes, seconds_from, oldest, latest)
        self._feed.load(anomalies)
        early, self._early = self._early or [], None
        self._apply(early)
        updates_ms = (row.updated_ms for row in (*rows, *latest))
        self.newest_ms = max([self.newest_ms or 0, *updates_ms]) or None
        self.loaded.set()
        if not first:
            self._hub.refresh()

    def _on_notification(self, channel: bytes, payload: bytes) -> None:
        """Apply one notification; one of another form is ignored."""
        if payload == REPLACED.encode():
            self._stale = True
            if self._listener is not None:
                self._listener.end()
            return
        with contextlib.suppress(msgspec.DecodeError, ValueError):
            if channel != self._sales:
                for anomaly in notifications.anomalies(payload):
                    self._feed.add(anomaly)
            elif self._early is not None:
                self._early += notifications.rows(payload)
            else:
                now_us = clock.now_us()
                self.newest_ms = now_us // 1_000
                rows = notifications.rows(payload)
                if self._hub.on_rows is not None:
                    self._hub.on_rows(rows, now_us)
                self._apply(rows)

    def _apply(self, rows: list[SecondRow]) -> None:
        for row in rows:
            self._rollup.apply(row)
        self._batcher.add(rows)

    async def reread(self) -> None:
        """Read minutes again whose older seconds have changed, for ever."""
        while True:
            with contextlib.suppress(StoreError, RequestRefusedError):
                await self._reread()
            await asyncio.sleep(TICK_S)

    async def _reread(self) -> None:
        minutes = sorted(self._rollup.stale_minutes, reverse=True)[:MAX_MINUTES_PER_TICK]
        for minute in minutes:
            self._rollup.stale_minutes.discard(minute)
            bound = self._rollup.seconds_from
            try:
                rows = await self._queries.sums(minute, min(minute + MINUTE_S, bound), MINUTE_S)
            except (StoreError, RequestRefusedError):
                self._rollup.stale_minutes.add(minute)
                raise
            self._rollup.replace_minute(minute, rows, bound)
