"""The live score: the same counts as the lab's, in whatever pieces labels and alerts come."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.bench.detection.score import score_sales, score_seconds
from spaf.generate.anomalies.anomaly import BURST, SURGE, EpisodeLabel, Label
from spaf.generate.anomalies.anomaly import KINDS as SALE_LABELS
from spaf.generate.anomalies.episode import plan
from spaf.generate.anomalies.ground_truth import SALE_ALERTS, SECOND_ALERTS, SecondAlert
from spaf.generate.shop.assortment import CATEGORIES as SHOP
from spaf.serve.monitor import confusion_counts as scorer_module
from spaf.serve.monitor.confusion_counts import FINAL_AFTER_S, MISSED_AFTER_S, ConfusionCounts

ORIGIN_US = 1_795_000_000_000_000
EPISODES = [one.label(ORIGIN_US, SHOP) for one in islice(plan(5, 20, len(SHOP)), 40)]
END_MS = max(episode.end_ms for episode in EPISODES) + 1_000_000
CATEGORIES = sorted({episode.category for episode in EPISODES})

names = st.integers(0, 40).map(str)
sale_labels = st.dictionaries(names, st.sampled_from(SALE_LABELS))
sale_alerts = st.dictionaries(names, st.sampled_from(SALE_ALERTS))
second_alerts = st.lists(
    st.builds(
        SecondAlert,
        st.integers(ORIGIN_US // 1_000_000, END_MS // 1_000),
        st.sampled_from(CATEGORIES),
        st.sampled_from(SECOND_ALERTS),
    ),
    max_size=60,
)


def counts(scorer: ConfusionCounts) -> dict[str, tuple[int, int, int, int]]:
    """Return labelled, found, alerts and true alerts of each kind."""
    found = scorer.message()
    assert found is not None
    return {kind: tuple(one.values()) for kind, one in found["kinds"].items()}


@given(sale_labels, sale_alerts, st.randoms())
def test_sales_as_in_the_lab(labels: dict[str, str], alerts: dict[str, str], rng: object) -> None:
    """Label by label and alert by alert, in any order and some settled in between."""
    scorer = ConfusionCounts()
    scorer.add_labels([Label("first", "price_x10", "toys", 10.0)], 0.0)
    events: list[tuple[str, str, str]] = [("label", *label) for label in labels.items()]
    events += [("alert", *alert) for alert in alerts.items()]
    rng.shuffle(events)  # type: ignore[attr-defined]
    for at, (what, name, kind) in enumerate(events):
        if what == "label":
            scorer.add_labels([Label(name, kind, "toys", 10.0)], 0.1 * at)
        else:
            scorer.add_sale_alerts([(name, kind)], 0.1 * at)
        scorer.finalise(0.1 * at, 0)
    scorer.finalise(1_000.0, 0)
    keys = {name: place for place, name in enumerate({**labels, **alerts, "first": ""})}
    expected = score_sales(
        {keys[name]: kind for name, kind in alerts.items()},
        {keys[name]: kind for name, kind in (labels | {"first": "price_x10"}).items()},
    )
    wanted = {
        kind: (one.labelled, one.found, one.alerts, one.right)
        for kind, one in expected.items()
        if kind in SALE_ALERTS and (one.labelled or one.alerts)
    }
    assert counts(scorer) == wanted


@given(second_alerts, st.integers(1, 7))
def test_seconds_as_in_the_lab(alerts: list[SecondAlert], piece: int) -> None:
    """Each alert once its episode was labelled, in the order of time."""
    alerts = sorted(set(alerts))
    scorer = ConfusionCounts()
    left = list(EPISODES)
    for place in range(0, len(alerts), piece):
        some = alerts[place : place + piece]
        until = (some[-1].second + 1) * 1_000
        scorer.add_labels([label for label in left if label.start_ms < until], 0.0)
        left = [label for label in left if label.start_ms >= until]
        scorer.add_second_alerts(some)
        # What is settled here must not change what comes: alerts are known up to this moment.
        scorer.finalise(0.0, until)
    scorer.add_labels(left, 0.0)
    scorer.finalise(0.0, END_MS)
    expected = score_seconds(alerts, EPISODES)
    wanted = {
        kind: (one.labelled, one.found, one.alerts, one.right)
        for kind, one in expected.items()
        if one.labelled or one.alerts
    }
    assert counts(scorer) == wanted


def test_a_pair_is_told_at_once_and_what_is_alone_waits() -> None:
    """A label that was found counts now; one that was not, and an alert without, later."""
    scorer = ConfusionCounts()
    assert scorer.message() is None
    scorer.add_labels([Label(name, "price_x10", "toys", 10.0) for name in "ab"], 0.0)
    scorer.add_sale_alerts([("a", "high_price"), ("c", "low_price")], 1.0)
    scorer.finalise(1.0, 0)
    assert counts(scorer) == {"high_price": (1, 1, 1, 1)}
    scorer.finalise(1.0 + FINAL_AFTER_S, 0)
    assert counts(scorer) == {"high_price": (2, 1, 1, 1), "low_price": (0, 0, 1, 0)}
    found = scorer.message()
    assert found is not None
    assert (found["precision"], found["recall"]) == (0.5, 0.5)


@pytest.mark.parametrize("kind", [SURGE, BURST])
def test_an_episode_that_nothing_finds_counts_soon_after_its_end(kind: str) -> None:
    """The person who asked for it sees it in the table while it is still remembered."""
    scorer = ConfusionCounts()
    scorer.add_labels([EpisodeLabel(kind, "toys", 10_000, 30_000, 30.0)], 0.0)
    scorer.finalise(0.0, 30_000)
    assert counts(scorer) == {}
    scorer.finalise(0.0, 30_000 + int(MISSED_AFTER_S * 1_000) + 1)
    assert counts(scorer) == {kind: (1, 0, 0, 0)}
    scorer.finalise(0.0, 1_000_000)
    assert counts(scorer) == {kind: (1, 0, 0, 0)}, "counted once"


@pytest.mark.parametrize("kind", [SURGE, BURST])
@pytest.mark.parametrize("seen_ms", [13_000, 1_000_000])
def test_an_episode_counts_once_with_its_first_alert(kind: str, seen_ms: int) -> None:
    """At once while it is on; one whose alerts came late was not missed after all.

    A burst has a row of its own; the alert that finds it is a right one of surges.
    """
    scorer = ConfusionCounts()
    scorer.add_labels([EpisodeLabel(kind, "toys", 10_000, 30_000, 30.0)], 0.0)
    scorer.finalise(0.0, seen_ms)
    for second in (12, 13):
        scorer.add_second_alerts([SecondAlert(second, "toys", SURGE)])
    scorer.finalise(0.0, 1_000_000)
    wanted = {SURGE: (1, 1, 2, 2)} if kind == SURGE else {SURGE: (0, 0, 2, 2), BURST: (1, 1, 0, 0)}
    assert counts(scorer) == wanted


def test_missed_episodes_are_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the oldest only the counts are left."""
    monkeypatch.setattr(scorer_module, "MAX_MISSED", 3)
    scorer = ConfusionCounts()
    for at in range(0, 100_000, 1_000):
        scorer.add_labels([EpisodeLabel(SURGE, "toys", at, at + 500, 4.0)], 0.0)
    scorer.finalise(0.0, 1_000_000)
    assert len(scorer._missed) == 3
    assert counts(scorer) == {SURGE: (100, 0, 0, 0)}


def test_memory_does_not_grow() -> None:
    """Of what has settled only counts are left."""
    scorer = ConfusionCounts()
    for at in range(200):
        sales = [f"{at}-{n}" for n in range(50)]
        scorer.add_labels([Label(name, "price_x10", "toys", 10.0) for name in sales], at)
        scorer.add_sale_alerts([(name, "high_price") for name in sales], at)
        scorer.finalise(at, 0)
    assert len(scorer._sales) <= 50 * (FINAL_AFTER_S + 1)
    assert counts(scorer)["high_price"] == (10_000, 10_000, 10_000, 10_000)
