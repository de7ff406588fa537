"""Precision, recall and delay of a detector: its alerts against the labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, sqrt
from typing import NamedTuple, Self

import msgspec
import numpy as np

from spaf.generate.anomalies.anomaly import BURST, DROUGHT, SHIFT, SURGE, EpisodeLabel
from spaf.generate.anomalies.ground_truth import SALE_ALERTS, SecondAlert, beginning, is_about
from spaf.sale.anomaly_kinds import ALERT_OF_LABEL

# Two-sided 95 % of a standard normal.
Z95 = 1.959964


class EpisodeDelay(NamedTuple):
    """The delay with which an episode was found."""

    delay_ms: int
    category: str


class KindScore(msgspec.Struct):
    """Counts for one kind, over all seeds."""

    labelled: int = 0
    found: int = 0
    alerts: int = 0
    right: int = 0
    delays: list[EpisodeDelay] = []

    def add(self, other: KindScore) -> None:
        """Add the counts of another seed."""
        self.labelled += other.labelled
        self.found += other.found
        self.alerts += other.alerts
        self.right += other.right
        self.delays += other.delays


class KindMetrics(msgspec.Struct, frozen=True):
    """The scores of one kind; None where there is nothing to divide by. Delays are milliseconds."""

    precision: float | None
    recall: float | None
    f1: float | None
    precision_95: tuple[float, float] | None
    recall_95: tuple[float, float] | None
    delay_ms_p50: float | None
    delay_ms_p99: float | None
    labelled: int
    alerts: int

    @classmethod
    def of(cls, counts: KindScore) -> Self:
        """Return the scores that follow from the counts."""
        precision = share(counts.right, counts.alerts)
        recall = share(counts.found, counts.labelled)
        delays_ms = [delay.delay_ms for delay in counts.delays]
        total = None if precision is None or recall is None else precision + recall
        return cls(
            precision,
            recall,
            2 * (precision or 0) * (recall or 0) / total if total else total,
            wilson(counts.right, counts.alerts),
            wilson(counts.found, counts.labelled),
            quantile(delays_ms, 0.5),
            quantile(delays_ms, 0.99),
            counts.labelled,
            counts.alerts,
        )

    def shares(self) -> tuple[float | None, ...]:
        """Return precision, recall and F1."""
        return self.precision, self.recall, self.f1


Tallies = dict[str, KindScore]


def share(part: int, whole: int) -> float | None:
    """Return part over whole, or None."""
    return part / whole if whole else None


def quantile(values: Sequence[int], probability: float) -> float | None:
    """Return the quantile of a share, always one of the values; None without values."""
    if not values:
        return None
    return float(np.quantile(values, probability, method="inverted_cdf"))


def wilson(part: int, whole: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share (Wilson 1927), which is useful at 0 and 1, too."""
    if not whole:
        return None
    p, z2 = part / whole, Z95 * Z95
    middle = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    half = Z95 / (1 + z2 / whole) * sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole))
    return max(0.0, middle - half), min(1.0, middle + half)


def score_sales(alerts: dict[int, str], labels: dict[int, str]) -> Tallies:
    """Score alerts on sales: an alert is right if its sale has the label of its kind.

    Args:
        alerts: kind of the alert, by offset.
        labels: kind of the label, by offset.

    """
    tallies = {kind: KindScore() for kind in (*SALE_ALERTS, *ALERT_OF_LABEL)}
    for offset, kind in alerts.items():
        tallies[kind].alerts += 1
        tallies[kind].right += ALERT_OF_LABEL.get(labels.get(offset, "")) == kind
    for offset, label in labels.items():
        wanted = ALERT_OF_LABEL[label]
        is_flagged = alerts.get(offset) == wanted
        for name in {wanted, label}:
            tallies[name].labelled += 1
            tallies[name].found += is_flagged
    return tallies


def score_seconds(
    alerts: Iterable[SecondAlert],
    episodes: Sequence[EpisodeLabel],
    last_start_ms: float = inf,
) -> Tallies:
    """Score alerts on seconds: an alert is right while an episode of its category and sign lasts.

    The first alert of the right kind finds an episode; the alerts that follow are right, and the
    episode counts once. Its delay lasts until the end of the alert's second, when the second is
    complete. Episodes that begin after `last_start_ms` had no time to be found: they make alerts
    right, but are not missed.
    """
    tallies = {kind: KindScore() for kind in (SURGE, DROUGHT, SHIFT, BURST)}
    first: dict[EpisodeLabel, int] = {}
    for alert in sorted(alerts):
        tallies[alert.kind].alerts += 1
        matching = [episode for episode in episodes if is_about(alert, episode)]
        tallies[alert.kind].right += bool(matching)
        for episode in matching:
            if alert.kind == beginning(episode):
                first.setdefault(episode, (alert.second + 1) * 1_000 - episode.start_ms)
    for episode in (candidate for candidate in episodes if candidate.start_ms <= last_start_ms):
        tally = tallies[episode.kind]
        tally.labelled += 1
        if episode in first:
            tally.found += 1
            tally.delays.append(EpisodeDelay(first[episode], episode.category))
    return tallies
