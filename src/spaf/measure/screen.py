"""When each single sale was painted: SPAF's page in a real browser, reporting its own frames.

The page is opened with `?measure=NAME`. Then it sends, to the file of that name which was made here
before, what its table of rows showed in each frame and when that frame was handed over to be drawn.
The file has the form of `measure.watch`, so `measure.latency` joins both with the sales alike.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec
import psutil

from spaf import clock
from spaf.errors import BrowserError
from spaf.measure.browser import Browser, Tab
from spaf.stack.process import wait_until
from spaf.stack.resource_usage import memory_mib, of_family

# From the start of the browser to the first report of the page, seconds.
READY_SECONDS = 20.0
# After the last sale the page has a frame to draw and a report to send, seconds. A page that
# reports no more for the first time has sent all; it is waited for no longer than the second.
QUIET_SECONDS = 2.0
LAST_SECONDS = 10.0


class PageReport(msgspec.Struct):
    """What the page says of itself, twice a second; what it cannot know is missing."""

    fps: float | None = None
    heap_bytes: int | None = None
    dom_nodes: int | None = None


@dataclass(frozen=True)
class PageCost:
    """What drawing came to: frames a second, memory in MiB, processor time in cores."""

    browser: str
    fps: list[float] = field(default_factory=list)
    heap_mib: float = 0.0
    tab_mib: float = 0.0
    browser_mib: float = 0.0
    cores: float = 0.0
    dom_nodes: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for --json."""
        return {
            "browser": self.browser,
            "frames_per_second": {
                "median": round(statistics.median(self.fps), 1) if self.fps else None,
                "min": round(min(self.fps), 1) if self.fps else None,
                "reports": len(self.fps),
            },
            "heap_mib": round(self.heap_mib, 1),
            "tab_mib": round(self.tab_mib, 1),
            "browser_mib": round(self.browser_mib, 1),
            "cpu_cores": round(self.cores, 3),
            "dom_nodes": self.dom_nodes,
        }


class Screen:
    """SPAF's page, open in a browser of ours and reporting each frame."""

    def __init__(self, program: Path, address: str, runs: Path, log: Path) -> None:
        """Open it and wait until it reports.

        Raises:
            BrowserError: the browser does not start, or the page does not report.

        """
        name = f"{clock.now_us()}"
        self.file = runs / f"painted-{name}.tsv"
        self._reports = runs / f"painted-{name}.jsonl"
        # The page may write only into files that are there: whoever measures makes them.
        for file in (self.file, self._reports):
            file.touch(mode=0o600)
        try:
            self._browser = Browser(program, runs, log)
        except BrowserError:
            self.forget()
            raise
        try:
            self._tab: Tab = self._browser.open(f"{address.rstrip('/')}/?measure={name}")
            self._wait_ready(address)
        except BrowserError:
            self.close()
            self.forget()
            raise
        _, self._cpu = of_family(self._process())
        self._since = clock.monotonic()

    def __enter__(self) -> Self:
        """Return the screen."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the browser."""
        self.close()

    def settle(self) -> None:
        """Wait until the page has reported its last frame that changed anything."""
        size = -1

        def quiet() -> bool:
            nonlocal size
            before, size = size, self.file.stat().st_size
            return size == before

        wait_until(quiet, LAST_SECONDS, poll=QUIET_SECONDS)

    def cost(self) -> PageCost:
        """Return what drawing has come to so far; the browser must still run.

        Raises:
            BrowserError: it does not.

        """
        reports = self.reports()
        memory, cpu = of_family(self._process())
        seconds = max(clock.monotonic() - self._since, 1e-9)
        return PageCost(
            browser=self._browser.version,
            # The first report is of the page's coming up.
            fps=[report.fps for report in reports[1:] if report.fps is not None],
            heap_mib=self._tab.heap_mib(),
            tab_mib=self.tab_mib(),
            browser_mib=memory,
            cores=(cpu - self._cpu) / seconds,
            dom_nodes=max((report.dom_nodes or 0 for report in reports), default=0),
        )

    def heap_mib(self) -> float:
        """Return the memory of the page's scripts after a thorough clean-up, MiB."""
        return self._tab.heap_mib()

    def tab_mib(self) -> float:
        """Return the memory of the process that draws the page, MiB: the largest renderer."""
        return max(map(_drawing, self._process().children(recursive=True)), default=0.0)

    def reports(self) -> list[PageReport]:
        """Return what the page has said of itself, oldest first."""
        lines = self._reports.read_bytes().split(b"\n")[:-1]
        return [msgspec.json.decode(line, type=PageReport) for line in lines if line]

    def close(self) -> None:
        """End the browser; the frames that it has reported stay in `file`."""
        self._browser.close()

    def forget(self) -> None:
        """Delete what the page has reported."""
        self.file.unlink(missing_ok=True)
        self._reports.unlink(missing_ok=True)

    def _wait_ready(self, address: str) -> None:
        if not wait_until(lambda: self._reports.stat().st_size > 0, READY_SECONDS):
            said = [event["params"] for event in self._tab.events()]
            raise BrowserError(
                f"The page at {address} has reported nothing for {READY_SECONDS:.0f} s. {said}",
                todo="`spaf status` says whether serve runs, `spaf logs serve` why not.",
            )

    def _process(self) -> psutil.Process:
        try:
            return psutil.Process(self._browser.pid)
        except psutil.NoSuchProcess:
            raise BrowserError(
                "Chromium has ended by itself.", todo="Is the machine out of memory?"
            ) from None


def _drawing(one: psutil.Process) -> float:
    """Return the memory of a process that draws a page, MiB; 0 of any other."""
    try:
        return memory_mib(one) if "--type=renderer" in one.cmdline() else 0.0
    except psutil.NoSuchProcess:
        return 0.0
