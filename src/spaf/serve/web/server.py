"""The HTTP server: uvicorn, with limits on what a connection may take from us.

uvicorn waits for ever for a request that never ends and for a browser that never reads; who opens
a thousand such connections would lock everybody else out.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from spaf.serve.app import Site
from spaf.serve.web.security import ALWAYS, NO_STORE

LOOPBACK = "127.0.0.1"
# Viewers keep theirs open; with them all other requests together, and slack for those who leave.
MOST_CONNECTIONS = 1_000
# From the first byte of a request to the end of its headers; it comes from the same machine.
REQUEST_S = 10.0
# A browser that has not read a byte for so long is not there, seconds.
UNREAD_S = 30.0
# What may lie between us and a slow viewer; the less, the sooner it gets a fresh snapshot. Bytes.
SEND_BUFFER = 64 * 2**10
WRITE_BUFFER = 32 * 2**10
# A browser keeps a connection for its next request, seconds.
KEEP_ALIVE_S = 20
# Streams end when they are told to; what has not ended then is cut off, seconds.
SHUTDOWN_S = 2
# Longest headers, bytes; a cookie of another page on localhost comes with every request.
LONGEST_HEAD = 32 * 2**10


class Connection(H11Protocol):
    """One connection, which is given up when its other end does not do its part."""

    _patience: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request; one connection too many is closed at once."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self._wait_for_request()

    def data_received(self, data: bytes) -> None:
        """Stop waiting when a request is whole."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for_request()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for a browser that does not read, but not for ever."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are not ours
        """Answer what is no HTTP, with the headers that every answer has."""
        body = b'{"error":"This is no HTTP request."}'
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        size = (b"content-length", str(len(body)).encode())
        head = h11.Response(
            status_code=400, headers=[*headers, size, NO_STORE, *ALWAYS], reason=b"Bad Request"
        )
        events = (head, h11.Data(data=body), h11.EndOfMessage())
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        self.transport.close()

    def _wait_for_request(self) -> None:
        if self._patience is None and not self.transport.is_closing():
            self._patience = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class Server(uvicorn.Server):
    """Tells the streams to end before it waits for them."""

    def __init__(self, site: Site, port: int) -> None:
        """Plan to serve on loopback, without a word too many."""
        self._site = site
        config = uvicorn.Config(
            site,
            host=LOOPBACK,
            port=port,
            http=Connection,
            ws="none",
            loop="asyncio",
            lifespan="on",
            # The records go to the one log of the process.
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
            h11_max_incomplete_event_size=LONGEST_HEAD,
        )
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every stream, then everything else."""
        self._site.close()
        await super().shutdown(sockets)
