"""TLS in front of the PostgreSQL that SPAF installs, which was built without it.

A client of PostgreSQL begins in plain text: it asks for TLS with eight bytes, and speaks TLS after
the answer `S`. The front does this part, and passes everything else on to the server, which listens
on loopback only. A client that does not ask is refused, in the words of the protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import threading
from typing import Self

from spaf.stack.ports import LOOPBACK
from spaf.store.access import SSL_REQUEST

log = logging.getLogger(__name__)

# Bytes that are passed on at once.
CHUNK = 64 * 1_024
# A client asks for TLS and finishes the handshake within this, seconds.
HANDSHAKE_TIMEOUT_S = 10.0
# The loop of the front opens and closes its port within this, seconds.
CALL_TIMEOUT_S = 10.0
# Bytes of the first request of a client.
REQUEST_BYTES = 8
# Asks for encryption by Kerberos; a client without an answer `N` does not go on to TLS.
GSS_REQUEST = bytes.fromhex("0000000804d21630")
# Begins the request to cancel a query: on a connection of its own, and in plain text from many
# clients; its key is known to the one that made the query only.
CANCEL_REQUEST = bytes.fromhex("0000001004d2162e")
REFUSAL = "this server takes encrypted connections only"


class TlsFront:
    """Accepts TLS at one port, and passes the connections on to a server on loopback."""

    def __init__(self, bind: str, port: int, target: int, context: ssl.SSLContext) -> None:
        """Keep the ports; nothing listens yet.

        Args:
            bind: address at which it listens.
            port: its port; 0: any free one.
            target: port of the server.
            context: has the certificate of the server.

        """
        self.port = port
        self._bind, self._target, self._context = bind, target, context
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tls", daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        """Listen.

        Raises:
            OSError: the port is taken.

        """
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(CALL_TIMEOUT_S)
        except OSError:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more, and end every connection."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(CALL_TIMEOUT_S)
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_TIMEOUT_S)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, self._bind, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                first = await self._secured(reader, writer)
            if first is not None:
                await self._forward(first, reader, writer)
        except (OSError, EOFError) as error:
            # The client is gone, or it refuses the certificate: it knows why.
            log.debug("a connection ended: %s", error)
        finally:
            writer.close()

    async def _secured(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        """Return what the server is to read first; None if the client is refused."""
        request = await reader.readexactly(REQUEST_BYTES)
        if request == GSS_REQUEST:
            writer.write(b"N")
            request = await reader.readexactly(REQUEST_BYTES)
        if request == CANCEL_REQUEST:
            return request
        if request != SSL_REQUEST:
            writer.write(_error(REFUSAL))
            await writer.drain()
            return None
        writer.write(b"S")
        await writer.start_tls(self._context)
        return b""

    async def _forward(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        server_reader, server = await asyncio.open_connection(LOOPBACK, self._target)
        server.write(first)
        ways = [
            asyncio.create_task(_copy(reader, server)),
            asyncio.create_task(_copy(server_reader, writer)),
        ]
        try:
            # PostgreSQL's protocol has no half-closed connections: the first end is the end.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            server.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()


def _error(message: str) -> bytes:
    """Return a message of the server that ends the connection, as its protocol writes it."""
    fields = (b"SFATAL", b"VFATAL", b"C28000", b"M" + message.encode(), b"")
    body = b"\0".join(fields) + b"\0"
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body
