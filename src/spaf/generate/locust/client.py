"""Locust's page by remote control, through the addresses that a person's browser would use."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import msgspec

from spaf.errors import LoadError
from spaf.generate.locust.command import users_for
from spaf.generate.locust.protocol import (
    DESK_HEADER,
    INJECT_PATH,
    LOOK_PATH,
    InjectionAccepted,
    LoadStatus,
)

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

# Locust answers within milliseconds, but for a start at a busy moment, and for a stop: it waits for
# the last acknowledgements. Seconds.
TIMEOUT_S = 15.0


class LocustRefusedError(LoadError):
    """Locust is there and well, and does not do what was asked; the message says why."""


class LocustClient:
    """One Locust page; it keeps its connection, so that a look each second costs little."""

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Keep the address, such as http://127.0.0.1:8089; nothing is asked yet."""
        self.address = address.rstrip("/")
        # Never through a proxy: the page is on this machine.
        self._client = httpx.Client(timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Self:
        """Use it for a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def look(self) -> LoadStatus:
        """Return what the load does now.

        Raises:
            LoadError: the page does not answer, or it is another Locust than SPAF's.

        """
        answer = self._send("GET", LOOK_PATH)
        try:
            return msgspec.json.decode(answer.content, type=LoadStatus)
        except msgspec.DecodeError as error:
            raise self._foreign() from error

    def start(self, rate: float) -> None:
        """Start the sales at this rate; sales that run go on at it.

        Raises:
            LoadError: the page does not answer or refuses.

        """
        now = self.look()
        # While they sell, the users stay: with another number of them the rate would jump on the
        # way, because both numbers cannot change at once.
        users = now.users if now.selling and now.users else users_for(rate)
        form = {
            "user_count": str(users),
            "spawn_rate": str(users),
            "sales_per_user": f"{Decimal(str(rate)) / users:f}",
        }
        self._done(self._send("POST", "/swarm", data=form))

    def change(self, rate: float) -> None:
        """Change the rate of the sales that run.

        Raises:
            LoadError: nothing is sold, or as for `start`.

        """
        if not self.look().selling:
            raise LocustRefusedError(
                "No load runs whose rate could be changed.", todo="Start it first."
            )
        self.start(rate)

    def stop(self) -> None:
        """Stop the sales; it returns when every sale is acknowledged or has failed.

        Raises:
            LoadError: the page does not answer.

        """
        self._done(self._send("POST", "/stop"))

    def inject(self, kind: str, category: str | None) -> InjectionAccepted:
        """Make the next sale anomalous, or begin an episode, and return what will be.

        Raises:
            LoadError: no load runs, it does not take the wish, or the page does not answer.

        """
        wish = {"kind": kind, "category": category}
        answer = self._send("POST", INJECT_PATH, json=wish, headers={DESK_HEADER: "1"})
        self._done(answer)
        return msgspec.json.decode(answer.content, type=InjectionAccepted)

    def _send(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, f"{self.address}{path}", **what)
        except httpx.HTTPError as error:
            raise LoadError(
                f"Locust's page at {self.address} does not answer ({type(error).__name__}).",
                todo="See `spaf status` and `spaf logs locust`.",
            ) from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise self._foreign()
        return answer

    def _done(self, answer: httpx.Response) -> None:
        """Go on if the answer says that it was done."""
        try:
            found = answer.json()
            success, message = bool(found.get("success")), str(found.get("message", ""))
        except (ValueError, AttributeError) as error:
            raise self._foreign() from error
        if not success:
            raise LocustRefusedError(message or f"Locust refused ({answer.status_code}).")

    def _foreign(self) -> LoadError:
        return LoadError(
            f"What answers at {self.address} is no Locust that SPAF has started.",
            todo="SPAF controls its own only: see `spaf status`.",
        )
