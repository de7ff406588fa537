"""Polls a service in a thread of its own, so that one that hangs delays no other.

A stopped process still accepts connections but never answers. So no poll waits longer than its
timeout, and how long a call has been open is a result too.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

from spaf import clock
from spaf.errors import SpafError

T = TypeVar("T")


# An error that comes sooner is an answer, such as a refused connection; a later one is the timeout
# of a call, the shortest of which is 2 s. Seconds.
MIN_TIMEOUT_S = 1.0


class Probe(Generic[T]):
    """Calls one function again and again; keeps the newest value, and since when a call is open."""

    def __init__(
        self, name: str, call: Callable[[], T], end: Callable[[], None] = lambda: None
    ) -> None:
        """Start the thread; it is idle until the first poll, and calls `end` at its own end."""
        self.value: T | None = None
        self.error: str | None = None
        self._call = call
        self._end = end
        self._answered_at: float | None = None
        self._open_since: float | None = None
        self._silent_since: float | None = None
        self._answered = asyncio.Event()
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon: a call that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"probe {name}", daemon=True)
        self._thread.start()

    @property
    def fresh(self) -> bool:
        """Whether the last call has returned a value."""
        return self._open_since is None and self.error is None and self._answered_at is not None

    @property
    def silent_s(self) -> float:
        """For how long there has been no answer to what was asked, seconds; 0 if there was one.

        A call that ends by its own timeout is no answer: the silence goes on in the next call.
        """
        since = self._silent_since
        return 0.0 if since is None else clock.monotonic() - since

    @property
    def answered_at(self) -> float | None:
        """When the value was returned, on the monotonic clock."""
        return self._answered_at

    async def poll(self, timeout_s: float) -> None:
        """Call the function, unless a call is open, and wait for its end or the timeout."""
        if self._open_since is None:
            self._open_since = clock.monotonic()
            if self._silent_since is None:
                self._silent_since = self._open_since
            self._answered = asyncio.Event()
            loop, answered = asyncio.get_running_loop(), self._answered
            self._queue.put(lambda: _set(loop, answered))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._answered.wait()

    def close(self) -> None:
        """End the thread once its call has returned."""
        self._queue.put(None)

    def join(self, seconds: float) -> bool:
        """Wait for the end of the thread; return whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (done := self._queue.get()) is not None:
            try:
                self.value = self._call()
            except SpafError as error:
                self.error = error.what
            except Exception as error:  # noqa: BLE001 - a service that answers nonsense
                self.error = f"{type(error).__name__}: {error}"
            else:
                self.error, self._answered_at = None, clock.monotonic()
            now = clock.monotonic()
            if self.error is None or now - (self._open_since or now) < MIN_TIMEOUT_S:
                self._silent_since = None
            self._open_since = None
            done()
        self._end()


def _set(loop: asyncio.AbstractEventLoop, answered: asyncio.Event) -> None:
    # The loop may have been closed while the call was open.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(answered.set)
