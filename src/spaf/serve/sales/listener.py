"""One connection that listens to PostgreSQL, at the lowest level that psycopg has.

A notice is on its way to the viewers within the callback of the loop that says that the socket can
be read: no task is woken up for it, and no lock taken. Now and then an empty query goes out: its
answer proves that the server is alive, and not only quiet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
from psycopg import sql

from spaf import clock
from spaf.errors import StoreError
from spaf.store.access import Access, Role

# Channel and payload.
Notice = Callable[[bytes, bytes], None]
# A server that answers an empty query later than this is not up, seconds.
ALIVE_S = 1.5
# After this it is taken for gone, and a new connection is tried, seconds.
GONE_S = 10.0


class Listener:
    """An open connection and what comes from it."""

    def __init__(self, connection: psycopg.AsyncConnection, on_notice: Notice) -> None:
        """Keep the connection; notices that come during a query are heard from now on."""
        self.connection = connection
        self._pgconn = connection.pgconn
        self._on_notice = on_notice
        self._asked: float | None = None
        self._ended: asyncio.Future[None] | None = None
        connection.add_notify_handler(
            lambda notice: on_notice(notice.channel.encode(), notice.payload.encode())
        )

    @classmethod
    async def open(cls, access: Access, channels: tuple[str, ...], on_notice: Notice) -> Listener:
        """Connect and listen.

        Raises:
            StoreError: the server does not answer or does not let us in.

        """
        connection = await access.connect_async(Role.READ)
        listener = cls(connection, on_notice)
        try:
            for channel in channels:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        except psycopg.Error as error:
            await connection.close()
            raise StoreError(f"PostgreSQL does not let us listen: {error}") from error
        return listener

    @property
    def silent_s(self) -> float:
        """Since when an answer is waited for, seconds; 0.0 if none is."""
        return 0.0 if self._asked is None else clock.monotonic() - self._asked

    async def listen(self, on_batch: Callable[[], None]) -> None:
        """Hand on notices until the connection ends; no query may run on it meanwhile.

        Args:
            on_batch: called when all the notices that have come have been handed on.

        """
        loop = asyncio.get_running_loop()
        ended = self._ended = loop.create_future()

        def readable() -> None:
            try:
                self._take()
            except psycopg.Error:
                if not ended.done():
                    ended.set_result(None)
                loop.remove_reader(socket)
            on_batch()

        socket = self._pgconn.socket
        loop.add_reader(socket, readable)
        try:
            readable()  # what has come with the answer of the last query
            await ended
        finally:
            loop.remove_reader(socket)

    def ask(self) -> None:
        """Send an empty query, unless one is on its way; end a connection that is silent."""
        if self._ended is None or self._ended.done():
            return
        if self._asked is None:
            self._asked = clock.monotonic()
            try:
                self._pgconn.send_query(b"")
                self._pgconn.flush()
            except psycopg.Error:
                self._ended.set_result(None)
        elif self.silent_s > GONE_S:
            self._ended.set_result(None)

    async def close(self) -> None:
        """Close the connection."""
        await self.connection.close()

    def _take(self) -> None:
        self._pgconn.consume_input()
        while (notice := self._pgconn.notifies()) is not None:
            self._on_notice(notice.relname, notice.extra)
        while self._asked is not None and not self._pgconn.is_busy():
            if self._pgconn.get_result() is None:
                self._asked = None
