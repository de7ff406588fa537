"""The bottleneck, in situations made up second by second."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from spaf.generate.locust.protocol import LoadStatus
from spaf.serve.monitor.bottleneck import BottleneckDetector
from spaf.serve.monitor.flink import FlinkMetrics
from spaf.serve.monitor.snapshot import SERVICES, STAGES, PipelineSnapshot
from spaf.serve.run_info import ServiceInfo


def services(**states: str) -> list[ServiceInfo]:
    """Return the services of a run: all running, but for these states by stage."""
    return [
        ServiceInfo(name, states.get(stage, "running"), "", 0, 0.0, 0.0)
        for stage in STAGES
        for name in SERVICES[stage]
    ]


@dataclass
class Line:
    """A pipeline that runs, a look a second; what is changed shows from the next look on."""

    rate: float = 100.0
    sells: float = 100.0
    appends: float = 100.0
    counts: float = 100.0
    at: float = 0.0
    intended: float = 0.0
    ends: float = 0.0
    counted: float = 0.0

    def snapshot(self, sold: LoadStatus | None = None, **changes: Any) -> PipelineSnapshot:
        """Return the next snapshot; `sold` replaces what the load has come to."""
        self.at += 1.0
        self.intended += self.sells
        self.ends = min(self.ends + self.appends, self.intended)
        self.counted = min(self.counted + self.counts, self.ends)
        ends, counted = int(self.ends), int(self.counted)
        now = PipelineSnapshot(
            at=self.at,
            services=services(),
            page_load=sold or self.load(int(self.intended), ends),
            ends=ends,
            counted=counted,
        )
        return replace(now, **changes)

    def load(self, intended: int, acked: int, slots: int | None = None) -> LoadStatus:
        """Return the status of a load with these counts; one without a rate has stopped."""
        state = "running" if self.rate else "stopped"
        return LoadStatus(state, 1, self.rate, intended, acked, 0, "run", slots=slots)


def sold(line: Line, slots: int) -> LoadStatus:
    """Return the load of the line's next second, with the slots that have come due."""
    intended = line.intended + line.sells
    ends = min(line.ends + line.appends, intended)
    return line.load(int(intended), int(ends), slots)


def bottlenecks(
    detector: BottleneckDetector, snapshots: Iterable[PipelineSnapshot]
) -> list[str | None]:
    """Return the culprit of each look."""
    return [detector.update(snapshot) for snapshot in snapshots]


def test_nothing_is_wrong() -> None:
    """With load, without load, at any rate, no stage is named."""
    for rate in (0.1, 3.0, 100.0, 50_000.0):
        line, detector = Line(rate, rate, rate, rate), BottleneckDetector()
        assert set(bottlenecks(detector, (line.snapshot() for _ in range(20)))) == {None}
        line.rate = line.sells = 0.0
        assert set(bottlenecks(detector, (line.snapshot() for _ in range(20)))) == {None}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("state", ["silent", "restarting", "starting", "failed", "gone"])
def test_a_stage_that_is_away_is_named_at_once(stage: str, state: str) -> None:
    """Its state says so, whatever the counts do."""
    line, detector = Line(), BottleneckDetector()
    bottlenecks(detector, (line.snapshot() for _ in range(3)))
    assert detector.update(line.snapshot(services=services(**{stage: state}))) == stage


def test_the_first_of_two_that_are_away_is_named() -> None:
    """Along the way of a sale."""
    detector = BottleneckDetector()
    away = services(postgres="silent", kafka="restarting")
    assert detector.update(Line().snapshot(services=away)) == "kafka"


def test_a_database_that_is_away_is_named_rather_than_the_job_that_waits_for_it() -> None:
    """What is away explains what stands still before it."""
    line, detector = Line(), BottleneckDetector()
    bottlenecks(detector, (line.snapshot() for _ in range(3)))
    line.counts = 0
    away = services(postgres="silent")
    snapshots = (line.snapshot(services=away, counted=None) for _ in range(5))
    assert set(bottlenecks(detector, snapshots)) == {"postgres"}


def test_a_stuck_job_is_named_within_two_looks() -> None:
    """Records come in and none is counted; afterwards it is quiet again."""
    line, detector = Line(), BottleneckDetector()
    bottlenecks(detector, (line.snapshot() for _ in range(3)))
    line.counts = 0
    assert bottlenecks(detector, (line.snapshot() for _ in range(4))) == [
        None,
        "flink",
        "flink",
        "flink",
    ]
    line.counts = 1_000
    assert bottlenecks(detector, (line.snapshot() for _ in range(3))) == [None, None, None]


def test_a_job_that_gathers_is_given_its_time() -> None:
    """One that writes every three seconds is well; when it has not for six, it is stuck."""
    line, detector = Line(counts=0), BottleneckDetector(write_interval_s=3.0)
    found = []
    for second in range(1, 25):
        line.counts = 1_000 if second % 3 == 0 else 0
        found.append(detector.update(line.snapshot()))
    assert set(found) == {None}
    line.counts = 0
    assert bottlenecks(detector, (line.snapshot() for _ in range(8))) == [None] * 5 + ["flink"] * 3


def test_a_single_record_that_waits_is_enough() -> None:
    """At a low rate, too: but not before it has waited for a whole look."""
    line, detector = Line(0.1, 0, 0, 0), BottleneckDetector()
    bottlenecks(detector, (line.snapshot() for _ in range(3)))
    waiting = [line.snapshot(line.load(1, 1), ends=1) for _ in range(3)]
    assert bottlenecks(detector, waiting) == [None, "flink", "flink"]


def test_unreadable_records_that_wait_are_no_trouble() -> None:
    """They are in the ledger with the next checkpoint."""
    line, detector = Line(), BottleneckDetector()
    line.counts = 0
    assert set(bottlenecks(detector, (line.snapshot(unreadable=True) for _ in range(6)))) == {None}


