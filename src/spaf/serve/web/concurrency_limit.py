"""How many expensive requests may run at once; one more is refused with 429."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from spaf.serve.web.responses import RequestRefusedError

BUSY = 429


class ConcurrencyLimit:
    """A fixed number of slots, without a queue."""

    def __init__(self, slots: int, what: str) -> None:
        """Keep how many there are, and what for, as the refusal names it."""
        self._free = threading.Semaphore(slots)
        self._slots = slots
        self._what = what

    def acquire(self) -> None:
        """Take a slot, to be released.

        Raises:
            RequestRefusedError: none is free.

        """
        if not self._free.acquire(blocking=False):
            raise RequestRefusedError(
                BUSY,
                f"At most {self._slots} {self._what} at once; try again in a moment.",
                code="busy",
                slots=self._slots,
            )

    def release(self) -> None:
        """Return a slot."""
        self._free.release()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot for a block.

        Raises:
            RequestRefusedError: none is free.

        """
        self.acquire()
        try:
            yield
        finally:
            self.release()
