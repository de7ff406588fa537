"""Size of the page's first load, and the time until it shows a true number.

Each load opens a tab that shares nothing with the tabs before, so nothing is cached. Sales arrive
meanwhile, as they do when a person opens the page.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import msgspec

from spaf.bench.page.access import BrowserScenario, open_browser, page_address
from spaf.bench.page.goals import MAX_FIRST_LOAD_KB, MAX_FIRST_NUMBER_MS, Goal, GoalsResult
from spaf.bench.progress import Progress
from spaf.bench.run.load import Load, offered
from spaf.bench.scenario import RATE_OPTION, option
from spaf.errors import BrowserError
from spaf.measure.browser import Browser, find
from spaf.stack.run import Run

# A first load has fetched everything within this time, and each collector has published once.
OBSERVE_S = 4.0
STREAM = "/api/stream"
# Sales before the first tab is opened, so that the page has something to show.
LEAD_TIME_S = 5.0
# The load is stopped after the last tab.
MAX_LOAD_S = 600
# In each frame: which of the page's numbers shows a value other than zero for the first time.
PROBE = """
(() => {
  const first = (window.spafFirst = {});
  const check = () => {
    for (const node of document.querySelectorAll("[data-test]")) {
      const name = node.dataset.test;
      if (!(name in first) && /[1-9]/.test(node.textContent)) first[name] = performance.now();
    }
    requestAnimationFrame(check);
  };
  requestAnimationFrame(check);
})();
"""
# Numbers that only the tables can provide; the earliest one is the first number of the page.
NUMBERS = ("row-count", "accepted", "produced", "sales-per-second", "today-BRL")


class FirstLoad(msgspec.Struct, frozen=True):
    """One first load."""

    bytes_by_path: dict[str, int]
    first_ms: dict[str, float]

    @property
    def files_bytes(self) -> int:
        """Return the bytes of all responses except the stream."""
        return sum(size for path, size in self.bytes_by_path.items() if path != STREAM)

    @property
    def first_number_ms(self) -> float:
        """Return when the first true number was in the page, ms after the navigation began."""
        return min(self.first_ms[name] for name in NUMBERS if name in self.first_ms)


class WeightResult(GoalsResult, frozen=True, kw_only=True):
    """Several first loads; bytes are those on the wire, with headers."""

    loads: int
    first_load_kb: float
    stream_kb: float
    requests: int
    first_number_ms: dict[str, float]
    numbers_ms: dict[str, float]
    bytes: dict[str, int]

    @classmethod
    def of(cls, loads: Sequence[FirstLoad]) -> Self:
        """Return the figures of the loads; numbers and bytes by path are those of the last one."""
        last = loads[-1]
        stream_bytes = statistics.median(load.bytes_by_path.get(STREAM, 0) for load in loads)
        first_ms = [load.first_number_ms for load in loads]
        median_ms = round(statistics.median(first_ms), 1)
        first_load_kb = round(max(load.files_bytes for load in loads) / 1000, 1)
        return cls(
            goals=[
                Goal.at_most("first load", first_load_kb, MAX_FIRST_LOAD_KB, "kB"),
                Goal.at_most("first number", median_ms, MAX_FIRST_NUMBER_MS, "ms"),
            ],
            loads=len(loads),
            first_load_kb=first_load_kb,
            stream_kb=round(stream_bytes / 1000, 1),
            requests=len(last.bytes_by_path),
            first_number_ms={"median": median_ms, "max": round(max(first_ms), 1)},
            numbers_ms={name: round(at_ms, 1) for name, at_ms in sorted(last.first_ms.items())},
            bytes=dict(sorted(last.bytes_by_path.items(), key=lambda item: -item[1])),
        )


class WeightScenario(BrowserScenario, frozen=True):
    """Open the page in new tabs under load; size of the first load, time to the first number."""

    rounds: Annotated[int, option("How many first loads.", ge=1, le=50)] = 5
    rate: Annotated[float, RATE_OPTION] = 100.0

    def measure_run(self, run: Run, progress: Progress) -> WeightResult:
        """Open the page, each time in a new tab."""
        address = page_address(run)
        loads = []
        sales = Load(run, offered(run), rate=self.rate, seconds=MAX_LOAD_S)
        try:
            with open_browser(run, find(run.settings.serve.browser)) as browser:
                browser.open("about:blank").events(LEAD_TIME_S)
                for number in range(self.rounds):
                    progress("first load", number + 1, self.rounds)
                    loads.append(first_load(browser, address))
        finally:
            sales.stop()
            sales.result()
        return WeightResult.of(loads)


def first_load(browser: Browser, address: str) -> FirstLoad:
    """Load the page in a new tab.

    Raises:
        BrowserError: it shows no number.

    """
    tab = browser.tab()
    tab.run_first(PROBE)
    tab.call("Network.enable")
    tab.go(address)
    events = tab.events(OBSERVE_S)
    load = FirstLoad(wire_bytes(events), tab.value("window.spafFirst"))
    tab.close()
    if not set(NUMBERS) & set(load.first_ms):
        raise BrowserError(
            f"The page at {address} shows no number after {OBSERVE_S:.0f} s.",
            todo="Open it yourself; `spaf logs serve` may say why.",
        )
    return load


def wire_bytes(events: list[dict[str, Any]]) -> dict[str, int]:
    """Return the bytes of each path; of an open response, those received so far."""
    paths: dict[str, str] = {}
    sizes: dict[str, int] = defaultdict(int)
    for event in events:
        data = event["params"]
        if event["method"] == "Network.requestWillBeSent":
            paths[data["requestId"]] = urlsplit(data["request"]["url"]).path
        elif event["method"] == "Network.dataReceived":
            sizes[data["requestId"]] += data["encodedDataLength"] or data["dataLength"]
        elif event["method"] == "Network.loadingFinished":
            sizes[data["requestId"]] = int(data["encodedDataLength"])
    by_path: dict[str, int] = defaultdict(int)
    for request, size in sizes.items():
        by_path[paths.get(request, "?")] += size
    return dict(by_path)
