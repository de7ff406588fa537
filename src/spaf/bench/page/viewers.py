"""What many viewers cost the pipeline: latency to PostgreSQL with and without them.

One load, one stack; the viewers come and go in turns, so that whatever else the machine does falls
on both. After each change some seconds are left out.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from spaf import clock
from spaf.bench.page.access import page_address
from spaf.bench.page.sse_clients import ClientCounts, SseClients
from spaf.bench.run.load import Load, offered
from spaf.bench.run.outcome import WARM_UP_SECONDS, Measurement, Outcome
from spaf.bench.run.rates import Tell
from spaf.errors import LoadError
from spaf.measure.quantiles import Quantiles
from spaf.stack.run import Run

# Left out after viewers came or went: each gets a snapshot first, seconds.
SETTLE_SECONDS = 3.0
LOOK_SECONDS = 0.1
# In each round the viewers take a moment to come and go, seconds; the load goes on for longer.
SPARE_SECONDS = 4.0


@dataclass
class ViewerPhase:
    """A time in which the number of viewers stayed the same."""

    viewers: int
    start_us: int
    end_us: int
    crowd: ClientCounts | None = None
    found: Quantiles | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json."""
        seconds = (self.end_us - self.start_us) / 1e6
        return {
            "viewers": self.viewers,
            "seconds": round(seconds, 1),
            "store_ms": self.found and self.found.as_dict(),
            "mib_to_viewers": self.crowd and round(self.crowd.bytes / 2**20, 2),
            "pushes_per_viewer_and_second": self.crowd
            and round(self.crowd.pushes / self.viewers / seconds, 1),
        }


@dataclass
class ViewerComparison:
    """All stretches of one run."""

    outcome: Outcome
    stretches: list[ViewerPhase] = field(default_factory=list)

    def p99(self, viewers: int) -> float:
        """Return the median p99 of the stretches with so many viewers, ms."""
        found = [s.found.p99 for s in self.stretches if s.viewers == viewers and s.found]
        return statistics.median(found) if found else float("nan")

    def p50(self, viewers: int) -> float:
        """Return the median p50 of the stretches with so many viewers, ms."""
        found = [s.found.p50 for s in self.stretches if s.viewers == viewers and s.found]
        return statistics.median(found) if found else float("nan")

    def ratio(self, viewers: int) -> float:
        """Return p99 with the viewers over p99 without any."""
        return self.p99(viewers) / self.p99(0)

    def as_dict(self, viewers: int) -> dict[str, Any]:
        """Return the record for --json."""
        valid = not self.outcome.reasons
        return {
            "viewers": viewers,
            "p50_ms_without": self.p50(0) if valid else None,
            "p50_ms_with": self.p50(viewers) if valid else None,
            "p99_ms_without": self.p99(0) if valid else None,
            "p99_ms_with": self.p99(viewers) if valid else None,
            "ratio": round(self.ratio(viewers), 3) if valid else None,
            "valid": valid,
            "reasons": self.outcome.reasons,
            "rss_mib": round(self.outcome.sampler.rss_mib(), 1),
            "cpu_cores": round(self.outcome.sampler.cores(), 3),
            "services": self.outcome.sampler.table(),
            "stretches": [stretch.as_dict() for stretch in self.stretches],
        }


def measure(  # noqa: PLR0913 - what a comparison is made of
    session: Run, *, rate: float, viewers: int, rounds: int, seconds: float, tell: Tell
) -> ViewerComparison:
    """Sell at one rate; let the viewers come and go `rounds` times, so long each.

    Raises:
        LoadError: a viewer was refused or lost, or the load left no result.
        SpafError: the run could not be verified.

    """
    address = page_address(session)
    whole = WARM_UP_SECONDS + rounds * (2 * (SETTLE_SECONDS + seconds) + SPARE_SECONDS)
    stretches: list[ViewerPhase] = []
    with Measurement.start(session) as measurement:
        load = Load(session, offered(session), rate=rate, seconds=whole)
        try:
            _wait(measurement, WARM_UP_SECONDS)
            for number in range(rounds):
                for count in (0, viewers):
                    tell(f"round {number + 1} of {rounds}, {count} viewers")
                    stretches.append(_stretch(measurement, address, count, seconds))
            while not load.done:
                _wait(measurement, LOOK_SECONDS)
        finally:
            load.stop()
        tell("verifying")
        outcome = measurement.finish(load.result())
    for stretch in stretches:
        stretch.found = outcome.measured.between(stretch.start_us, stretch.end_us).latency()
    return ViewerComparison(outcome, stretches)


def _stretch(measurement: Measurement, address: str, viewers: int, seconds: float) -> ViewerPhase:
    if not viewers:
        _wait(measurement, SETTLE_SECONDS)
        return _timed(measurement, 0, seconds)
    with SseClients(address, viewers) as crowd:
        _wait(measurement, SETTLE_SECONDS)
        stretch = _timed(measurement, viewers, seconds)
        stretch.crowd = crowd.leave()
    if stretch.crowd.lost:
        raise LoadError(
            f"{stretch.crowd.lost} of {viewers} viewers lost the page.",
            todo="See `spaf logs serve`.",
        )
    return stretch


def _timed(measurement: Measurement, viewers: int, seconds: float) -> ViewerPhase:
    start = clock.now_us()
    _wait(measurement, seconds)
    return ViewerPhase(viewers, start, clock.now_us())


def _wait(measurement: Measurement, seconds: float) -> None:
    end = clock.monotonic() + seconds
    while clock.monotonic() < end:
        measurement.sampler.look_now_and_then()
        clock.sleep(LOOK_SECONDS)
