"""The levels of each factor, and the stack that a level needs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from spaf import settings
from spaf.bench.scale.factors import FACTORS, FIELDS, SLOW, Conditions, Stack, conditions


@pytest.mark.parametrize("factor", FACTORS)
def test_only_the_factor_changes(factor: str) -> None:
    """The levels grow, and nothing but the factor differs between them."""
    known = FACTORS[factor]
    field = FIELDS.get(factor, factor)
    for levels in (known.levels, known.quick):
        found = list(conditions(factor, levels))
        assert [getattr(one, field) for one in found] == list(levels) == sorted(levels)
        same = {msgspec.structs.replace(one, **{field: 1}) for one in found}
        assert len(same) == 1
    assert known.min <= min(known.levels) < max(known.levels) <= known.max


@pytest.mark.parametrize("factor", FACTORS)
def test_every_level_can_run(factor: str) -> None:
    """Each task has a slot and a partition; each category a product."""
    for condition in conditions(factor, (FACTORS[factor].min, *FACTORS[factor].levels)):
        assert condition.parallelism <= condition.partitions
        assert condition.parallelism <= condition.stack.slots * condition.stack.task_managers
        assert condition.shop.categories == condition.categories
        assert (
            condition.shop.categories * condition.shop.products_per_category <= condition.products
        )


def test_only_the_slow_factors_need_stacks_of_their_own() -> None:
    """The others share one."""
    for factor, known in FACTORS.items():
        stacks = {condition.stack for condition in conditions(factor, known.levels)}
        assert (stacks == {Conditions().stack}) == (factor not in SLOW)


@pytest.mark.usefixtures("bare")
def test_a_stack_is_separate_from_the_services_of_the_user() -> None:
    """Contract, detection and shop stay; servers and run folder are its own."""
    chosen = settings.load(
        home=Path("mine"),
        sale={"max_lateness_s": 7},
        job={"outlier_score": 9.5, "parallelism": 8},
        kafka={"bootstrap_servers": "elsewhere:9092"},
        postgres={"dsn": "postgresql://u:p@elsewhere/d"},
        flink={"rest_url": "http://elsewhere:8081", "task_heap_mib": 400},
    )
    found = Stack(2, 3, page=False).settings(chosen)
    assert found.home == Path("mine/scale")
    assert (found.sale, found.generate) == (chosen.sale, chosen.generate)
    assert (found.job.outlier_score, found.job.parallelism) == (9.5, 1)
    assert found.kafka.bootstrap_servers is None
    assert found.flink.rest_url is None
    assert not found.postgres.external
    assert found.flink.task_heap_mib == 400
    assert (found.flink.task_managers, found.flink.slots) == (2, 3)
