"""Memory of the tab and of the page process while the page stays open under load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

import msgspec
import numpy as np

from spaf import clock
from spaf.bench.page.access import BrowserScenario, open_screen
from spaf.bench.page.goals import MAX_SERVE_MIB, Goal, GoalsResult
from spaf.bench.progress import Progress
from spaf.bench.run.load import Load, offered
from spaf.bench.run.outcome import Measurement
from spaf.bench.scenario import RATE_OPTION, option
from spaf.measure.browser import find
from spaf.measure.screen import Screen
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run
from spaf.stack.service_names import SERVE

# Between two samples; each collects the garbage of the page's scripts first, which takes some ms.
SAMPLE_INTERVAL_S = 15.0
POLL_INTERVAL_S = 0.2
# Until then caches fill and code is compiled: not part of the slope, share of the time.
WARM_UP_SHARE = 0.25
KINDS = ("heap_mib", "tab_mib", "serve_mib")
OUTCOME_KEYS = (
    *("valid", "reasons", "produced", "latency_ms", "screen", "rss_mib", "cpu_cores"),
    "services",
)


class MemorySample(msgspec.Struct, frozen=True, array_like=True):
    """Memory at one moment, MiB."""

    second: float
    heap_mib: float
    tab_mib: float
    serve_mib: float


class HourResult(GoalsResult, frozen=True, kw_only=True):
    """Growth and maximum of each memory, and the outcome of the load: see `Outcome.as_dict`."""

    minutes: float
    mib_per_hour: dict[str, float | None]
    largest_mib: dict[str, float]
    valid: bool
    reasons: list[str]
    produced: int
    latency_ms: dict[str, Any]
    screen: dict[str, Any]
    rss_mib: float
    cpu_cores: float
    services: dict[str, Any]
    series: list[MemorySample]

    @classmethod
    def of(cls, samples: Sequence[MemorySample], outcome: dict[str, Any]) -> Self:
        """Return slopes and maxima of the samples, and the outcome of the load."""
        largest_mib = {
            kind: round(max((getattr(sample, kind) for sample in samples), default=0.0), 1)
            for kind in KINDS
        }
        serve_mib = largest_mib["serve_mib"]
        return cls(
            goals=[Goal.at_most("memory of serve", serve_mib, MAX_SERVE_MIB, "MiB")],
            minutes=round(samples[-1].second / 60, 1) if samples else 0.0,
            mib_per_hour={kind: slope(samples, kind) for kind in KINDS},
            largest_mib=largest_mib,
            series=list(samples),
            **{key: outcome[key] for key in OUTCOME_KEYS},
        )


def slope(samples: Sequence[MemorySample], kind: str) -> float | None:
    """Return the growth of a memory after the warm-up, MiB an hour; least squares.

    Args:
        samples: in order of time.
        kind: one of KINDS.

    """
    start = samples[-1].second * WARM_UP_SHARE if samples else 0.0
    late = [sample for sample in samples if sample.second >= start]
    if len(late) < 2:  # noqa: PLR2004 - a line has two points
        return None
    hours = np.array([sample.second for sample in late]) / 3600
    mib = np.array([getattr(sample, kind) for sample in late])
    return round(float(np.polyfit(hours, mib, 1)[0]), 2)


class HourScenario(BrowserScenario, frozen=True):
    """Keep the page open under load; growth of the memory of its tab and of its server."""

    minutes: Annotated[float, option("How long the page stays open.", ge=0.5, le=1_440)] = 60.0
    rate: Annotated[float, RATE_OPTION] = 100.0

    def measure_run(self, run: Run, progress: Progress) -> HourResult:
        """Sell with the page open, and sample its memory."""
        program = find(run.settings.serve.browser)
        samples: list[MemorySample] = []
        with open_screen(run, program) as screen, Measurement.start(run, screen) as measurement:
            load = Load(run, offered(run), rate=self.rate, seconds=self.minutes * 60)
            start_s = clock.monotonic()
            try:
                while not load.done:
                    clock.sleep(POLL_INTERVAL_S)
                    measurement.sampler.sample_if_due()
                    second = clock.monotonic() - start_s
                    if second >= (len(samples) + 1) * SAMPLE_INTERVAL_S:
                        samples.append(_sample(run, screen, round(second, 1)))
                        progress(_text(samples[-1], self.minutes))
            finally:
                load.stop()
            progress("verifying")
            outcome = measurement.finish(load.result())
        return HourResult.of(samples, outcome.as_dict())


def _sample(run: Run, screen: Screen, second: float) -> MemorySample:
    serve_mib, _ = resources(run.state().services[SERVE])
    return MemorySample(
        second, round(screen.heap_mib(), 2), round(screen.tab_mib(), 2), round(serve_mib, 2)
    )


def _text(sample: MemorySample, minutes: float) -> str:
    return (
        f"{sample.second / 60:.1f} of {minutes:g} min: scripts {sample.heap_mib:.1f} MiB, "
        f"tab {sample.tab_mib:.0f} MiB, serve {sample.serve_mib:.0f} MiB"
    )
