"""The outcome of one run at one rate: counts, verdict, latency, cost; and whether it is valid."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from spaf.bench.results import recording
from spaf.bench.results.record import Interval
from spaf.bench.results.sales import sale_columns
from spaf.bench.run.verdict import verify
from spaf.generate.locust.load_result import LoadResult
from spaf.measure.lag import LagSlope
from spaf.measure.latency import Stamps, hops, showings, stamps
from spaf.measure.quantiles import Quantiles
from spaf.measure.resources import Sampler
from spaf.measure.screen import PageCost, Screen
from spaf.measure.visibility import VisibilityWatch, watch_file
from spaf.stack.run import Run
from spaf.topic.range_reader import read
from spaf.verify import Verdict

# The first sales run through code that the JVM has not compiled yet. They are counted and verified,
# but are not part of the latency.
WARM_UP_S = 10.0


class Painted(msgspec.Struct, frozen=True):
    """When the sales of a run were painted, and the cost of painting them."""

    measured: Stamps
    cost: PageCost


class Outcome(msgspec.Struct, frozen=True):
    """One measured run; `painted` only where a screen was measured."""

    load: LoadResult
    verdict: Verdict
    measured: Stamps
    warm_up_s: float
    sampler: Sampler
    painted: Painted | None = None
    interval: Interval | None = None
    """What disturbed the machine meanwhile; None in a run that is not recorded."""

    @property
    def reasons(self) -> list[str]:
        """Why the run is not valid, so that it reports no latency; empty if it is valid."""
        reasons = list(self.load.reasons)
        if not self.verdict.exact:
            reasons.append("the tables are not exact")
        if self.measured.unseen:
            reasons.append(f"{self.measured.unseen} sales were never seen in PostgreSQL")
        if self.painted and self.painted.measured.unseen:
            reasons.append(f"{self.painted.measured.unseen} sales were never seen on the screen")
        reasons += [
            f"{duration.negative} of {duration.count} latencies are negative"
            for duration in self._durations()
            if duration.negative
        ]
        if self.interval is not None:
            reasons += self.interval.reasons
        return reasons

    def _durations(self) -> list[Quantiles]:
        """Return intended → visible in each measured place, whether valid or not."""
        painted = [] if self.painted is None else [self.painted.measured.latency()]
        return [latency for latency in (self.measured.latency(), *painted) if latency is not None]

    def latencies(self) -> dict[str, Quantiles | None]:
        """Return intended → visible in each measured place; None in a run that is not valid."""
        stamps_of = {"store": self.measured}
        if self.painted:
            stamps_of["screen"] = self.painted.measured
        valid = not self.reasons
        return {place: stamps.latency() if valid else None for place, stamps in stamps_of.items()}

    def hops(self) -> dict[str, Quantiles | None] | None:
        """Return how long each step took; None in a run that is not valid."""
        if self.reasons:
            return None
        return hops(self.measured, self.painted.measured if self.painted else None)

    @property
    def unheld(self) -> str:
        """Why the rate does not hold, or nothing: the generator, or a lag that grows."""
        if self.load.reasons:
            return "; ".join(self.load.reasons)
        return "" if self.lag is None else self.lag.growth(self.load.rate)

    @property
    def lag(self) -> LagSlope | None:
        """How fast the sales that are due but not visible grow in number."""
        return LagSlope.of(self.measured)

    def as_dict(self) -> dict[str, Any]:
        """Return the record of the run for --json: the keys of load, verdict and cost in one."""
        record = {
            "rate": self.load.rate,
            "achieved_rate": self.load.achieved_rate,
            "produced": self.verdict.records,
            "acked": self.load.acked,
            **msgspec.structs.asdict(self.verdict.report()),
            "valid": not self.reasons,
            "reasons": self.reasons,
            "warm_up_s": self.warm_up_s,
            "lag": self.lag,
            "unheld": self.unheld,
            "latency_ms": self.latencies(),
            "hops_ms": self.hops(),
            **({"screen": self.painted.cost} if self.painted else {}),
            "publish_delay_ms": self.measured.publish(),
            "rss_mib": round(self.sampler.rss_mib(), 1),
            "cpu_cores": round(self.sampler.cores(), 3),
            "cores": self.sampler.core_use(self.load),
            "services": self.sampler.table(),
            "visible_rate": self.measured.visible_rate(),
            "pipeline": recording.pipeline(self.interval),
            "interference": None if self.interval is None else self.interval.interference,
        }
        return dict(msgspec.to_builtins(record))


class Measurement(msgspec.Struct):
    """A measurement in progress: started before the load, finished after it."""

    run: Run
    watch: VisibilityWatch
    begin: Mapping[int, int]
    sampler: Sampler
    interval: recording.OpenInterval
    screen: Screen | None = None
    warm_up_s: float = WARM_UP_S

    @classmethod
    def start(
        cls,
        run: Run,
        screen: Screen | None = None,
        watch: VisibilityWatch | None = None,
        name: str = "sales",
        *,
        warm_up_s: float = WARM_UP_S,
    ) -> Measurement:
        """Start to watch the tables.

        Args:
            run: the run.
            screen: its page in a browser, to be measured too; the caller ends it.
            watch: the process that watches, if the caller has started it before the run.
            name: of the measurement in the record of the run.
            warm_up_s: how long sales are not part of the latency; at most a third of the load.

        Raises:
            StoreError: PostgreSQL cannot be listened to.

        """
        run.home.runs.mkdir(parents=True, exist_ok=True)
        watch = VisibilityWatch(watch_file(run.home)) if watch is None else watch
        watch.listen(run.access)
        sampler = Sampler(run.home)
        sampler.sample()
        begin = run.end_offsets()
        return cls(run, watch, begin, sampler, recording.interval(name), screen, warm_up_s)

    def __enter__(self) -> Self:
        """Return the measurement."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to watch."""
        self.watch.stop()

    def finish(self, load: LoadResult) -> Outcome:
        """Verify everything, then measure each sale of the load.

        Raises:
            BrowserError: the browser has ended before.

        """
        self.sampler.sample()
        cost = self._finish_screen()
        interval = self.interval.end()
        verdict = verify(self.run)
        self.watch.stop()
        warm_up_s = min(self.warm_up_s, load.duration_s / 3)
        start_us = (load.first_intended_us or 0) + int(warm_up_s * 1e6)
        measured = self._join(self.watch.file).after(start_us)
        painted = None
        if self.screen is not None and cost is not None:
            painted = Painted(self._join(self.screen.file).after(start_us), cost)
            self.screen.delete_reports()
        on_screen = painted.measured if painted else None
        outcome = Outcome(load, verdict, measured, warm_up_s, self.sampler, painted, interval)
        kept = sale_columns(measured, on_screen, valid=not outcome.reasons)
        recording.add_sales(self.interval.name, kept)
        return outcome

    def _finish_screen(self) -> PageCost | None:
        """Return the cost of painting, and end the browser: no sale is left to be painted."""
        if self.screen is None:
            return None
        self.screen.settle()
        cost = self.screen.cost()
        self.screen.close()
        return cost

    def _join(self, file: Path) -> Stamps:
        """Join the sales with the visible counts; the raw values replace the file.

        A recorded run has them in its record.
        """
        records = read(self.run.kafka, self.run.topic, self.begin, self.run.end_offsets())
        joined = stamps(records, self.run.rules, showings(file))
        if not recording.recorded():
            joined.save(file.with_suffix(".npz"))
        file.unlink()
        return joined
