"""`spaf bench recovery`: which faults, in which run, and when a goal is met."""

from __future__ import annotations

import msgspec
import pytest

from spaf.bench.progress import no_progress
from spaf.chaos.fault import JOIN
from spaf.chaos.outcome import ChaosResult, FaultOutcome
from spaf.chaos.recovery import (
    DRILLS,
    DrillTimes,
    ListedFaults,
    RecoveryDrill,
    RecoveryScenario,
)
from spaf.chaos.registry import KINDS
from spaf.errors import SettingsError
from spaf.settings import Settings

DRILL = RecoveryDrill(kind="kill", target="kafka", max_rows_s=5.0, max_still_s=1.0)


def outcome(number: int = 1, *, made: bool = True, **seconds: float) -> FaultOutcome:
    """Return the outcome of a fault."""
    found = FaultOutcome(number=number, kind="kill", target="kafka", made=made, differences=0)
    return msgspec.structs.replace(found, **seconds)


@pytest.mark.parametrize("name", DRILLS)
def test_each_fault_is_one_that_chaos_knows(name: str) -> None:
    """Its kind and its target."""
    drill = DRILLS[name]
    kind = KINDS[drill.kind]
    assert drill.target in kind.targets or drill.target in kind.pairs
    assert all(part for part in drill.target.split(JOIN))


def test_an_unknown_fault_is_refused_with_the_list() -> None:
    """One sentence, and what there is."""
    with pytest.raises(SettingsError, match="--faults kafak: no such fault") as refused:
        list(RecoveryScenario(faults=("kafka", "kafak")).prepare(Settings()))
    assert "paused-jobmanager" in refused.value.todo


def test_a_goal_is_met_if_every_limit_holds() -> None:
    """At p95, and only of faults that were survived."""
    well = [outcome(recovery_s=1.0 + n / 10, still_s=0.5, healthy_s=9.0) for n in range(20)]
    times = DrillTimes.of("kafka", DRILL, well)
    assert (times.met, times.count, times.failed) == (True, 20, 0)
    assert (times.rows_p50_s, times.rows_p95_s) == (2.0, 2.9)
    assert (times.still_p95_s, times.healthy_p95_s) == (0.5, 9.0)
    for bad in (
        outcome(recovery_s=5.1, still_s=0.5),
        outcome(recovery_s=1.0, still_s=1.1),
        outcome(still_s=0.5),
        outcome(made=False),
    ):
        assert not DrillTimes.of("kafka", DRILL, [bad]).met
    assert not DrillTimes.of("kafka", DRILL, []).met


def test_faults_are_made_in_rounds_and_those_of_another_run_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run with two JobManagers is another one; each fault is repeated by its name."""
    engines: list[ListedFaults] = []

    def measure(engine: ListedFaults, *_: object) -> ChaosResult:
        engines.append(engine)
        faults = [
            outcome(one.number, recovery_s=float(one.number), still_s=0.1, healthy_s=1.0)
            for one in engine.planned()
        ]
        return ChaosResult(
            seed=1,
            rate=engine.rate,
            planned=len(faults),
            made=len(faults),
            not_made=0,
            seconds=1.0,
            sales_acknowledged=1,
            sales_failed=0,
            lost=0,
            records=1,
            differences=0,
            exact=True,
            errors=[],
            interrupted=False,
            faults=faults,
            summary_by_target=[],
        )

    monkeypatch.setattr(ListedFaults, "measure", measure)
    scenario = RecoveryScenario(faults=("kafka", "failover", "postgres"), repeats=2, rate=50)
    result = scenario.measure(Settings(), lambda _: None, no_progress)
    usual, other = engines
    assert [one.target for one in usual.planned()] == ["kafka", "postgres", "kafka", "postgres"]
    assert [one.kind for one in other.planned()] == ["failover", "failover"]
    assert usual.repeat(2) == "spaf bench recovery --faults postgres --repeats 1"
    assert (usual.rate, list(usual.chosen())) == (50, ["kill"])
    assert [(one.drill, one.rows_p95_s) for one in result.drills] == [
        ("kafka", 3.0),
        ("failover", 2.0),
        ("postgres", 4.0),
    ]
    assert result.reasons == []
    (table,) = result.tables()
    assert table.rows[0][:3] == ("kafka", 2, "3.0, 3.0 (7)")
