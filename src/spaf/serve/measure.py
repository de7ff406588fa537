"""`/api/measure`: the measurement that the page starts, and the report that it leaves.

The security middleware has checked the token of a change. A load that runs already would be
measured too, so it is refused; one that starts meanwhile is, as far as it comes from this page.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response
from starlette.responses import HTMLResponse

from spaf.generate.rate import MAX_RATE, MIN_RATE, rate_problem
from spaf.serve.monitor.load import LoadProbe
from spaf.serve.push.hub import Hub
from spaf.serve.run_info import RunInfo
from spaf.serve.sweep_view import USUAL, SweepPlan, SweepView
from spaf.serve.web.request_body import decoded
from spaf.serve.web.responses import RequestRefusedError, invalid, json_response

router = APIRouter(prefix="/api/measure")

# With these a measurement takes four minutes at most.
MAX_RATES = 6
MIN_SECONDS, MAX_SECONDS = 1, 20
MEASURING = "A measurement runs; stop it first, or wait for its end."
INTERVAL_S = 1.0
# The report has its style, plots and pictures in it. Nothing in it may run or be fetched.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'none'"
)


class SweepChange(msgspec.Struct, forbid_unknown_fields=True):
    """Start or stop a measurement; a start may name another size than the usual one."""

    action: Literal["start", "stop"]
    rates: tuple[float, ...] = USUAL.rates
    seconds: float = USUAL.seconds


@router.get("")
async def measurement(request: Request) -> Response:
    """Return what is measured now, and how the newest measurement has ended."""
    return json_response(await asyncio.to_thread(request.app.state.run.sweep.view))


@router.post("")
async def change_measurement(request: Request) -> Response:
    """Start or stop a measurement."""
    form = '{"action": "start"|"stop", "rates": [N, ...], "seconds": N}'
    change = decoded(await request.body(), SweepChange, form)
    run: RunInfo = request.app.state.run
    if change.action == "stop":
        if not run.sweep.stop():
            raise RequestRefusedError(409, "No measurement runs.", code="not_measuring")
    else:
        _check_size(change)
        await asyncio.to_thread(_start, run, SweepPlan(change.rates, change.seconds))
    view = await asyncio.to_thread(run.sweep.view)
    request.app.state.hub.publish("measure", view)
    return json_response(view)


@router.get("/report")
async def report(
    request: Request, language: Annotated[Literal["en", "pt"], Query()] = "en"
) -> Response:
    """Return the newest report, in which no script runs."""
    file = await asyncio.to_thread(request.app.state.run.sweep.report, language)
    with contextlib.suppress(OSError):
        if file is not None:
            page = await asyncio.to_thread(file.read_bytes)
            return HTMLResponse(page, headers={"content-security-policy": REPORT_POLICY})
    raise RequestRefusedError(404, "There is no report yet.", code="no_report")


async def follow(run: RunInfo, hub: Hub) -> None:
    """Publish each change of the measurement while the page has viewers."""
    published: SweepView | None = None
    while True:
        if hub.viewers:
            view = await asyncio.to_thread(run.sweep.view)
            if view != published:
                hub.publish("measure", view)
                published = view
        await asyncio.sleep(INTERVAL_S)


def _check_size(change: SweepChange) -> None:
    if not 0 < len(change.rates) <= MAX_RATES:
        raise invalid(f"rates must be 1 to {MAX_RATES} numbers.")
    for rate in change.rates:
        problem = rate_problem(rate)
        if problem:
            raise RequestRefusedError(
                400, f"rate {problem}.", code="rate", min=MIN_RATE, max=MAX_RATE
            )
    if not MIN_SECONDS <= change.seconds <= MAX_SECONDS:
        raise invalid(f"seconds must be from {MIN_SECONDS} to {MAX_SECONDS}.")


def _start(run: RunInfo, plan: SweepPlan) -> None:
    """Start a measurement unless something sells or is measured.

    Raises:
        LoadError: Locust's page does not answer, so whether it sells is unknown.
        RequestRefusedError: a load or a measurement runs.

    """
    if run.sweep.running():
        raise RequestRefusedError(409, MEASURING, code="measuring")
    with contextlib.closing(LoadProbe(lambda: run.links().get("locust"), run.runs)) as probe:
        load = probe.poll()
    if load.headless is not None or (load.page is not None and load.page.selling):
        raise RequestRefusedError(
            409, "A load runs already; stop it first, then measure.", code="load_running"
        )
    if not run.sweep.start(plan):
        raise RequestRefusedError(409, MEASURING, code="measuring")
