"""The sweep over rates: its order, its repeats, its tables."""

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
    RateFigures,
    RatesResult,
    RatesScenario,
)
from spaf.bench.scenario import Seconds
from spaf.errors import StackError
from spaf.settings import ServeSettings, Settings

OUTCOME: dict[str, Any] = {
    "rate": 100.0,
    "repeat": 1,
    "records": 6_000,
    "unaccounted": 0,
    "differences": 0,
    "visible_rate": 100.0,
    "latency_ms": {"store": {"p50": 3.1, "p90": 4.0, "p99": 6.0, "max": 9.0}},
    "hops_ms": {
        "due_sent": {"p50": 0.064, "mean": 0.072, "p99": 0.1},
        "sent_appended": {"p50": 0.4, "mean": 0.5, "p99": 1.0},
        "appended_written": {"p50": 2.0, "mean": 2.1, "p99": 4.0},
        "written_visible": {"p50": 0.5, "mean": 0.6, "p99": 1.2},
    },
    "publish_delay_ms": {"p99": 0.1},
    "cores": {"machine": 2, "busy": 0.8, "pipeline": 0.6, "generator": 0.05, "realtime": True},
    "rss_mib": 900.0,
    "cpu_cores": 0.6,
    "valid": True,
    "reasons": [],
}
FAILED = OUTCOME | {
    "rate": 20_000.0,
    "latency_ms": {"store": None},
    "hops_ms": None,
    "valid": False,
    "reasons": ["the tables are not exact"],
}


def slower(repeat: int, ms: float, **changes: Any) -> dict[str, Any]:
    """Return a repeat of the measurement above with another median latency."""
    latency = {"store": OUTCOME["latency_ms"]["store"] | {"p50": ms}}
    return OUTCOME | {"repeat": repeat, "latency_ms": latency} | changes


def test_steps_and_cores_of_each_rate_are_shown() -> None:
    """A rate that is not valid has no figures, and no summary."""
    result = RatesResult.of(60.0, [FAILED, OUTCOME])
    latency, hops = result.tables()
    assert latency.rows[0] == [100.0, 6_000, 0, 0, 3.1, 6.0, 9.0, 900.0, 0.6, 0.05, True]
    assert latency.rows[1][4:7] == [None, None, None]
    assert hops.columns == ("sales/s", "due → sent", "→ appended", "→ written", "→ visible")
    assert hops.rows == [
        (
            100.0,
            *("0.06 / 0.1 / 0.07", "0.40 / 1.0 / 0.50", "2.00 / 4.0 / 2.10", "0.50 / 1.2 / 0.60"),
        ),
        (20_000.0, "", "", "", ""),
    ]
    assert result.summary().splitlines() == [
        (
            "100 sales/s: The generator (realtime) used 0.05, the pipeline 0.60 and other programs "
            "0.15 of 2 cores."
        )
    ]
    assert result.reasons == ["20000 sales/s: the tables are not exact"]
    assert result.invalid == []
    assert RatesResult.of(60.0, [FAILED]).invalid == result.reasons


def test_the_figures_of_a_rate_are_medians_of_its_valid_repeats() -> None:
    """With their range; an invalid repeat is counted, not used."""
    repeats = [slower(1, 3.0), slower(2, 5.0), slower(3, 3.5)]
    bad = slower(4, 900.0, valid=False, reasons=["other programs"])
    figures = RateFigures.of(100.0, [*repeats, bad])
    assert (figures.repeats, figures.valid) == (4, 3)
    assert figures.latency_ms["store"]["p50"].median == 3.5
    assert figures.latency_ms["store"]["p50"].max == 5.0
    assert "screen" not in figures.latency_ms
    medians, _ = RatesResult.of(60.0, [bad, *repeats]).tables()
    assert medians.rows[0][:6] == [100.0, "3 of 4", 100.0, 3.5, 6.0, 9.0]
    assert "screen p50" not in medians.columns
    result = RatesResult.of(60.0, [bad, *repeats], interrupted=True)
    assert [one["repeat"] for one in result.measurements] == [1, 2, 3, 4]
    assert result.reasons[0] == "100 sales/s (repeat 4): other programs"
    assert result.reasons[1].startswith("interrupted")


def test_one_measurement_stands_for_its_rate() -> None:
    """That with the median p99, so that its steps are those of the same sales."""

    def tail(repeat: int, p99: float, **changes: Any) -> dict[str, Any]:
        latency = {"store": OUTCOME["latency_ms"]["store"] | {"p99": p99}}
        return OUTCOME | {"repeat": repeat, "latency_ms": latency} | changes

    bad = tail(4, 8.0, valid=False, reasons=["other programs"])
    result = RatesResult.of(60.0, [tail(1, 30.0), tail(2, 9.0), tail(3, 7.0), bad, FAILED])
    assert [(one["rate"], one["repeat"]) for one in result.rates] == [(100.0, 2), (20_000.0, 1)]


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
