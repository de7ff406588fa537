"""HTTP client of Locust's page: its own routes and those that SPAF adds."""

from __future__ import annotations

from contextlib import AbstractContextManager
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import msgspec

from spaf.errors import LoadError
from spaf.generate.locust.command import users_for
from spaf.generate.locust.protocol import (
    CSRF_HEADER,
    INJECT_PATH,
    STATUS_PATH,
    InjectionAccepted,
    LoadStatus,
)
from spaf.tls import no_authorities

if TYPE_CHECKING:
    from typing import Any

# Locust answers within milliseconds, except to a start on a busy machine and to a stop, which waits
# for the last acknowledgements. Seconds.
TIMEOUT_S = 15.0


class LocustRefusedError(LoadError):
    """Locust refuses the request; the message says why."""


class LocustClient(AbstractContextManager["LocustClient"]):
    """Client of one Locust page; keeps its connection between requests."""

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Keep the address, such as http://127.0.0.1:8089, without a request."""
        self.address = address.rstrip("/")
        # The page is on this machine: no proxy.
        self._client = httpx.Client(timeout=timeout_s, trust_env=False, verify=no_authorities())

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def status(self) -> LoadStatus:
        """Return the status of the load.

        Raises:
            LoadError: the page does not answer, or it is not SPAF's Locust.

        """
        response = self._send("GET", STATUS_PATH)
        try:
            return msgspec.json.decode(response.content, type=LoadStatus)
        except msgspec.DecodeError as error:
            raise self._unknown_server() from error

    def start(self, rate: float) -> None:
        """Start sales at this rate, or change the rate of running sales.

        Raises:
            LoadError: the page does not answer or refuses.

        """
        now = self.status()
        # Running users stay: Locust cannot change users and sales per user at once, so the rate
        # would jump in between.
        users = now.users if now.selling and now.users else users_for(rate)
        form = {
            "user_count": str(users),
            "spawn_rate": str(users),
            "sales_per_user": f"{Decimal(str(rate)) / users:f}",
        }
        self._require_success(self._send("POST", "/swarm", data=form))

    def change(self, rate: float) -> None:
        """Change the rate of running sales.

        Raises:
            LoadError: no sales are running, or as for `start`.

        """
        if not self.status().selling:
            raise LocustRefusedError(
                "No load runs whose rate could be changed.", todo="Start it first.", code="no_rate"
            )
        self.start(rate)

    def stop(self) -> None:
        """Stop the sales, and wait until every sale is acknowledged or has failed.

        Raises:
            LoadError: the page does not answer.

        """
        self._require_success(self._send("POST", "/stop"))

    def inject(self, kind: str, category: str | None) -> InjectionAccepted:
        """Make the next sale anomalous, or begin an episode.

        Raises:
            LoadError: no load runs, the injection is refused, or the page does not answer.

        """
        body = {"kind": kind, "category": category}
        response = self._send("POST", INJECT_PATH, json=body, headers={CSRF_HEADER: "1"})
        self._require_success(response)
        return msgspec.json.decode(response.content, type=InjectionAccepted)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._client.request(method, f"{self.address}{path}", **options)
        except httpx.HTTPError as error:
            raise LoadError(
                f"Locust's page at {self.address} does not answer ({type(error).__name__}).",
                todo="See `spaf status` and `spaf logs locust`.",
            ) from error
        if response.status_code == httpx.codes.NOT_FOUND:
            raise self._unknown_server()
        return response

    def _require_success(self, response: httpx.Response) -> None:
        """Raise unless the response says that the request was carried out."""
        try:
            body = response.json()
            success, message = bool(body.get("success")), str(body.get("message", ""))
        except (ValueError, AttributeError) as error:
            raise self._unknown_server() from error
        if not success:
            raise LocustRefusedError(
                message or f"Locust refused ({response.status_code}).",
                code=body.get("code", ""),
                **body.get("parameters", {}),
            )

    def _unknown_server(self) -> LoadError:
        return LoadError(
            f"The server at {self.address} is not a Locust that SPAF has started.",
            todo="SPAF controls only its own: see `spaf status`.",
        )