def test_a_stuck_broker_is_named() -> None:
    """The load goes on, nothing is acknowledged and nothing fails."""
    line, detector = Line(), BottleneckDetector()
    bottlenecks(detector, (line.snapshot() for _ in range(3)))
    line.appends = 0
    assert bottlenecks(detector, (line.snapshot() for _ in range(3))) == [None, "kafka", "kafka"]


@pytest.mark.parametrize(("rate", "snapshots"), [(100.0, 1), (3.0, 1), (1.0, 3), (0.5, 6)])
def test_a_load_that_stands_still_is_named(rate: float, snapshots: int) -> None:
    """As soon as its rate has promised three sales that did not come."""
    line, detector = Line(rate, rate, rate, rate), BottleneckDetector()
    bottlenecks(detector, (line.snapshot() for _ in range(8)))
    line.sells = 0
    found = bottlenecks(detector, (line.snapshot() for _ in range(snapshots)))
    assert found == [*[None] * (snapshots - 1), "locust"]


def test_a_look_that_takes_long_makes_no_load_late() -> None:
    """Its counts are of when it answered, before a silent neighbour was waited for."""
    line, detector = Line(), BottleneckDetector()
    bottlenecks(detector, (line.snapshot() for _ in range(8)))
    late = line.snapshot()
    assert detector.update(replace(late, at=late.at + 0.8, load_at=late.at)) is None


def test_a_load_that_answers_late_names_no_stage() -> None:
    """What it said at the last look is no news, although sales were on their way then."""
    line, detector = Line(), BottleneckDetector()
    bottlenecks(detector, (line.snapshot() for _ in range(8)))
    line.intended += line.sells
    sold = line.load(int(line.intended), int(line.intended) - 50)
    line.intended -= line.sells
    then = line.snapshot(sold)
    assert detector.update(then) is None
    late = line.snapshot(sold, load_at=then.at)
    assert detector.update(late) is None


def test_a_load_that_is_stopped_is_no_trouble() -> None:
    """Its rate is 0 then; of any other stage the same word is trouble."""
    rests = Line().snapshot(services=services(locust="stopped"))
    assert BottleneckDetector().update(rests) is None
    stopped = replace(rests, services=services(kafka="stopped"))
    assert BottleneckDetector().update(stopped) == "kafka"
    line, detector = Line(), BottleneckDetector()
    bottlenecks(detector, (line.snapshot() for _ in range(8)))
    line.rate = line.sells = 0
    assert set(bottlenecks(detector, (line.snapshot() for _ in range(8)))) == {None}


def test_a_load_that_falls_behind_is_named() -> None:
    """It sells, but less than nine tenths of its rate, for five seconds."""
    line, detector = Line(1_000, 700, 1_000, 1_000), BottleneckDetector()
    assert bottlenecks(detector, (line.snapshot() for _ in range(6)))[-1] == "locust"
    line.sells = 1_000
    assert bottlenecks(detector, (line.snapshot() for _ in range(6)))[-1] is None


def test_a_drought_that_is_meant_is_no_load_that_falls_behind() -> None:
    """The schedule goes on at its rate; an episode leaves sales of it out, or all of them."""
    for sells in (50.0, 0.0):
        line = Line(sells=sells, appends=100.0)
        snapshots = [line.snapshot(sold(line, 100 * second)) for second in range(1, 21)]
        assert bottlenecks(BottleneckDetector(), snapshots) == [None] * 20


def test_a_schedule_that_stands_still_is_told() -> None:
    """Whatever an episode does to the sales, slots must come due."""
    line = Line(sells=50.0)
    snapshots = [line.snapshot(sold(line, 50 * second)) for second in range(1, 21)]
    assert bottlenecks(BottleneckDetector(), snapshots)[-1] == "locust"


def test_a_new_run_begins_with_new_counts() -> None:
    """Counts that step back are no load that falls behind."""
    line, detector = Line(), BottleneckDetector()
    bottlenecks(detector, (line.snapshot() for _ in range(8)))
    snapshots = [line.snapshot(line.load(n, n)) for n in (90, 190, 290)]
    assert set(bottlenecks(detector, snapshots)) == {None}


@pytest.mark.parametrize(
    ("busy", "busiest", "culprit"),
    [
        (0.97, "Calc -> GroupAggregate", "flink"),
        (0.97, "sales_summary: Writer", "postgres"),
        (0.4, "sales_summary: Writer", "flink"),
        (None, "", "flink"),
    ],
)
def test_a_lag_that_grows_is_told_with_who_is_full(
    busy: float | None, busiest: str, culprit: str
) -> None:
    """The writing part of the job waits for the database; any other part is the job itself."""
    line, detector = Line(1_000, 1_000, 1_000, 300), BottleneckDetector()
    metrics = FlinkMetrics("RUNNING", busy, 0.0, busiest)
    snapshots = (line.snapshot(flink=metrics) for _ in range(8))
    assert bottlenecks(detector, snapshots)[-1] == culprit


def test_a_lag_that_shrinks_is_no_trouble() -> None:
    """The job catches up after it was away."""
    line, detector = Line(), BottleneckDetector()
    line.intended = line.ends = 50_000
    line.counts = 5_000
    assert set(bottlenecks(detector, (line.snapshot() for _ in range(8)))) == {None}


def test_a_first_look_knows_nothing_yet() -> None:
    """A page that is opened over a standing lag waits for a second look."""
    line, detector = Line(counts=0), BottleneckDetector()
    line.intended = line.ends = 500
    assert bottlenecks(detector, [line.snapshot(), line.snapshot()]) == [None, "flink"]
