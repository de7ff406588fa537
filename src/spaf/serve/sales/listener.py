"""One connection that LISTENs to PostgreSQL, at the lowest level of psycopg.

A notification is pushed to the viewers within the event loop's callback for the readable socket: no
task is scheduled for it and no lock is taken. Now and then an empty query is sent: its result
proves that the server is alive, and not only without news.
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
NotificationHandler = Callable[[bytes, bytes], None]
# A server that answers an empty query later than this is down.
ALIVE_S = 1.5
# After this the connection is given up, and a new one is tried.
GONE_S = 10.0


class Listener:
    """An open connection and its notifications."""

    def __init__(
        self, connection: psycopg.AsyncConnection, on_notification: NotificationHandler
    ) -> None:
        """Keep the connection; notifications that arrive during a query are handled from now on."""
        self.connection = connection
        self._pgconn = connection.pgconn
        self._on_notification = on_notification
        self._queried_at: float | None = None
        self._ended: asyncio.Future[None] | None = None
        connection.add_notify_handler(
            lambda note: on_notification(note.channel.encode(), note.payload.encode())
        )

    @classmethod
    async def open(
        cls, access: Access, channels: tuple[str, ...], on_notification: NotificationHandler
    ) -> Listener:
        """Connect and listen.

        Raises:
            StoreError: the server does not answer or refuses the role.

        """
        connection = await access.connect_async(Role.READ)
        listener = cls(connection, on_notification)
        try:
            for channel in channels:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        except psycopg.Error as error:
            await connection.close()
            raise StoreError(f"PostgreSQL refuses to LISTEN: {error}") from error
        return listener

    @property
    def silent_s(self) -> float:
        """How long the empty query has been open, seconds; 0.0 if none is."""
        return 0.0 if self._queried_at is None else clock.monotonic() - self._queried_at

    async def listen(self, on_batch: Callable[[], None]) -> None:
        """Handle notifications until the connection ends; no other query may run on it meanwhile.

        Args:
            on_batch: called when all notifications that have arrived have been handled.

        """
        loop = asyncio.get_running_loop()
        ended = self._ended = loop.create_future()

        def readable() -> None:
            try:
                self._consume()
            except psycopg.Error:
                if not ended.done():
                    ended.set_result(None)
                loop.remove_reader(socket)
            on_batch()

        socket = self._pgconn.socket
        loop.add_reader(socket, readable)
        try:
            readable()  # what has arrived with the result of the last query
            await ended
        finally:
            loop.remove_reader(socket)

    def ping(self) -> None:
        """Send an empty query, unless one is open; end a connection that is silent."""
        if self._ended is None or self._ended.done():
            return
        if self._queried_at is None:
            self._queried_at = clock.monotonic()
            try:
                self._pgconn.send_query(b"")
                self._pgconn.flush()
            except psycopg.Error:
                self._ended.set_result(None)
        elif self.silent_s > GONE_S:
            self._ended.set_result(None)

    def end(self) -> None:
        """Let `listen` return."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    async def close(self) -> None:
        """Close the connection."""
        await self.connection.close()

    def _consume(self) -> None:
        self._pgconn.consume_input()
        while (note := self._pgconn.notifies()) is not None:
            self._on_notification(note.relname, note.extra)
        while self._queried_at is not None and not self._pgconn.is_busy():
            if self._pgconn.get_result() is None:
                self._queried_at = None
