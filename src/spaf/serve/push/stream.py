"""`GET /api/stream`: the hub's events, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from spaf import clock
from spaf.serve.push.hub import Hub, Viewer
from spaf.serve.web.event_stream import HEADERS, PADDING, PADDING_S, is_forwarded
from spaf.serve.web.responses import RequestRefusedError

# A class room, twice over; each viewer costs some 10 KiB, and a share of every push.
MAX_VIEWERS = 500
RAW_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
# How long a browser waits before it reconnects, milliseconds.
RETRY = b"retry: 500\n\n"
# A page behind a proxy that passes on only complete answers asks for streams that end, seconds.
SHORT_S = 1.0


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
        await send({"type": "http.response.start", "status": 200, "headers": RAW_HEADERS})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        query = parse_qs(str(scope["query_string"], "latin-1"))
        viewer = self._hub.join(_last_id(scope, query))
        disconnected = asyncio.create_task(_disconnected(receive))
        sending = asyncio.create_task(self._send_events(viewer, send, padded=is_forwarded(scope)))
        if "short" in query:
            asyncio.get_running_loop().call_later(SHORT_S, viewer.end)
        try:
            await asyncio.wait((disconnected, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(viewer)
            disconnected.cancel()
            sending.cancel()

    async def _send_events(self, viewer: Viewer, send: Send, *, padded: bool) -> None:
        body = RETRY
        padded_at = clock.monotonic()
        while not viewer.ended:
            if body:
                if padded and clock.monotonic() - padded_at > PADDING_S:
                    body += PADDING
                    padded_at = clock.monotonic()
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await viewer.wait()
            body = self._hub.next(viewer)
        # What was published just before the end is sent too.
        await send({"type": "http.response.body", "body": body})


async def _disconnected(receive: Receive) -> None:
    """Return when the client has disconnected."""
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()


def _last_id(scope: Scope, query: Mapping[str, list[str]]) -> str | None:
    for name, value in scope["headers"]:
        if name == b"last-event-id":
            return str(value, "latin-1")
    return query.get("after", [None])[0]
