"""The options of `spaf bench scale`, and what it says of its measurements."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from spaf import settings
from spaf.bench.progress import no_progress
from spaf.bench.scale import growth as growth_module
from spaf.bench.scale import scale as scale_module
from spaf.bench.scale.day import DayResult, ProcessMemory
from spaf.bench.scale.factors import DAY, FACTORS, NOT_QUICK, Conditions
from spaf.bench.scale.growth import Growth, MeasuredLevel, visits
from spaf.bench.scale.level import LevelResult
from spaf.bench.scale.reasons import WHY
from spaf.bench.scale.scale import FIGURES, FactorResult, ScaleResult, ScaleScenario
from spaf.bench.spread import Spread
from spaf.errors import JobError, SettingsError, StackError
from spaf.measure.quantiles import Quantiles


def result(us: float, *, counted: bool = True) -> LevelResult:
    """Return a measurement with this cost."""
    latency = Quantiles(1_000, 0, 3.0, 4.0, 9.0, 20.0, 3.2)
    return LevelResult(1_000, us, 2 * us, latency, 1.5, {"kafka": 300.0}, 0.5, counted)


def scale_result(**changes: Any) -> ScaleResult:
    """Return a result of one factor, with changes."""
    levels = [
        MeasuredLevel(10, [[result(5.0), result(6.0)], [result(5.5)]]),
        MeasuredLevel(100, [[result(55.0)]]),
    ]
    factors = [FactorResult.of("categories", levels)]
    whole = ScaleResult(Conditions(), 10.0, factors, None, interrupted=False, failures=[])
    return msgspec.structs.replace(whole, **changes)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factors": ("colour",)}, "no factor 'colour'"),
        ({"factors": ("rate",), "levels": ("0",)}, "'0' is no level of rate"),
        ({"factors": ("rows",), "levels": ("-5",)}, "'-5' is no level of rows"),
        ({"factors": ("rows",), "levels": ("1.5",)}, "'1.5' is no level"),
        ({"factors": ("rows",), "levels": ("1e12",)}, "'1e12' is no level"),
        ({"factors": ("rate",), "levels": ("nan",)}, "'nan' is no level"),
        ({"factors": ("rate",), "levels": ("many",)}, "'many' is no level"),
        ({"factors": ("rate", "rows"), "levels": ("5",)}, "--levels needs one factor"),
    ],
)
def test_a_factor_or_level_that_cannot_be_is_refused(options: Any, message: str) -> None:
    """In one sentence, before anything starts."""
    with pytest.raises(SettingsError, match=message):
        ScaleScenario(**options).prepare(settings.load())


@pytest.mark.usefixtures("bare")
def test_too_little_disk_is_refused() -> None:
    """A thousand million rows."""
    with pytest.raises(StackError, match="are needed"):
        ScaleScenario(factors=("rows",), levels=("1e9", "9e8")).prepare(settings.load())


@pytest.mark.usefixtures("bare")
def test_too_little_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack with the most TaskManagers decides."""
    monkeypatch.setattr(scale_module, "available_mib", lambda: 2_500)
    ScaleScenario(factors=("rate",)).prepare(settings.load())
    with pytest.raises(StackError, match="of memory are available; the largest stack"):
        ScaleScenario(factors=("taskmanagers",)).prepare(settings.load())


def test_levels_have_medians_ranges_and_a_verdict() -> None:
    """The repeats of one visit are one figure of the slope."""
    found = scale_result()
    levels, ranges, slopes = found.tables()
    assert [row[:3] for row in levels.rows] == [("categories", 10, 5.5), ("categories", 100, 55.0)]
    assert [row[:3] for row in ranges.rows] == [("categories", 10, 18.2), ("categories", 100, 0.0)]
    assert slopes.rows[0][:4] == ("categories", "+1.00 ±0.00", "+1.00 ±0.00", "+0.00 ±0.00")
    assert not found.reasons
    assert found.factors[0].spreads[0]["taskmanager_us"] == Spread(5.5, 5.0, 6.0)
    assert found.summary() == (
        "categories: flat: p50 ms, p99 ms, memory MiB, state MiB; "
        "grows: TaskManager µs (not explained), stack µs (not explained)."
    )


