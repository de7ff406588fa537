"""Scoring, on labels and alerts made by hand."""

from __future__ import annotations

import pytest

from spaf.bench.detection.score import (
    EpisodeDelay,
    KindMetrics,
    KindScore,
    quantile,
    score_sales,
    score_seconds,
    wilson,
)
from spaf.generate.anomalies.anomaly import EpisodeLabel
from spaf.generate.anomalies.ground_truth import GRACE_S, SHIFT_GRACE_S, SecondAlert

SURGE = EpisodeLabel("surge", "toys", 100_400, 120_000, 4.0)
DROUGHT = EpisodeLabel("drought", "books", 200_000, 230_000, 0.0)
DOWN = EpisodeLabel("level_shift", "home", 300_000, 500_000, 0.4)
BURST = EpisodeLabel("customer_burst", "toys", 400_000, 402_000, 30.0)


def test_sales() -> None:
    """A right kind on a labelled sale is right; a wrong kind is neither right nor found."""
    labels = {1: "price_x10", 2: "price_x100", 3: "price_div10", 4: "bulk_quantity", 5: "price_x10"}
    alerts = {1: "high_price", 2: "low_price", 4: "bulk_quantity", 9: "high_price"}
    tallies = score_sales(alerts, labels)
    found = {kind: (t.labelled, t.found, t.alerts, t.right) for kind, t in tallies.items()}
    assert found == {
        "high_price": (3, 1, 2, 1),
        "low_price": (1, 0, 1, 0),
        "bulk_quantity": (1, 1, 1, 1),
        "price_x10": (2, 1, 0, 0),
        "price_x100": (1, 0, 0, 0),
        "price_div10": (1, 0, 0, 0),
    }


def test_several_alerts_in_one_episode() -> None:
    """All are right, the episode is found once, by the first, whose second ends at 103.0."""
    alerts = [SecondAlert(second, "toys", "surge") for second in (110, 102, 119)]
    tally = score_seconds(alerts, [SURGE])["surge"]
    assert (tally.labelled, tally.found, tally.alerts, tally.right) == (1, 1, 3, 3)
    assert tally.delays == [EpisodeDelay(2_600, "toys")]


@pytest.mark.parametrize(
    ("alert", "right"),
    [
        (SecondAlert(99, "toys", "surge"), False),  # over before it began
        (SecondAlert(100, "toys", "surge"), True),  # the second in which it begins
        (SecondAlert(120 + GRACE_S, "toys", "surge"), True),
        (SecondAlert(121 + GRACE_S, "toys", "surge"), False),
        (SecondAlert(110, "toys", "drought"), False),
        (SecondAlert(110, "books", "surge"), False),
        (SecondAlert(210, "books", "drought"), True),
        (SecondAlert(400, "toys", "surge"), True),
        (SecondAlert(400, "toys", "drought"), False),
        # A level shift is two changes: there and back.
        (SecondAlert(310, "home", "drought"), True),
        (SecondAlert(505, "home", "surge"), True),
        (SecondAlert(500 + SHIFT_GRACE_S, "home", "surge"), True),
        (SecondAlert(501 + SHIFT_GRACE_S, "home", "surge"), False),
    ],
)
def test_edges(alert: SecondAlert, right: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Category, sign and second must fit."""
    tallies = score_seconds([alert], [SURGE, DROUGHT, DOWN, BURST])
    assert tallies[alert.kind].right == right


def test_the_way_back_does_not_find_a_shift() -> None:
    """A shift down that is seen only when it ends was missed."""
    tally = score_seconds([SecondAlert(505, "home", "surge")], [DOWN])["level_shift"]
    assert (tally.labelled, tally.found) == (1, 0)


def test_an_episode_at_the_end_is_not_missed() -> None:
    """It had no time to be found, but what was found of it is right."""
    tallies = score_seconds([SecondAlert(101, "toys", "surge")], [SURGE], last_start_ms=100_000)
    assert (tallies["surge"].labelled, tallies["surge"].right) == (0, 1)


def test_wilson() -> None:
    """As Wilson's formula gives them; never beyond 0 and 1."""
    assert wilson(0, 0) is None
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    low, high = wilson(20, 20) or (0, 0)
    assert 0.83 < low < 0.84
    assert high == pytest.approx(1.0)


def delays(*each_ms: int) -> list[EpisodeDelay]:
    """Return delays of one category."""
    return [EpisodeDelay(ms, "toys") for ms in each_ms]


def test_scores() -> None:
    """Precision, recall, their harmonic mean, and delays that really occurred."""
    tally = KindScore(labelled=10, found=5, alerts=4, right=3, delays=delays(3, 1, 2))
    tally.add(KindScore(labelled=10, found=5, alerts=4, right=3, delays=delays(4)))
    metrics = KindMetrics.of(tally)
    assert (metrics.precision, metrics.recall, metrics.f1) == (0.75, 0.5, 0.6)
    assert (metrics.delay_ms_p50, metrics.delay_ms_p99) == (2.0, 4.0)
    assert (metrics.labelled, metrics.alerts) == (20, 8)


def test_nothing_to_divide_by() -> None:
    """Without alerts there is no precision; without labels no recall; without hits F1 is 0."""
    assert KindMetrics.of(KindScore()).precision is None
    assert KindMetrics.of(KindScore()).f1 is None
    assert KindMetrics.of(KindScore(labelled=1, alerts=1)).f1 == 0
    assert quantile([], 0.5) is None
