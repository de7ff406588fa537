"""When an alert is right: the one rule by which the lab and the live page hold alerts to labels."""

from __future__ import annotations

from typing import NamedTuple

from spaf.generate.anomalies.anomaly import DROUGHT, SHIFT, SURGE, EpisodeLabel
from spaf.sale.anomaly_kinds import SALE_KINDS, WINDOW_KINDS

SALE_ALERTS = tuple(kind.name for kind in SALE_KINDS)
SECOND_ALERTS = tuple(kind.name for kind in WINDOW_KINDS)
# An alert this long after an episode is still about it: the last spans reach back so far, seconds.
GRACE_S = 10
# The way back from a level shift is a change of its own, against a past that lies a third of two
# minutes back, seconds.
SHIFT_GRACE_S = 40


class SecondAlert(NamedTuple):
    """A second that the job, or a baseline, calls unusual; epoch seconds."""

    second: int
    category: str
    kind: str


def beginning(episode: EpisodeLabel) -> str:
    """Return what the beginning of an episode looks like."""
    return SURGE if episode.factor > 1 else DROUGHT


def is_about(alert: SecondAlert, episode: EpisodeLabel) -> bool:
    """Return whether an alert is right because of this episode."""
    if alert.category != episode.category or (alert.second + 1) * 1_000 <= episode.start_ms:
        return False
    if alert.second * 1_000 > episode.end_ms + grace_s(episode) * 1_000:
        return False
    return episode.kind == SHIFT or alert.kind == beginning(episode)


def grace_s(episode: EpisodeLabel) -> int:
    """Return for how many seconds after its end alerts may still be about an episode."""
    return SHIFT_GRACE_S if episode.kind == SHIFT else GRACE_S
