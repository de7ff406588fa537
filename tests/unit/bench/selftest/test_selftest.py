"""The self-test passes, and fails where the verifier is blind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spaf.bench.agreement.synthetic import log
from spaf.bench.progress import no_progress
from spaf.bench.selftest import selftest
from spaf.bench.selftest.selftest import (
    FORMULATION,
    LOG_DAMAGES,
    SelfTestResult,
    SelfTestScenario,
    build,
    by_duckdb,
    job_tables,
)
from spaf.settings import Settings
from spaf.verify import Answers, TableRows, Verdict, compare, disagreements
from spaf.verify.damage import DAMAGES
from tests.support.scale import scaled


def self_test(seeds: int) -> SelfTestResult:
    """Run the self-test without progress."""
    return SelfTestScenario(seeds).measure(Settings(), lambda _: None, no_progress)


def test_every_damage_is_caught() -> None:
    """Of every kind, in a whole world and in a live one; correct tables raise no alarm."""
    result = self_test(2)
    assert result.passed
    assert result.reasons == []
    assert result.damages == result.caught == 2 * len(result.kinds)
    assert result.false_alarms == 0
    assert set(result.kinds) == {*DAMAGES, *LOG_DAMAGES, FORMULATION}
    assert len({kind.partition(":")[0] for kind in DAMAGES}) == 5


def test_a_verifier_that_sees_nothing_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the comparison finds no difference, damage is not caught, and the result says so."""

    def blind(answers: Answers, tables: TableRows) -> Verdict:
        return replace(compare(answers, tables), differences=[], unaccounted=0)

    monkeypatch.setattr(selftest, "compare", blind)
    result = self_test(1)
    assert not result.passed
    assert result.reasons
    assert result.caught == 1  # that of the formulation, which is compared apart


def test_a_verifier_with_false_alarms_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alarm over correct tables is counted."""

    def nervous(answers: Answers, tables: TableRows) -> Verdict:
        return replace(compare(answers, tables), unaccounted=1)

    monkeypatch.setattr(selftest, "compare", nervous)
    result = self_test(1)
    assert result.false_alarms == 1
    assert not result.passed


def test_a_log_holds_all_that_is_hard() -> None:
    """The same seed is the same log; it has every outcome, detections and odd records."""
    assert log(4) == log(4)
    assert log(4) != log(5)
    world = build(5)
    assert len(world.end) == 3
    assert world.answers.late > 0
    assert world.answers.rejected > 0
    assert len(world.answers.reasons) > 4
    assert {row.kind for row in world.tables.outliers} >= {"high_price", "low_price"}
    assert {row.kind for row in world.tables.traffic} == {"surge", "drought"}
    assert world.answers.open_summary


@pytest.mark.parametrize("seed", range(scaled(2, 12)))
def test_any_point_between_cut_and_end_is_no_alarm(seed: int) -> None:
    """However far the job has come behind the cut, and both formulations agree."""
    world = build(seed)
    assert disagreements(world.answers, by_duckdb(world)) == []
    for share in (0.0, 0.3, 1.0):
        seen = {part: cut + int((world.end[part] - cut) * share) for part, cut in world.cut.items()}
        tables = job_tables(world.records, seen, world.rules, world.detection)
        assert list(map(str, compare(world.answers, tables).differences)) == []
