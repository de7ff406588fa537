"""A day of seconds as a chart: 24 hours of ten categories, each second a row.

The rows are loaded into the scenario's own run, because no topic explains them. Each time the page
is opened in a new tab and the range of 24 hours is selected; the time is that from the click on the
button to the frame that shows the chart.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Annotated, Self

import msgspec

from spaf import clock
from spaf.bench.page.access import (
    BrowserScenario,
    open_browser,
    page_address,
    restart_page,
)
from spaf.bench.page.goals import MAX_FIRST_CHART_MS, Goal, GoalsResult
from spaf.bench.progress import Progress
from spaf.bench.scenario import option
from spaf.errors import BrowserError
from spaf.generate.shop.assortment import CATEGORIES
from spaf.measure.browser import Browser, find
from spaf.settings import Settings
from spaf.stack.process import wait_until
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run
from spaf.stack.service_names import SERVE
from spaf.store.access import Role
from spaf.store.statement import statement

HOURS = 24
RANGE = "24h"
# The page has drawn its first chart within this time after it was opened.
READY_TIMEOUT_S = 20.0
# Notes each time a canvas is cleared, which is how the chart begins to draw itself.
PROBE = """
window.spafDrawn = [];
const clear = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (...box) {
  window.spafDrawn.push(performance.now());
  return clear.apply(this, box);
};
"""
# From the click to the frame after the chart was drawn with the answer, ms; time of the answer.
PRESS = f"""
new Promise((done, fail) => {{
  const button = document.querySelector('[data-test="chart.range.{RANGE}"]');
  const began = performance.now();
  button.click();
  const check = () => {{
    const asked = performance.getEntriesByType("resource")
      .filter(one => one.name.includes("/api/history"))
      .filter(one => one.startTime >= began && one.responseEnd);
    const answer = asked.length ? asked[asked.length - 1] : null;
    if (answer && window.spafDrawn.some(at => at >= answer.responseEnd)) {{
      const channel = new MessageChannel();
      channel.port1.onmessage = () => done(
        {{chart: performance.now() - began, answer: answer.responseEnd - answer.startTime,
          bytes: answer.encodedBodySize}});
      channel.port2.postMessage(null);
    }} else if (performance.now() - began > 15000) fail(new Error("no chart after 15 s"));
    else requestAnimationFrame(check);
  }};
  requestAnimationFrame(check);
}})
"""


class ChartTime(msgspec.Struct, frozen=True):
    """One chart: milliseconds to its frame, milliseconds and bytes of the answer that it needs."""

    chart: float
    answer: float
    bytes: int


class TimeFigures(msgspec.Struct, frozen=True):
    """Figures of several times, milliseconds."""

    first: float
    median: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the figures of some times, in order."""
        return cls(round(values[0], 1), round(statistics.median(values), 1), round(max(values), 1))


class HistoryResult(GoalsResult, frozen=True, kw_only=True):
    """Times of the charts; time and memory of the page process that has read the rows."""

    rows: int
    serve_start_seconds: float
    serve_mib: float
    looks: int
    first_chart_ms: TimeFigures
    answer_ms: TimeFigures
    answer_kb: float


class HistoryScenario(BrowserScenario, frozen=True):
    """Load 24 hours of seconds, then open the page and time its chart of 24 hours.

    Uses its own run folder: no topic explains these rows.
    """

    rounds: Annotated[int, option("How often the chart is drawn.", ge=1, le=50)] = 5

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of the scenario's own run."""
        return settings.model_copy(update={"home": settings.home / "history"})

    def measure_run(self, run: Run, progress: Progress) -> HistoryResult:
        """Load the rows, then open the page and select the range, each time in a new tab."""
        progress(f"loading {HOURS} hours of {len(CATEGORIES)} categories")
        rows = fill(run)
        progress("restarting the page")
        # It reads the rows of the tables at its start, and only notifications from then on.
        start_s = restart_page(run)
        address = page_address(run)
        charts = []
        with open_browser(run, find(run.settings.serve.browser)) as browser:
            for number in range(self.rounds):
                progress(f"{RANGE} chart", number + 1, self.rounds)
                charts.append(_draw_chart(browser, address))
        serve_mib, _ = resources(run.state().services[SERVE])
        first_chart_ms = TimeFigures.of([chart.chart for chart in charts])
        name = "24 h of 10 categories, first chart"
        return HistoryResult(
            goals=[Goal.at_most(name, first_chart_ms.median, MAX_FIRST_CHART_MS, "ms")],
            rows=rows,
            serve_start_seconds=round(start_s, 2),
            serve_mib=round(serve_mib, 1),
            looks=len(charts),
            first_chart_ms=first_chart_ms,
            answer_ms=TimeFigures.of([chart.answer for chart in charts]),
            answer_kb=round(max(chart.bytes for chart in charts) / 1000, 1),
        )


def fill(run: Run) -> int:
    """Load a day of seconds up to now; return the number of rows.

    Raises:
        StoreError: the database refuses.

    """
    now_s = clock.now_ms() // 1_000
    with run.access.session(Role.OWNER) as connection:
        # No notifications: the page reads these rows at its start.
        connection.execute(statement("spaf.bench", "disable_triggers"))
        connection.execute(
            statement("spaf.bench", "insert_day"),
            {
                "first": now_s - HOURS * 3_600,
                "last": now_s,
                "categories": list(CATEGORIES),
                "currency": run.contract.currency,
            },
        )
        connection.execute(statement("spaf.bench", "enable_triggers"))
    with run.access.session(Role.OWNER, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) sales_summary")
        row = connection.execute(statement("spaf.bench", "count_rows")).fetchone()
    return int(row[0]) if row else 0


def _draw_chart(browser: Browser, address: str) -> ChartTime:
    tab = browser.tab()
    tab.run_first(PROBE)
    tab.go(address)
    if not wait_until(lambda: tab.value("window.spafDrawn.length > 0"), READY_TIMEOUT_S):
        raise BrowserError(f"The page at {address} has drawn no chart at all.")
    # The page fetches other things first.
    tab.events(2.0)
    chart = msgspec.convert(tab.value(PRESS), ChartTime)
    tab.close()
    return chart
