"""The code around the SQL of the detection proof: the scored part, the baselines, the sums."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from spaf.bench.detection.labelled import (
    WARM_UP_S,
    DetectionResult,
    DetectorAlerts,
    DetectorResult,
    ScoredPart,
    Scores,
    always,
    at_random,
)
from spaf.bench.detection.live import join
from spaf.bench.detection.simulate import SimulatedLabels
from spaf.generate.anomalies.anomaly import EpisodeLabel, Label
from spaf.generate.anomalies.ground_truth import SecondAlert
from spaf.generate.shop.assortment import CATEGORIES
from spaf.measure.latency import Stamps
from spaf.measure.quantiles import Quantiles

LENGTH_S = WARM_UP_S + 100
EPISODE = EpisodeLabel("surge", CATEGORIES[0], 1_070_000, 1_090_000, 3.0)


def truth() -> SimulatedLabels:
    """Return two sales a second from second 1000 on, one labelled in the warm-up, one behind it."""
    labels = {n: Label(f"t{n}", "price_x10", "books", 10.0) for n in (7, 2 * WARM_UP_S + 4)}
    seconds = [1_000 + n // 2 for n in range(2 * LENGTH_S + 1)]  # the last one came late
    return SimulatedLabels(1, 1_000, LENGTH_S, labels, [EPISODE], seconds)


def test_what_is_scored() -> None:
    """Nothing of the warm-up, nothing of the second that belongs to the next traffic."""
    scored = ScoredPart.of(truth())
    assert scored.seconds == range(1_000 + WARM_UP_S, 1_000 + LENGTH_S)
    assert scored.offsets == range(2 * WARM_UP_S, 2 * LENGTH_S + 1)


def test_scores_of_a_log() -> None:
    """Labels of the warm-up are not missed; clean logs count alerts by the hour."""
    scores, scored = Scores(), ScoredPart.of(truth())
    alerts = DetectorAlerts(
        {2 * WARM_UP_S + 4: "high_price"}, [SecondAlert(1_072, CATEGORIES[0], "surge")]
    )
    scores.add(alerts, truth(), scored)
    scores.add_clean(alerts, scored)
    result = DetectorResult.of(scores)
    assert result.kinds["high_price"].labelled == result.kinds["high_price"].alerts == 1
    assert result.kinds["surge"].recall == 1.0
    assert result.false_alerts["high_price"] == result.false_alerts["surge"] == 1
    assert result.false_alerts_per_hour["surge"] == pytest.approx(36.0)


def test_random_raises_as_many_alerts() -> None:
    """Of each kind as many as ours, among what is scored, the same for the same seed."""
    scored = ScoredPart.of(truth())
    seconds = [SecondAlert(1_072, CATEGORIES[0], "surge")] * 5
    ours = DetectorAlerts(dict.fromkeys(range(130, 150), "high_price"), seconds)
    blind = at_random(ours, scored, 3)
    assert blind == at_random(ours, scored, 3)
    assert Counter(blind.sales.values()) == {"high_price": 20}
    assert all(offset in scored.offsets for offset in blind.sales)
    assert all(alert.second in scored.seconds for alert in blind.seconds)


def test_always_misses_nothing() -> None:
    """Its recall is one, its precision the share of labelled sales."""
    scores, scored = Scores(), ScoredPart.of(truth())
    for kinds, alerts in always(scored):
        scores.add(alerts, truth(), scored, kinds)
    metrics = DetectorResult.of(scores).kinds
    assert metrics["high_price"].recall == metrics["surge"].recall == 1.0
    assert metrics["high_price"].precision == pytest.approx(1 / len(scored.offsets))
    assert metrics["surge"].alerts == 100 * len(CATEGORIES)


def test_a_result_has_a_line_of_false_alerts_for_each_detector() -> None:
    """The job's rules first; the keys of the job's rules are those of the result itself."""
    scored = ScoredPart.of(truth())
    scores = Scores()
    scores.add_clean(DetectorAlerts({130: "high_price"}, []), scored)
    baseline = DetectorResult.of(Scores())
    result = DetectionResult.of(
        scores, drought_delays=[], rate=1.0, seeds="1-2", random=baseline, always=baseline
    )
    lines = result.summary().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["ours", "random", "always"]
    assert "high_price 1" in lines[0]
    assert "high_price 0" in lines[1]
    titles = [table.title for table in result.tables()]
    assert titles == ["ours", "random", "always", "droughts"]
    assert result.false_alerts["high_price"] == 1


def test_live_delays_are_joined() -> None:
    """By id to the moment it was due, by that to the moment it was visible; warm-up left out."""
    intended, visible = np.array([50, 60, 70]), np.array([55, 66, 75])
    measured = Stamps(intended, intended, intended, visible, visible, unseen=0)
    labels = [Label(name, "price_x10", "books", 10.0) for name in ("early", "a", "unfound")]
    sales, episodes = join(
        measured,
        {"early": 10, "a": 60, "unfound": 70, "clean": 50},
        (labels, [EPISODE]),
        (
            [("early", 11), ("a", 69), ("clean", 99)],
            [(1_071, CATEGORIES[0], "surge", 1_072_100_000)],
        ),
    )
    assert (sales.labelled, sales.found) == (2, 1)
    assert sales.after_due_ms == Quantiles(1, 0, 0.009, 0.009, 0.009, 0.009, 0.009)
    assert sales.after_visible_ms == Quantiles(1, 0, 0.003, 0.003, 0.003, 0.003, 0.003)
    surge = episodes["surge"]
    assert (surge.labelled, surge.found) == (1, 1)
    assert surge.after_start_ms is not None
    assert surge.after_start_ms.max == 2_100.0
