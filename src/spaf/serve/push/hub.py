"""Every message once, to every viewer: numbered, kept for a while, the same bytes for all.

A viewer has a bounded queue. One that is too slow for it loses the queue and gets a snapshot
instead: the newest state, never an old event. A viewer that comes back within the ring's time gets
what it has missed.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from spaf import clock
from spaf.serve.sales.rollup import SecondRow

# Who comes back within this gets the events that were missed, seconds.
RING_S = 30.0
# The ring never holds more; beyond it a snapshot costs less than the events, bytes.
RING_BYTES = 4 * 2**20
# What is published each second is not shown any more when it has not been for so long, seconds.
FRESH_S = 5.0
NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
# What may wait for one viewer; the bytes are shared with the ring and with the other viewers.
QUEUE_EVENTS = 256
QUEUE_BYTES = 256 * 2**10


class Event(NamedTuple):
    """One message in the form in which it is sent."""

    number: int
    at: float
    data: bytes


class Viewer:
    """One browser that listens: its queue, and whether it needs a snapshot."""

    def __init__(self) -> None:
        """Start with nothing to send but a snapshot."""
        self.needs_snapshot = True
        self.ended = False
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._some = asyncio.Event()
        self._some.set()

    def put(self, data: bytes) -> None:
        """Add an event, or give the queue up for a snapshot if it is full."""
        if not self.needs_snapshot:
            self._waiting.append(data)
            self._bytes += len(data)
            if len(self._waiting) > QUEUE_EVENTS or self._bytes > QUEUE_BYTES:
                self.begin_anew()
        self._some.set()

    def begin_anew(self) -> None:
        """Forget what waits; the next that is sent is a snapshot."""
        self._forget()
        self.needs_snapshot = True
        self._some.set()

    def end(self) -> None:
        """Have the stream end."""
        self.ended = True
        self._some.set()

    async def wait(self) -> None:
        """Wait until there is something to send."""
        await self._some.wait()

    def take(self) -> bytes:
        """Return everything that waits."""
        data = b"".join(self._waiting)
        self._forget()
        return data

    def _forget(self) -> None:
        self._waiting.clear()
        self._bytes = 0
        self._some.clear()


class Hub:
    """Numbers the events, keeps the newest of each kind, and hands them to the viewers."""

    def __init__(self, epoch: str, snapshot: Callable[[], dict[str, object]]) -> None:
        """Keep the name of this process's numbering, and what makes the rows of a snapshot."""
        self._epoch = epoch
        self._snapshot = snapshot
        self._number = 0
        self._ring: deque[Event] = deque()
        self._ring_bytes = 0
        self._viewers: set[Viewer] = set()
        self._left_at = -RING_S
        self._made: tuple[int, bytes] | None = None
        self._newest: dict[str, tuple[float, object]] = {}
        # Who times the notices, as long as somebody looks.
        self.on_rows: Callable[[Sequence[SecondRow], int], None] | None = None

    @property
    def viewers(self) -> int:
        """How many browsers listen."""
        return len(self._viewers)

    @property
    def as_of_id(self) -> str:
        """The id of the newest event."""
        return f"{self._epoch}-{self._number}"

    def fresh(self, kind: str) -> object:
        """Return the newest data of a kind, or None if it is too old to be shown as present."""
        at, data = self._newest.get(kind, (-FRESH_S, None))
        return data if clock.monotonic() - at < FRESH_S else None

    def publish(self, kind: str, data: object) -> None:
        """Send an event to every viewer; with none for a while it only becomes the newest."""
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
        """Have every viewer begin anew: the state has changed in a way that no event tells."""
        self._number += 1
        self._ring.clear()
        self._ring_bytes = 0
        for viewer in self._viewers:
            viewer.begin_anew()

    def join(self, last_id: str | None) -> Viewer:
        """Add a viewer; one that has seen the event of this id gets those after it."""
        viewer = Viewer()
        missed = self._missed(last_id)
        if missed is not None:
            viewer.needs_snapshot = False
            for event in missed:
                viewer.put(event.data)
        self._viewers.add(viewer)
        return viewer

    def close(self) -> None:
        """End every stream; the browsers come back by themselves."""
        for viewer in self._viewers:
            viewer.end()

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self._viewers.discard(viewer)
        self._left_at = clock.monotonic()

    def next(self, viewer: Viewer) -> bytes:
        """Return what is to be sent to a viewer now: its events, or the present state."""
        if not viewer.needs_snapshot:
            return viewer.take()
        viewer.take()
        viewer.needs_snapshot = False
        return self._present()

    def _present(self) -> bytes:
        """Return the snapshot, made once for all who need it before the next event."""
        if self._made is None or self._made[0] != self._number:
            self._made = (self._number, self._encoded("snapshot", self._snapshot()))
        return self._made[1]

    def _missed(self, last_id: str | None) -> list[Event] | None:
        """Return the events after an id, or None if they are not all known any more."""
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
