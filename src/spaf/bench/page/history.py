"""A day of seconds as a chart: 24 hours of ten categories, each second a row.

The rows are loaded into a run of its own, because they are nobody's sales: no topic could explain
them. Each time the page is opened anew and the range of 24 hours is asked for; the clock runs from
the press of the button to the frame that shows the chart.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

from spaf import clock
from spaf.bench.page.access import open_browser, page_address, restart_page
from spaf.bench.run.rates import Tell
from spaf.errors import BrowserError
from spaf.generate.shop.assortment import CATEGORIES
from spaf.measure.browser import Browser
from spaf.settings import Settings
from spaf.stack.process import wait_until
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run
from spaf.stack.service_names import SERVE
from spaf.store.access import Role

HOURS = 24
RANGE = "24h"
# The page has drawn its first chart within this after it was opened, seconds.
READY_SECONDS = 20.0
# Every second of the last day sells in each category; how much goes up and down a little.
FILL: LiteralString = """
    INSERT INTO sales_summary (
        window_start, category, currency, sales_count, units_sold, total_sales, created_at,
        updated_at
    )
    SELECT
        to_timestamp(s.second), c.name, %(currency)s, 3 + (s.second / 60 + c.place * 7) %% 11,
        5 + (s.second / 60 + c.place * 7) %% 23, 100.25 + (s.second + c.place) %% 900,
        to_timestamp(s.second + 1), to_timestamp(s.second + 1)
    FROM generate_series(%(from)s::bigint, %(to)s::bigint - 1) AS s (second)
    CROSS JOIN unnest(%(categories)s::text[]) WITH ORDINALITY AS c (name, place)
    ORDER BY s.second, c.place
    ON CONFLICT DO NOTHING
"""
# Notes each time a canvas is cleared, which is how the chart begins to draw itself.
PROBE = """
window.spafDrawn = [];
const clear = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (...box) {
  window.spafDrawn.push(performance.now());
  return clear.apply(this, box);
};
"""
# From the press to the frame after the drawing that follows the answer, ms; and the answer's part.
PRESS = f"""
new Promise((done, fail) => {{
  const button = document.querySelector('[data-test="chart.range.{RANGE}"]');
  const began = performance.now();
  button.click();
  const look = () => {{
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
    else requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}})
"""


@dataclass(frozen=True)
class HistoryTimes:
    """How long each chart took, ms; how long serve took to read the day, and what it then has."""

    rows: int
    start_seconds: float
    serve_mib: float
    looks: list[dict[str, float]]

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json."""
        return {
            "rows": self.rows,
            "serve_start_seconds": round(self.start_seconds, 2),
            "serve_mib": round(self.serve_mib, 1),
            "looks": len(self.looks),
            "first_chart_ms": self._figures("chart"),
            "answer_ms": self._figures("answer"),
            "answer_kb": round(max(look["bytes"] for look in self.looks) / 1000, 1),
        }

    def _figures(self, what: str) -> dict[str, float]:
        values = [look[what] for look in self.looks]
        return {
            "first": round(values[0], 1),
            "median": round(statistics.median(values), 1),
            "max": round(max(values), 1),
        }


def scenario(settings: Settings) -> Settings:
    """Return the settings of a run of its own."""
    return settings.model_copy(update={"home": settings.home / "history"})


def measure(session: Run, program: Path, *, looks: int, tell: Tell) -> HistoryTimes:
    """Load the day, then open the page so often and ask for it.

    Raises:
        BrowserError: no chart came.
        StoreError: the rows could not be loaded.

    """
    tell(f"loading {HOURS} hours of {len(CATEGORIES)} categories")
    rows = fill(session)
    tell("serving them")
    # It reads what there is when it starts, and follows the news from then on.
    start_seconds = restart_page(session)
    address = page_address(session)
    with open_browser(session, program) as browser:
        found = []
        for number in range(looks):
            tell(f"{RANGE} chart {number + 1} of {looks}")
            found.append(_look(browser, address))
    memory, _ = resources(session.state().services[SERVE])
    return HistoryTimes(rows, start_seconds, memory, found)


def fill(session: Run) -> int:
    """Load a day of seconds up to now; return how many rows there are.

    Raises:
        StoreError: the database refuses.

    """
    now = clock.now_ms() // 1_000
    with session.access.session(Role.OWNER) as connection:
        # Nobody is to be told of yesterday's rows one by one.
        connection.execute("ALTER TABLE sales_summary DISABLE TRIGGER USER")
        connection.execute(
            FILL,
            {
                "from": now - HOURS * 3_600,
                "to": now,
                "categories": list(CATEGORIES),
                "currency": session.contract.currency,
            },
        )
        connection.execute("ALTER TABLE sales_summary ENABLE TRIGGER USER")
    with session.access.session(Role.OWNER, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) sales_summary")
        found = connection.execute("SELECT count(*) FROM sales_summary").fetchone()
    return int(found[0]) if found else 0


def _look(browser: Browser, address: str) -> dict[str, float]:
    tab = browser.tab()
    tab.run_first(PROBE)
    tab.go(address)
    if not wait_until(lambda: tab.value("window.spafDrawn.length > 0"), READY_SECONDS):
        raise BrowserError(f"The page at {address} has drawn no chart at all.")
    # Its first second is over, with whatever else it fetches.
    tab.events(2.0)
    found: dict[str, float] = tab.value(PRESS)
    tab.close()
    return found
