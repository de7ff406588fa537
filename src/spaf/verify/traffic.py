"""Seconds with unusual traffic, computed with integers, second by second.

A category has one row for each second of append time in which any sale was accepted; its number of
sales may be zero. A second is scored when it is closed. Its last one to sixteen rows, and the time
since the last sale, are compared with three parts of the history, and it is anomalous only if it is
for each of them.
"""

from __future__ import annotations

from itertools import accumulate
from math import log, sqrt
from typing import TYPE_CHECKING, NamedTuple

from spaf.sale.anomaly_kinds import SECOND_KINDS
from spaf.verify.answers import TrafficAnomaly, TrafficKey
from spaf.verify.detection import (
    COOL_DOWN_ROWS,
    HALF,
    MAX_BUNCHING,
    MAX_DISPERSION,
    MAX_SPAN,
    MIN_EXPECTED,
    OTHER,
    SILENCE_WEIGHT,
    SPANS,
    Detection,
    classify,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Counts = dict[int, dict[str, int]]
"""Second of append time since the epoch → category → accepted sales."""
Moments = dict[int, dict[str, int]]
"""Second of append time → category → millisecond of that second in which the last sale was."""


class BaselineSpan(NamedTuple):
    """A part of the history: its rows, sales a row, and variance over that of a Poisson count."""

    rows: int
    base: float
    dispersion: float
    bunched: bool
    """Whether the last sale of a second is too early for sales that come by chance."""


class TrafficBaseline:
    """Scores seconds against their history."""

    def __init__(self, detection: Detection) -> None:
        """Store the settings."""
        self.alerts: dict[TrafficKey, TrafficAnomaly] = {}
        self.borderline: set[tuple[int, str]] = set()
        self._detection = detection

    def score(
        self,
        counts: Mapping[int, Mapping[str, int]],
        last_sales: Mapping[int, Mapping[str, int]],
        closed: int,
    ) -> None:
        """Score every second before `closed`, the first that is not closed.

        Args:
            counts: accepted sales by second and category; without a sale there may be a zero.
            last_sales: the millisecond of the last sale by second and category, if there is one.
            closed: the first second that is not closed.

        """
        seconds = sorted(second for second in counts if second < closed)
        known = self._detection.categories
        for category in known:
            sales = [counts[s].get(category, 0) for s in seconds]
            last = [last_sales[s].get(category, -1) for s in seconds]
            self._score_category(category, seconds, sales, last)
        others = [sum(n for c, n in counts[s].items() if c not in known) for s in seconds]
        last = [
            max((ms for c, ms in last_sales[s].items() if c not in known), default=-1)
            for s in seconds
        ]
        self._score_category(OTHER, seconds, others, last)

    def _score_category(
        self, category: str, seconds: Sequence[int], counts: Sequence[int], last: Sequence[int]
    ) -> None:
        """Score the rows of a category in order.

        Args:
            category: the category.
            seconds: the second of each row.
            counts: the sales of each row.
            last: the millisecond of the last sale of each row, -1 where there is none.

        """
        third = self._detection.third
        sums = list(accumulate(counts, initial=0))
        history = self._history(counts, sums, last)
        silences = _silences(last)
        last_alert = last_borderline = -COOL_DOWN_ROWS - 1
        for row, second in enumerate(seconds):
            if (newest := history[row]) is None:
                continue
            earlier = (history[row - back] for back in (third, 2 * third) if row >= back)
            parts = [newest, *(part for part in earlier if part is not None)]
            recent = [sums[row + 1] - sums[max(0, row + 1 - span)] for span in SPANS]
            anomaly = most_unusual(recent, 0.0 if newest.bunched else silences[row], parts)
            kind, borderline = classify(
                SECOND_KINDS, {"traffic": anomaly.score}, self._detection.surge_score
            )
            if borderline or (kind and row - last_borderline <= COOL_DOWN_ROWS):
                self.borderline.add((second, category))
            if kind:
                if row - last_alert > COOL_DOWN_ROWS:
                    self.alerts[second, category, kind.name] = anomaly
                last_alert = row
            if borderline:
                last_borderline = row

    def _history(
        self, counts: Sequence[int], sums: Sequence[int], last: Sequence[int]
    ) -> list[BaselineSpan | None]:
        """Return, by row, the third of the history that ends before the longest span."""
        gaps = list(accumulate((ms >= 0 for ms in last), initial=0))
        gaps_ms = list(accumulate((1_000 - ms if ms >= 0 else 0 for ms in last), initial=0))
        squares = list(accumulate((count * count for count in counts), initial=0))
        history: list[BaselineSpan | None] = []
        for row in range(len(counts)):
            stop = max(0, row + 1 - MAX_SPAN)
            first = max(0, stop - self._detection.third)
            rows = stop - first
            if rows < self._detection.min_history_rows:
                history.append(None)
                continue
            total = sums[stop] - sums[first]
            excess = (squares[stop] - squares[first] - total * total / rows) / (rows - 1)
            dispersion = excess / max(total / rows, 1.0)
            base = (total + HALF) / rows
            limit_ms = MAX_BUNCHING * 1_000 * (gaps[stop] - gaps[first]) * rows
            bunched = (gaps_ms[stop] - gaps_ms[first]) * total > limit_ms
            dispersion = min(max(dispersion, 1.0), MAX_DISPERSION)
            history.append(BaselineSpan(rows, base, dispersion, bunched))
        return history


def most_unusual(
    recent: Sequence[int], silence_s: float, parts: Sequence[BaselineSpan]
) -> TrafficAnomaly:
    """Return the span with the greatest score; the first of `parts` is the newest.

    Each span is compared with the nearest number that a part of the history lets expect, by the
    signed root of the Poisson deviance (McCullagh and Nelder 1989) with a continuity correction of
    half a sale. The silence since the last sale is a span of its own, with a smaller weight.
    """
    lowest, highest = min(part.base for part in parts), max(part.base for part in parts)
    dispersion, rows = min(part.dispersion for part in parts), parts[0].rows
    best = TrafficAnomaly(0, 0.0, 0.0)
    spans = ((span, count, 1.0) for span, count in zip(SPANS, recent, strict=True))
    for span, count, weight in (*spans, (silence_s, 0, SILENCE_WEIGHT)):
        expected = max(min(max(count, span * lowest), span * highest), MIN_EXPECTED)
        if count > expected:
            nearer, sign = max(count - HALF, expected), 1.0
        else:
            nearer, sign = min(count + HALF, expected), -1.0
        deviance = max(nearer * log(nearer / expected) - (nearer - expected), 0.0)
        score = weight * sign * sqrt(2.0 * deviance) / sqrt(dispersion * (1.0 + span / rows))
        if abs(score) > abs(best.score):
            best = TrafficAnomaly(count, expected, score)
    return best


def _silences(last: Sequence[int]) -> list[float]:
    """Return, by row, the seconds from the last sale to the end of the row; 0 before any sale.

    Args:
        last: the millisecond of the last sale of each row, -1 where there is none.

    """
    silences, newest = [], None
    for row, ms in enumerate(last):
        if ms >= 0:
            newest = 1_000 * row + ms
        silences.append(0.0 if newest is None else (1_000 * (row + 1) - newest) / 1_000)
    return silences


def keep_latest(own: Moments, later: Mapping[int, Mapping[str, int]]) -> None:
    """Extend the moments of the last sales by those of other records."""
    for second, categories in later.items():
        latest = own.setdefault(second, {})
        for category, ms in categories.items():
            latest[category] = max(ms, latest.get(category, ms))
