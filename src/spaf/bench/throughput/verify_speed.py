"""How long a verification takes: a full topic, both formulations, the comparison; no job.

The compared tables are those that a correct job would have written, so only the verifier is
measured. The stack and the events are those of `spaf bench drain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Self

from spaf import clock
from spaf.bench.progress import Progress
from spaf.bench.run.dumping import dump_range
from spaf.bench.run.verdict import Stages, detection_of, judge
from spaf.bench.scenario import Result, Table, option
from spaf.bench.throughput import drain
from spaf.stack.run import Run
from spaf.topic import admin
from spaf.verify import Answers
from spaf.verify.dump import Dump, DumpHeader
from spaf.verify.python_oracle import PythonOracle
from spaf.verify.render import tables_of

# Reading the topic and writing the dump is part of the first.
STAGES = ("python", "duckdb", "compare")


class VerifySpeedResult(Result, frozen=True):
    """The time of each stage of a verification, seconds."""

    events: int
    exact: bool
    records_by_decoder: int
    stages: dict[str, float]
    seconds: float
    events_per_second: int

    @classmethod
    def of(cls, *, events: int, by_decoder: int, exact: bool, stage_s: Mapping[str, float]) -> Self:
        """Return the record from the raw times."""
        stages = {stage: round(stage_s[stage], 3) for stage in STAGES}
        seconds = sum(stage_s[stage] for stage in STAGES)
        return cls(events, exact, by_decoder, stages, round(seconds, 3), round(events / seconds))

    @property
    def reasons(self) -> list[str]:
        """Why the figures are not valid."""
        return [] if self.exact else ["the verifier finds differences in correct tables"]

    def tables(self) -> Iterable[Table]:
        """Return a row a stage."""
        rows = [*self.stages.items(), ("together", self.seconds)]
        return [Table(f"{self.events:,} events", ("stage", "seconds"), rows)]


class VerifySpeedScenario(drain.FullTopicScenario, frozen=True):
    """Fill a topic, then time each stage of a verification of it; the job does not run."""

    folder: ClassVar[str] = "verify-speed"
    # In the topic, and once more in the dump.
    event_bytes: ClassVar[int] = 2 * drain.EVENT_BYTES

    events: Annotated[int, option("Events in the topic.", ge=1_000)] = 1_000_000

    def measure_run(self, run: Run, progress: Progress) -> VerifySpeedResult:
        """Fill the topic and verify all of it."""
        drain.fill(run, self.events, progress)
        stages = Stages()
        begin = admin.begin_offsets(run.kafka, run.topic)
        end = run.end_offsets()
        dump = Dump(run.home.runs / f"dump-{clock.now_us()}")
        oracle = PythonOracle(run.rules, end, detection_of(run), begin)
        try:
            with stages.stage("python"):
                dump_range(dump, (run.kafka, run.topic), begin, end, oracle, progress)
                answers = oracle.answers()
            dump.write_header(DumpHeader(run.topic, begin, end, run.rules, detection_of(run)))
            return verify_correct_tables(dump, answers, progress, stages)
        finally:
            dump.delete()


def verify_correct_tables(
    dump: Dump, answers: Answers, progress: Progress, stages: Stages
) -> VerifySpeedResult:
    """Verify the tables that a correct job would have written, by a complete dump."""
    verdict = judge(dump, answers, tables_of(answers), progress, stages, unsettled=0)
    return VerifySpeedResult.of(
        events=answers.records,
        by_decoder=verdict.by_decoder,
        exact=verdict.exact,
        stage_s=stages.seconds,
    )
