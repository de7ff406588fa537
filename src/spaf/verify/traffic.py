"""Seconds of unusual traffic, in plain integers, second by second.

The rows of a category are the seconds of append time in which anything was accepted at all, a
silent category's with a zero. A second is judged when it is closed: its last one to sixteen rows
against three parts of the past, of which each must find them unusual.
"""

from __future__ import annotations

from itertools import accumulate
from math import log, sqrt
from typing import TYPE_CHECKING, NamedTuple

from spaf.verify.answers import SwingKey, TrafficAnomaly
from spaf.verify.detection import (
    COOL_DOWN,
    GAP,
    HALF,
    LEAST_EXPECTED,
    MOST_VARIATION,
    OTHER,
    SPANS,
    Detection,
    near,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Counts = dict[int, dict[str, int]]
"""Second of append time since the epoch → category → accepted sales."""


class BaselineSpan(NamedTuple):
    """A part of the past: sales a row, and how much more than chance they vary."""

    rows: int
    base: float
    variation: float


class TrafficBaseline:
    """What the seconds come to."""

    def __init__(self, detection: Detection) -> None:
        """Keep the rule."""
        self.found: dict[SwingKey, TrafficAnomaly] = {}
        self.doubtful: set[tuple[int, str]] = set()
        self._detection = detection

    def judge(self, counts: Mapping[int, Mapping[str, int]], closed: int) -> None:
        """Judge every second before `closed`, the first that is not."""
        seconds = sorted(second for second in counts if second < closed)
        known = self._detection.categories
        for category in known:
            self._walk(category, seconds, [counts[s].get(category, 0) for s in seconds])
        others = [sum(n for c, n in counts[s].items() if c not in known) for s in seconds]
        self._walk(OTHER, seconds, others)

    def _walk(self, category: str, seconds: Sequence[int], counts: Sequence[int]) -> None:
        """Go through the rows of a category in order."""
        third, threshold = self._detection.third, self._detection.surge_score
        sums = list(accumulate(counts, initial=0))
        pasts = self._pasts(counts, sums)
        last_alert = last_doubt = -COOL_DOWN - 1
        for row, second in enumerate(seconds):
            if (near_past := pasts[row]) is None:
                continue
            parts = [near_past, *(pasts[row - back] for back in (third, 2 * third) if row >= back)]
            recent = [sums[row + 1] - sums[max(0, row + 1 - span)] for span in SPANS]
            swing = loudest(recent, [part for part in parts if part is not None])
            doubt = near(swing.score, threshold)
            alert = abs(swing.score) > threshold
            if doubt or (alert and row - last_doubt <= COOL_DOWN):
                self.doubtful.add((second, category))
            if alert and row - last_alert > COOL_DOWN:
                self.found[second, category, "surge" if swing.score > 0 else "drought"] = swing
            last_alert = row if alert else last_alert
            last_doubt = row if doubt else last_doubt

    def _pasts(self, counts: Sequence[int], sums: Sequence[int]) -> list[BaselineSpan | None]:
        """Return, by row, the third of the past that ends before the longest span."""
        squares = list(accumulate((count * count for count in counts), initial=0))
        found: list[BaselineSpan | None] = []
        for row in range(len(counts)):
            stop = max(0, row + 1 - GAP)
            first = max(0, stop - self._detection.third)
            rows = stop - first
            if rows < self._detection.least_seconds:
                found.append(None)
                continue
            total = sums[stop] - sums[first]
            excess = (squares[stop] - squares[first] - total * total / rows) / (rows - 1)
            variation = excess / max(total / rows, 1.0)
            base = (total + HALF) / rows
            found.append(BaselineSpan(rows, base, min(max(variation, 1.0), MOST_VARIATION)))
        return found


def loudest(recent: Sequence[int], parts: Sequence[BaselineSpan]) -> TrafficAnomaly:
    """Return the span that stands out most; the first of `parts` is the nearest.

    Each is compared with the nearest that a part of the past lets expect, by the signed root of
    the Poisson deviance (McCullagh and Nelder 1989) with half a sale of continuity.
    """
    lowest, highest = min(part.base for part in parts), max(part.base for part in parts)
    variation, rows = min(part.variation for part in parts), parts[0].rows
    best = TrafficAnomaly(0, 0.0, 0.0)
    for span, count in zip(SPANS, recent, strict=True):
        expected = max(min(max(count, span * lowest), span * highest), LEAST_EXPECTED)
        if count > expected:
            nearer, sign = max(count - HALF, expected), 1.0
        else:
            nearer, sign = min(count + HALF, expected), -1.0
        deviance = max(nearer * log(nearer / expected) - (nearer - expected), 0.0)
        score = sign * sqrt(2.0 * deviance) / sqrt(variation * (1.0 + span / rows))
        if abs(score) > abs(best.score):
            best = TrafficAnomaly(count, expected, score)
    return best
