"""The one reader of PostgreSQL for any number of viewers.

It listens, reads everything once, and keeps that up to date from the notices. When the database
goes, it says so, and when it is back, reads everything again: nothing that happened in between is
missing then.
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
    MINUTE_S,
    MINUTES_KEPT_S,
    MOST_ROWS,
    SECONDS_KEPT_S,
    Rollup,
    SecondRow,
)
from spaf.serve.web.responses import RequestRefusedError

log = logging.getLogger(__name__)

TICK_S = 1.0
# Between two attempts to connect, seconds: a database that is back is found at once.
PAUSE_S = 0.25
# Minutes that are read again in one tick; a replay of a whole day must not keep the tables busy.
MOST_MINUTES_A_TICK = 5


class SalesReader:
    """Keeps the rollup and the feed true, and pushes what changes."""

    def __init__(
        self,
        asker: QueryConnection,
        rollup: Rollup,
        feed: AnomalyFeed,
        hub: Hub,
    ) -> None:
        """Keep who is told; `follow` connects."""
        self.newest_ms: int | None = None
        """When the newest row was told; of a row that was read at the start, when it changed."""
        self.loaded = asyncio.Event()
        self._asker = asker
        self._rollup = rollup
        self._feed = feed
        self._hub = hub
        self._pushes = RowBatcher(hub, rollup)
        self._listener: Listener | None = None
        self._early: list[SecondRow] | None = None
        self._sales = f"{notifications.SALES}{asker.access.schema}".encode()

    @property
    def database(self) -> str:
        """Whether the database answers: `up` or `down`."""
        listener = self._listener
        return "up" if listener is not None and listener.silent_s < ALIVE_S else "down"

    async def follow(self) -> None:
        """Listen, and listen again, for ever."""
        told = ""
        while True:
            try:
                await self._listen_once()
                told = "PostgreSQL has closed the connection"
                log.warning(told)
            except (StoreError, psycopg.Error, OSError) as error:
                if str(error) != told:
                    told = str(error)
                    log.warning(told)
            self._tell()
            await asyncio.sleep(PAUSE_S)

    async def tick(self) -> None:
        """Say each second that we are here, and how old the newest row is; keep the memory tidy."""
        while True:
            if self._listener is not None:
                self._listener.ask()
            self._rollup.trim(clock.now_ms() // 1_000)
            self._tell()
            await asyncio.sleep(TICK_S)

    def _tell(self) -> None:
        tick = {
            "now_ms": clock.now_ms(),
            "newest_ms": self.newest_ms,
            "database": self.database,
        }
        self._hub.publish("tick", tick)

    async def _listen_once(self) -> None:
        """Connect, read everything, and follow until the connection ends.

        Raises:
            StoreError: the server does not answer or does not let us in.
            psycopg.Error: it went away.

        """
        access = self._asker.access
        channels = (
            f"{notifications.SALES}{access.schema}",
            f"{notifications.ANOMALIES}{access.schema}",
        )
        self._early = []
        listener = await Listener.open(access, channels, self._hear)
        try:
            await self._load(listener.connection)
            self._listener = listener
            self._tell()
            await listener.listen(self._pushes.flush)
        finally:
            self._listener = None
            await listener.close()

    async def _load(self, connection: tables.Connection) -> None:
        """Read everything; what is told meanwhile is taken in afterwards."""
        now_s = clock.now_ms() // 1_000
        seconds_from = (now_s - SECONDS_KEPT_S) // MINUTE_S * MINUTE_S
        oldest = (now_s - MINUTES_KEPT_S) // MINUTE_S * MINUTE_S
        async with connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            seconds_from = await tables.first_second(connection, seconds_from, MOST_ROWS)
            rows = await tables.rows_since(connection, seconds_from)
            minutes = await tables.sums(connection, oldest, seconds_from, MINUTE_S)
            unusual = await tables.anomalies(connection, tables.FOR_EVER_S * 1_000, NEWEST)
        first = not self.loaded.is_set()
        self._rollup.load(rows, minutes, seconds_from, oldest)
        self._feed.load(unusual)
        early, self._early = self._early or [], None
        self._take(early)
        self.newest_ms = max([self.newest_ms or 0, *(r.updated_ms for r in rows)]) or None
        self.loaded.set()
        if not first:
            self._hub.refresh()

    def _hear(self, channel: bytes, payload: bytes) -> None:
        """Take one notice in; one that is none of ours is passed over."""
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
                self._take(rows)

    def _take(self, rows: list[SecondRow]) -> None:
        for row in rows:
            self._rollup.apply(row)
        self._pushes.add(rows)

    async def settle(self) -> None:
        """Read minutes again whose older seconds have changed, for ever."""
        while True:
            with contextlib.suppress(StoreError, RequestRefusedError):
                await self._settle()
            await asyncio.sleep(TICK_S)

    async def _settle(self) -> None:
        minutes = sorted(self._rollup.unsure, reverse=True)[:MOST_MINUTES_A_TICK]
        for minute in minutes:
            self._rollup.unsure.discard(minute)
            bound = self._rollup.seconds_from
            try:
                rows = await self._asker.sums(minute, min(minute + MINUTE_S, bound), MINUTE_S)
            except (StoreError, RequestRefusedError):
                self._rollup.unsure.add(minute)
                raise
            self._rollup.settle(minute, rows, bound)
