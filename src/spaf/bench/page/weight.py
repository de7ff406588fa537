"""What the first load of the page weighs, and how soon it shows a true number.

Each time a tab is opened that shares nothing with those before: nothing is cached. Sales come in
meanwhile, as they do when a person opens the page.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from spaf.bench.page.access import open_browser, page_address
from spaf.bench.run.load import Load, offered
from spaf.bench.run.rates import Tell
from spaf.errors import BrowserError
from spaf.measure.browser import Browser, Tab
from spaf.stack.run import Run

# Everything that a first load fetches has come by then, and each collector has published, seconds.
WATCH_SECONDS = 4.0
STREAM = "/api/stream"
# Sales before the first tab is opened, so that there is something to show, seconds.
BEFORE_SECONDS = 5.0
# In each frame: which of the page's numbers shows something other than nothing for the first time.
PROBE = """
(() => {
  const first = (window.spafFirst = {});
  const look = () => {
    for (const node of document.querySelectorAll("[data-test]")) {
      const name = node.dataset.test;
      if (!(name in first) && /[1-9]/.test(node.textContent)) first[name] = performance.now();
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
# Numbers that can come from the tables only, the earliest of which ends the wait of a person.
NUMBERS = ("row-count", "accepted", "produced", "sales-per-second", "today-BRL")


@dataclass(frozen=True)
class FirstLoad:
    """One first load."""

    bytes_by_path: dict[str, int]
    first_ms: dict[str, float]

    @property
    def files_bytes(self) -> int:
        """Return what was fetched, but for the stream."""
        return sum(size for path, size in self.bytes_by_path.items() if path != STREAM)

    @property
    def first_number_ms(self) -> float:
        """Return when the first true number was in the page, ms after the navigation began."""
        return min(self.first_ms[name] for name in NUMBERS if name in self.first_ms)


@dataclass(frozen=True)
class PageWeight:
    """Several first loads."""

    loads: list[FirstLoad]

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json; bytes are as they went over the wire, with their heads."""
        numbers = [load.first_number_ms for load in self.loads]
        last = self.loads[-1]
        return {
            "loads": len(self.loads),
            "first_load_kb": round(max(load.files_bytes for load in self.loads) / 1000, 1),
            "stream_kb": round(
                statistics.median(load.bytes_by_path.get(STREAM, 0) for load in self.loads) / 1000,
                1,
            ),
            "requests": len(last.bytes_by_path),
            "first_number_ms": {
                "median": round(statistics.median(numbers), 1),
                "max": round(max(numbers), 1),
            },
            "numbers_ms": {name: round(at, 1) for name, at in sorted(last.first_ms.items())},
            "bytes": dict(sorted(last.bytes_by_path.items(), key=lambda item: -item[1])),
        }


def measure(session: Run, program: Path, *, rate: float, loads: int, tell: Tell) -> PageWeight:
    """Open the page so often, each time in a new tab.

    Raises:
        BrowserError: the page shows no number.

    """
    address = page_address(session)
    sales = Load(session, offered(session), rate=rate, seconds=600)
    try:
        with open_browser(session, program) as one:
            one.open("about:blank").events(BEFORE_SECONDS)
            found = []
            for number in range(loads):
                tell(f"first load {number + 1} of {loads}")
                found.append(first_load(one, address))
    finally:
        sales.stop()
        sales.result()
    return PageWeight(found)


def first_load(one: Browser, address: str) -> FirstLoad:
    """Load the page in a new tab.

    Raises:
        BrowserError: it shows no number.

    """
    tab = one.tab()
    tab.run_first(PROBE)
    tab.call("Network.enable")
    tab.go(address)
    events = tab.events(WATCH_SECONDS)
    found = FirstLoad(wire_bytes(events), _first(tab))
    tab.close()
    if not set(NUMBERS) & set(found.first_ms):
        raise BrowserError(
            f"The page at {address} shows no number after {WATCH_SECONDS:.0f} s.",
            todo="Open it yourself; `spaf logs serve` may say why.",
        )
    return found


def _first(tab: Tab) -> dict[str, float]:
    found: dict[str, float] = tab.value("window.spafFirst")
    return found


def wire_bytes(events: list[dict[str, Any]]) -> dict[str, int]:
    """Return the bytes of each path; of what has not ended, those that have come so far."""
    paths: dict[str, str] = {}
    sizes: dict[str, int] = defaultdict(int)
    for event in events:
        told = event["params"]
        if event["method"] == "Network.requestWillBeSent":
            paths[told["requestId"]] = urlsplit(told["request"]["url"]).path
        elif event["method"] == "Network.dataReceived":
            sizes[told["requestId"]] += told["encodedDataLength"] or told["dataLength"]
        elif event["method"] == "Network.loadingFinished":
            sizes[told["requestId"]] = int(told["encodedDataLength"])
    together: dict[str, int] = defaultdict(int)
    for request, size in sizes.items():
        together[paths.get(request, "?")] += size
    return dict(together)
