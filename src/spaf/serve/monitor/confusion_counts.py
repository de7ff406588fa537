"""Counting labels and alerts as they come, each once, in little memory.

The rule that makes an alert correct is `spaf.generate.anomalies.ground_truth`. Fed in pieces of any
size, the counts equal those of `spaf.bench.detection.score` over the whole input.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from spaf.generate.anomalies.anomaly import BURST, DROUGHT, SHIFT, SURGE, EpisodeLabel, Label
from spaf.generate.anomalies.ground_truth import SALE_ALERTS, SecondAlert, beginning, is_about
from spaf.sale.anomaly_kinds import ALERT_OF_LABEL

KINDS = (*SALE_ALERTS, SURGE, DROUGHT, SHIFT, BURST)
# A labelled sale that was not found so long after its label was read is missed; an alert whose
# label was not read by then is false. The pipeline takes milliseconds, and a part of it that was
# killed comes back within seconds. Seconds.
SETTLED_S = 15.0
# An episode that no alert has found so long after its end counts as missed: the last of its seconds
# has been judged by then, and who asked for it still remembers it. An alert that comes later finds
# it all the same, so that a part that was away takes nothing from the score. Seconds.
MISSED_S = 5.0
# So many missed ones are remembered for such an alert.
MOST_MISSED = 5_000
# Episodes of a category that are remembered: alerts are about the newest.
MOST_EPISODES = 500
# So many episodes of a category may reach up to one moment: planned ones never meet, others may.
NEAR = 8


@dataclass
class KindCounts:
    """What is counted of one kind."""

    labelled: int = 0
    found: int = 0
    alerts: int = 0
    true_alerts: int = 0


@dataclass
class _Sale:
    """What is known of one sale: its label, its alerts, and since when."""

    since: float
    label: str | None = None
    alerts: set[str] = field(default_factory=set)


class ConfusionCounts:
    """Takes labels and alerts; what has settled becomes a number."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.labels = 0
        self._counts = {kind: KindCounts() for kind in KINDS}
        self._sales: dict[str, _Sale] = {}
        self._episodes: defaultdict[str, list[EpisodeLabel]] = defaultdict(list)
        # Those that are not counted yet.
        self._open: dict[EpisodeLabel, None] = {}
        # Those that count as missed, the oldest first.
        self._missed: dict[EpisodeLabel, None] = {}

    def add_labels(self, labels: Iterable[Label | EpisodeLabel], at: float) -> None:
        """Take labels, in the order of their file; `at` is now, monotonic seconds."""
        for label in labels:
            self.labels += 1
            if isinstance(label, Label):
                self._sales.setdefault(label.transaction_id, _Sale(at)).label = label.kind
                continue
            known = self._episodes[label.category]
            known.append(label)
            known.sort(key=lambda one: one.start_ms)
            del known[:-MOST_EPISODES]
            self._open[label] = None

    def add_sale_alerts(self, alerts: Iterable[tuple[str, str]], at: float) -> None:
        """Take alerts on sales: transaction id and kind."""
        for name, kind in alerts:
            self._sales.setdefault(name, _Sale(at)).alerts.add(kind)

    def add_second_alerts(self, alerts: Iterable[SecondAlert]) -> None:
        """Take alerts on seconds; the labels of what they are about must have been taken."""
        for alert in alerts:
            meant = [one for one in self._near(alert) if is_about(alert, one)]
            count = self._counts[alert.kind]
            count.alerts += 1
            count.true_alerts += bool(meant)
            for episode in meant:
                if alert.kind == beginning(episode):
                    self._find(episode)

    def settle(self, at: float, now_ms: int) -> None:
        """Count what can change no more; `now_ms` is how far alerts on seconds are known."""
        for name in [n for n, one in self._sales.items() if at - one.since >= SETTLED_S]:
            _count(self._counts, self._sales.pop(name))
        for episode in list(self._open):
            if now_ms > episode.end_ms + MISSED_S * 1_000:
                self._miss(episode)

    def message(self) -> dict[str, Any] | None:
        """Return the `score` message; None without a label.

        Sales whose label and alert have met are in it at once; what is still alone waits.
        """
        if not self.labels:
            return None
        counts = {kind: KindCounts(**vars(count)) for kind, count in self._counts.items()}
        for sale in self._sales.values():
            if sale.label is not None and sale.alerts:
                _count(counts, sale)
        kinds = {kind: vars(one) for kind, one in counts.items() if one.labelled or one.alerts}
        every = counts.values()
        return {
            "kinds": kinds,
            "precision": _share(sum(c.true_alerts for c in every), sum(c.alerts for c in every)),
            "recall": _share(sum(c.found for c in every), sum(c.labelled for c in every)),
        }

    def _near(self, alert: SecondAlert) -> list[EpisodeLabel]:
        """Return the newest episodes of the category that had begun when its second ended."""
        known = self._episodes.get(alert.category, [])
        begun = bisect_left(known, (alert.second + 1) * 1_000, key=lambda one: one.start_ms)
        return known[max(0, begun - NEAR) : begun]

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
        if len(self._missed) > MOST_MISSED:
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
