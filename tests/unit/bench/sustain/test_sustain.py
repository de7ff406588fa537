"""The sustainable rate: what a trial says, and what comes out of several searches."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from spaf import settings
from spaf.bench.progress import no_progress
from spaf.bench.sustain.sustain import (
    GENERATOR,
    FoundRate,
    Search,
    SustainableRate,
    SustainResult,
    SustainScenario,
    Trial,
    rounded,
)
from spaf.errors import LoadError
from spaf.measure.lag import LagSlope

LEVEL, GROWING = LagSlope(0.1, 0.5), LagSlope(120.0, 3.0)


def trial(
    rate: float = 1_000, p99: float | None = 9.0, lag: LagSlope | None = LEVEL, *reasons: str
) -> Trial:
    """Return a trial."""
    return Trial(rate, rate, p99, lag, list(reasons), 20.0)


@pytest.mark.parametrize(
    ("tried", "failure"),
    [
        (trial(), ""),
        (trial(1_000, 100.0), ""),
        (trial(1_000, 100.1), "p99 is 100 ms"),
        (trial(1_000, 9.0, GROWING), "the lag grows by 120.0 sales/s"),
        (trial(1_000, 140.0, None), "p99 is 140 ms"),
        (trial(100_000, 9.0, GROWING), ""),
        (trial(1_000, None, None), "too few sales were measured"),
        (trial(1_000, 9.0, LEVEL, "fell behind"), GENERATOR),
    ],
)
def test_a_rate_holds_or_says_why_not(tried: Trial, failure: str) -> None:
    """Generator, latency, lag, in this order."""
    assert tried.failure(100.0) == failure


@dataclass
class Pipeline(Search):
    """A search on a pipeline whose latency is known: 10 ms up to 30,000 sales/s, then more."""

    tried: list[Trial] = field(default_factory=list)
    name: str = "1-1"

    def _trial(self, rate: float) -> Trial:
        rate = rounded(rate)
        known = [trial for trial in self.tried if trial.rate == rate]
        if not known:
            self.tried.append(trial(rate, 10.0 if rate <= 30_000 else rate / 100))
        return known[0] if known else self.tried[-1]


class Unlucky(Search):
    """A search on a pipeline whose lag grows at some rates: always, or only at first."""

    def __init__(self, lags: list[LagSlope]) -> None:
        """Begin without a trial."""
        self.tried = []
        self.lags = lags

    def _measured(self, rate: float) -> Trial:
        return trial(rate, 9.0, self.lags.pop(0))


@pytest.mark.parametrize(
    ("lags", "failure"),
    [
        ([LEVEL], ""),
        ([GROWING, LEVEL], ""),
        ([GROWING, GROWING], "the lag grows by 120.0 sales/s"),
    ],
)
def test_a_growth_counts_if_it_is_found_twice(lags: list[LagSlope], failure: str) -> None:
    """The second trial decides, and is the one that is kept."""
    search = Unlucky(lags)
    assert search._trial(1_000).failure(100.0) == failure
    assert (len(search.tried), lags) == (1, [])


def test_a_wider_limit_finds_a_higher_rate_and_tries_none_twice() -> None:
    """The trials of the narrower limit count for it too."""
    pipeline = Pipeline()
    narrow = pipeline.find(100.0, 8_000, 0.1)
    wide = pipeline.find(1_000.0, narrow.holds or 0, 0.1)
    assert narrow.holds == pytest.approx(30_000, rel=0.1)
    assert narrow.why.startswith("p99 is 3")
    assert wide.holds == pytest.approx(100_000, rel=0.1)
    rates = [trial.rate for trial in pipeline.tried]
    assert len(set(rates)) == len(rates)


def test_the_median_of_the_repeats_counts() -> None:
    """With their range, and each reason once."""
    repeats = [FoundRate(rate, 2 * rate, "p99 is 120 ms") for rate in (900.0, 1_000.0, 1_400.0)]
    found = SustainableRate.of(2, 100.0, repeats)
    assert (found.median, found.range, found.whys) == (1_000.0, "900 to 1,400", "p99 is 120 ms")
    (table,) = SustainResult(20.0, [found], {}).tables()
    assert table.rows == [(2, "100", "1,000", "900 to 1,400", "p99 is 120 ms")]


def test_a_limit_that_no_rate_holds_is_a_reason() -> None:
    """Not a rate of zero."""
    found = SustainableRate.of(1, 0.5, [FoundRate(None, 0.1, "p99 is 3 ms")] * 3)
    assert found.median is None
    assert SustainResult(20.0, [found], {}).reasons == [
        "no rate holds with parallelism 1 and p99 of 0.5 ms"
    ]


@pytest.mark.usefixtures("bare")
def test_a_parallelism_that_failed_leaves_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """If none is left, the error is the result."""

    def search(_self: SustainScenario, tasks: int, *_: object) -> list[SustainableRate]:
        if tasks > 1:
            raise LoadError("Each of 3 trials was disturbed.")
        return [SustainableRate.of(tasks, 100.0, [FoundRate(900.0, 1_000.0, "p99 is 120 ms")])]

    monkeypatch.setattr(SustainScenario, "_search", search)
    scenario = SustainScenario(parallelism=(1, 2))
    found = scenario.measure(settings.load(), lambda _: None, no_progress)
    assert (found.invalid, found.reasons) == ([], ["Each of 3 trials was disturbed."])
    with pytest.raises(LoadError, match="disturbed"):
        SustainScenario(parallelism=(2,)).measure(settings.load(), lambda _: None, no_progress)


def test_quick_searches_with_the_tasks_that_are_named() -> None:
    """With one task if none is."""
    assert SustainScenario(quick=True).short().parallelism == (1,)
    named = SustainScenario(quick=True, parallelism=(1, 2)).short()
    assert (named.parallelism, named.repeats, named.quick) == ((1, 2), 1, False)


def test_rates_can_be_typed() -> None:
    """Three digits, within what the generator takes."""
    assert [rounded(rate) for rate in (12_345.6, 0.01, 1e9)] == [12_300.0, 0.1, 200_000.0]
