"""What one run at one rate came to: counts, verdict, latency, cost; and whether it is valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from spaf import clock
from spaf.bench.session import Session
from spaf.bench.verdict import verify
from spaf.generate.result import LoadResult
from spaf.measure.latency import Stamps, showings, stamps
from spaf.measure.resources import Sampler
from spaf.measure.watch import Watch
from spaf.topic.read import read
from spaf.verify import Verdict

# The first sales meet code that the JVM has not compiled yet. They are counted and verified, but
# not part of the latency, seconds.
WARM_UP_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """One measured run."""

    load: LoadResult
    verdict: Verdict
    measured: Stamps
    warm_up_s: float
    sampler: Sampler

    @property
    def reasons(self) -> list[str]:
        """What makes the run unfit to report a latency from; nothing if it is fit."""
        found = list(self.load.reasons)
        if not self.verdict.exact:
            found.append("the tables are not exact")
        if self.measured.unseen:
            found.append(f"{self.measured.unseen} sales were never seen in PostgreSQL")
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the record of the run for --json."""
        store, publish = self.measured.store(), self.measured.publish()
        valid = not self.reasons
        return {
            "rate": self.load.rate,
            "achieved_rate": self.load.achieved_rate,
            "produced": self.verdict.records,
            "acked": self.load.acked,
            **self.verdict.as_dict(),
            "valid": valid,
            "reasons": self.reasons,
            "warm_up_s": self.warm_up_s,
            "latency_ms": {"store": store.as_dict() if store and valid else None},
            "publish_delay_ms": publish.as_dict() if publish else None,
            "rss_mib": round(self.sampler.rss_mib(), 1),
            "cpu_cores": round(self.sampler.cores(), 3),
            "services": self.sampler.table(),
        }


@dataclass
class Measurement:
    """A measurement under way: started before the load, finished after it."""

    session: Session
    watch: Watch
    begin: Mapping[int, int]
    sampler: Sampler

    @classmethod
    def start(cls, session: Session) -> Measurement:
        """Begin to watch.

        Raises:
            StoreError: PostgreSQL cannot be listened to.

        """
        session.home.runs.mkdir(parents=True, exist_ok=True)
        file = session.home.runs / f"watch-{clock.now_us()}.tsv"
        watch = Watch(session.access, file)
        return cls(session, watch, session.end_offsets(), Sampler(session.home))

    def __enter__(self) -> Self:
        """Return the measurement."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to watch, whatever happened."""
        self.watch.stop()

    def finish(self, load: LoadResult) -> Outcome:
        """Verify everything, then measure each sale of the load."""
        self.sampler.look()
        verdict = verify(self.session)
        self.watch.stop()
        session = self.session
        records = read(session.kafka, session.topic, self.begin, session.end_offsets())
        found = stamps(records, session.rules, showings(self.watch.file))
        found.save(self.watch.file.with_suffix(".npz"))
        self.watch.file.unlink()
        warm_up = min(WARM_UP_SECONDS, load.duration_s / 3)
        start = (load.first_intended_us or 0) + int(warm_up * 1e6)
        return Outcome(load, verdict, found.after(start), warm_up, self.sampler)
