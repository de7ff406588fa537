"""The result of a sweep: medians of the valid repeats, and the tables of them."""

from __future__ import annotations

from typing import Any

from spaf.bench.run.rates_result import RateFigures, RatesResult, failed
from tests.support.outcomes import OUTCOME

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
    assert latency.rows[0] == [100.0, 6_000, 0, 0, 3.1, 6.0, 9.0, 0.1, 900.0, 0.6, 0.05, True, True]
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
    assert medians.rows[0][:7] == [100.0, "3 of 4", "4 of 4", 100.0, 3.5, 6.0, 9.0]
    assert "screen p50" not in medians.columns
    result = RatesResult.of(60.0, [bad, *repeats], interrupted=True)
    assert [measurement["repeat"] for measurement in result.measurements] == [1, 2, 3, 4]
    assert result.reasons[0] == "100 sales/s (repeat 4): other programs"
    assert result.reasons[1].startswith("interrupted")


def test_a_rate_that_does_not_hold_is_told_with_its_reason() -> None:
    """It is valid if its figures are; one that ended by an error has none."""
    growing = OUTCOME | {"rate": 50_000.0, "unheld": "the lag grows by 5,144.9 sales/s"}
    result = RatesResult.of(60.0, [OUTCOME, growing, failed(90_000.0, "The job stays.")])
    assert result.summary().splitlines()[:2] == [
        "50000 sales/s do not hold: the lag grows by 5,144.9 sales/s.",
        "90000 sales/s do not hold: The job stays.",
    ]
    assert [one.held for one in result.figures] == [1, 0, 0]
    assert result.reasons == ["90000 sales/s: The job stays."]
    latency, hops = result.tables()
    assert [row[-2:] for row in latency.rows] == [[True, True], [False, True], [False, False]]
    assert latency.rows[2][1:5] == [None] * 4
    assert hops.rows[2] == (90_000.0, "", "", "", "")


def test_one_measurement_stands_for_its_rate() -> None:
    """That with the median p99, so that its steps are those of the same sales."""

    def tail(repeat: int, p99: float, **changes: Any) -> dict[str, Any]:
        latency = {"store": OUTCOME["latency_ms"]["store"] | {"p99": p99}}
        return OUTCOME | {"repeat": repeat, "latency_ms": latency} | changes

    bad = tail(4, 8.0, valid=False, reasons=["other programs"])
    result = RatesResult.of(60.0, [tail(1, 30.0), tail(2, 9.0), tail(3, 7.0), bad, FAILED])
    assert [(rate["rate"], rate["repeat"]) for rate in result.rates] == [(100.0, 2), (20_000.0, 1)]
