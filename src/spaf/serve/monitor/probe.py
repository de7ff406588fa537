"""A neighbour, asked in a thread of its own: one that hangs holds up nobody.

A stopped process still takes connections, and what it is asked is never answered. So nothing here
waits for an answer beyond its patience, and that a question is open for long is an answer too.
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


class Probe(Generic[T]):
    """Asks one question again and again; keeps the newest answer, and since when there is none."""

    def __init__(
        self, name: str, question: Callable[[], T], end: Callable[[], None] = lambda: None
    ) -> None:
        """Start the thread; it does nothing until it is asked, and calls `end` at its own end."""
        self.value: T | None = None
        self.error: str | None = None
        self._question = question
        self._end = end
        self._answered_at: float | None = None
        self._open_since: float | None = None
        self._answered = asyncio.Event()
        self._asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon: a question that is never answered must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"probe {name}", daemon=True)
        self._thread.start()

    @property
    def fresh(self) -> bool:
        """Whether the last question was answered, and well."""
        return self._open_since is None and self.error is None and self._answered_at is not None

    @property
    def silent_s(self) -> float:
        """For how long the open question has been waiting, seconds; 0 if none is."""
        since = self._open_since
        return 0.0 if since is None else clock.monotonic() - since

    @property
    def answered_at(self) -> float | None:
        """When the value came, on the monotonic clock."""
        return self._answered_at

    async def look(self, patience_s: float) -> None:
        """Ask, unless a question is open, and wait for the answer, but not for long."""
        if self._open_since is None:
            self._open_since = clock.monotonic()
            self._answered = asyncio.Event()
            loop, answered = asyncio.get_running_loop(), self._answered
            self._asked.put(lambda: _tell(loop, answered))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._answered.wait()

    def close(self) -> None:
        """End the thread once its question is answered."""
        self._asked.put(None)

    def join(self, seconds: float) -> bool:
        """Wait for the end of the thread; say whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (tell := self._asked.get()) is not None:
            try:
                self.value = self._question()
            except SpafError as error:
                self.error = error.what
            except Exception as error:  # noqa: BLE001 - a neighbour that answers nonsense
                self.error = f"{type(error).__name__}: {error}"
            else:
                self.error, self._answered_at = None, clock.monotonic()
            self._open_since = None
            tell()
        self._end()


def _tell(loop: asyncio.AbstractEventLoop, answered: asyncio.Event) -> None:
    # The loop may have ended while the question was open.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(answered.set)
