"""The plan is a pure function: the same seed gives the same faults, on each machine."""

from __future__ import annotations

from collections import Counter

import pytest

from spaf.chaos.fault import JOIN
from spaf.chaos.plan import plan
from spaf.chaos.registry import KINDS


def test_the_same_seed_gives_the_same_plan() -> None:
    """A seed that failed can be repeated, and another seed gives other faults."""
    assert plan(7, 50, KINDS) == plan(7, 50, KINDS)
    assert plan(7, 50, KINDS) != plan(8, 50, KINDS)


def test_the_order_of_the_registry_is_no_part_of_the_plan() -> None:
    """A module that is listed elsewhere changes no plan."""
    assert plan(7, 50, dict(reversed(KINDS.items()))) == plan(7, 50, KINDS)


def test_a_longer_plan_begins_with_the_shorter_one() -> None:
    """So a number and a seed name a fault, however long the plan was."""
    assert plan(3, 100, KINDS)[:10] == plan(3, 10, KINDS)
    assert [fault.number for fault in plan(3, 10, KINDS)] == list(range(1, 11))


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_round_has_each_kind_as_often_as_its_weight_says(seed: int) -> None:
    """No kind waits for chance."""
    weights = {kind.name: kind.weight for kind in KINDS.values()}
    counted = Counter(fault.kind for fault in plan(seed, sum(weights.values()), KINDS))
    assert counted == weights


def test_each_target_and_time_of_a_kind_comes_before_any_comes_again() -> None:
    """Many faults cover all variants evenly."""
    kill = KINDS["kill"]
    faults = plan(1, 2 * len(kill.targets), {"kill": kill})
    assert set(Counter(fault.target for fault in faults).values()) == {2}


def test_pairs_hit_two_services_at_once() -> None:
    """Only kinds that can are left."""
    for fault in plan(1, 40, KINDS, pairs=True):
        assert KINDS[fault.kind].pairs
        assert fault.target.count(JOIN) == 1


def test_the_kinds_are_complete() -> None:
    """Each has targets, times, a sentence and a name that can be typed."""
    for name, kind in KINDS.items():
        assert kind.name == name
        assert name.replace("-", "").isalnum()
        assert name == name.lower()
        assert kind.targets
        assert kind.hold_s
        assert kind.weight >= 1
        assert kind.summary.endswith(".")
