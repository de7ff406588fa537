"""Answers that are the same for everybody: made once a second at most, whoever asks."""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from starlette.responses import Response

from spaf import clock
from spaf.serve.web.responses import JSON

# What a page is shown may be so old, seconds; what happens meanwhile it is told by events.
FRESH_S = 1.0
# Answers that are kept; each has up to some 200 KiB.
MOST = 16
# Smaller ones are not worth the processor time, bytes.
WORTH_PACKING = 4_096
# The quickest: the way is loopback, or a class room's network.
LEVEL = 1


@dataclass(frozen=True)
class Body:
    """An answer in both forms in which it is sent."""

    plain: bytes
    packed: bytes | None

    def response(self, *, packed: bool) -> Response:
        """Return it as the browser wants it."""
        headers = {"vary": "accept-encoding"}
        if packed and self.packed is not None:
            headers["content-encoding"] = "gzip"
            return Response(self.packed, headers=headers, media_type=JSON)
        return Response(self.plain, headers=headers, media_type=JSON)


class Cache:
    """The newest answers by what was asked."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: OrderedDict[object, tuple[float, asyncio.Task[Body]]] = OrderedDict()

    async def get(self, key: object, make: Callable[[], Awaitable[object]]) -> Body:
        """Return an answer that is fresh, or make it; who asks meanwhile waits for the same."""
        now = clock.monotonic()
        kept = self._kept.get(key)
        if kept is None or now - kept[0] > FRESH_S or _failed(kept[1]):
            kept = (now, asyncio.create_task(_body(make)))
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        # Who goes away must not take the answer from the others.
        return await asyncio.shield(kept[1])


def _failed(task: asyncio.Task[Body]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _body(make: Callable[[], Awaitable[object]]) -> Body:
    plain = msgspec.json.encode(await make())
    if len(plain) < WORTH_PACKING:
        return Body(plain, None)
    return Body(plain, await asyncio.to_thread(gzip.compress, plain, LEVEL))