def test_why_a_figure_grows_is_told_where_it_is_known() -> None:
    """The reasons name factors and figures that exist."""
    assert all(factor in FACTORS and figure in FIGURES for factor, figure in WHY)


@pytest.mark.parametrize(
    ("repeats", "windows"), [(1, (1,)), (2, (1, 1)), (3, (2, 1)), (4, (2, 2)), (5, (3, 2))]
)
def test_half_of_the_repeats_go_downwards(repeats: int, windows: tuple[int, ...]) -> None:
    """Repeats of one direction share a visit, and so the start of a job."""
    assert visits(repeats) == windows


def test_a_level_that_failed_does_not_make_the_others_invalid() -> None:
    """An hour of measurements is not lost with it; without any there is no figure."""
    failures = ["rate 9: Each of 3 windows was disturbed: other programs."]
    found = scale_result(failures=failures)
    assert (found.reasons, found.invalid) == (failures, [])
    assert scale_result(factors=[], failures=failures).invalid == failures


def test_what_failed_or_grew_is_a_reason() -> None:
    """Also a level whose records are not all counted, and an interruption."""
    uncounted = FactorResult.of("rows", [MeasuredLevel(10, [[result(5.0, counted=False)]])])
    memory = {"kafka": ProcessMemory.of([1.0 * n for n in range(48)])}
    day = DayResult(24, 20, 1_728_000, 180.0, 480, exact=False, memory=memory)
    found = scale_result(
        factors=[uncounted], day=day, interrupted=True, failures=["rate 9: no sale"]
    )
    assert found.reasons == [
        "rate 9: no sale",
        "rows 10: not every record is counted once",
        "the tables of the day are not exact",
        "the memory of kafka still grew",
        "interrupted",
    ]
    assert list(found.tables())[-1].rows[0][-1] is False
    assert msgspec.json.encode(found)


@pytest.mark.usefixtures("bare")
def test_an_interruption_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A visit that fails is noted; Ctrl-C ends the rest."""
    measured: list[Conditions] = []

    def measure(
        _self: Growth, _run: object, wanted: Conditions, *_: object, **__: object
    ) -> list[LevelResult]:
        measured.append(wanted)
        if wanted.rate == 100:
            raise JobError("no job")
        if wanted.categories > 100:
            raise KeyboardInterrupt
        return [result(5.0)]

    monkeypatch.setattr(growth_module.Growth, "_visit", measure)
    monkeypatch.setattr(growth_module.Growth, "_on", lambda *_: None)
    scenario = ScaleScenario(factors=("rate", "categories"), repeats=2)
    found = scenario.measure(settings.load(), lambda _: None, no_progress)
    assert found.interrupted
    assert found.failures == ["rate 100, upwards: no job", "rate 100, downwards: no job"]
    assert [one.factor for one in found.factors] == ["rate", "categories"]
    assert [len(one.levels) for one in found.factors] == [2, 2]
    assert measured.count(Conditions(rate=100)) == 2


@pytest.mark.usefixtures("bare")
def test_quick_measures_the_usual_condition_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a level of several factors."""
    measured: list[Conditions] = []

    def measure(
        _self: Growth, _run: object, wanted: Conditions, *_: object, **__: object
    ) -> list[LevelResult]:
        measured.append(wanted)
        return [result(5.0)]

    monkeypatch.setattr(growth_module.Growth, "_visit", measure)
    monkeypatch.setattr(growth_module.Growth, "_on", lambda *_: None)
    scenario = ScaleScenario(factors=("rate", "partitions"), quick=True)
    found = scenario.measure(settings.load(), lambda _: None, no_progress)
    assert measured.count(Conditions()) == 1
    assert [len(one.levels) for one in found.factors] == [2, 2]


def test_quick_leaves_out_what_needs_stacks_of_its_own() -> None:
    """Unless it is named."""
    quick = ScaleScenario(quick=True)
    assert set(FACTORS) - set(quick._factors()) == set(NOT_QUICK)
    assert ScaleScenario(quick=True, factors=("viewers", DAY))._factors() == ["viewers"]
    assert len(ScaleScenario()._factors()) == len(FACTORS)
