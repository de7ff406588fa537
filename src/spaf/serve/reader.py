"""The one connection that listens to PostgreSQL for all viewers."""

from __future__ import annotations

import asyncio

from spaf import clock
from spaf.serve.hub import Hub
from spaf.serve.source import Source

TICK_S = 1.0


async def follow(source: Source, hub: Hub) -> None:
    """Say each second that we are here."""
    del source
    while True:
        hub.publish("tick", {"now_ms": clock.now_ms(), "newest_ms": None, "database": "up"})
        await asyncio.sleep(TICK_S)
