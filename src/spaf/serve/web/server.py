"""The HTTP server: uvicorn, with limits on what one connection may use.

uvicorn waits without limit for a request to end and for a client to read. A client that opens a
thousand such connections would lock all others out.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any, Protocol

import h11
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from spaf.serve.web.security import ALWAYS, NO_STORE

LOOPBACK = "127.0.0.1"
LOOPBACK_IPV6 = "::1"
# All addresses of a host.
ANY = "0.0.0.0"  # noqa: S104 - only what the settings say
ANY_IPV6 = "::"
# The streams of all viewers, with room for other requests and for viewers that are leaving.
MAX_CONNECTIONS = 1_000
# From the first byte of a request to the end of its headers; it comes from the same machine.
REQUEST_TIMEOUT_S = 10.0
# A client that has not read a byte for this long is considered gone.
UNREAD_TIMEOUT_S = 30.0
# What may be buffered for a slow viewer: the less, the sooner it gets a fresh snapshot.
SEND_BUFFER_BYTES = 64 * 2**10
WRITE_BUFFER_BYTES = 32 * 2**10
# A browser keeps a connection open for its next request.
KEEP_ALIVE_S = 20
# Streams are asked to end; one that has not ended after this is closed.
SHUTDOWN_S = 2
# Connections that wait to be accepted.
BACKLOG = 2_048
# A cookie of another page on localhost comes with every request.
MAX_HEADER_BYTES = 32 * 2**10


class Closable(Protocol):
    """An application whose endless responses can be ended."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""

    def close(self) -> None:
        """End every stream."""


class Connection(H11Protocol):
    """One connection; it is aborted when the client stalls."""

    _request_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request; a connection beyond the limit is aborted."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._start_request_timer()

    def data_received(self, data: bytes) -> None:
        """Stop the timer when a request is complete."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._start_request_timer()
        else:
            self._stop_request_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._stop_request_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for a client that does not read, up to UNREAD_TIMEOUT_S."""
        super().pause_writing()
        self._unread_timer = self.loop.call_later(UNREAD_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the timer."""
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are not ours
        """Answer bytes that are no HTTP, with the headers that every response has."""
        body = b'{"error":"This is no HTTP request."}'
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        size = (b"content-length", str(len(body)).encode())
        head = h11.Response(
            status_code=400, headers=[*headers, size, NO_STORE, *ALWAYS], reason=b"Bad Request"
        )
        events = (head, h11.Data(data=body), h11.EndOfMessage())
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        self.transport.close()

    def _start_request_timer(self) -> None:
        if self._request_timer is None and not self.transport.is_closing():
            self._request_timer = self.loop.call_later(REQUEST_TIMEOUT_S, self.transport.abort)

    def _stop_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None


def listeners(port: int, bind: str = LOOPBACK) -> list[socket.socket]:
    """Return the sockets of the page: on loopback, and on loopback of IPv6 where there is one.

    Some systems resolve `localhost` to ::1 first.

    Args:
        port: at which all of them listen.
        bind: a further IP address, or `0.0.0.0` or `::` for all of this host.

    Raises:
        OSError: the port is taken, or this host has no such address.

    """
    if bind == ANY_IPV6:
        return [_listener(bind, port, dualstack_ipv6=True)]
    sockets = [
        _listener(address, port) for address in ({bind} if bind == ANY else {LOOPBACK, bind})
    ]
    with contextlib.suppress(OSError):
        sockets.append(_listener(LOOPBACK_IPV6, port))
    return sockets


def _listener(address: str, port: int, **options: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=BACKLOG, **options)


class Server(uvicorn.Server):
    """Ends the streams before it waits for open responses."""

    def __init__(self, site: Closable, port: int, bind: str = LOOPBACK) -> None:
        """Configure a server on loopback, and at another address, that logs errors only."""
        self._site = site
        self._bind = bind
        config = uvicorn.Config(
            site,
            host=LOOPBACK,
            port=port,
            http=Connection,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        )
        super().__init__(config)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until the process is asked to end.

        Raises:
            OSError: the port is taken.

        """
        super().run(sockets or listeners(self.config.port, self._bind))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every stream, then everything else."""
        self._site.close()
        await super().shutdown(sockets)
