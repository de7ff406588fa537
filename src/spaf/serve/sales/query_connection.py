"""A second connection for what memory does not hold, one query at a time.

No query runs on the connection that listens: a notification would wait behind its result.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from spaf.errors import StoreError
from spaf.serve.sales import tables
from spaf.serve.sales.notifications import Anomaly
from spaf.serve.sales.rollup import SecondRow
from spaf.serve.web.responses import RequestRefusedError
from spaf.store.access import Access, Role

# A query that takes longer covers too much.
TIMEOUT_MS = 2_000
# A server process that is stopped does not even apply its own timeout.
MAX_WAIT_S = TIMEOUT_MS / 1_000 + 1.0
# Queries that wait for their turn.
MAX_WAITING = 20


class QueryConnection:
    """Queries the tables, within limits."""

    def __init__(self, access: Access) -> None:
        """Keep the access; the first query connects."""
        self.access = access
        self._connection: tables.Connection | None = None
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def sums(self, first: int, last: int, step: int) -> list[SecondRow]:
        """Return the sums of each `step` seconds from `first` up to, and without, `last`.

        Raises:
            StoreError: the database is unreachable, or would take too long.
            RequestRefusedError: too many queries wait.

        """
        async with self._turn() as connection:
            return await tables.sums(connection, first, last, step)

    async def anomalies(self, before_ms: int, limit: int) -> list[Anomaly]:
        """Return the newest anomalies before a moment; raises as `sums` does."""
        async with self._turn() as connection:
            return await tables.anomalies(connection, before_ms, limit)

    async def newest(self, limit: int) -> list[dict[str, object]]:
        """Return the newest rows of sales_summary; raises as `sums` does."""
        async with self._turn() as connection:
            return await tables.newest(connection, limit)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[tables.Connection]:
        """Wait for the connection; an error of the database becomes a StoreError."""
        if self._waiting >= MAX_WAITING:
            raise RequestRefusedError(
                503, "Too many requests for history at once; try again.", code="too_many_requests"
            )
        self._waiting += 1
        try:
            async with self._lock, asyncio.timeout(MAX_WAIT_S):
                yield await self._open()
        except TimeoutError:
            await self._abandon()
            raise StoreError("PostgreSQL does not answer.", todo="See `spaf status`.") from None
        except psycopg.errors.QueryCanceled:
            raise StoreError(
                f"PostgreSQL did not answer within {TIMEOUT_MS // 1_000} s.",
                todo="Choose a shorter range, or try again when it has less to do.",
            ) from None
        except psycopg.Error as error:
            raise StoreError(
                f"PostgreSQL failed: {error}", todo="See `spaf status` and `spaf logs postgres`."
            ) from error
        finally:
            self._waiting -= 1

    async def _abandon(self) -> None:
        """Drop a connection that does not answer."""
        if self._connection is not None:
            self._connection.pgconn.finish()
            self._connection = None

    async def _open(self) -> tables.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = await self.access.connect_async(Role.READ)
            await self._connection.execute(f"SET statement_timeout = {TIMEOUT_MS}".encode())
        return self._connection
