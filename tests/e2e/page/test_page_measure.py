"""A measurement is started on the page, followed there, and ends with a verdict and a report."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Route

from spaf.stack.run import Run
from spaf.stack.sweep_record import SweepRecords

# Each takes some seconds of selling, verification and report; a busy machine needs longer, seconds.
MEASURED_S = 100.0
SIZE = {"rates": [50], "seconds": 2}


def small(route: Route) -> None:
    """Make the measurement that the page starts a short one."""
    body = {**json.loads(route.request.post_data or "{}"), **SIZE}
    route.continue_(post_data=json.dumps(body))


def button(tab: Any, name: str) -> Any:
    """Return a control of the page."""
    return tab.page.locator(f'[data-test="{name}"]').first


@pytest.fixture
def forgotten(run: Run) -> Iterator[None]:
    """Delete the records of the test: the end of the run must leave nothing."""
    yield
    for folder in SweepRecords(run.home.results).folders():
        shutil.rmtree(folder)
    with contextlib.suppress(OSError):  # of another test
        run.home.results.rmdir()


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("forgotten")
def test_a_measurement_is_followed_and_ends_with_its_report(
    tab: Any, open_tab: Callable[..., Any]
) -> None:
    """Every viewer sees it, in his language; a reload does not end it, and keeps the result."""
    tab.page.route("**/api/measure", small)
    button(tab, "measure-toggle").click()
    other = open_tab(locale="pt-BR")
    assert other.until(lambda: other.text("measure-toggle") == "Parar medição")
    assert button(other, "load-start").is_disabled()
    assert tab.until(lambda: "1 of 1: 50 sales per second" in tab.text("measure-state"), MEASURED_S)
    tab.page.unroute("**/api/measure")
    tab.page.reload()
    tab.seen("measure-verdict", MEASURED_S)
    outcome = button(tab, "measure-verdict").get_attribute("data-outcome")
    # A busy machine may make it invalid; then it has no figure.
    assert outcome in ("valid", "invalid"), tab.page.locator("#measure").inner_text()
    points = tab.page.locator('[data-test="measure-point"]')
    assert points.count() == (1 if outcome == "valid" else 0)
    with tab.context.expect_page() as opened:
        button(tab, "measure-report").click()
    report = opened.value
    report.wait_for_load_state()
    assert report.title().startswith("SPAF: report")
    # Its own style sheet and plots are shown; nothing of it was refused.
    assert report.locator("main").evaluate("main => getComputedStyle(main).maxWidth") == "960px"
    assert report.evaluate("window.spafBlocked") == []
    assert "medição" in other.text("measure-toggle")
    other.seen("measure-verdict")
