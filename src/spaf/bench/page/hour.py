"""The page left open under load: does the memory of the tab, or of what serves it, grow?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spaf import clock
from spaf.bench.page.access import open_screen
from spaf.bench.run.load import Load, offered
from spaf.bench.run.outcome import Measurement, Outcome
from spaf.bench.run.rates import Tell
from spaf.measure.screen import Screen
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run
from spaf.stack.service_names import SERVE

# Between two looks, seconds; each has the page's scripts cleaned up first, which takes it some ms.
LOOK_SECONDS = 15.0
# Until then caches fill and code is compiled: not part of the slope, share of the time.
SETTLING = 0.25


@dataclass(frozen=True)
class MemorySample:
    """Memory at one moment, MiB."""

    second: float
    heap_mib: float
    tab_mib: float
    serve_mib: float


@dataclass(frozen=True)
class OpenPageRun:
    """A page that was open for long."""

    looks: list[MemorySample]
    outcome: Outcome

    def slope(self, what: str) -> float | None:
        """Return how fast a memory grew after the settling, MiB an hour; least squares."""
        start = self.looks[-1].second * SETTLING if self.looks else 0.0
        late = [look for look in self.looks if look.second >= start]
        if len(late) < 2:  # noqa: PLR2004 - a line has two points
            return None
        hours = np.array([look.second for look in late]) / 3600
        mib = np.array([getattr(look, what) for look in late])
        return round(float(np.polyfit(hours, mib, 1)[0]), 2)

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json."""
        kinds = ("heap_mib", "tab_mib", "serve_mib")
        found = self.outcome.as_dict()
        keys = ("valid", "reasons", "produced", "latency_ms", "screen", "rss_mib", "cpu_cores")
        return {
            "minutes": round(self.looks[-1].second / 60, 1) if self.looks else 0.0,
            "mib_per_hour": {kind: self.slope(kind) for kind in kinds},
            "largest_mib": {
                kind: round(max((getattr(look, kind) for look in self.looks), default=0.0), 1)
                for kind in kinds
            },
            **{key: found[key] for key in keys},
            "services": found["services"],
            "series": [
                [look.second, *(round(getattr(look, kind), 2) for kind in kinds)]
                for look in self.looks
            ],
        }


def measure(session: Run, program: Path, *, rate: float, minutes: float, tell: Tell) -> OpenPageRun:
    """Sell with the page open for so long.

    Raises:
        BrowserError: the browser ended, or the page did not report.

    """
    looks: list[MemorySample] = []
    with open_screen(session, program) as page, Measurement.start(session, page) as measurement:
        load = Load(session, offered(session), rate=rate, seconds=minutes * 60)
        began = clock.monotonic()
        try:
            while not load.done:
                clock.sleep(0.2)
                measurement.sampler.look_now_and_then()
                second = clock.monotonic() - began
                if second >= (len(looks) + 1) * LOOK_SECONDS:
                    looks.append(_look(session, page, round(second, 1)))
                    tell(_line(looks[-1], minutes))
        finally:
            load.stop()
        tell("verifying")
        return OpenPageRun(looks, measurement.finish(load.result()))


def _look(session: Run, page: Screen, second: float) -> MemorySample:
    serve, _ = resources(session.state().services[SERVE])
    return MemorySample(second, page.heap_mib(), page.tab_mib(), serve)


def _line(look: MemorySample, minutes: float) -> str:
    return (
        f"{look.second / 60:.1f} of {minutes:g} min: scripts {look.heap_mib:.1f} MiB, "
        f"tab {look.tab_mib:.0f} MiB, serve {look.serve_mib:.0f} MiB"
    )
