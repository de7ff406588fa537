"""Events for all viewers: numbered, encoded once, and kept for viewers that reconnect.

Each viewer has a bounded queue. When the queue of a slow viewer overflows, it is dropped and the
viewer gets a snapshot instead: the newest state, never an old event. A viewer that reconnects while
the ring holds the events that it has missed gets those.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spaf import clock

if TYPE_CHECKING:
    # Not needed while the run starts, when the hub serves already.
    from spaf.serve.sales.rollup import SecondRow

# A viewer that reconnects within this gets the events that it has missed.
RING_S = 30.0
# Beyond this size a snapshot is cheaper than the events.
RING_BYTES = 4 * 2**20
# Data that is published each second is no longer part of a snapshot when it is older than this.
FRESH_S = 5.0
NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
# Of one viewer; the bytes are shared with the ring and with the other viewers.
MAX_QUEUED_EVENTS = 256
MAX_QUEUED_BYTES = 256 * 2**10


class Event(NamedTuple):
    """One message as it is sent."""

    number: int
    at: float
    data: bytes


class Viewer:
    """One connected client: its queue, and whether it needs a snapshot."""

    def __init__(self) -> None:
        """Start with a snapshot due."""
        self.needs_snapshot = True
        self.ended = False
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._some = asyncio.Event()
        self._some.set()

    def put(self, data: bytes) -> None:
        """Add an event, or drop the queue for a snapshot if it is full."""
        if not self.needs_snapshot:
            self._waiting.append(data)
            self._bytes += len(data)
            if len(self._waiting) > MAX_QUEUED_EVENTS or self._bytes > MAX_QUEUED_BYTES:
                self.restart()
        self._some.set()

    def restart(self) -> None:
        """Drop the queue; a snapshot is sent next."""
        self._clear()
        self.needs_snapshot = True
        self._some.set()

    def end(self) -> None:
        """End the stream."""
        self.ended = True
        self._some.set()

    async def wait(self) -> None:
        """Wait until there is something to send."""
        await self._some.wait()

    def drain(self) -> bytes:
        """Empty the queue and return its bytes."""
        data = b"".join(self._waiting)
        self._clear()
        return data

    def _clear(self) -> None:
        self._waiting.clear()
        self._bytes = 0
        self._some.clear()


class Hub:
    """Numbers the events, keeps the newest of each kind, and queues them for the viewers."""

    def __init__(self, epoch: str, snapshot: Callable[[], object], kind: str = "snapshot") -> None:
        """Keep the name of this process's numbering, and the builder of snapshots.

        Args:
            epoch: begins each id.
            snapshot: returns the whole present state.
            kind: of the event that holds it.

        """
        self._epoch = epoch
        self._snapshot = snapshot
        self._kind = kind
        self._number = 0
        self._ring: deque[Event] = deque()
        self._ring_bytes = 0
        self._viewers: set[Viewer] = set()
        self._left_at = -RING_S
        self._encoded_snapshot: tuple[int, bytes] | None = None
        self._newest: dict[str, tuple[float, object]] = {}
        # Called with the rows of each notification and the time (µs), while latency is sampled.
        self.on_rows: Callable[[Sequence[SecondRow], int], None] | None = None

    @property
    def viewers(self) -> int:
        """How many clients are connected."""
        return len(self._viewers)

    @property
    def as_of_id(self) -> str:
        """The id of the newest event."""
        return f"{self._epoch}-{self._number}"

    def fresh(self, kind: str) -> object:
        """Return the newest data of a kind, or None if it is older than FRESH_S."""
        at, data = self._newest.get(kind, (-FRESH_S, None))
        return data if clock.monotonic() - at < FRESH_S else None

    def publish(self, kind: str, data: object) -> None:
        """Queue an event for every viewer; without viewers it only becomes the newest."""
        now = clock.monotonic()
        self._newest[kind] = (now, data)
        self._number += 1
        if not self._viewers and now - self._left_at > RING_S:
            self._ring.clear()
            self._ring_bytes = 0
            return
        event = Event(self._number, now, self._encoded(kind, data))
        self._ring.append(event)
        self._ring_bytes += len(event.data)
        while self._ring and (self._ring_bytes > RING_BYTES or now - self._ring[0].at > RING_S):
            self._ring_bytes -= len(self._ring.popleft().data)
        for viewer in self._viewers:
            viewer.put(event.data)

    def refresh(self) -> None:
        """Send every viewer a snapshot: the state has changed in a way that no event describes."""
        self._number += 1
        self._ring.clear()
        self._ring_bytes = 0
        for viewer in self._viewers:
            viewer.restart()

    def join(self, last_id: str | None) -> Viewer:
        """Add a viewer; it gets the events after `last_id`, or else a snapshot."""
        viewer = Viewer()
        missed = self._missed(last_id)
        if missed is not None:
            viewer.needs_snapshot = False
            for event in missed:
                viewer.put(event.data)
        self._viewers.add(viewer)
        return viewer

    def close(self) -> None:
        """End every stream; browsers reconnect by themselves."""
        for viewer in self._viewers:
            viewer.end()

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer."""
        self._viewers.discard(viewer)
        self._left_at = clock.monotonic()

    def next(self, viewer: Viewer) -> bytes:
        """Return what to send to a viewer now: its queued events, or a snapshot."""
        if not viewer.needs_snapshot:
            return viewer.drain()
        viewer.drain()
        viewer.needs_snapshot = False
        return self._snapshot_event()

    def _snapshot_event(self) -> bytes:
        """Return the snapshot, encoded once for all viewers that need it before the next event."""
        if self._encoded_snapshot is None or self._encoded_snapshot[0] != self._number:
            self._encoded_snapshot = (self._number, self._encoded(self._kind, self._snapshot()))
        return self._encoded_snapshot[1]

    def _missed(self, last_id: str | None) -> list[Event] | None:
        """Return the events after an id, or None if the ring no longer holds them all."""
        epoch, _, number = (last_id or "").rpartition("-")
        if epoch != self._epoch or not NUMBER.fullmatch(number):
            return None
        seen = int(number)
        if not self._ring or not self._ring[0].number - 1 <= seen <= self._number:
            return None
        return [event for event in self._ring if event.number > seen]

    def _encoded(self, kind: str, data: object) -> bytes:
        body = msgspec.json.encode(data)
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (self.as_of_id.encode(), kind.encode(), body)
