"""`GET /api/stream`: the hub's events, as server-sent events."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from spaf.serve.push.hub import Hub, Viewer
from spaf.serve.web.responses import refuse

# One page of a class room, twice over; each costs some ten KiB, and a share of every push.
MOST_VIEWERS = 500
HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8")]
# How long a browser waits before it comes back after a lost connection, milliseconds.
RETRY = b"retry: 500\n\n"


class Stream:
    """The endpoint: written to ASGI itself, because every push passes here once a viewer."""

    def __init__(self, hub: Hub) -> None:
        """Keep the hub."""
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for as long as its browser listens."""
        if self._hub.viewers >= MOST_VIEWERS:
            sentence = f"{MOST_VIEWERS} pages are open already; close one and reload."
            await refuse(send, 503, sentence)
            return
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        viewer = self._hub.join(_last_id(scope))
        gone = asyncio.create_task(_gone(receive))
        sending = asyncio.create_task(self._feed(viewer, send))
        try:
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(viewer)
            gone.cancel()
            sending.cancel()

    async def _feed(self, viewer: Viewer, send: Send) -> None:
        body = RETRY
        while not viewer.ended:
            if body:
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await viewer.wait()
            body = self._hub.next(viewer)
        await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    """Return when the browser has gone."""
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()


def _last_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"last-event-id":
            return str(value, "latin-1")
    after = parse_qs(str(scope["query_string"], "latin-1")).get("after")
    return None if after is None else after[0]
