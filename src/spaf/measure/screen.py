"""When each single sale was painted: SPAF's page in a real browser, which reports its frames.

The page is opened with `?measure=NAME`. It then reports the content of its table of rows in each
frame and the time when that frame was submitted for drawing. The server appends the reports to the
file of that name, which is created here before. The file has the format of `measure.visibility`, so
`measure.latency` joins both with the sales in the same way.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

import msgspec
import psutil

from spaf import clock
from spaf.errors import BrowserError
from spaf.measure.browser import Browser, Tab
from spaf.stack.process import wait_until
from spaf.stack.resource_usage import memory_mib, of_family

# From the start of the browser to the first report of the page.
READY_TIMEOUT_S = 20.0
# After the last sale the page still draws a frame and sends a report. A page without a new report
# for QUIET_S has sent all of them; the wait ends after MAX_SETTLE_S at the latest.
QUIET_S = 2.0
MAX_SETTLE_S = 10.0


class PageReport(msgspec.Struct):
    """A report of the page about itself, twice a second; fields it cannot measure are missing."""

    fps: float | None = None
    heap_bytes: int | None = None
    dom_nodes: int | None = None


class FrameRate(msgspec.Struct, frozen=True):
    """Frames a second over the reports of the page."""

    median: float | None
    min: float | None
    reports: int

    @classmethod
    def of(cls, fps: Sequence[float]) -> Self:
        """Return the figures of the reports."""
        if not fps:
            return cls(None, None, 0)
        return cls(round(statistics.median(fps), 1), round(min(fps), 1), len(fps))


class PageCost(msgspec.Struct, frozen=True):
    """The cost of painting: frames a second, memory in MiB, processor time in cores."""

    browser: str
    frames_per_second: FrameRate
    heap_mib: float
    tab_mib: float
    browser_mib: float
    cpu_cores: float
    dom_nodes: int


class Screen(AbstractContextManager["Screen"]):
    """SPAF's page, open in a browser that this process started, reporting each frame."""

    def __init__(self, program: Path, address: str, runs: Path, log: Path) -> None:
        """Open the page and wait until it reports.

        Raises:
            BrowserError: the browser does not start, or the page does not report.

        """
        name = f"{clock.now_us()}"
        self.file = runs / f"painted-{name}.tsv"
        self._reports = runs / f"painted-{name}.jsonl"
        # The server appends reports only to files that exist.
        for file in (self.file, self._reports):
            file.touch(mode=0o600)
        try:
            self._browser = Browser(program, runs, log)
        except BrowserError:
            self.delete_reports()
            raise
        try:
            self._tab: Tab = self._browser.open(f"{address.rstrip('/')}/?measure={name}")
            self._wait_ready(address)
        except BrowserError:
            self.close()
            self.delete_reports()
            raise
        _, self._cpu = of_family(self._process())
        self._since = clock.monotonic()

    def __exit__(self, *_: object) -> None:
        """End the browser."""
        self.close()

    def settle(self) -> None:
        """Wait until the page has reported its last frame that changed anything."""
        size = -1

        def quiet() -> bool:
            nonlocal size
            previous, size = size, self.file.stat().st_size
            return size == previous

        wait_until(quiet, MAX_SETTLE_S, poll=QUIET_S)

    def cost(self) -> PageCost:
        """Return the cost of painting so far; the browser must still run.

        Raises:
            BrowserError: it does not.

        """
        reports = self.reports()
        memory_mib, cpu_s = of_family(self._process())
        seconds = max(clock.monotonic() - self._since, 1e-9)
        return PageCost(
            browser=self._browser.version,
            # The first report covers the start of the page.
            frames_per_second=FrameRate.of(
                [sample.fps for sample in reports[1:] if sample.fps is not None]
            ),
            heap_mib=round(self._tab.heap_mib(), 1),
            tab_mib=round(self.tab_mib(), 1),
            browser_mib=round(memory_mib, 1),
            cpu_cores=round((cpu_s - self._cpu) / seconds, 3),
            dom_nodes=max((report.dom_nodes or 0 for report in reports), default=0),
        )

    def heap_mib(self) -> float:
        """Return the memory of the page's scripts after a garbage collection, MiB."""
        return self._tab.heap_mib()

    def tab_mib(self) -> float:
        """Return the memory of the process that draws the page, MiB: the largest renderer."""
        return max(map(_renderer_mib, self._process().children(recursive=True)), default=0.0)

    def reports(self) -> list[PageReport]:
        """Return the reports of the page, oldest first."""
        lines = self._reports.read_bytes().split(b"\n")[:-1]
        return [msgspec.json.decode(line, type=PageReport) for line in lines if line]

    def close(self) -> None:
        """End the browser; the reported frames stay in `file`."""
        self._browser.close()

    def delete_reports(self) -> None:
        """Delete the reports of the page."""
        self.file.unlink(missing_ok=True)
        self._reports.unlink(missing_ok=True)

    def _wait_ready(self, address: str) -> None:
        if not wait_until(lambda: self._reports.stat().st_size > 0, READY_TIMEOUT_S):
            events = [event["params"] for event in self._tab.events()]
            raise BrowserError(
                f"The page at {address} has reported nothing for {READY_TIMEOUT_S:.0f} s. {events}",
                todo="`spaf status` says whether serve runs, `spaf logs serve` why not.",
            )

    def _process(self) -> psutil.Process:
        try:
            return psutil.Process(self._browser.pid)
        except psutil.NoSuchProcess:
            raise BrowserError(
                "Chromium has ended by itself.", todo="Is the machine out of memory?"
            ) from None


def _renderer_mib(process: psutil.Process) -> float:
    """Return the memory of a renderer process, MiB; 0 of any other process."""
    try:
        return memory_mib(process) if "--type=renderer" in process.cmdline() else 0.0
    except psutil.NoSuchProcess:
        return 0.0
