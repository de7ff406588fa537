"""Counts labels and alerts as they arrive, each once, in bounded memory.

The rule that makes an alert correct is `spaf.generate.anomalies.ground_truth`. Fed in pieces of any
size, the counts equal those of `spaf.bench.detection.score` over the whole input.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from spaf.generate.anomalies.anomaly import BURST, DROUGHT, SHIFT, SURGE, EpisodeLabel, Label
from spaf.generate.anomalies.ground_truth import SALE_ALERTS, SecondAlert, beginning, is_about
from spaf.sale.anomaly_kinds import ALERT_OF_LABEL

KINDS = (*SALE_ALERTS, SURGE, DROUGHT, SHIFT, BURST)
# A labelled sale without an alert this long after its label was read is missed; an alert without a
# label by then is false. The pipeline takes milliseconds, and a process that was killed restarts
# within seconds.
FINAL_AFTER_S = 15.0
# An episode without an alert this long after its end counts as missed: the last of its seconds has
# been judged by then. A later alert still finds it, so that an outage does not lower the score.
MISSED_AFTER_S = 5.0
# Missed episodes that are kept for a later alert.
MAX_MISSED = 5_000
# Episodes of a category that are kept: alerts are about the newest.
MAX_EPISODES = 500
# Episodes of a category that may overlap at one time: planned ones never do, injected ones may.
MAX_OVERLAPPING = 8


@dataclass
class KindCounts:
    """The counts of one kind."""

    labelled: int = 0
    found: int = 0
    alerts: int = 0
    true_alerts: int = 0


@dataclass
class _Sale:
    """Label and alerts of one sale, and when the first of them was read."""

    since: float
    label: str | None = None
    alerts: set[str] = field(default_factory=set)


class ConfusionCounts:
    """Matches labels and alerts; what is final becomes a number."""

    def __init__(self) -> None:
        """Begin empty."""
        self.labels = 0
        self._counts = {kind: KindCounts() for kind in KINDS}
        self._sales: dict[str, _Sale] = {}
        self._episodes: defaultdict[str, list[EpisodeLabel]] = defaultdict(list)
        # Those that are not counted yet.
        self._open: dict[EpisodeLabel, None] = {}
        # Those that count as missed, the oldest first.
        self._missed: dict[EpisodeLabel, None] = {}

    def add_labels(self, labels: Iterable[Label | EpisodeLabel], at: float) -> None:
        """Add labels, in the order of their file; `at` is now, monotonic seconds."""
        for label in labels:
            self.labels += 1
            if isinstance(label, Label):
                self._sales.setdefault(label.transaction_id, _Sale(at)).label = label.kind
                continue
            insort(self._episodes[label.category], label, key=lambda episode: episode.start_ms)
            self._open[label] = None

    def add_sale_alerts(self, alerts: Iterable[tuple[str, str]], at: float) -> None:
        """Add alerts on sales: transaction id and kind."""
        for name, kind in alerts:
            self._sales.setdefault(name, _Sale(at)).alerts.add(kind)

    def add_second_alerts(self, alerts: Iterable[SecondAlert]) -> None:
        """Add alerts on seconds; the labels of their episodes must have been added."""
        for alert in alerts:
            meant = [near for near in self._near(alert) if is_about(alert, near)]
            count = self._counts[alert.kind]
            count.alerts += 1
            count.true_alerts += bool(meant)
            for episode in meant:
                if alert.kind == beginning(episode):
                    self._find(episode)

    def finalise(self, at: float, now_ms: int) -> None:
        """Count what can no longer change; alerts on seconds are known up to `now_ms`."""
        for episodes in self._episodes.values():
            del episodes[:-MAX_EPISODES]
        for name in [
            n for n, known_sale in self._sales.items() if at - known_sale.since >= FINAL_AFTER_S
        ]:
            _count(self._counts, self._sales.pop(name))
        for episode in list(self._open):
            if now_ms > episode.end_ms + MISSED_AFTER_S * 1_000:
                self._miss(episode)

    def message(self) -> dict[str, Any] | None:
        """Return the `score` message; None without a label.

        A sale with both label and alert is counted at once; one with either alone is not final.
        """
        if not self.labels:
            return None
        counts = {kind: KindCounts(**vars(count)) for kind, count in self._counts.items()}
        for sale in self._sales.values():
            if sale.label is not None and sale.alerts:
                _count(counts, sale)
        kinds = {
            kind: vars(of_kind)
            for kind, of_kind in counts.items()
            if of_kind.labelled or of_kind.alerts
        }
        every = counts.values()
        return {
            "kinds": kinds,
            "precision": _share(sum(c.true_alerts for c in every), sum(c.alerts for c in every)),
            "recall": _share(sum(c.found for c in every), sum(c.labelled for c in every)),
        }

    def _near(self, alert: SecondAlert) -> list[EpisodeLabel]:
        """Return the newest episodes of the category that had begun when its second ended."""
        known = self._episodes.get(alert.category, [])
        begun = bisect_left(known, (alert.second + 1) * 1_000, key=lambda episode: episode.start_ms)
        return known[max(0, begun - MAX_OVERLAPPING) : begun]

    def _find(self, episode: EpisodeLabel) -> None:
        """Count an episode as found, if it is not yet."""
        count = self._counts[episode.kind]
        if episode in self._open:
            del self._open[episode]
            count.labelled += 1
        elif episode in self._missed:
            del self._missed[episode]
        else:
            return
        count.found += 1

    def _miss(self, episode: EpisodeLabel) -> None:
        """Count an episode that nothing has found until now."""
        del self._open[episode]
        self._counts[episode.kind].labelled += 1
        self._missed[episode] = None
        if len(self._missed) > MAX_MISSED:
            del self._missed[next(iter(self._missed))]


def _count(counts: dict[str, KindCounts], sale: _Sale) -> None:
    wanted = None if sale.label is None else ALERT_OF_LABEL[sale.label]
    for kind in sale.alerts:
        counts[kind].alerts += 1
        counts[kind].true_alerts += kind == wanted
    if wanted is not None:
        counts[wanted].labelled += 1
        counts[wanted].found += wanted in sale.alerts


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
