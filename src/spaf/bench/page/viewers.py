"""The cost of many viewers for the pipeline: latency to PostgreSQL with and without them.

One load, one stack. The viewers connect and disconnect in turns, so that other load on the machine
affects both. After each change some seconds are left out.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Annotated, Any, Self

import msgspec

from spaf import clock
from spaf.bench.page.access import page_address
from spaf.bench.page.goals import MAX_RATIO, Goal, GoalsResult
from spaf.bench.page.sse_clients import ClientCounts, SseClients
from spaf.bench.progress import Progress
from spaf.bench.run.load import Load, offered
from spaf.bench.run.outcome import WARM_UP_S, Measurement, Outcome
from spaf.bench.scenario import RATE_OPTION, Scenario, Seconds, option
from spaf.errors import LoadError
from spaf.measure.quantiles import Quantiles
from spaf.stack.run import Run

# Left out after viewers connected or disconnected: each viewer gets a snapshot first.
SETTLE_S = 3.0
POLL_INTERVAL_S = 0.1
# The load outlasts the phases: in each round the viewers take a moment to connect and disconnect.
SPARE_S = 4.0


class ViewerPhase(msgspec.Struct, frozen=True):
    """A time in which the number of viewers stayed the same."""

    viewers: int
    start_us: int
    end_us: int
    counts: ClientCounts | None = None


class PhaseLatency(msgspec.Struct, frozen=True):
    """The latency of the sales that were due in one phase, and what its viewers received."""

    viewers: int
    seconds: float
    store_ms: Quantiles | None
    mib_to_viewers: float | None
    pushes_per_viewer_and_second: float | None

    @classmethod
    def of(cls, phase: ViewerPhase, latency: Quantiles | None) -> Self:
        """Return the figures of a phase."""
        seconds = (phase.end_us - phase.start_us) / 1e6
        mib = pushes = None
        if phase.counts is not None:
            mib = round(phase.counts.bytes / 2**20, 2)
            pushes = round(phase.counts.pushes / phase.viewers / seconds, 1)
        return cls(phase.viewers, round(seconds, 1), latency, mib, pushes)


class ViewersResult(GoalsResult, frozen=True, kw_only=True):
    """Latency with and without viewers: medians over the phases, ms; None in an invalid run."""

    viewers: int
    p50_ms_without: float | None
    p50_ms_with: float | None
    p99_ms_without: float | None
    p99_ms_with: float | None
    ratio: float | None
    valid: bool
    reasons: list[str]
    rss_mib: float
    cpu_cores: float
    services: dict[str, Any]
    stretches: list[PhaseLatency]

    @classmethod
    def of(cls, viewers: int, outcome: Outcome, phases: Sequence[PhaseLatency]) -> Self:
        """Compare the phases with the viewers to those without any."""
        valid = not outcome.reasons
        without, together = (
            [phase.store_ms for phase in phases if phase.viewers == count and phase.store_ms]
            for count in (0, viewers)
        )
        p99_without = _median([interval.p99 for interval in without]) if valid else None
        p99_with = _median([interval.p99 for interval in together]) if valid else None
        ratio = round(p99_with / p99_without, 3) if p99_with and p99_without else None
        name = f"p99 to PostgreSQL with {viewers} viewers over none"
        return cls(
            goals=[Goal.at_most(name, ratio, MAX_RATIO, "times")],
            viewers=viewers,
            p50_ms_without=_median([interval.p50 for interval in without]) if valid else None,
            p50_ms_with=_median([interval.p50 for interval in together]) if valid else None,
            p99_ms_without=p99_without,
            p99_ms_with=p99_with,
            ratio=ratio,
            valid=valid,
            reasons=outcome.reasons,
            rss_mib=round(outcome.sampler.rss_mib(), 1),
            cpu_cores=round(outcome.sampler.cores(), 3),
            services=outcome.sampler.table(),
            stretches=list(phases),
        )


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


class ViewersScenario(Scenario, frozen=True):
    """Compare the latency to PostgreSQL with many viewers of the page and without any.

    The viewers connect and disconnect in turns under one load. Needs no browser.
    """

    viewers: Annotated[int, option("How many viewers.", ge=1, le=1_000)] = 100
    rate: Annotated[float, RATE_OPTION] = 100.0
    seconds: Annotated[Seconds, option("How long each phase lasts.", flag="--for")] = Seconds(60)
    rounds: Annotated[int, option("Turns with viewers and without.", ge=1, le=50)] = 5

    def measure_run(self, run: Run, progress: Progress) -> ViewersResult:
        """Sell at one rate while the viewers connect and disconnect."""
        address = page_address(run)
        duration_s = WARM_UP_S + self.rounds * (2 * (SETTLE_S + self.seconds) + SPARE_S)
        phases: list[ViewerPhase] = []
        with Measurement.start(run) as measurement:
            load = Load(run, offered(run), rate=self.rate, seconds=duration_s)
            try:
                _wait(measurement, WARM_UP_S)
                for number in range(self.rounds):
                    for viewers in (0, self.viewers):
                        progress(f"{viewers} viewers, round", number + 1, self.rounds)
                        phases.append(_phase(measurement, address, viewers, self.seconds))
                while not load.done:
                    _wait(measurement, POLL_INTERVAL_S)
            finally:
                load.stop()
            progress("verifying")
            outcome = measurement.finish(load.result())
        latencies = [
            PhaseLatency.of(phase, outcome.measured.between(phase.start_us, phase.end_us).latency())
            for phase in phases
        ]
        return ViewersResult.of(self.viewers, outcome, latencies)


def _phase(measurement: Measurement, address: str, viewers: int, seconds: float) -> ViewerPhase:
    if not viewers:
        _wait(measurement, SETTLE_S)
        return _timed(measurement, 0, seconds)
    with SseClients(address, viewers) as clients:
        _wait(measurement, SETTLE_S)
        phase = _timed(measurement, viewers, seconds)
        counts = clients.stop()
    if counts.lost:
        raise LoadError(
            f"{counts.lost} of {viewers} viewers lost their connection to the page.",
            todo="See `spaf logs serve`.",
        )
    return msgspec.structs.replace(phase, counts=counts)


def _timed(measurement: Measurement, viewers: int, seconds: float) -> ViewerPhase:
    start_us = clock.now_us()
    _wait(measurement, seconds)
    return ViewerPhase(viewers, start_us, clock.now_us())


def _wait(measurement: Measurement, seconds: float) -> None:
    deadline = clock.monotonic() + seconds
    while clock.monotonic() < deadline:
        measurement.sampler.sample_if_due()
        clock.sleep(POLL_INTERVAL_S)
