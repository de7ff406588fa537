"""What the load does: Locust's page, polled at SPAF's own address, and headless `spaf load`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from spaf.generate.locust import status_file
from spaf.generate.locust.client import LocustClient
from spaf.generate.locust.protocol import LoadStatus

# A page on this machine answers within milliseconds.
TIMEOUT_S = 3.0

READY, RUNNING, STOPPED, GONE = "ready", "running", "stopped", "gone"


class LoadStatuses(NamedTuple):
    """Status of Locust's page, None without one; and of `spaf load`, None while it does not run.

    `spaf load` writes its status once a second, so a poll may find the one of the poll before:
    `written_at` says when it was true, by the monotonic clock in seconds.
    """

    page: LoadStatus | None
    headless: LoadStatus | None
    written_at: float | None = None

    @property
    def at(self) -> float | None:
        """When the sales were counted, if all are those of `spaf load`."""
        return None if self.page is not None and self.page.selling else self.written_at


class LoadProbe:
    """Finds Locust's page, which starts last and may restart at another port, and polls it."""

    def __init__(self, address: Callable[[], str | None], runs: Path) -> None:
        """Keep the callback for its address, and the folder of the status files of `spaf load`."""
        self._address = address
        self._runs = runs
        self._client: LocustClient | None = None

    def poll(self) -> LoadStatuses:
        """Return what the load does now.

        Raises:
            LoadError: Locust's page does not answer.

        """
        headless, written_at = None, None
        for status, at in status_file.read_all(self._runs):
            headless, written_at = together(headless, status), max(at, written_at or at)
        address = self._address()
        if address is None:
            return LoadStatuses(None, headless, written_at)
        if self._client is None or self._client.address != address.rstrip("/"):
            self.close()
            self._client = LocustClient(address, timeout_s=TIMEOUT_S)
        return LoadStatuses(self._client.status(), headless, written_at)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None


def together(first: LoadStatus | None, other: LoadStatus | None) -> LoadStatus | None:
    """Return the sum of two loads of which both sell, or else the one that sells, or the first."""
    if first is None or other is None or not (first.selling and other.selling):
        return other if first is None or (other is not None and other.selling) else first
    slots = None if first.slots is None or other.slots is None else first.slots + other.slots
    return LoadStatus(
        RUNNING,
        first.users + other.users,
        first.rate + other.rate,
        first.intended + other.intended,
        first.acked + other.acked,
        first.failed + other.failed,
        f"{first.run_id} {other.run_id}",
        first.delay_ms or other.delay_ms,
        slots,
    )


def state(status: LoadStatus | None) -> str:
    """Return the state in one word; None is a Locust that does not answer."""
    if status is None:
        return GONE
    if status.selling:
        return RUNNING
    return STOPPED if status.run_id else READY


def message(
    status: LoadStatus | None, achieved: float | None, address: str | None
) -> dict[str, Any]:
    """Return the `load` message of Locust's page; `achieved` is in acknowledged sales a second."""
    return {
        "state": state(status),
        "rate": 0.0 if status is None else status.rate,
        "achieved": 0.0 if achieved is None else round(achieved, 1),
        "failed": 0 if status is None else status.failed,
        "address": address,
    }


def headless_message(status: LoadStatus, achieved: float | None) -> dict[str, Any]:
    """Return the part of the `load` message about `spaf load`."""
    return {
        "rate": status.rate,
        "achieved": 0.0 if achieved is None else round(achieved, 1),
        "failed": status.failed,
    }
