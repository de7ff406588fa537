"""How long a verification takes: a full topic, both formulations, the comparison; no job.

The tables that are compared are those that a right job would have written, so what is measured is
the verifier alone. The stack and the events are those of `spaf bench drain`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spaf import clock
from spaf.bench.run.dumping import Progress, dump_range
from spaf.bench.run.verdict import Stages, detection_of, judge
from spaf.bench.throughput import drain
from spaf.settings import Settings
from spaf.stack.run import Run
from spaf.topic import admin
from spaf.verify import Answers
from spaf.verify.dump import Dump, DumpHeader
from spaf.verify.python_oracle import PythonOracle
from spaf.verify.render import tables_of

# Room that an event takes at most, in the topic and once more in the dump, bytes.
EVENT_BYTES = 2 * drain.EVENT_BYTES


# Reading and writing down the topic is part of the first.
STAGES = ("python", "duckdb", "compare")


@dataclass(frozen=True)
class Speed:
    """What each stage of a verification took, seconds."""

    events: int
    by_decoder: int
    exact: bool
    python: float
    duckdb: float
    compare: float

    @property
    def seconds(self) -> float:
        """Return all of it."""
        return self.python + self.duckdb + self.compare

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


def measure(session: Run, tell: drain.Tell) -> Speed:
    """Verify the whole topic of a session.

    Raises:
        TopicError: the topic cannot be read.
        VerifyError: the dump cannot be written or read.

    """
    watch = Stages()
    begin = admin.begin_offsets(session.kafka, session.topic)
    end = session.end_offsets()
    dump = Dump(session.home.runs / f"dump-{clock.now_us()}")
    whole = PythonOracle(session.rules, end, detection_of(session), begin)

    def told(doing: str, done: int, of: int) -> None:
        tell(f"{doing}: {done:,} of {of:,}")

    try:
        with watch.stage("python"):
            dump_range(dump, (session.kafka, session.topic), begin, end, whole, told)
            one = whole.answers()
        dump.write_header(
            DumpHeader(session.topic, begin, end, session.rules, detection_of(session))
        )
        return speed(dump, one, told, watch)
    finally:
        dump.delete()


def speed(dump: Dump, one: Answers, progress: Progress, watch: Stages) -> Speed:
    """Judge the tables that a right job would have written, by a complete dump."""
    verdict = judge(dump, one, tables_of(one), progress, watch, unsettled=0)
    return Speed(one.records, verdict.by_decoder, verdict.exact, **watch.seconds)
