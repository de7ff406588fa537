"""Minutes in which a category sold or earned unusually much or little, series by series.

A category has one row for each minute of append time in which any sale was accepted. A minute is
scored when it is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaf.sale.anomaly_kinds import MINUTE_KINDS
from spaf.verify.answers import TrafficAnomaly, TrafficKey
from spaf.verify.detection import HOURS, MIN_SERIES_ROWS, MINUTE_S, OTHER, Detection
from spaf.verify.series import SeriesInput, SeriesRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spaf.verify.traffic import Counts

DAY_S, HOUR_S = 86_400, 3_600
# 1970 began on a Thursday; days of the week from Monday, those from WEEKEND on are a weekend.
FIRST_WEEKDAY, WEEK, WEEKEND = 3, 7, 5


class MinuteTotals:
    """Sales and revenue by minute and category."""

    def __init__(self, counts: Counts, revenue: Counts, closed: int) -> None:
        """Add up the minutes that end at `closed`, the first open second, or before."""
        self.sales: Counts = {}
        self.revenue: Counts = {}
        for second, categories in counts.items():
            minute = second // MINUTE_S
            if (minute + 1) * MINUTE_S <= closed:
                add(self.sales.setdefault(minute, {}), categories)
                self.revenue[minute] = revenue.get(minute, {})

    def of(self, totals: Counts, category: str, known: Sequence[str]) -> dict[int, int]:
        """Return the totals of a category by minute; OTHER is all outside the catalogue."""
        if category != OTHER:
            return {minute: totals[minute].get(category, 0) for minute in sorted(totals)}
        return {
            minute: sum(total for name, total in totals[minute].items() if name not in known)
            for minute in sorted(totals)
        }


class MinuteAlerts:
    """Scores minutes against their past."""

    def __init__(self, detection: Detection) -> None:
        """Store the settings."""
        self.alerts: dict[TrafficKey, TrafficAnomaly] = {}
        self.borderline: set[tuple[int, str]] = set()
        self._detection = detection

    def score(self, counts: Counts, revenue: Counts, closed: int) -> None:
        """Score every minute that ends at `closed`, the first open second, or before.

        Args:
            counts: accepted sales by second and category.
            revenue: in the default currency, cents, by minute and category.
            closed: the first second that is not closed.

        """
        totals, known = MinuteTotals(counts, revenue, closed), self._detection.categories
        for category in (*known, OTHER):
            sales = totals.of(totals.sales, category, known)
            earned = totals.of(totals.revenue, category, known)
            self._score_series(category, "sales", sales, sales)
            self._score_series(category, "revenue", earned, sales)

    def _score_series(
        self, category: str, measure: str, rows: Mapping[int, int], sales: Mapping[int, int]
    ) -> None:
        rule = SeriesRule(self._detection.series_score, MIN_SERIES_ROWS)
        kinds = {kind.sign: kind.name for kind in MINUTE_KINDS if kind.measure == measure}
        for minute, value in rows.items():
            second = minute * MINUTE_S
            weekday = (second // DAY_S + FIRST_WEEKDAY) % WEEK
            slot = second // HOUR_S % HOURS + HOURS * (weekday >= WEEKEND)
            row = SeriesInput(float(value), float(sales[minute]), second // HOUR_S, slot)
            verdict = rule.add(row)
            if verdict.borderline:
                self.borderline.add((second, category))
            if verdict.flagged:
                kind = kinds[1 if verdict.deviation > 0 else -1]
                alert = TrafficAnomaly(value, verdict.expected, verdict.deviation)
                self.alerts[second, category, kind] = alert


def add(totals: dict[str, int], more: Mapping[str, int]) -> None:
    """Add numbers by category."""
    for category, number in more.items():
        totals[category] = totals.get(category, 0) + number
