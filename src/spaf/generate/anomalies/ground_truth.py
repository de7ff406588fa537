"""Matches alerts with labels: the one rule of the detection benchmark and of the live page."""

from __future__ import annotations

from typing import NamedTuple

from spaf.generate.anomalies.anomaly import DROUGHT, SHIFT, SURGE, EpisodeLabel
from spaf.sale.anomaly_kinds import SALE_KINDS, SECOND_KINDS

SALE_ALERTS = tuple(kind.name for kind in SALE_KINDS)
SECOND_ALERTS = tuple(kind.name for kind in SECOND_KINDS)
# An alert this long after an episode still belongs to it: the longest window of the rule, seconds.
GRACE_S = 10
# The end of a level shift is a change as well: the rule compares it with thirds of two minutes, so
# for one third, in seconds, the shifted level is the history.
SHIFT_GRACE_S = 40


class SecondAlert(NamedTuple):
    """A traffic alert of the job or of a baseline; `second` is in epoch seconds."""

    second: int
    category: str
    kind: str


def beginning(episode: EpisodeLabel) -> str:
    """Return the kind of alert that the beginning of an episode causes."""
    return SURGE if episode.factor > 1 else DROUGHT


def is_about(alert: SecondAlert, episode: EpisodeLabel) -> bool:
    """Return whether this episode makes an alert a true positive."""
    if alert.category != episode.category or (alert.second + 1) * 1_000 <= episode.start_ms:
        return False
    if alert.second * 1_000 > episode.end_ms + grace_s(episode) * 1_000:
        return False
    return episode.kind == SHIFT or alert.kind == beginning(episode)


def grace_s(episode: EpisodeLabel) -> int:
    """Return the seconds after its end in which alerts still belong to an episode."""
    return SHIFT_GRACE_S if episode.kind == SHIFT else GRACE_S
