"""`GET /api/stream`: the hub's events, as server-sent events."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from spaf.serve.push.hub import Hub, Viewer
from spaf.serve.web.responses import RequestRefusedError

# A class room, twice over; each viewer costs some 10 KiB, and a share of every push.
MAX_VIEWERS = 500
HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8")]
# How long a browser waits before it reconnects, milliseconds.
RETRY = b"retry: 500\n\n"


class Stream:
    """The endpoint, written to ASGI itself: every push passes here once a viewer."""

    def __init__(self, hub: Hub) -> None:
        """Keep the hub."""
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client disconnects.

        Raises:
            RequestRefusedError: there are too many viewers.

        """
        if self._hub.viewers >= MAX_VIEWERS:
            sentence = f"{MAX_VIEWERS} pages are open already; close one and reload."
            raise RequestRefusedError(503, sentence, code="viewers", limit=MAX_VIEWERS)
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        viewer = self._hub.join(_last_id(scope))
        disconnected = asyncio.create_task(_disconnected(receive))
        sending = asyncio.create_task(self._send_events(viewer, send))
        try:
            await asyncio.wait((disconnected, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(viewer)
            disconnected.cancel()
            sending.cancel()

    async def _send_events(self, viewer: Viewer, send: Send) -> None:
        body = RETRY
        while not viewer.ended:
            if body:
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await viewer.wait()
            body = self._hub.next(viewer)
        await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Receive) -> None:
    """Return when the client has disconnected."""
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()


def _last_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"last-event-id":
            return str(value, "latin-1")
    after = parse_qs(str(scope["query_string"], "latin-1")).get("after")
    return None if after is None else after[0]
