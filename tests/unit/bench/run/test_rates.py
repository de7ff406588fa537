"""The sweep over rates: its order, its repeats, its options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spaf.bench.progress import Progress, no_progress
from spaf.bench.run import rates
from spaf.bench.run.rates import (
    NO_BROWSER,
    QUICK_RATES,
    RATES,
    REPEATS,
    RatesScenario,
)
from spaf.bench.scenario import Seconds
from spaf.errors import JobError, StackError
from spaf.settings import ServeSettings, Settings
from tests.support.outcomes import OUTCOME


def test_each_repeat_has_every_rate_in_an_order_of_its_own() -> None:
    """The same seed gives the same order, another seed another one."""
    order = list(RatesScenario().order())
    assert Counter(rate for rate, _ in order) == dict.fromkeys(RATES, REPEATS)
    blocks = [order[at : at + len(RATES)] for at in range(0, len(order), len(RATES))]
    assert [{repeat for _, repeat in block} for block in blocks] == [{1}, {2}, {3}]
    assert len({tuple(rate for rate, _ in block) for block in blocks}) > 1
    assert order == list(RatesScenario().order())
    assert order != list(RatesScenario(seed=2).order())


def test_options_replace_the_defaults_one_by_one() -> None:
    """Also those of --quick."""
    quick = RatesScenario(quick=True)
    assert sorted(quick.order()) == [(rate, 1) for rate in QUICK_RATES]
    assert quick.timing() == (3.0, 6.0)
    assert RatesScenario().timing() == (10.0, 60.0)
    chosen = RatesScenario(rates=(5.0, 5.0), seconds=Seconds(90), repeats=2, quick=True)
    assert list(chosen.order()) == [(5.0, 1), (5.0, 2)]
    assert chosen.timing() == (10.0, 90.0)


def test_a_missing_browser_is_a_notice_not_a_failure(tmp_path: Path) -> None:
    """The steps to PostgreSQL are measured all the same."""
    nowhere = Settings(home=tmp_path / "run", serve=ServeSettings(browser="no-such-browser"))
    few = RatesScenario(rates=(10.0,))
    assert list(few.prepare(nowhere)) == [NO_BROWSER]
    assert list(RatesScenario(rates=(10.0,), screen=False).prepare(nowhere)) == []


def test_a_sweep_that_does_not_fit_on_the_disk_is_refused(tmp_path: Path) -> None:
    """Before anything is started."""
    huge = RatesScenario(rates=(200_000.0,), seconds=Seconds(86_400), repeats=20)
    with pytest.raises(StackError):
        huge.prepare(Settings(home=tmp_path / "run"))


def test_a_measurement_that_fails_does_not_end_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rate has the reason; the others are measured."""

    def measure(_run: Any, rate: float, *_: object, **__: object) -> Any:
        if rate > 1_000:
            raise JobError("The job stays at offsets {0: 9}.")
        return SimpleNamespace(as_dict=lambda: OUTCOME | {"rate": rate})

    monkeypatch.setattr(rates, "measure_rate", measure)
    monkeypatch.setattr(rates.RatesScenario, "_warm_up", lambda *_: None)
    scenario = RatesScenario(rates=(100.0, 50_000.0), repeats=1, screen=False)
    run: Any = SimpleNamespace(settings=Settings())
    result = scenario.measure_run(run, no_progress)
    assert [one["valid"] for one in result.rates] == [True, False]
    assert result.reasons == ["50000 sales/s: The job stays at offsets {0: 9}."]


def test_an_interruption_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an hour of it; one before the first measurement is simply an interruption."""
    scenario = RatesScenario(rates=(100.0,), screen=False)
    run: Any = SimpleNamespace(settings=Settings())

    def some(
        self: RatesScenario,  # noqa: ARG001 - as the method
        run: Any,  # noqa: ARG001 - as the method
        program: Path | None,  # noqa: ARG001 - as the method
        progress: Progress,  # noqa: ARG001 - as the method
    ) -> Iterator[dict[str, Any]]:
        yield from measured
        raise KeyboardInterrupt

    monkeypatch.setattr(rates.RatesScenario, "_warm_up", lambda *_: None)
    monkeypatch.setattr(rates.RatesScenario, "_outcomes", some)
    measured = [OUTCOME]
    result = scenario.measure_run(run, no_progress)
    assert (result.interrupted, len(result.rates)) == (True, 1)
    measured = []
    with pytest.raises(KeyboardInterrupt):
        scenario.measure_run(run, no_progress)
