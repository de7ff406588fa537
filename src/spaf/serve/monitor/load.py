"""What the load does: Locust, asked each second at SPAF's own address on its page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spaf.generate.locust.client import LocustClient
from spaf.generate.locust.protocol import LoadStatus

# A page on this machine answers within milliseconds; what takes longer is told to be silent.
TIMEOUT_S = 3.0

READY, RUNNING, STOPPED, GONE = "ready", "running", "stopped", "gone"


class LoadProbe:
    """Finds Locust's page, which starts last and may start again elsewhere, and asks it."""

    def __init__(self, address: Callable[[], str | None]) -> None:
        """Keep what tells the address; nothing is asked yet."""
        self._address = address
        self._remote: LocustClient | None = None
        # Whether there is a Locust at all; until the first look there may be.
        self.there = True

    def look(self) -> LoadStatus | None:
        """Return what the load does now; None where there is no Locust.

        Raises:
            LoadError: it does not answer.

        """
        address = self._address()
        self.there = address is not None
        if address is None:
            return None
        if self._remote is None or self._remote.address != address.rstrip("/"):
            self.close()
            self._remote = LocustClient(address, timeout_s=TIMEOUT_S)
        return self._remote.status()

    def close(self) -> None:
        """Close the connection."""
        if self._remote is not None:
            self._remote.close()
            self._remote = None


def state(look: LoadStatus | None) -> str:
    """Return the state in one word; None is a Locust that does not answer."""
    if look is None:
        return GONE
    if look.selling:
        return RUNNING
    return STOPPED if look.run_id else READY


def message(look: LoadStatus | None, achieved: float | None, address: str | None) -> dict[str, Any]:
    """Return the `load` message; `achieved` is what was acknowledged a second, lately."""
    return {
        "state": state(look),
        "rate": 0.0 if look is None else look.rate,
        "achieved": 0.0 if achieved is None else round(achieved, 1),
        "failed": 0 if look is None else look.failed,
        "address": address,
    }
