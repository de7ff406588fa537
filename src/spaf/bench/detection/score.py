"""How good a detector is: what it found, held against the labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf, sqrt
from typing import Any

import numpy as np

from spaf.generate.anomalies.anomaly import BURST, DROUGHT, SHIFT, SURGE, EpisodeLabel
from spaf.generate.anomalies.ground_truth import SALE_ALERTS, SecondAlert, beginning, is_about
from spaf.sale.anomaly_kinds import ALERT_OF_LABEL

# Two-sided 95 % of a standard normal.
Z95 = 1.959964


@dataclass
class KindScore:
    """Counts for one kind, over all seeds."""

    labelled: int = 0
    found: int = 0
    alerts: int = 0
    right: int = 0
    delays_ms: list[int] = field(default_factory=list)

    def add(self, other: KindScore) -> None:
        """Add the counts of another seed."""
        self.labelled += other.labelled
        self.found += other.found
        self.alerts += other.alerts
        self.right += other.right
        self.delays_ms += other.delays_ms

    def as_dict(self) -> dict[str, Any]:
        """Return the scores; None where there is nothing to divide by."""
        precision = share(self.right, self.alerts)
        recall = share(self.found, self.labelled)
        both = None if precision is None or recall is None else precision + recall
        return {
            "precision": precision,
            "recall": recall,
            "f1": 2 * (precision or 0) * (recall or 0) / both if both else both,
            "precision_95": wilson(self.right, self.alerts),
            "recall_95": wilson(self.found, self.labelled),
            "delay_ms_p50": quantile(self.delays_ms, 0.5),
            "delay_ms_p99": quantile(self.delays_ms, 0.99),
            "labelled": self.labelled,
            "alerts": self.alerts,
        }


Tallies = dict[str, KindScore]


def share(part: int, whole: int) -> float | None:
    """Return part over whole, or None."""
    return part / whole if whole else None


def quantile(values: Sequence[int], place: float) -> float | None:
    """Return the smallest value that this share does not exceed."""
    if not values:
        return None
    return float(np.quantile(values, place, method="inverted_cdf"))


def wilson(part: int, whole: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share (Wilson 1927): sensible at 0 and 1, too."""
    if not whole:
        return None
    p, z2 = part / whole, Z95 * Z95
    middle = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    half = Z95 / (1 + z2 / whole) * sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole))
    return max(0.0, middle - half), min(1.0, middle + half)


def score_sales(alerts: dict[int, str], labels: dict[int, str]) -> Tallies:
    """Score alerts on sales: one is right if its sale is labelled as what it says.

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
        found = alerts.get(offset) == wanted
        for name in {wanted, label}:
            tallies[name].labelled += 1
            tallies[name].found += found
    return tallies


def score_seconds(
    alerts: Iterable[SecondAlert],
    episodes: Sequence[EpisodeLabel],
    last_start_ms: float = inf,
) -> Tallies:
    """Score alerts on seconds: one is right if an episode of its category and sign is on.

    An episode is found by the first alert that says what it does; however many follow, they are
    right and count once. Its delay lasts until the end of the alert's second: that is when the
    second is known. Episodes that begin after `last_start_ms` had no time to be found: they make
    alerts right, but are not missed.
    """
    tallies = {kind: KindScore() for kind in (SURGE, DROUGHT, SHIFT, BURST)}
    first: dict[EpisodeLabel, int] = {}
    for alert in sorted(alerts):
        tallies[alert.kind].alerts += 1
        meant = [episode for episode in episodes if is_about(alert, episode)]
        tallies[alert.kind].right += bool(meant)
        for episode in meant:
            if alert.kind == beginning(episode):
                first.setdefault(episode, (alert.second + 1) * 1_000 - episode.start_ms)
    for episode in (one for one in episodes if one.start_ms <= last_start_ms):
        tally = tallies[episode.kind]
        tally.labelled += 1
        if episode in first:
            tally.found += 1
            tally.delays_ms.append(first[episode])
    return tallies
