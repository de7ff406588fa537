"""How long a verification takes: a full topic, both formulations, the comparison; no job.

The tables that are compared are those that a right job would have written, so what is measured is
the verifier alone. The stack and the events are those of `spaf bench drain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spaf import clock
from spaf.bench import drain
from spaf.bench.dumping import Progress, dump_range
from spaf.bench.session import Session
from spaf.bench.verdict import Stages, recompute
from spaf.settings import Settings
from spaf.topic import admin
from spaf.verify import compare, disagreements
from spaf.verify.dump import About, Dump
from spaf.verify.render import tables_of

# Room that an event takes at most, in the topic and once more in the dump, bytes.
EVENT_BYTES = 2 * drain.EVENT_BYTES


STAGES = ("dump", "python", "duckdb", "compare")


@dataclass(frozen=True)
class Speed:
    """What each stage of a verification took, seconds."""

    events: int
    by_decoder: int
    exact: bool
    python: float
    duckdb: float
    compare: float
    dump: float = 0.0

    @property
    def seconds(self) -> float:
        """Return all of it."""
        return self.dump + self.python + self.duckdb + self.compare

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json."""
        return {
            "events": self.events,
            "exact": self.exact,
            "records_by_decoder": self.by_decoder,
            "stages": {stage: round(getattr(self, stage), 3) for stage in STAGES},
            "seconds": round(self.seconds, 3),
            "events_per_second": round(self.events / self.seconds),
        }


def scenario(settings: Settings) -> Settings:
    """Return the settings of the scenario, in a run folder of its own."""
    chosen = drain.scenario(settings)
    return chosen.model_copy(update={"home": settings.home / "verify-speed"})


def measure(session: Session, tell: drain.Tell) -> Speed:
    """Verify the whole topic of a session.

    Raises:
        TopicError: the topic cannot be read.
        VerifyError: the dump cannot be written or read.

    """
    watch = Stages()
    begin = admin.begin_offsets(session.kafka, session.topic)
    end = session.end_offsets()
    dump = Dump(session.home.runs / f"dump-{clock.now_us()}")

    def told(doing: str, done: int, of: int) -> None:
        tell(f"{doing}: {done:,} of {of:,}")

    try:
        with watch.stage("dump"):
            dump_range(dump, (session.kafka, session.topic), begin, end, told)
        dump.describe(About(session.topic, begin, end, session.rules, session.detection))
        return speed(dump, end, told, watch)
    finally:
        dump.delete()


def speed(dump: Dump, cut: Mapping[int, int], progress: Progress, watch: Stages) -> Speed:
    """Recompute a complete dump and compare it with right tables."""
    one, two = recompute(dump, cut, progress, watch)
    tables = tables_of(one)
    with watch.stage("compare"):
        exact = compare(one, tables).exact and not disagreements(one, two)
    return Speed(events=one.records, by_decoder=two.by_decoder, exact=exact, **watch.seconds)
