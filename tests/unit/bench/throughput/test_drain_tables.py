"""What a set of tables adds to the cost of the aggregates, and the options that name the sets."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from spaf import settings
from spaf.bench.throughput.drain import Drain
from spaf.bench.throughput.drain_tables import (
    AGGREGATES,
    ALL,
    TABLE_SETS,
    DrainResult,
    DrainScenario,
)
from spaf.errors import SettingsError
from spaf.job.build import SINKS


def drains(*cpu_us: float, exact: bool = True) -> list[Drain]:
    """Return a drain of a million events for each cost; the first one is not counted."""
    return [
        Drain.of(events=1_000_000, seconds=4.0, cpu_seconds=each, exact=exact)
        for each in (99.0, *cpu_us)
    ]


def test_a_set_adds_the_difference_of_the_medians() -> None:
    """One noisy turn moves neither side; the figures of the result are those of the last set."""
    measured = {AGGREGATES: drains(3.0, 2.9, 9.0), ALL: drains(5.0, 20.0, 5.5)}
    result = DrainResult.compare(measured)
    assert result.sets[AGGREGATES].cpu_us_per_event == pytest.approx(3.0)
    assert result.over_aggregates_us == {AGGREGATES: 0, ALL: pytest.approx(2.5)}
    assert result.cpu_us_per_event == pytest.approx(5.5)
    assert result.events_per_second == 250_000


def test_one_set_is_compared_with_nothing() -> None:
    """The first drain of several is not counted; a single one is."""
    result = DrainResult.compare({ALL: drains(5.0, 7.0)})
    assert (result.sets, result.cpu_us_per_event) == ({}, 6.0)
    assert "sets" not in msgspec.to_builtins(result)
    assert DrainResult.compare({ALL: drains()}).cpu_us_per_event == 99.0


def test_one_drain_that_is_not_exact_fails_the_result() -> None:
    """A cost of wrong rows is no figure."""
    assert DrainResult.compare({ALL: drains(3.0)}).reasons == []
    assert DrainResult.compare({ALL: drains(3.0, exact=False)}).reasons
    for wrong in (AGGREGATES, ALL):
        mixed = {name: drains(3.0, exact=name != wrong) for name in (AGGREGATES, ALL)}
        assert DrainResult.compare(mixed).reasons == [f"a drain of {wrong} is not exact"]


def test_sets_grow_from_the_aggregates_to_everything() -> None:
    """Each job writes the tables of the one before, and more."""
    sets = list(TABLE_SETS.values())
    assert sets[0] == ("sales_summary",)
    assert set(sets[-1]) == set(SINKS)
    assert all(set(less) < set(more) for less, more in itertools.pairwise(sets))


@pytest.mark.usefixtures("bare")
def test_a_set_that_does_not_exist_is_refused_before_the_start() -> None:
    """With the names that exist."""
    with pytest.raises(SettingsError, match="no set 'sums'") as caught:
        DrainScenario(tables=("all", "sums")).prepare(settings.load())
    assert "aggregates, ledger, sale-anomalies, all" in caught.value.todo
