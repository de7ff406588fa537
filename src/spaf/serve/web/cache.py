"""Responses that are the same for every viewer: computed once a second at most."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from spaf import clock

# A chart that a viewer requests may be this old; the stream pushes what changes afterwards.
MAX_AGE_S = 1.0
# Each response has up to some 200 KiB.
MAX_RESPONSES = 16


class Cache:
    """The newest JSON bodies by request."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: OrderedDict[object, tuple[float, asyncio.Task[bytes]]] = OrderedDict()

    async def get(self, key: object, make: Callable[[], Awaitable[object]]) -> bytes:
        """Return a body that is fresh, or make it; concurrent requests share one computation."""
        now = clock.monotonic()
        kept = self._kept.get(key)
        if kept is None or now - kept[0] > MAX_AGE_S or _failed(kept[1]):
            kept = (now, asyncio.create_task(_body(make)))
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_RESPONSES:
                self._kept.popitem(last=False)
        # A client that disconnects must not cancel the computation that others wait for.
        return await asyncio.shield(kept[1])


def _failed(task: asyncio.Task[bytes]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _body(make: Callable[[], Awaitable[object]]) -> bytes:
    return msgspec.json.encode(await make())
