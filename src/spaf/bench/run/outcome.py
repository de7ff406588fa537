"""What one run at one rate came to: counts, verdict, latency, cost; and whether it is valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from spaf import clock
from spaf.bench.run.verdict import verify
from spaf.generate.locust.load_result import LoadResult
from spaf.measure.latency import Stamps, showings, stamps
from spaf.measure.quantiles import Quantiles
from spaf.measure.resources import Sampler
from spaf.measure.screen import PageCost, Screen
from spaf.measure.visibility import VisibilityWatch
from spaf.stack.run import Run
from spaf.topic.range_reader import read
from spaf.verify import Verdict

# The first sales meet code that the JVM has not compiled yet. They are counted and verified, but
# not part of the latency, seconds.
WARM_UP_SECONDS = 10.0


@dataclass(frozen=True)
class Painted:
    """When the sales of a run were painted, and what painting them took."""

    measured: Stamps
    cost: PageCost


@dataclass(frozen=True)
class Outcome:
    """One measured run."""

    load: LoadResult
    verdict: Verdict
    measured: Stamps
    warm_up_s: float
    sampler: Sampler
    # Only where a screen was watched.
    painted: Painted | None = None

    @property
    def reasons(self) -> list[str]:
        """What makes the run unfit to report a latency from; nothing if it is fit."""
        found = list(self.load.reasons)
        if not self.verdict.exact:
            found.append("the tables are not exact")
        if self.measured.unseen:
            found.append(f"{self.measured.unseen} sales were never seen in PostgreSQL")
        if self.painted and self.painted.measured.unseen:
            found.append(f"{self.painted.measured.unseen} sales were never seen on the screen")
        return found

    def latencies(self) -> dict[str, Quantiles | None]:
        """Return intended → visible at each place that was watched; None in a run that is unfit."""
        watched = {"store": self.measured}
        if self.painted:
            watched["screen"] = self.painted.measured
        fit = not self.reasons
        return {place: stamps.latency() if fit else None for place, stamps in watched.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the record of the run for --json."""
        publish = self.measured.publish()
        latencies = self.latencies().items()
        screen = {"screen": self.painted.cost.as_dict()} if self.painted else {}
        return {
            "rate": self.load.rate,
            "achieved_rate": self.load.achieved_rate,
            "produced": self.verdict.records,
            "acked": self.load.acked,
            **msgspec.structs.asdict(self.verdict.report()),
            "valid": not self.reasons,
            "reasons": self.reasons,
            "warm_up_s": self.warm_up_s,
            "latency_ms": {place: found and found.as_dict() for place, found in latencies},
            **screen,
            "publish_delay_ms": publish.as_dict() if publish else None,
            "rss_mib": round(self.sampler.rss_mib(), 1),
            "cpu_cores": round(self.sampler.cores(), 3),
            "services": self.sampler.table(),
        }


@dataclass
class Measurement:
    """A measurement under way: started before the load, finished after it."""

    session: Run
    watch: VisibilityWatch
    begin: Mapping[int, int]
    sampler: Sampler
    screen: Screen | None = None

    @classmethod
    def start(cls, session: Run, screen: Screen | None = None) -> Measurement:
        """Begin to watch.

        Args:
            session: the run.
            screen: its page in a browser, to be measured too; its caller ends it.

        Raises:
            StoreError: PostgreSQL cannot be listened to.

        """
        session.home.runs.mkdir(parents=True, exist_ok=True)
        file = session.home.runs / f"watch-{clock.now_us()}.tsv"
        watch = VisibilityWatch(session.access, file)
        return cls(session, watch, session.end_offsets(), Sampler(session.home), screen)

    def __enter__(self) -> Self:
        """Return the measurement."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to watch, whatever happened."""
        self.watch.stop()

    def finish(self, load: LoadResult) -> Outcome:
        """Verify everything, then measure each sale of the load.

        Raises:
            BrowserError: the browser has ended before.

        """
        self.sampler.look()
        cost = self._look_at_screen()
        verdict = verify(self.session)
        self.watch.stop()
        warm_up = min(WARM_UP_SECONDS, load.duration_s / 3)
        start = (load.first_intended_us or 0) + int(warm_up * 1e6)
        measured = self._join(self.watch.file).after(start)
        painted = None
        if self.screen is not None and cost is not None:
            painted = Painted(self._join(self.screen.file).after(start), cost)
            self.screen.forget()
        return Outcome(load, verdict, measured, warm_up, self.sampler, painted)

    def _look_at_screen(self) -> PageCost | None:
        """Return what painting took, and end the browser: nothing is to be painted any more."""
        if self.screen is None:
            return None
        self.screen.settle()
        cost = self.screen.cost()
        self.screen.close()
        return cost

    def _join(self, file: Path) -> Stamps:
        """Join the sales with what was shown; the raw values take the place of the file."""
        session = self.session
        records = read(session.kafka, session.topic, self.begin, session.end_offsets())
        found = stamps(records, session.rules, showings(file))
        found.save(file.with_suffix(".npz"))
        file.unlink()
        return found
