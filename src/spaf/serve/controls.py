"""`POST /api/load` and `POST /api/inject`: changes of the load from the page.

The security middleware has checked the token. Every change goes through Locust's own page, so that
both pages show the same state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import msgspec
from fastapi import APIRouter, Request, Response

from spaf.errors import LoadError
from spaf.generate.locust.client import LocustClient, LocustRefusedError
from spaf.generate.locust.protocol import INJECTABLE_KINDS
from spaf.generate.rate import MAX_RATE, MIN_RATE, rate_problem
from spaf.serve.measure import MEASURING
from spaf.serve.run_info import RunInfo
from spaf.serve.web.concurrency_limit import ConcurrencyLimit
from spaf.serve.web.request_body import decoded
from spaf.serve.web.responses import RequestRefusedError, invalid, json_response

router = APIRouter(prefix="/api")

# Serialises changes: a concurrent start and stop could interleave at Locust.
_changes = ConcurrencyLimit(1, "change of the load")
MAX_CATEGORY_LENGTH = 64
# A stop waits for the last acknowledgements, and a start may come at a busy moment.
TIMEOUT_S = 10.0


class LoadChange(msgspec.Struct, forbid_unknown_fields=True):
    """A change of the load; a stop needs no rate."""

    action: Literal["start", "stop", "rate"]
    rate: float | None = None


class InjectionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """An anomaly to sell now; without a category Locust chooses one."""

    kind: str
    category: str | None = None


@router.post("/load")
async def change_load(request: Request) -> Response:
    """Start or stop the sales, or change their rate."""
    form = '{"action": "start"|"stop"|"rate", "rate": N}'
    change = decoded(await request.body(), LoadChange, form)
    rate = change.rate
    problem = "" if change.action == "stop" else rate_problem(rate or 0.0)
    if problem:
        raise RequestRefusedError(400, f"rate {problem}.", code="rate", min=MIN_RATE, max=MAX_RATE)
    if change.action == "start" and request.app.state.run.sweep.running():
        raise RequestRefusedError(409, MEASURING, code="measuring")
    await asyncio.to_thread(_change, request.app.state.run, change.action, rate or 0.0)
    return json_response({"ok": True, "action": change.action, "rate": rate})


@router.post("/inject")
async def inject(request: Request) -> Response:
    """Sell an anomaly now, labelled like the planned ones."""
    form = '{"kind": ..., "category": name or null}'
    wanted = decoded(await request.body(), InjectionRequest, form)
    if wanted.kind not in INJECTABLE_KINDS:
        raise invalid(f"kind must be one of {', '.join(INJECTABLE_KINDS)}.")
    if wanted.category is not None and not 0 < len(wanted.category) <= MAX_CATEGORY_LENGTH:
        raise invalid(f"category must be a text of 1 to {MAX_CATEGORY_LENGTH} characters.")
    accepted = await asyncio.to_thread(_inject, request.app.state.run, wanted.kind, wanted.category)
    return json_response({"ok": True, **accepted})


def _change(run: RunInfo, action: str, rate: float) -> None:
    with _locust(run) as locust:
        if action == "stop":
            locust.stop()
        elif action == "start":
            locust.start(rate)
        else:
            locust.change(rate)


def _inject(run: RunInfo, kind: str, category: str | None) -> dict[str, Any]:
    with _locust(run) as locust:
        accepted = locust.inject(kind, category)
    return {
        "kind": accepted.kind,
        "category": accepted.category,
        "seconds": accepted.seconds,
        "note": accepted.note,
    }


@contextmanager
def _locust(run: RunInfo) -> Iterator[LocustClient]:
    """Connect to Locust's page for one change; what Locust refuses becomes a 409.

    Raises:
        LoadError: there is no Locust, or it does not answer.
        RequestRefusedError: Locust refuses, or another change is running.

    """
    address = run.links().get("locust")
    if address is None:
        raise LoadError(
            "SPAF runs no Locust here.", todo="Start one with `spaf up`.", code="no_locust"
        )
    with _changes.slot(), LocustClient(address, timeout_s=TIMEOUT_S) as client:
        try:
            yield client
        except LocustRefusedError as error:
            raise RequestRefusedError.of(error, 409) from None
