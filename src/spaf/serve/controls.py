"""`POST /api/load` and `POST /api/inject`: what a person may do to the load from the page.

Who may ask at all, the guard has decided. Everything goes through Locust's own page, so that both
pages always show the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response

from spaf.errors import LoadError
from spaf.generate.locust import client
from spaf.generate.locust.client import LocustClient
from spaf.generate.locust.protocol import INJECTABLE_KINDS
from spaf.generate.rate import rate_problem
from spaf.serve.run_info import RunInfo
from spaf.serve.web.concurrency_limit import ConcurrencyLimit
from spaf.serve.web.responses import RequestRefusedError, answer

router = APIRouter(prefix="/api")

# One after the other: two hands on one lever make a riddle.
_hands = ConcurrencyLimit(1, "change of the load")
LONGEST_CATEGORY = 64
# A stop waits for the last acknowledgements; a start may come at a busy moment. Seconds.
TIMEOUT_S = 10.0

T = TypeVar("T")


class LoadChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to become of the load; a stop needs no rate."""

    action: Literal["start", "stop", "rate"]
    rate: float | None = None


class InjectionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which anomaly is to come, and where; without a category one is chosen."""

    kind: str
    category: str | None = None


@router.post("/load")
async def change_load(request: Request) -> Response:
    """Start or stop the sales, or change their rate while they go on."""
    change = _read(await request.body(), LoadChange, '{"action": "start"|"stop"|"rate", "rate": N}')
    rate = change.rate
    problem = "" if change.action == "stop" else rate_problem(rate or 0.0)
    if problem:
        raise RequestRefusedError(400, f"rate {problem}.")
    await asyncio.to_thread(_change, request.app.state.source, change.action, rate or 0.0)
    return answer({"ok": True, "action": change.action, "rate": rate})


@router.post("/inject")
async def inject(request: Request) -> Response:
    """Sell an anomaly now, labelled as the planned ones are."""
    wish = _read(await request.body(), InjectionRequest, '{"kind": ..., "category": name or null}')
    if wish.kind not in INJECTABLE_KINDS:
        raise RequestRefusedError(400, f"kind must be one of {', '.join(INJECTABLE_KINDS)}.")
    if wish.category is not None and not 0 < len(wish.category) <= LONGEST_CATEGORY:
        raise RequestRefusedError(
            400, f"category must be a text of 1 to {LONGEST_CATEGORY} characters."
        )
    granted = await asyncio.to_thread(_inject, request.app.state.source, wish.kind, wish.category)
    return answer({"ok": True, **granted})


def _change(source: RunInfo, action: str, rate: float) -> None:
    with _locust(source) as locust:
        if action == "stop":
            locust.stop()
        elif action == "start":
            locust.start(rate)
        else:
            locust.change(rate)


def _inject(source: RunInfo, kind: str, category: str | None) -> dict[str, Any]:
    with _locust(source) as locust:
        granted = locust.inject(kind, category)
    return {
        "kind": granted.kind,
        "category": granted.category,
        "seconds": granted.seconds,
        "note": granted.note,
    }


@contextmanager
def _locust(source: RunInfo) -> Iterator[LocustClient]:
    """Hold Locust's page for one change; what Locust refuses is a 409.

    Raises:
        LoadError: there is no Locust, or it does not answer.

    """
    address = source.links().get("locust")
    if address is None:
        raise LoadError("SPAF runs no Locust here.", todo="Start one with `spaf up`.")
    with _hands.one(), LocustClient(address, timeout_s=TIMEOUT_S) as page:
        try:
            yield page
        except client.LocustRefusedError as refusal:
            raise RequestRefusedError(409, refusal.line) from None


def _read(body: bytes, kind: type[T], form: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise RequestRefusedError(400, f"The body must be {form}: {error}.") from None
