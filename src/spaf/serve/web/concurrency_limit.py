"""How many costly questions may be under way at once; one more is told to come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from spaf.serve.web.responses import RequestRefusedError

BUSY = 429


class ConcurrencyLimit:
    """A few places, none to wait in."""

    def __init__(self, most: int, what: str) -> None:
        """Name what they are for, as it stands in the refusal."""
        self._free = threading.Semaphore(most)
        self._refusal = f"{most} {what} at once are the most; try again in a moment."

    def take(self) -> None:
        """Take a place, to be given back.

        Raises:
            RefusedError: none is free.

        """
        if not self._free.acquire(blocking=False):
            raise RequestRefusedError(BUSY, self._refusal)

    def give_back(self) -> None:
        """Give a place back."""
        self._free.release()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place for a block.

        Raises:
            RefusedError: none is free.

        """
        self.take()
        try:
            yield
        finally:
            self.give_back()
